//! A private PostgreSQL server for the time that `DATABASE_URL` is unset: nothing to install by hand, nothing to
//! configure, no port opened, and no acknowledged row lost.
//!
//! **Invariant:** the server never outlives its parent process, not even one that is killed with SIGKILL, and never do
//! two servers run on one data directory: the next start waits until the last process of the one before is gone.
//!
//! In a data directory:
//!
//! | name | what it is |
//! |---|---|
//! | `data/` | the cluster, made in `data.init/` and renamed when it is whole |
//! | `postgres.log` | the server's log, and the lock on the data directory |
//! | `holder` | the process id of the last to take the lock, for messages |
//! | `binaries/` | a downloaded PostgreSQL, where the machine has none |
//!
//! ```no_run
//! use crochet_local_postgres::{Host, LocalPostgres, Options, default_data_dir};
//!
//! let host = Host::from_variables(std::env::vars_os());
//! let data_dir = default_data_dir(&host).ok_or("HOME is not set")?;
//! let server = LocalPostgres::start(&Options::new(data_dir, host), &mut |step| eprintln!("{step} ..."))?;
//! assert!(server.url().starts_with("postgresql://app@%2Ftmp%2F"));
//! server.stop()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod binaries;
mod cluster;
mod download;
mod error;
mod hold;
mod options;
mod postmaster;
mod process;
mod server;
#[cfg(feature = "testing")]
pub mod testing;
mod url;
mod user;

use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::binaries::Binaries;
use crate::hold::Hold;
use crate::server::{Ending, Server};
use crate::user::RunAs;

pub use crate::error::LocalPostgresError;
pub use crate::options::{Host, Options, default_data_dir};

/// A running private server. Dropping it stops the server, and so does the end of this process, however it comes.
#[derive(Debug)]
pub struct LocalPostgres {
    server: Server,
    data_dir: PathBuf,
    bin_dir: PathBuf,
}

impl LocalPostgres {
    /// Starts the server, creating the cluster and its database `crochet` when there are none, and returns when it
    /// accepts connections. `progress` hears of steps that take long, in a few words each.
    ///
    /// # Errors
    ///
    /// No PostgreSQL is found, the data directory cannot be used or is in use for longer than
    /// [`Options::lock_wait`], or the server does not become ready within [`Options::start_wait`].
    pub fn start(options: &Options, progress: &mut dyn FnMut(&str)) -> Result<Self, LocalPostgresError> {
        Self::start_with(options, &Ending::default(), progress)
    }

    fn start_with(
        options: &Options,
        ending: &Ending,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Self, LocalPostgresError> {
        let data_dir = std::path::absolute(&options.data_dir)
            .map_err(LocalPostgresError::io(format!("finding {}", options.data_dir.display())))?;
        let options = &Options { data_dir, ..options.clone() };
        let data_dir = &options.data_dir;
        let user = RunAs::choose(&cluster::folder(data_dir))?;
        make_data_dir(data_dir, &user)?;
        user.check_reach(data_dir)?;
        let hold = Hold::take(data_dir, options.lock_wait, progress)?;
        let binaries = Binaries::find(options, &user, progress)?;
        cluster::ensure(options, &binaries, &user, &hold, Some(cluster::DATABASE), progress)?;
        let server = Server::start(options, &binaries, &user, hold, ending)?;
        tracing::debug!(pid = server.pid, data_dir = %data_dir.display(), version = binaries.version, "PostgreSQL is ready");
        Ok(Self { server, data_dir: data_dir.clone(), bin_dir: binaries.dir })
    }

    /// The connection string of the database `crochet`.
    pub fn url(&self) -> String {
        self.url_for(cluster::DATABASE)
    }

    /// The connection string of any database of this server; it is not created.
    pub fn url_for(&self, database: &str) -> String {
        url::connection(&self.server.socket_dir, database)
    }

    /// The data directory, as an absolute path.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Where the binaries were found. Client programs such as `psql` are there too, unless the copy was downloaded.
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// The process id of the server.
    pub fn server_pid(&self) -> u32 {
        self.server.pid
    }

    /// Ends all sessions, stops the server and waits for its end.
    ///
    /// # Errors
    ///
    /// It has not ended within [`Options::stop_wait`]. It goes on stopping, and the next start waits for it.
    pub fn stop(mut self) -> Result<(), LocalPostgresError> {
        self.server.stop()
    }
}

impl Drop for LocalPostgres {
    fn drop(&mut self) {
        if let Err(error) = self.server.stop() {
            tracing::warn!(%error, "the private PostgreSQL did not stop in time");
        }
    }
}

/// Only the cluster in it belongs to the server's user. As root, folders made here let that user through, whatever the
/// umask; else they are ours alone.
fn make_data_dir(data_dir: &Path, user: &RunAs) -> Result<(), LocalPostgresError> {
    let io = |path: &Path| LocalPostgresError::io(format!("creating the data directory {}", path.display()));
    let missing: Vec<_> = data_dir.ancestors().take_while(|path| !path.exists()).collect();
    for path in missing.into_iter().rev() {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(io(path)(error)),
            _ => {}
        }
        if *user != RunAs::Ourselves {
            fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(io(path))?;
        }
    }
    Ok(())
}
