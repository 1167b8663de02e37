use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the private server could not be started or stopped. Every message says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalPostgresError {
    /// No usable PostgreSQL on this machine, and none could be downloaded.
    #[error(
        "no PostgreSQL 14 or newer was found ({reason}). Install it (Debian, Ubuntu: `apt-get install postgresql`; \
         Fedora: `dnf install postgresql-server`; macOS: `brew install postgresql@17`), or set PG_BIN_DIR to the folder \
         that holds `postgres` and `initdb`, or set DATABASE_URL to a PostgreSQL that already runs"
    )]
    NoBinaries {
        /// Where was looked, and why downloading did not help.
        reason: String,
    },
    /// The folder that was named for the binaries does not hold usable ones.
    #[error("PG_BIN_DIR is {}, but {problem}; it must be the folder that holds `postgres` and `initdb` of PostgreSQL 14 or newer", dir.display())]
    BinDir {
        /// The folder that was named.
        dir: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The cluster was made by another major version than those found.
    #[error(
        "the database in {} was made by PostgreSQL {needed}, and only {found} was found. Install PostgreSQL {needed}, \
         or move its rows over with pg_dump, or choose another data directory",
        data_dir.display()
    )]
    OtherMajorVersion {
        /// The data directory.
        data_dir: PathBuf,
        /// The major version that made it.
        needed: u32,
        /// The versions found, for people.
        found: String,
    },
    /// Running as root, and there is no unprivileged user to run the server as.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor `nobody`; run as another user, or set DATABASE_URL"
    )]
    NoUnprivilegedUser,
    /// The user that runs the server cannot enter the data directory.
    #[error(
        "the user `{user}`, as whom PostgreSQL runs because it refuses root, cannot reach {}: a folder above it is \
         closed to other users. Choose a data directory elsewhere, such as /var/lib/crochet/postgres",
        data_dir.display()
    )]
    Unreachable {
        /// The data directory.
        data_dir: PathBuf,
        /// The unprivileged user.
        user: String,
    },
    /// The data directory holds something that is not a cluster of ours.
    #[error("{} exists but is not a PostgreSQL cluster; move it away or choose another data directory", path.display())]
    NotACluster {
        /// The folder in the way.
        path: PathBuf,
    },
    /// Another process runs its server on this data directory.
    #[error(
        "the database in {} is in use by {holder}, and was not released within {} s. Stop that process, or choose \
         another data directory, or set DATABASE_URL to share one server",
        data_dir.display(), waited.as_secs()
    )]
    InUse {
        /// The data directory.
        data_dir: PathBuf,
        /// Who holds it, with process ids where known.
        holder: String,
        /// How long this start waited.
        waited: Duration,
    },
    /// `initdb` failed.
    #[error("creating the database in {} failed: {output}", data_dir.display())]
    Initialise {
        /// The data directory.
        data_dir: PathBuf,
        /// The last lines that it wrote.
        output: String,
    },
    /// The server ended while starting.
    #[error("PostgreSQL stopped while starting: {output} (more in {})", log.display())]
    ServerExited {
        /// The last lines that it logged.
        output: String,
        /// Its log file.
        log: PathBuf,
    },
    /// The server did not become ready in time.
    #[error("PostgreSQL was not ready within {} s: {output} (more in {})", waited.as_secs(), log.display())]
    NotReady {
        /// How long was waited.
        waited: Duration,
        /// The last lines that it logged.
        output: String,
        /// Its log file.
        log: PathBuf,
    },
    /// The server did not stop in time. It keeps trying, and the next start waits for it.
    #[error("PostgreSQL (process {server_pid}) had not stopped after {} s", waited.as_secs())]
    NotStopped {
        /// The server's process id.
        server_pid: u32,
        /// How long was waited.
        waited: Duration,
    },
    /// The operating system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl LocalPostgresError {
    /// For `map_err`: attaches what was being done.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
