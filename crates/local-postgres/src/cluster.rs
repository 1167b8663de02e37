//! The cluster: the files that `initdb` makes.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::binaries::Binaries;
use crate::error::LocalPostgresError;
use crate::hold::Hold;
use crate::options::Options;
use crate::process;
use crate::url::USER;
use crate::user::RunAs;

/// The database that a new cluster comes with.
pub(crate) const DATABASE: &str = "crochet";

/// Collation C sorts alike on every machine. Under ctype C, however, `ILIKE` and trigrams drop letters beyond ASCII, so
/// the ctype is a UTF-8 one, of which systems have different ones; the first that is known is taken.
const CTYPES: [&str; 3] = ["C.UTF-8", "en_US.UTF-8", "UTF-8"];

const INITDB_LIMIT: Duration = Duration::from_secs(120);

/// Where the cluster of a data directory is.
pub(crate) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("data")
}

/// The major version that made the cluster; `None` when there is none.
pub(crate) fn major_version(data_dir: &Path) -> Option<u32> {
    fs::read_to_string(folder(data_dir).join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// Makes the cluster when there is none, with a database when one is named. It gets its name last, so that a half-made
/// one is never taken for a whole one.
pub(crate) fn ensure(
    options: &Options,
    binaries: &Binaries,
    user: &RunAs,
    hold: &Hold,
    database: Option<&str>,
    progress: &mut dyn FnMut(&str),
) -> Result<(), LocalPostgresError> {
    let cluster = folder(&options.data_dir);
    if major_version(&options.data_dir).is_some() {
        return Ok(());
    }
    if cluster.exists() {
        return Err(LocalPostgresError::NotACluster { path: cluster });
    }
    progress("creating the database");
    let unfinished = options.data_dir.join("data.init");
    initialise(options, binaries, user, hold, &unfinished)?;
    if let Some(database) = database {
        create_database(options, binaries, user, hold, &unfinished, database)?;
    }
    fs::rename(&unfinished, &cluster).map_err(LocalPostgresError::io("naming the new database"))?;
    if options.durable {
        let synced = File::open(&options.data_dir).and_then(|folder| folder.sync_all());
        synced.map_err(LocalPostgresError::io("naming the new database durably"))?;
    }
    Ok(())
}

fn initialise(
    options: &Options,
    binaries: &Binaries,
    user: &RunAs,
    hold: &Hold,
    folder: &Path,
) -> Result<(), LocalPostgresError> {
    for ctype in CTYPES {
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(LocalPostgresError::io("removing a half-made database"))?;
        }
        DirBuilder::new().mode(0o700).create(folder).map_err(LocalPostgresError::io("creating the database"))?;
        user.own(folder)?;
        let mut initdb = binaries.command("initdb", &options.host, user);
        initdb.args(["-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions"]);
        initdb.arg(format!("--lc-ctype={ctype}")).arg("-D").arg(folder);
        if !options.durable {
            // Small files too, for tests that copy them: a segment of the write-ahead log is otherwise 16 MB.
            initdb.args(["--no-sync", "--wal-segsize=1"]);
        }
        initdb.stdin(Stdio::null()).stdout(hold.descriptor()?).stderr(hold.descriptor()?);
        if process::succeeds(&mut initdb, INITDB_LIMIT).map_err(LocalPostgresError::io("running initdb"))? {
            return Ok(());
        }
        if !hold.tail().contains("locale") {
            break;
        }
    }
    Err(failed(options, hold))
}

/// By a stand-alone backend, since a downloaded PostgreSQL has no client programs.
fn create_database(
    options: &Options,
    binaries: &Binaries,
    user: &RunAs,
    hold: &Hold,
    folder: &Path,
    database: &str,
) -> Result<(), LocalPostgresError> {
    let mut backend = binaries.command("postgres", &options.host, user);
    backend.arg("--single");
    if !options.durable {
        backend.arg("-F");
    }
    backend.arg("-D").arg(folder).arg("postgres");
    backend.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(hold.descriptor()?);
    let io = || LocalPostgresError::io(format!("creating the database `{database}`"));
    let mut child = backend.spawn().map_err(io())?;
    if let Some(mut stdin) = child.stdin.take() {
        // A backend that is gone already is reported below, with what it logged.
        let _ = writeln!(stdin, "CREATE DATABASE \"{database}\"");
    }
    match process::wait(&mut child, INITDB_LIMIT).map_err(io())? {
        Some(status) if status.success() && !hold.tail().contains("ERROR:") => Ok(()),
        Some(_) => Err(failed(options, hold)),
        None => {
            child.kill().and_then(|()| child.wait()).map_err(io())?;
            Err(failed(options, hold))
        }
    }
}

fn failed(options: &Options, hold: &Hold) -> LocalPostgresError {
    LocalPostgresError::Initialise { data_dir: options.data_dir.clone(), output: hold.tail() }
}
