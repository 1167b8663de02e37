//! Finding `postgres` and `initdb`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::download;
use crate::error::LocalPostgresError;
use crate::options::{Host, Options};
use crate::user::RunAs;
use crate::{cluster, process};

/// The oldest major version that the schema is written for.
const OLDEST: u32 = 14;

/// A usable PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binaries {
    pub(crate) dir: PathBuf,
    pub(crate) major: u32,
    /// What `postgres --version` prints.
    pub(crate) version: String,
}

impl Binaries {
    /// The first usable folder, in the order in which an operator would expect it: what was named, what the PATH has,
    /// what the system has, what was downloaded before; only then a download.
    pub(crate) fn find(
        options: &Options,
        user: &RunAs,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Self, LocalPostgresError> {
        let needed = cluster::major_version(&options.data_dir);
        let fits = |found: &Self| needed.is_none_or(|needed| needed == found.major);
        let other_version = |found: String| LocalPostgresError::OtherMajorVersion {
            data_dir: options.data_dir.clone(),
            needed: needed.unwrap_or_default(),
            found,
        };
        if let Some(dir) = &options.pg_bin_dir {
            // Commands run in another folder than ours.
            let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
            let named = Self::probe(&dir, &options.host, user)
                .map_err(|problem| LocalPostgresError::BinDir { dir, problem })?;
            return if fits(&named) { Ok(named) } else { Err(other_version(named.version)) };
        }
        let mut misfits = Vec::new();
        for dir in candidates(options) {
            match Self::probe(&dir, &options.host, user) {
                Ok(found) if fits(&found) => return Ok(found),
                Ok(found) => misfits.push(found.version),
                Err(problem) => tracing::debug!(dir = %dir.display(), problem, "no usable PostgreSQL here"),
            }
        }
        if !misfits.is_empty() && needed != Some(download::MAJOR) {
            misfits.dedup();
            return Err(other_version(misfits.join(", ")));
        }
        let looked = "PG_BIN_DIR, pg_config, PATH and the usual folders were searched";
        let none = |why: String| LocalPostgresError::NoBinaries { reason: format!("{looked}; {why}") };
        if !options.may_download {
            return Err(none("downloading is switched off".to_owned()));
        }
        let dir = download::fetch(options, progress).map_err(none)?;
        let fetched = Self::probe(&dir, &options.host, user)
            .map_err(|problem| none(format!("the downloaded copy does not run here: {problem}")))?;
        if fits(&fetched) { Ok(fetched) } else { Err(other_version(fetched.version)) }
    }

    /// Runs `postgres --version` as the user that will run the server: what that user cannot execute is of no use.
    fn probe(dir: &Path, host: &Host, user: &RunAs) -> Result<Self, String> {
        if let Some(missing) = ["postgres", "initdb"].into_iter().find(|name| !dir.join(name).is_file()) {
            return Err(format!("there is no `{missing}` in it"));
        }
        let mut command = program(&dir.join("postgres"), host, user);
        let printed = process::output(command.arg("--version"), Duration::from_secs(10))
            .ok_or_else(|| "its `postgres` cannot be executed by the user that runs the server".to_owned())?;
        let version = printed.trim().to_owned();
        let major = major_of(&version).ok_or_else(|| format!("its version is not understood: {version}"))?;
        if major < OLDEST {
            return Err(format!("it is {version}"));
        }
        Ok(Self { dir: dir.to_owned(), major, version })
    }

    /// A command of this PostgreSQL, as the given user and with nothing of the environment that it does not need.
    pub(crate) fn command(&self, name: &str, host: &Host, user: &RunAs) -> Command {
        program(&self.dir.join(name), host, user)
    }
}

fn program(path: &Path, host: &Host, user: &RunAs) -> Command {
    let mut command = Command::new(path);
    clean_environment(&mut command, host);
    user.apply(&mut command);
    command
}

/// The variables that PostgreSQL's programs get. `TZ` spares initdb a search through all time zones.
pub(crate) fn clean_environment(command: &mut Command, host: &Host) {
    command.env_clear().env("LC_ALL", "C").env("TZ", "UTC");
    for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        if let Some(value) = host.variable(name) {
            command.env(name, value);
        }
    }
}

/// `postgres (PostgreSQL) 15.4 (Debian 15.4-1)` and `postgres (PostgreSQL) 18beta1` alike.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split("(PostgreSQL)").nth(1)?.trim_start();
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number.get(..digits)?.parse().ok()
}

fn candidates(options: &Options) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    if let Some(pg_config) = options.host.program("pg_config") {
        let mut command = Command::new(pg_config);
        clean_environment(&mut command, &options.host);
        let printed = process::output(command.arg("--bindir"), Duration::from_secs(10));
        dirs.extend(printed.map(|dir| PathBuf::from(dir.trim())));
    }
    dirs.extend(options.host.path_folders());
    for folder in &options.install_folders {
        dirs.extend(installed_in(folder));
    }
    dirs.extend(download::cached(&options.data_dir));
    dirs.retain(|dir| dir.join("postgres").is_file());
    let mut seen = std::collections::HashSet::new();
    dirs.retain(|dir| seen.insert(dir.clone()));
    dirs
}

/// `<folder>/<version>/bin`, the newest first.
fn installed_in(folder: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let digits: String =
                name.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
            let known =
                name.starts_with("postgresql") || name.starts_with("pgsql") || name.starts_with(char::is_numeric);
            known.then(|| (digits.parse().unwrap_or(0), entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, dir)| dir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_printed() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.4 (Debian 15.4-1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_of("postgres (PostgreSQL) "), None);
        assert_eq!(major_of("busybox"), None);
    }

    #[test]
    fn the_newest_installed_version_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["9.6", "15", "postgresql@17", "postgresql", "share"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let names: Vec<_> = installed_in(folder.path())
            .iter()
            .map(|dir| dir.parent().unwrap().file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["postgresql@17", "15", "9.6", "postgresql"]);
    }
}
