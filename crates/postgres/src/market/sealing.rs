//! Encryption at rest of what an endpoint holds as secrets.

use std::fmt;
use std::sync::Arc;

use crochet_primitives::{Entropy, EntropyExt};
use crochet_secrets::{DecryptError, ExposeSecret, MasterKeys, SecretString};
use uuid::Uuid;

use super::convert::misread;
use crate::error::DbError;

/// Encrypts and decrypts the secret columns of `listing_gateway_endpoints`.
#[derive(Clone)]
pub(crate) struct Sealing {
    keys: Arc<MasterKeys>,
    entropy: Arc<dyn Entropy>,
}

impl Sealing {
    pub(crate) fn new(keys: Arc<MasterKeys>, entropy: Arc<dyn Entropy>) -> Self {
        Self { keys, entropy }
    }

    /// Encrypts under the first master key, for this listing and column alone.
    pub(crate) fn seal(&self, listing: Uuid, column: &str, secret: &SecretString) -> Result<Vec<u8>, DbError> {
        self.keys
            .encrypt(secret.expose_secret().as_bytes(), place(listing, column).as_bytes(), self.entropy.bytes())
            .map_err(|_| misread(column, listing))
    }

    /// Encrypts anew, under the first master key, what any of them has encrypted for this listing and column.
    pub(crate) fn reseal(&self, listing: Uuid, column: &str, sealed: &[u8]) -> Result<Vec<u8>, DecryptError> {
        let place = place(listing, column);
        let plain = self.keys.decrypt(sealed, place.as_bytes())?;
        // What was within the limit of one key is within that of the other.
        self.keys.encrypt(&plain, place.as_bytes(), self.entropy.bytes()).map_err(|_| DecryptError::Malformed)
    }

    /// Whether it opens where it is.
    pub(crate) fn check(&self, listing: Uuid, column: &str, sealed: &[u8]) -> Result<(), DecryptError> {
        self.keys.decrypt(sealed, place(listing, column).as_bytes()).map(drop)
    }

    /// What decrypts.
    pub(crate) fn keys(&self) -> &MasterKeys {
        &self.keys
    }
}

/// Decrypts what was sealed for this listing and column. The error names both and nothing else.
pub(crate) fn open(keys: &MasterKeys, listing: Uuid, column: &str, sealed: &[u8]) -> Result<SecretString, DbError> {
    let plain = keys.decrypt(sealed, place(listing, column).as_bytes()).map_err(|error| {
        tracing::warn!(%listing, column, %error, "an endpoint's secret cannot be decrypted");
        misread(column, listing)
    })?;
    std::str::from_utf8(&plain).map(SecretString::from).map_err(|_| misread(column, listing))
}

/// The associated data: a ciphertext that is moved to another row or column does not decrypt.
fn place(listing: Uuid, column: &str) -> String {
    format!("{listing}/{column}")
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").field("keys", &self.keys).finish_non_exhaustive()
    }
}
