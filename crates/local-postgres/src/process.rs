//! Child processes, never waited for without a bound.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at something that cannot be waited for with a time limit.
pub(crate) const POLL: Duration = Duration::from_millis(5);

/// Waits for the child, at most this long; `None` when it still runs.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() >= limit {
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Runs a command to its end; one that takes longer than the limit is killed and counts as failed.
pub(crate) fn succeeds(command: &mut Command, limit: Duration) -> io::Result<bool> {
    let mut child = command.spawn()?;
    match wait(&mut child, limit)? {
        Some(status) => Ok(status.success()),
        None => {
            child.kill()?;
            child.wait()?;
            Ok(false)
        }
    }
}

/// What a short command prints (less than a pipe holds), or `None` when it fails in any way.
pub(crate) fn output(command: &mut Command, limit: Duration) -> Option<String> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut stdout = child.stdout.take()?;
    let Ok(Some(status)) = wait(&mut child, limit) else {
        // Best effort: it is of no use any more.
        let _ = child.kill();
        let _ = child.wait();
        return None;
    };
    let mut printed = String::new();
    (status.success() && stdout.read_to_string(&mut printed).is_ok()).then_some(printed)
}
