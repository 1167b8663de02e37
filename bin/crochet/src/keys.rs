//! Master keys: making them, and finding those of a development gateway.

use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::Context;
use crochet_primitives::{Entropy, EntropyExt};
use crochet_secrets::MasterKeys;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::config::Config;

/// The file in the data directory that holds a development gateway's own keys.
pub const FILE: &str = "master-keys";

/// A new key, as an entry of `CROCHET_MASTER_KEYS`.
pub fn generate(id: &str, entropy: &dyn Entropy) -> Zeroizing<String> {
    MasterKeys::entry(id, entropy.bytes())
}

/// Reads a key's id from the command line.
///
/// # Errors
/// What an id is, when this is none.
pub fn read_id(text: &str) -> Result<String, String> {
    if MasterKeys::is_id(text) { Ok(text.to_owned()) } else { Err("1 to 32 letters, digits, - or _".to_owned()) }
}

/// The configured keys; in development, where none are, those in the data directory, which are made at the first
/// start.
///
/// # Errors
/// When the file can be neither read nor made, or holds no keys.
pub fn load(config: &Config, entropy: &dyn Entropy) -> anyhow::Result<MasterKeys> {
    match &config.master_keys {
        Some(keys) => MasterKeys::parse(keys.expose_secret().trim()).context("the master keys cannot be read"),
        None => read_or_make(&config.data_dir.join(FILE), entropy),
    }
}

fn read_or_make(path: &Path, entropy: &dyn Entropy) -> anyhow::Result<MasterKeys> {
    let shown = path.display();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => make(path, entropy)
            .and_then(|()| std::fs::read_to_string(path))
            .with_context(|| format!("the keys cannot be kept in {shown}"))?,
        read => read.with_context(|| format!("the keys cannot be read from {shown}"))?,
    };
    let text = Zeroizing::new(text);
    MasterKeys::parse(text.trim()).with_context(|| format!("the master keys in {shown} cannot be read"))
}

/// Makes the file whole or not at all: a crash leaves no half of it, and of several that start at once one makes it.
fn make(path: &Path, entropy: &dyn Entropy) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Readable for its owner only. It is removed when it is dropped; what it was linked to stays.
    let mut file = tempfile::Builder::new().prefix(FILE).suffix(".new").tempfile_in(folder)?;
    file.write_all(generate("development", entropy).as_bytes())?;
    file.as_file().sync_all()?;
    match std::fs::hard_link(file.path(), path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        // Whoever was first has made the keys.
        Ok(()) | Err(_) => std::fs::File::open(folder)?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::system::SystemEntropy;

    #[test]
    fn keys_are_made_once_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper").join(FILE);
        read_or_make(&path, &SystemEntropy).unwrap();
        let made = std::fs::read_to_string(&path).unwrap();
        read_or_make(&path, &SystemEntropy).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), made);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(path.parent().unwrap().read_dir().unwrap().count(), 1, "nothing else stays in the folder");
    }

    #[test]
    fn of_several_that_start_at_once_all_work_with_the_same_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| read_or_make(&path, &SystemEntropy).unwrap())).collect();
            let derived: Vec<_> = starts.into_iter().map(|start| *start.join().unwrap().derive("test")).collect();
            assert!(derived.iter().all(|keys| keys == &derived[0]));
        });
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_holds_no_keys_is_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, "").unwrap();
        let error = read_or_make(&path, &SystemEntropy).unwrap_err();
        assert!(format!("{error:#}").contains(&path.display().to_string()), "{error:#}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }
}
