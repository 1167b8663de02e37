//! Master keys: making them, and finding those of a development gateway.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use crochet_primitives::{Entropy, EntropyExt};
use crochet_secrets::MasterKeys;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::config::Config;

/// The file in the data directory that holds a development gateway's own keys.
pub const FILE: &str = "master-keys";

/// A new key, as an entry of `CROCHET_MASTER_KEYS`.
pub fn generate(id: &str, entropy: &dyn Entropy) -> Zeroizing<String> {
    MasterKeys::entry(id, entropy.bytes())
}

/// The configured keys; in development, where none are, those in the data directory, which are made at the first
/// start.
///
/// # Errors
/// When the file can be neither read nor made, or holds no keys.
pub fn load(config: &Config, entropy: &dyn Entropy) -> anyhow::Result<MasterKeys> {
    let text = match &config.master_keys {
        Some(keys) => Zeroizing::new(keys.expose_secret().to_owned()),
        None => read_or_make(&config.data_dir.join(FILE), entropy)?,
    };
    MasterKeys::parse(text.trim()).context("the master keys cannot be read")
}

fn read_or_make(path: &Path, entropy: &dyn Entropy) -> anyhow::Result<Zeroizing<String>> {
    let shown = path.display();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let key = generate("development", entropy);
            file.write_all(key.as_bytes())
                .and_then(|()| file.sync_all())
                .with_context(|| format!("the keys cannot be written to {shown}"))?;
            Ok(key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mut text = Zeroizing::new(String::new());
            OpenOptions::new()
                .read(true)
                .open(path)
                .and_then(|mut file| file.read_to_string(&mut text))
                .with_context(|| format!("the keys cannot be read from {shown}"))?;
            Ok(text)
        }
        Err(error) => Err(error).with_context(|| format!("the keys cannot be kept in {shown}")),
    }
}

/// Wraps what was generated for handing on.
#[must_use]
pub fn as_secret(entry: &Zeroizing<String>) -> SecretString {
    SecretString::from(entry.as_str())
}
