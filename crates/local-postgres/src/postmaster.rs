//! `postmaster.pid`, which a running server keeps in its cluster.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::error::LocalPostgresError;
use crate::process;

const FILE: &str = "postmaster.pid";

/// What the file says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) pid: u32,
    pub(crate) ready: bool,
}

impl Status {
    /// The file's state, or `None` when there is none or it is not yet complete enough to tell.
    pub(crate) fn read(cluster: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(cluster.join(FILE)).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        // A stand-alone backend writes its process id with a minus.
        let pid = lines.next()?.trim().trim_start_matches('-').parse().ok()?;
        let ready = lines.nth(6).is_some_and(|status| status.trim() == "ready");
        Some(Self { pid, ready })
    }
}

/// Removes a file that was left behind by a server that is gone, when its process id now belongs to something else.
///
/// PostgreSQL does this itself when no process has that id. When another process has it, PostgreSQL cannot tell and
/// refuses to start; after a crash or in a container that is common. A server that was started on this cluster by
/// other means is left alone: in doubt the file stays.
pub(crate) fn remove_stale(cluster: &Path) -> Result<(), LocalPostgresError> {
    let Some(status) = Status::read(cluster) else {
        return Ok(());
    };
    if !may_be_a_server_here(status.pid, cluster) {
        tracing::info!(pid = status.pid, "removing a postmaster.pid whose server is gone");
        fs::remove_file(cluster.join(FILE)).map_err(LocalPostgresError::io("removing a stale postmaster.pid"))?;
    }
    Ok(())
}

fn may_be_a_server_here(pid: u32, cluster: &Path) -> bool {
    let entry = Path::new("/proc").join(pid.to_string());
    let command = if Path::new("/proc/self/comm").exists() {
        fs::read_to_string(entry.join("comm")).ok()
    } else {
        process::output(Command::new("ps").args(["-o", "comm=", "-p", &pid.to_string()]), Duration::from_secs(10))
    };
    let Some(command) = command else { return false };
    let name = command.trim().rsplit('/').next().unwrap_or_default();
    if !name.starts_with("postgres") && !name.starts_with("postmaster") {
        return false;
    }
    // A server works in its cluster's folder.
    match (fs::read_link(entry.join("cwd")), fs::canonicalize(cluster)) {
        (Ok(folder), Ok(cluster)) => folder == cluster,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_the_eighth_line() {
        let file = "4711\n/data\n1700000000\n5432\n/tmp/s\n\n 1 2\nready   \n";
        assert_eq!(Status::parse(file), Some(Status { pid: 4711, ready: true }));
        assert_eq!(Status::parse(&file.replace("ready   ", "starting")), Some(Status { pid: 4711, ready: false }));
        assert_eq!(Status::parse("4711\n/data\n"), Some(Status { pid: 4711, ready: false }));
        assert_eq!(Status::parse("-4711\n"), Some(Status { pid: 4711, ready: false }));
        assert_eq!(Status::parse(""), None);
        assert_eq!(Status::parse("ready\n"), None);
    }
}
