//! Programs that are started for a measurement, and what they use of the machine.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long a program may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that runs. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

/// Processor time and memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Processor time since the start, in user and kernel.
    pub(crate) cpu: Duration,
    /// Resident memory in bytes.
    pub(crate) resident: u64,
}

impl Process {
    /// Starts it with its output going nowhere.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Ok(Self { child: child.with_context(|| format!("{name} cannot be started"))? })
    }

    /// Starts it, and answers what `found` finds in the first of its lines that has it.
    pub(crate) fn start_and_read<T>(
        command: &mut Command,
        found: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<(Self, T)> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut process = Self { child: child.with_context(|| format!("{name} cannot be started"))? };
        let out = process.child.stdout.take().context("there is no output to read")?;
        let mut lines = BufReader::new(out).lines();
        let value = loop {
            match lines.next() {
                Some(line) => {
                    if let Some(value) = found(&line?) {
                        break value;
                    }
                }
                None => bail!("{name} ended before it was ready"),
            }
        };
        // What else it says is read, so that it is never held up, and dropped.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok((process, value))
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        ensure!(self.ended(), "it does not end within {} s", PATIENCE.as_secs());
        Ok(())
    }

    /// Whether it ends when it is asked to, as it and its children can do in order.
    fn ended(&mut self) -> bool {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if pid.is_none_or(|pid| kill_process(pid, Signal::TERM).is_err()) {
            return false;
        }
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if began.elapsed() > PATIENCE {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && !self.ended() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What a process uses, and where it is said so its children. One that has ended in the meantime uses nothing.
pub(crate) fn usage(pid: u32, with_children: bool) -> Usage {
    let Ok(root) = i32::try_from(pid) else { return Usage::default() };
    let ticks = procfs::ticks_per_second().max(1);
    let page = procfs::page_size();
    let mut sum = Usage::default();
    for process in procfs::process::all_processes().into_iter().flatten().flatten() {
        let Ok(stat) = process.stat() else { continue };
        if stat.pid == root || (with_children && stat.ppid == root) {
            sum.cpu += Duration::from_micros((stat.utime + stat.stime).saturating_mul(1_000_000) / ticks);
            sum.resident += stat.rss.saturating_mul(page);
        }
    }
    sum
}

/// The process id of the private PostgreSQL of a gateway.
pub(crate) fn postgres_pid(data_dir: &Path) -> anyhow::Result<u32> {
    let file = data_dir.join("postgres/data/postmaster.pid");
    let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
    pid.context("the database has no process id")
}
