//! Whom the server runs as: PostgreSQL refuses root.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::error::LocalPostgresError;
use crate::process;

/// The user of the server's processes and files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RunAs {
    /// Whoever we are: not root.
    Ourselves,
    /// We are root, the server is not.
    Other { name: String, uid: u32, gid: u32 },
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> bool {
    effective_uid() == Some(0)
}

/// This process's effective user id, without a system call of our own: the owner of its entry in `/proc`, else `id -u`.
pub(crate) fn effective_uid() -> Option<u32> {
    match fs::metadata("/proc/self") {
        Ok(entry) => Some(entry.uid()),
        Err(_) => id(&["-u"]),
    }
}

impl RunAs {
    /// When root: the owner of an existing cluster, else `postgres`, else `nobody`.
    pub(crate) fn choose(cluster: &Path) -> Result<Self, LocalPostgresError> {
        if !is_root() {
            return Ok(Self::Ourselves);
        }
        if let Ok(existing) = fs::metadata(cluster)
            && existing.uid() != 0
        {
            let (uid, gid) = (existing.uid(), existing.gid());
            return Ok(Self::Other { name: name_of(uid), uid, gid });
        }
        ["postgres", "nobody"].into_iter().find_map(lookup).ok_or(LocalPostgresError::NoUnprivilegedUser)
    }

    /// Makes `command` run as this user, in a folder that every user can enter.
    pub(crate) fn apply(&self, command: &mut Command) {
        command.current_dir("/");
        if let Self::Other { uid, gid, .. } = self {
            // The standard library also drops root's supplementary groups here.
            command.uid(*uid).gid(*gid);
        }
    }

    /// Gives a file or folder to this user.
    pub(crate) fn own(&self, path: &Path) -> Result<(), LocalPostgresError> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { name, uid, gid } => chown(path, Some(*uid), Some(*gid))
                .map_err(LocalPostgresError::io(format!("giving {} to the user `{name}`", path.display()))),
        }
    }

    /// Refuses a data directory that this user cannot enter.
    pub(crate) fn check_reach(&self, data_dir: &Path) -> Result<(), LocalPostgresError> {
        let Self::Other { name, .. } = self else { return Ok(()) };
        let mut enter = Command::new("/bin/sh");
        enter.args(["-c", "cd -- \"$1\"", "sh"]).arg(data_dir);
        self.apply(&mut enter);
        match process::output(&mut enter, Duration::from_secs(10)) {
            Some(_) => Ok(()),
            None => Err(LocalPostgresError::Unreachable { data_dir: data_dir.to_owned(), user: name.clone() }),
        }
    }
}

fn lookup(name: &str) -> Option<RunAs> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let (uid, gid) = find_in_passwd(&passwd, name).or_else(|| Some((id(&["-u", name])?, id(&["-g", name])?)))?;
    // A `nobody` of -2 is fine; a renamed root is not.
    (uid != 0).then(|| RunAs::Other { name: name.to_owned(), uid, gid })
}

fn find_in_passwd(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

fn name_of(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let uid = uid.to_string();
    let named =
        passwd.lines().find(|line| line.split(':').nth(2) == Some(&uid)).and_then(|line| line.split(':').next());
    named.map_or(uid.clone(), str::to_owned)
}

/// `id` asks the directory service where users are not in `/etc/passwd`, as on macOS.
fn id(arguments: &[&str]) -> Option<u32> {
    let printed = process::output(Command::new("id").args(arguments), Duration::from_secs(10))?;
    // macOS prints `nobody` as 4294967294 or as -2, depending on the version.
    let number: i64 = printed.trim().parse().ok()?;
    u32::try_from(number).ok().or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let passwd =
            "root:x:0:0::/root:/bin/sh\npostgres2:x:9:9::/:\nbroken\npostgres:x:101:104:,,,:/var/lib:/bin/sh\n";
        assert_eq!(find_in_passwd(passwd, "postgres"), Some((101, 104)));
        assert_eq!(find_in_passwd(passwd, "nobody"), None);
        assert_eq!(find_in_passwd(passwd, "broken"), None);
    }
}
