//! The server's process, and the shell script that stops it when we are gone.

use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::binaries::{Binaries, clean_environment};
use crate::error::LocalPostgresError;
use crate::hold::Hold;
use crate::options::Options;
use crate::process::{self, POLL};
use crate::url::PORT;
use crate::user::RunAs;
use crate::{cluster, postmaster};

const WRAPPER: &str = include_str!("wrapper.sh");

/// How long a fast shutdown may take, in seconds, before the server is stopped at once.
const PATIENCE: &str = "20";

/// Socket folders are made here and not in the data directory: a socket's path is limited to about 104 bytes.
const SHORT_FOLDER: &str = "/tmp";

/// How the server is stopped, and what goes with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ending {
    /// At once, without writing anything out: for tests, whose rows nobody needs again.
    pub(crate) at_once: bool,
    /// Removed when the server has ended.
    pub(crate) remove: Option<PathBuf>,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    wrapper: Child,
    /// Closing this stops the server.
    lifeline: Option<ChildStdin>,
    pub(crate) pid: u32,
    pub(crate) socket_dir: PathBuf,
    stop_wait: Duration,
}

impl Server {
    /// Starts the server and waits until it accepts connections. The lock passes to it.
    pub(crate) fn start(
        options: &Options,
        binaries: &Binaries,
        user: &RunAs,
        hold: Hold,
        ending: &Ending,
    ) -> Result<Self, LocalPostgresError> {
        let cluster = cluster::folder(&options.data_dir);
        postmaster::remove_stale(&cluster)?;
        let socket_dir = make_socket_dir(&options.data_dir, user)?;
        let mut server = Self::spawn(options, binaries, user, &hold, ending, &cluster, socket_dir)?;
        match server.wait_until_ready(&cluster, options.start_wait, &hold) {
            Ok(()) => Ok(server),
            Err(error) => {
                // The first error is the one to tell.
                let _ = server.stop();
                Err(error)
            }
        }
    }

    fn spawn(
        options: &Options,
        binaries: &Binaries,
        user: &RunAs,
        hold: &Hold,
        ending: &Ending,
        cluster: &Path,
        socket_dir: PathBuf,
    ) -> Result<Self, LocalPostgresError> {
        let mut command = Command::new("/bin/sh");
        // Process lists show the script: without its comments.
        let script: Vec<_> = WRAPPER.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        command.args(["-c", &script.join("\n"), "crochet-postgres"]);
        command.args([if ending.at_once { "QUIT" } else { "INT" }, PATIENCE]).arg(&socket_dir);
        command.arg(ending.remove.as_deref().unwrap_or(Path::new("")));
        command.arg(binaries.dir.join("postgres")).arg("-D").arg(cluster);
        for (name, value) in settings(options, &socket_dir) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        clean_environment(&mut command, &options.host);
        user.apply(&mut command);
        // A process group of its own: Ctrl-C in the terminal is for us, who stop the server when we are done with it.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(hold.descriptor()?);
        let io = || LocalPostgresError::io("starting PostgreSQL");
        let mut wrapper = match command.spawn() {
            Ok(wrapper) => wrapper,
            Err(error) => {
                // It is empty, and there is no wrapper to remove it.
                let _ = fs::remove_dir(&socket_dir);
                return Err(io()(error));
            }
        };
        let lifeline = wrapper.stdin.take();
        let mut line = String::new();
        if let Some(stdout) = wrapper.stdout.take() {
            // The script prints the process id as soon as it has one, or ends.
            BufReader::new(stdout).read_line(&mut line).map_err(io())?;
        }
        let pid = line
            .trim()
            .parse()
            .map_err(|_| LocalPostgresError::ServerExited { output: hold.tail(), log: hold.path().to_owned() })?;
        Ok(Self { wrapper, lifeline, pid, socket_dir, stop_wait: options.stop_wait })
    }

    fn wait_until_ready(&mut self, cluster: &Path, limit: Duration, hold: &Hold) -> Result<(), LocalPostgresError> {
        let started = Instant::now();
        let log = || hold.path().to_owned();
        loop {
            let status = postmaster::Status::read(cluster);
            if status.is_some_and(|status| status.ready && status.pid == self.pid) {
                return Ok(());
            }
            if self.wrapper.try_wait().map_err(LocalPostgresError::io("watching PostgreSQL"))?.is_some() {
                return Err(LocalPostgresError::ServerExited { output: hold.tail(), log: log() });
            }
            if started.elapsed() >= limit {
                return Err(LocalPostgresError::NotReady { waited: limit, output: hold.tail(), log: log() });
            }
            thread::sleep(POLL);
        }
    }

    /// Stops the server and waits for its end, at most `stop_wait`.
    pub(crate) fn stop(&mut self) -> Result<(), LocalPostgresError> {
        // Once is enough: a second call would only wait again for what did not end the first time.
        let Some(lifeline) = self.lifeline.take() else {
            return Ok(());
        };
        drop(lifeline);
        match process::wait(&mut self.wrapper, self.stop_wait).map_err(LocalPostgresError::io("stopping PostgreSQL"))? {
            Some(_) => Ok(()),
            None => Err(LocalPostgresError::NotStopped { server_pid: self.pid, waited: self.stop_wait }),
        }
    }
}

fn settings(options: &Options, socket_dir: &Path) -> Vec<(String, String)> {
    let mut settings = vec![
        ("listen_addresses", String::new()),
        ("unix_socket_directories", socket_dir.display().to_string()),
        ("unix_socket_permissions", "0700".to_owned()),
        ("port", PORT.to_string()),
        // Standard error is the log, and the lock: no collector process may take it over.
        ("logging_collector", "off".to_owned()),
        ("log_destination", "stderr".to_owned()),
        // Without DETAIL lines, which would show values of rows.
        ("log_error_verbosity", "terse".to_owned()),
        ("timezone", "UTC".to_owned()),
        ("log_timezone", "UTC".to_owned()),
    ];
    if !options.durable {
        settings.extend(["fsync", "synchronous_commit", "full_page_writes"].map(|name| (name, "off".to_owned())));
    }
    let own = settings.into_iter().map(|(name, value)| (name.to_owned(), value));
    own.chain(options.settings.iter().cloned()).collect()
}

/// A new folder that only the server's user (and root) can enter. The wrapper removes it.
///
/// Its name follows from the data directory: a server that is started again has the address that it had, and no other
/// database is reached by who still knows the address of one that has ended.
fn make_socket_dir(data_dir: &Path, user: &RunAs) -> Result<PathBuf, LocalPostgresError> {
    let mut hasher = DefaultHasher::new();
    data_dir.hash(&mut hasher);
    let name = format!("crochet-pg-{}-{:016x}", std::process::id(), hasher.finish());
    // Folders that others left behind are passed over.
    let mut attempts = 0..1000;
    loop {
        let path = Path::new(SHORT_FOLDER).join(format!("{name}-{}", attempts.next().unwrap_or(1000)));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {
                if let Err(error) = user.own(&path) {
                    // It is empty, and of no use.
                    let _ = fs::remove_dir(&path);
                    return Err(error);
                }
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !attempts.is_empty() => {}
            Err(error) => return Err(LocalPostgresError::io(format!("creating {}", path.display()))(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_folder_of_a_data_directory_is_its_own_also_when_it_is_made_again() {
        let folder = |data_dir: &str| {
            let made = make_socket_dir(Path::new(data_dir), &RunAs::Ourselves).unwrap();
            fs::remove_dir(&made).unwrap();
            made
        };
        let first = folder("/data/first");
        assert_ne!(folder("/data/second"), first);
        assert_eq!(folder("/data/first"), first);
    }
}
