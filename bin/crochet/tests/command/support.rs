//! Runs the program, waits for it within bounds, and asks it over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take, on a machine that does much else.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// A folder that PostgreSQL's user can enter, when the tests run as root.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The program with nothing in its environment but where other programs are.
pub(crate) fn crochet(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crochet"));
    #[expect(clippy::disallowed_methods, reason = "the program needs to find PostgreSQL, as the tests do")]
    let path = std::env::var_os("PATH");
    command.args(args).env_clear().envs(path.map(|path| ("PATH", path))).stdin(Stdio::null());
    command
}

/// What became of a run.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let mut running = Running::start(command);
    let status = running.wait();
    running.outcome(status)
}

/// A program that runs, and what it has written so far. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stdout.take().unwrap(), Arc::clone(&stdout)),
            collect(child.stderr.take().unwrap(), Arc::clone(&stderr)),
        ];
        Self { child, stdout, stderr, readers }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Where the gateway says that it is.
    pub(crate) fn url(&mut self) -> String {
        let mut url = None;
        self.until("it is ready", |running| {
            let written = running.stdout();
            // The banner is there as a whole.
            let is_ready = written.contains("Ctrl-C stops it.");
            url = is_ready.then(|| value(&written, "URL"));
            is_ready
        });
        url.unwrap()
    }

    /// Waits until something is so, while the program runs.
    pub(crate) fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended before {what}: {}\n{}", self.stdout(), self.stderr());
            assert!(began.elapsed() < LIMIT, "in vain: {what}: {}\n{}", self.stdout(), self.stderr());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        send(signal, self.pid());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < LIMIT, "it does not end: {}\n{}", self.stdout(), self.stderr());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Everything that it wrote, once it has ended.
    pub(crate) fn outcome(mut self, status: ExitStatus) -> Outcome {
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        Outcome { code: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Stops it as an operator does.
    pub(crate) fn stop(mut self) -> Outcome {
        self.signal("TERM");
        let status = self.wait();
        self.outcome(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn collect(from: impl Read + Send + 'static, to: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while matches!(lines.read_until(b'\n', &mut line), Ok(read) if read > 0) {
            to.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// What stands behind a name in the banner.
pub(crate) fn value(banner: &str, name: &str) -> String {
    let line = banner.lines().find_map(|line| line.trim().strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in: {banner}")).trim().to_owned()
}

pub(crate) fn send(signal: &str, pid: u32) {
    assert!(Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap().success());
}

pub(crate) fn is_running(pid: u32) -> bool {
    Command::new("kill").args(["-0", &pid.to_string()]).stderr(Stdio::null()).status().unwrap().success()
}

/// The process id of the private PostgreSQL in a data directory.
pub(crate) fn postgres_pid(data_dir: &Path) -> u32 {
    let file = std::fs::read_to_string(data_dir.join("postgres/data/postmaster.pid")).unwrap();
    file.lines().next().unwrap().parse().unwrap()
}

/// Waits until a process is gone.
pub(crate) fn until_gone(pid: u32) {
    let began = Instant::now();
    while is_running(pid) {
        assert!(began.elapsed() < LIMIT, "process {pid} is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `GET`, as the smallest client there is; `None` while nobody listens.
pub(crate) fn get(url: &str, path: &str) -> Option<(u16, String)> {
    let authority = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority).ok()?;
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

/// A gateway with little work to prove, on a free port.
pub(crate) fn serve(data_dir: &Path) -> Command {
    let mut command = crochet(&["serve", "--bind", "127.0.0.1:0", "--rate-limits", "off"]);
    command
        .env("CROCHET_DATA_DIR", data_dir)
        .env("CROCHET_POW_DIFFICULTY_AUTH", "1")
        .env("CROCHET_POW_DIFFICULTY_LISTING", "1");
    command
}

/// Plays the story with a gateway that runs.
pub(crate) fn play(url: &str) -> Outcome {
    run(&mut crochet(&["demo", "--url", url])).expect(0)
}

/// Shows every file below a folder.
pub(crate) fn search(folder: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in folder.read_dir().unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            search(&entry.path(), look);
        } else if kind.is_file() {
            look(&entry.path(), &std::fs::read(entry.path()).unwrap());
        }
    }
}
