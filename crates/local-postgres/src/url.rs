//! Connection strings for a server behind a Unix socket.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The port is part of the socket's file name. It is written out so that a `PGPORT` in a client's environment is not used.
pub(crate) const PORT: u16 = 5432;

/// The superuser that `initdb` makes. Nobody else can enter the socket's folder, so it has no password.
pub(crate) const USER: &str = "app";

/// `postgresql://app@%2Ffolder:5432/database`, as libpq reads it.
pub(crate) fn connection(socket_dir: &Path, database: &str) -> String {
    let host = percent_encoded(socket_dir.as_os_str().as_bytes());
    let database = percent_encoded(database.as_bytes());
    format!("postgresql://{USER}@{host}:{PORT}/{database}")
}

fn percent_encoded(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len() * 3);
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names_are_percent_encoded() {
        assert_eq!(connection(Path::new("/tmp/a b"), "x/ä"), "postgresql://app@%2Ftmp%2Fa%20b:5432/x%2F%C3%A4");
    }
}
