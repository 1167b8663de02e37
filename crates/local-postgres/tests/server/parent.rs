//! A server and its parent process: the one never outlives the other, and there is one server per data directory.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{await_that, folder, is_running, kill, options, sql, start};
use crochet_local_postgres::{LocalPostgres, LocalPostgresError, Options};

/// Not a test: the parent process of the tests below, which run this file again with only this function. It reads the
/// data directory from standard input, prints the server's process id and URL, and stays until its input ends.
#[test]
#[ignore = "a helper process of the other tests"]
fn parent_process() {
    let mut lines = std::io::stdin().lines();
    let data_dir = lines.next().unwrap().unwrap();
    let server = start(&Options { durable: true, ..options(Path::new(&data_dir)) }).unwrap();
    let bin_dir = server.bin_dir().display();
    writeln!(std::io::stdout(), "\nserver {} {} {bin_dir}", server.server_pid(), server.url()).unwrap();
    assert!(lines.next().is_none());
}

struct Parent {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Parent {
    fn spawn(data_dir: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "parent::parent_process", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(process.stdin.as_mut().unwrap(), "{}", data_dir.display()).unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// Waits for the server.
    fn server(&mut self) -> Running {
        let lines = (&mut self.output).lines().map(Result::unwrap);
        let line = lines.into_iter().find(|line| line.starts_with("server ")).expect("the helper process has failed");
        let words: Vec<_> = line.split(' ').collect();
        Running { pid: words[1].parse().unwrap(), url: words[2].to_owned(), bin_dir: words[3].into() }
    }

    /// SIGKILL: nothing of its own runs any more.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

struct Running {
    pid: u32,
    url: String,
    bin_dir: PathBuf,
}

impl Running {
    fn sql(&self, query: &str) -> String {
        sql(&self.bin_dir, &self.url, query)
    }
}

#[test]
fn the_server_ends_with_a_killed_parent_and_keeps_its_rows() {
    let folder = folder();
    let mut parent = Parent::spawn(folder.path());
    let server = parent.server();
    let socket_dir = server.sql("SHOW unix_socket_directories");
    server.sql("CREATE TABLE marker AS SELECT 42 AS value");
    parent.kill();
    let killed = Instant::now();
    // At once: this start waits for the server to end.
    let next = start(&options(folder.path())).unwrap();
    assert!(killed.elapsed() < Duration::from_secs(10));
    assert!(!is_running(server.pid));
    assert!(!Path::new(&socket_dir).exists());
    assert_eq!(sql(next.bin_dir(), &next.url(), "SELECT value FROM marker"), "42");
}

#[test]
fn the_server_ends_with_a_killed_parent_though_nobody_starts_it_again() {
    let folder = folder();
    let mut parent = Parent::spawn(folder.path());
    let server = parent.server();
    // An open session does not keep it either.
    let mut session = Command::new(server.bin_dir.join("psql"))
        .args(["-Xc", "SELECT pg_sleep(60)", &server.url])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    await_that("the session is open", || {
        server.sql("SELECT count(*) FROM pg_stat_activity WHERE query ~ 'sleep.60'") == "2"
    });
    parent.kill();
    await_that("the server is gone", || !is_running(server.pid));
    assert!(!session.wait().unwrap().success());
}

#[test]
fn a_parent_killed_while_the_cluster_is_made_does_not_block_the_next() {
    let folder = folder();
    let mut parent = Parent::spawn(folder.path());
    await_that("initdb is at work", || folder.path().join("data.init/base").exists());
    parent.kill();
    let next = start(&options(folder.path())).unwrap();
    assert_eq!(sql(next.bin_dir(), &next.url(), "SELECT 1"), "1");
}

#[test]
fn a_killed_parents_server_is_stopped_though_its_wrapper_was_killed_too() {
    let folder = folder();
    let mut parent = Parent::spawn(folder.path());
    let server = parent.server();
    let status = Command::new("ps").args(["-o", "ppid=", "-p", &server.pid.to_string()]).output().unwrap();
    let wrapper: u32 = String::from_utf8(status.stdout).unwrap().trim().parse().unwrap();
    kill("KILL", wrapper);
    parent.kill();
    await_that("the server is gone", || !is_running(server.pid));
}

#[test]
fn signals_from_the_terminal_are_for_the_parent_alone() {
    let folder = folder();
    let mut parent = Parent::spawn(folder.path());
    let server = parent.server();
    let group = |pid: u32| {
        let shown = Command::new("ps").args(["-o", "pgid=", "-p", &pid.to_string()]).output().unwrap();
        String::from_utf8(shown.stdout).unwrap().trim().to_owned()
    };
    assert_ne!(group(server.pid), group(parent.process.id()));
    parent.kill();
    await_that("the server is gone", || !is_running(server.pid));
}

#[test]
fn a_second_start_says_who_holds_the_data_directory() {
    let folder = folder();
    let mut parent = Parent::spawn(folder.path());
    let server = parent.server();
    let mut told = Vec::new();
    let impatient = Options { lock_wait: Duration::from_secs(1), ..options(folder.path()) };
    let error = LocalPostgres::start(&impatient, &mut |step| told.push(step.to_owned())).unwrap_err();
    assert!(matches!(error, LocalPostgresError::InUse { .. }), "{error:?}");
    for pid in [parent.process.id(), server.pid] {
        assert!(error.to_string().contains(&format!("process {pid}")), "{error}");
        assert!(told.iter().any(|step| step.contains(&pid.to_string())), "{told:?}");
    }
    assert_eq!(server.sql("SELECT 1"), "1", "the first server is left alone");
    parent.kill();
}

#[test]
fn a_second_start_waits_for_the_first_to_end() {
    let folder = folder();
    let mut parent = Parent::spawn(folder.path());
    let server = parent.server();
    let mut waited = false;
    // The first ends, in an orderly way, when the second says that it waits.
    let second = LocalPostgres::start(&options(folder.path()), &mut |step| {
        waited = step.starts_with("waiting");
        drop(parent.process.stdin.take());
    });
    assert!(waited);
    assert!(!is_running(server.pid));
    assert_ne!(second.unwrap().server_pid(), server.pid);
    assert!(parent.process.wait().unwrap().success());
}
