//! A Redis or Valkey server of its own for a test: on loopback, with nothing kept on disk.
#![expect(clippy::expect_used, clippy::panic, reason = "test code says by panicking that it cannot go on")]

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::{SharedLimitsConfig, probe};

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(20);

/// The programs that will do, by preference.
const PROGRAMS: [&str; 2] = ["valkey-server", "redis-server"];

/// A server of its own. Dropping it kills it.
#[derive(Debug)]
pub struct TestRedis {
    child: Child,
    program: PathBuf,
    port: u16,
    password: Option<String>,
    folder: TempDir,
}

impl TestRedis {
    /// A server without a password; `None`, said on stderr, where neither Redis nor Valkey is installed.
    ///
    /// # Panics
    /// When one is installed and does not start, and when none is installed and this is continuous integration
    /// (`CI` is set): there the tests have to run.
    pub async fn start() -> Option<Self> {
        Self::with_password(None).await
    }

    /// The same, with a password.
    ///
    /// # Panics
    /// As [`start`](Self::start) does.
    pub async fn with_password(password: Option<&str>) -> Option<Self> {
        let program = installed()?;
        let mut folder = tempfile::tempdir().expect("a temporary folder");
        // Another process may take the port in between: then the server ends at once, and another port is tried.
        for _ in 0..5 {
            let port = free_port();
            let child = spawn(&program, port, password, folder.path());
            let mut server =
                Self { child, program: program.clone(), port, password: password.map(str::to_owned), folder };
            if server.until_ready().await {
                return Some(server);
            }
            folder = server.folder;
        }
        panic!("{} does not start", program.display())
    }

    /// Its URL, for database 0.
    #[must_use]
    pub fn url(&self) -> SecretString {
        let login = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{login}127.0.0.1:{}/0", self.port).into()
    }

    /// The same server by its socket.
    #[must_use]
    pub fn socket_url(&self) -> SecretString {
        format!("unix://{}", self.folder.path().join("socket").display()).into()
    }

    /// How to share limits through it: with short pauses, and patience for a machine that does much else.
    #[must_use]
    pub fn config(&self, prefix: &str) -> SharedLimitsConfig {
        SharedLimitsConfig {
            response_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            pauses: (Duration::from_millis(20), Duration::from_millis(200)),
            ..SharedLimitsConfig::new(self.url(), prefix.to_owned())
        }
    }

    /// The keys that match a pattern of Redis, in order.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn keys(&self, pattern: &str) -> Vec<String> {
        let client = redis::Client::open(self.url().expose_secret()).expect("a URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
        let mut keys: Vec<String> =
            redis::cmd("KEYS").arg(pattern).query_async(&mut connection).await.expect("an answer");
        keys.sort();
        keys
    }

    /// SIGKILL: it is gone at once, and all that it knew.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("the server is killed");
    }

    /// Starts it again on the same port, knowing nothing.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        self.child = spawn(&self.program, self.port, self.password.as_deref(), self.folder.path());
        assert!(self.until_ready().await, "the server starts again");
    }

    /// SIGSTOP: connections stay, the kernel even takes new ones, and nothing is ever answered.
    ///
    /// # Panics
    /// When it cannot be stopped.
    pub async fn freeze(&self) {
        self.signal("STOP").await;
    }

    /// SIGCONT: it goes on where it was.
    ///
    /// # Panics
    /// When it cannot be continued.
    pub async fn thaw(&self) {
        self.signal("CONT").await;
    }

    async fn signal(&self, name: &str) {
        let id = self.child.id().expect("the server runs");
        let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {id}")).status().await;
        assert!(status.expect("a shell").success(), "SIG{name}");
    }

    /// Whether it answers; `false` when it has ended.
    async fn until_ready(&mut self) -> bool {
        let config = self.config("starting");
        let answers = async {
            loop {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return false;
                }
                if probe(&config).await.is_ok() {
                    return true;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(START_LIMIT, answers).await.expect("the server answers in time")
    }
}

#[expect(clippy::disallowed_methods, reason = "tests look for programs, and ask whether they may be skipped")]
#[expect(clippy::print_stderr, reason = "whoever runs the tests is told what did not run")]
fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let programs = PROGRAMS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = programs.into_iter().find(|program| program.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "neither valkey-server nor redis-server is installed");
        eprintln!("SKIPPED: neither valkey-server nor redis-server is installed");
    }
    found
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a port").port()
}

fn spawn(program: &Path, port: u16, password: Option<&str>, folder: &Path) -> Child {
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(folder).arg("--unixsocket").arg(folder.join("socket"));
    if let Some(password) = password {
        command.args(["--requirepass", password]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("the server can be run")
}
