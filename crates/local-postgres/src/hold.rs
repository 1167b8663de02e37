//! One server per data directory.
//!
//! The log file is also the lock file. The lock belongs to the open file, which the server and all its processes inherit
//! as standard error: it is free again when the last of them is gone, however it went, and not a moment earlier.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::LocalPostgresError;
use crate::postmaster;
use crate::process::POLL;

/// A log longer than this is emptied at the next start.
const LOG_LIMIT: u64 = 16 << 20;

/// The lock on a data directory.
#[derive(Debug)]
pub(crate) struct Hold {
    file: File,
    path: PathBuf,
    /// Where this start's part of the log begins.
    start: u64,
}

impl Hold {
    /// Takes the lock, waiting at most `limit` for an earlier server to end.
    pub(crate) fn take(
        data_dir: &Path,
        limit: Duration,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Self, LocalPostgresError> {
        let path = data_dir.join("postgres.log");
        let io = || LocalPostgresError::io(format!("locking {}", path.display()));
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path).map_err(io())?;
        let started = Instant::now();
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(io()(error)),
                Err(TryLockError::WouldBlock) => {}
            }
            if started.elapsed() >= limit {
                let holder = holder(data_dir);
                return Err(LocalPostgresError::InUse { data_dir: data_dir.to_owned(), holder, waited: limit });
            }
            if !told && started.elapsed() > Duration::from_millis(500) {
                progress(&format!("waiting for {} to end", holder(data_dir)));
                told = true;
            }
            thread::sleep(POLL);
        }
        let mut start = file.metadata().map_err(io())?.len();
        if start > LOG_LIMIT {
            file.set_len(0).map_err(io())?;
            start = 0;
        }
        // Only for the message above: who to look for.
        fs::write(data_dir.join("holder"), std::process::id().to_string()).map_err(io())?;
        Ok(Self { file, path, start })
    }

    /// A descriptor for a child's standard error; the child holds the lock with it.
    pub(crate) fn descriptor(&self) -> Result<File, LocalPostgresError> {
        self.file.try_clone().map_err(LocalPostgresError::io("passing on the log file"))
    }

    /// Where the log is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The last lines logged since this start.
    pub(crate) fn tail(&self) -> String {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(self.start.max(length.saturating_sub(2000))))?;
            let mut bytes = Vec::new();
            file.take(2000).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("; ")
    }
}

fn holder(data_dir: &Path) -> String {
    let parent = fs::read_to_string(data_dir.join("holder")).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let server = postmaster::Status::read(&data_dir.join("data")).map(|status| status.pid);
    match (parent, server) {
        (Some(parent), Some(server)) => format!("process {parent} (its PostgreSQL server is process {server})"),
        (Some(parent), None) => format!("process {parent}"),
        (None, Some(server)) => format!("the PostgreSQL server with process id {server}"),
        (None, None) => "another process".to_owned(),
    }
}
