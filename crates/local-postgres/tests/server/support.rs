//! What the tests of a real server share.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crochet_local_postgres::{Host, LocalPostgres, LocalPostgresError, Options};
use tempfile::TempDir;

/// A folder that the server's user can enter, when the tests run as root.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A server of this machine's own PostgreSQL, quick but otherwise as in use.
pub(crate) fn options(data_dir: &Path) -> Options {
    let host = Host::from_variables(std::env::vars_os());
    Options { may_download: false, durable: false, ..Options::new(data_dir, host) }
}

pub(crate) fn start(options: &Options) -> Result<LocalPostgres, LocalPostgresError> {
    LocalPostgres::start(options, &mut |_| {})
}

/// Runs SQL with `psql` and returns what it prints.
pub(crate) fn sql(bin_dir: &Path, url: &str, sql: &str) -> String {
    let output =
        Command::new(bin_dir.join("psql")).args(["-XAtqv", "ON_ERROR_STOP=1", "-c", sql, url]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Waits until something is so; fails the test when it takes longer than 20 s.
pub(crate) fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(20), "in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn is_running(pid: u32) -> bool {
    Command::new("kill").args(["-0", &pid.to_string()]).stderr(std::process::Stdio::null()).status().unwrap().success()
}

pub(crate) fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap().success());
}
