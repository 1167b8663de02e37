//! One throw-away cluster per test process.
//!
//! The cluster is a copy of one that is made once per user and kept in `/tmp`; its folder goes with the process. This
//! crate speaks no SQL: tests connect to [`TestCluster::admin_url`] and run `CREATE DATABASE … TEMPLATE …` themselves.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::binaries::{Binaries, clean_environment};
use crate::hold::Hold;
use crate::server::Ending;
use crate::user::{self, RunAs};
use crate::{Host, LocalPostgres, LocalPostgresError, Options, cluster, make_data_dir, process};

/// Where every user can reach it, and where paths are short.
const FOLDER: &str = "/tmp";

/// The first run on a machine makes the cluster, or even downloads PostgreSQL, while the others wait.
const LOCK_WAIT: Duration = Duration::from_secs(300);

const COPY_LIMIT: Duration = Duration::from_secs(60);

/// Many tests connect at once, in little memory, to rows that nobody needs again.
const SETTINGS: [(&str, &str); 5] = [
    ("max_connections", "200"),
    ("shared_buffers", "32MB"),
    ("autovacuum", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
];

/// A cluster that lasts as long as this process.
#[derive(Debug)]
pub struct TestCluster {
    server: LocalPostgres,
}

impl TestCluster {
    /// The connection string of a database of this cluster; it is not created.
    pub fn url_for(&self, database: &str) -> String {
        self.server.url_for(database)
    }

    /// The connection string of the database `postgres`, as a superuser: for `CREATE DATABASE` and `DROP DATABASE`.
    pub fn admin_url(&self) -> String {
        self.url_for("postgres")
    }

    /// Where the server's binaries are, and `psql` where PostgreSQL was not downloaded.
    pub fn bin_dir(&self) -> &Path {
        self.server.bin_dir()
    }

    /// The process id of the server.
    pub fn server_pid(&self) -> u32 {
        self.server.server_pid()
    }
}

/// The cluster of this process, started at the first call.
///
/// # Panics
///
/// When it cannot be started, with the reason: the test cannot go on.
pub fn cluster() -> &'static TestCluster {
    static CLUSTER: OnceLock<TestCluster> = OnceLock::new();
    CLUSTER.get_or_init(|| match start() {
        Ok(cluster) => cluster,
        #[expect(clippy::panic, reason = "this runs in tests alone, and without a database they cannot go on")]
        Err(error) => panic!("no PostgreSQL for this test: {error}"),
    })
}

fn start() -> Result<TestCluster, LocalPostgresError> {
    let host = Host::from_variables(std::env::vars_os());
    let settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options = Options { durable: false, settings, ..Options::new(original_folder()?, host) };
    // A cleaner of /tmp may have removed some of the original's files: then it is made once more.
    start_copy(&options, false).or_else(|_| start_copy(&options, true))
}

/// Starts a copy of the original, which is made when there is none, or anew.
fn start_copy(options: &Options, anew: bool) -> Result<TestCluster, LocalPostgresError> {
    let original = &options.data_dir;
    let user = RunAs::choose(&cluster::folder(original))?;
    make_data_dir(original, &user)?;
    check_owner(original)?;
    // Held until the copy is made, so that nobody removes or half-makes the original meanwhile.
    let hold = Hold::take(original, LOCK_WAIT, &mut |_| {})?;
    if anew {
        match fs::remove_dir_all(cluster::folder(original)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LocalPostgresError::io("removing a damaged cluster")(error));
            }
            _ => {}
        }
    }
    let binaries = Binaries::find(options, &user, &mut |_| {})?;
    cluster::ensure(options, &binaries, &user, &hold, None, &mut |_| {})?;
    let copy = copy_of(original, &user, &options.host)?;
    drop(hold);
    let ending = Ending { at_once: true, remove: Some(copy.clone()) };
    let options = Options { data_dir: copy.clone(), pg_bin_dir: Some(binaries.dir), ..options.clone() };
    let started = LocalPostgres::start_with(&options, &ending, &mut |_| {});
    if started.is_err() {
        // The error matters more than what is left behind.
        let _ = fs::remove_dir_all(copy);
    }
    Ok(TestCluster { server: started? })
}

fn original_folder() -> Result<PathBuf, LocalPostgresError> {
    let unknown = || LocalPostgresError::io("finding out the user id")(io::ErrorKind::NotFound.into());
    let uid = user::effective_uid().ok_or_else(unknown)?;
    Ok(Path::new(FOLDER).join(format!("crochet-test-original-{uid}")))
}

/// Others can write to `/tmp` too: a folder that somebody else put there is not used.
fn check_owner(folder: &Path) -> Result<(), LocalPostgresError> {
    let entry = fs::symlink_metadata(folder).map_err(LocalPostgresError::io("looking at the original cluster"))?;
    if entry.is_dir() && Some(entry.uid()) == user::effective_uid() {
        return Ok(());
    }
    Err(LocalPostgresError::io(format!("using {}, which belongs to somebody else", folder.display()))(
        io::ErrorKind::PermissionDenied.into(),
    ))
}

/// A new folder with a copy of the cluster, all of it the server's user's, who removes it in the end.
fn copy_of(original: &Path, user: &RunAs, host: &Host) -> Result<PathBuf, LocalPostgresError> {
    let folder = new_folder()?;
    let copied = cluster::folder(&folder);
    DirBuilder::new().mode(0o700).create(&copied).map_err(LocalPostgresError::io("creating a test cluster"))?;
    user.own(&folder)?;
    user.own(&copied)?;
    let mut copy = Command::new("cp");
    copy.arg("-R").arg(cluster::folder(original).join(OsStr::new("."))).arg(&copied);
    clean_environment(&mut copy, host);
    user.apply(&mut copy);
    copy.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if process::succeeds(&mut copy, COPY_LIMIT).map_err(LocalPostgresError::io("copying the original cluster"))? {
        return Ok(folder);
    }
    // It is incomplete, and of no use.
    let _ = fs::remove_dir_all(&folder);
    Err(LocalPostgresError::io("copying the original cluster")(io::Error::other("cp failed")))
}

fn new_folder() -> Result<PathBuf, LocalPostgresError> {
    let pid = std::process::id();
    // A process before us may have had our id and left its folder behind, in a power failure say.
    let mut error = io::ErrorKind::AlreadyExists.into();
    for attempt in 0..1000 {
        let folder = Path::new(FOLDER).join(format!("crochet-test-{pid}-{attempt}"));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(exists) if exists.kind() == io::ErrorKind::AlreadyExists => {}
            Err(other) => {
                error = other;
                break;
            }
        }
    }
    Err(LocalPostgresError::io(format!("creating a folder in {FOLDER}"))(error))
}
