//! The real program, in processes that die.

use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::header_payments::HeaderPayments;

/// How long a gateway may take until it answers, and until it comes to a point that calls pass all the time.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// How long terms are good, and how much longer a payment is waited for: short, so that both end within a campaign.
const QUOTE_TTL_SECONDS: &str = "8";
const LATE_PAYMENT_GRACE_SECONDS: &str = "4";

/// One place where a gateway runs, again and again, under one address.
#[derive(Debug)]
pub(crate) struct Place {
    database_url: String,
    data_dir: PathBuf,
    bind: SocketAddr,
    log: PathBuf,
    header_payments: HeaderPayments,
}

impl Place {
    pub(crate) fn new(database_url: &str, folder: &Path, number: usize, header_payments: &HeaderPayments) -> Self {
        // Free now, and ours from the first start on.
        let bind = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self {
            database_url: database_url.to_owned(),
            data_dir: folder.join("gateway"),
            bind,
            log: folder.join(format!("gateway-{number}.log")),
            header_payments: header_payments.clone(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.bind)
    }

    /// Where the program's log is.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    fn command(&self, subcommand: &str) -> Command {
        let log = || -> File { OpenOptions::new().create(true).append(true).open(&self.log).unwrap() };
        let mut command = Command::new(env!("CARGO_BIN_EXE_crochet"));
        command
            .arg(subcommand)
            .env_clear()
            .env("DATABASE_URL", &self.database_url)
            .env("CROCHET_DATA_DIR", &self.data_dir)
            .env("CROCHET_BIND", self.bind.to_string())
            .env("CROCHET_PUBLIC_URL", "http://127.0.0.1:8080")
            .env("CROCHET_RATE_LIMITS", "off")
            .env("CROCHET_MAX_OPEN_QUOTES", "1000")
            .env("CROCHET_WORKERS", "1")
            .env("CROCHET_DATABASE_POOL_SIZE", "8")
            .env("CROCHET_POW_DIFFICULTY_AUTH", "1")
            .env("CROCHET_POW_DIFFICULTY_LISTING", "1")
            .env("CROCHET_CHECK_INTERVAL_MILLIS", "250")
            .env("CROCHET_SWEEP_INTERVAL_MILLIS", "500")
            .env("CROCHET_QUOTE_TTL_SECONDS", QUOTE_TTL_SECONDS)
            .env("CROCHET_LATE_PAYMENT_GRACE_SECONDS", LATE_PAYMENT_GRACE_SECONDS)
            .envs(self.header_payments.settings())
            .env("CROCHET_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(log())
            .stderr(log())
            .kill_on_drop(true);
        command
    }

    /// Starts the gateway; `fail_points` in the form of the crate `fail`.
    pub(crate) fn start(&self, fail_points: &str) -> Process {
        Process { child: self.command("serve").env("FAILPOINTS", fail_points).spawn().unwrap(), url: self.url() }
    }

    /// What the program prints and how it exits when it is asked something.
    pub(crate) async fn ask(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = self.command(arguments[0]);
        let output = command.args(&arguments[1..]).stdout(Stdio::piped()).output();
        let output = timeout(LIMIT, output).await.expect("the command ends").unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap())
    }
}

/// A gateway that runs. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    url: String,
}

impl Process {
    /// SIGKILL: nothing is ended, nothing is cleaned up.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Whether it has died by itself, as by SIGKILL, within `limit`; else it is killed.
    pub(crate) async fn dies_within(mut self, point: &str, limit: Duration) -> bool {
        let Ok(status) = timeout(limit, self.child.wait()).await else {
            self.kill().await;
            return false;
        };
        let status = status.unwrap();
        assert_eq!(status.signal(), Some(9), "{point}: {status}");
        true
    }

    /// Returns once it says that it is ready, by which it and its database answer, or has been killed.
    pub(crate) async fn until_ready_or_dead(&mut self) {
        let api = crochet::demo::client::ApiClient::new(&self.url).unwrap();
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_eq!(status.signal(), Some(9), "the gateway ended by itself: {status}");
                return;
            }
            match api.send(http::Method::GET, "/ready", &[], None).await {
                Ok(answer) if answer.status == 200 => return,
                _ => sleep(Duration::from_millis(25)).await,
            }
        }
        panic!("the gateway was not ready after {} s", LIMIT.as_secs());
    }
}
