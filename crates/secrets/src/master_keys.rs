//! AES-256-GCM under named master keys: the first encrypts, all decrypt, so that keys can be rotated.
//!
//! A ciphertext is `version(1) ‖ id length(1) ‖ key id ‖ nonce(12) ‖ AES-256-GCM output`. The associated data, which
//! the caller gives (listing id and column), keeps a ciphertext from being moved to another row.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use sha2::Sha256;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 12;

/// Why a list of master keys could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MasterKeysError {
    /// No key at all.
    #[error("no master key given: expected ID:BASE64, separated by commas")]
    Empty,
    /// An entry without its parts. The entry itself is not shown, since it may be a key.
    #[error("master key {position} is not ID:BASE64 with an id of 1 to 32 letters, digits, - or _")]
    Malformed {
        /// Counted from 1.
        position: usize,
    },
    /// Not 32 bytes of base64.
    #[error("master key {id:?} is not 32 bytes of standard base64")]
    WrongLength {
        /// The key's id.
        id: String,
    },
    /// The same id twice.
    #[error("master key id {id:?} is given twice")]
    Duplicate {
        /// The key's id.
        id: String,
    },
}

/// Encryption failed; only possible beyond AES-GCM's length limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the value is too long to encrypt")]
pub struct EncryptError;

/// Why a stored value could not be decrypted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecryptError {
    /// Too short, or of an unknown version.
    #[error("the stored value is no ciphertext of this system")]
    Malformed,
    /// Its key is not configured.
    #[error("master key {id:?} is not configured")]
    UnknownKey {
        /// The key's id.
        id: String,
    },
    /// Altered, moved to another row, or of another key with the same id.
    #[error("the stored value does not belong here, or was altered")]
    NotAuthentic,
}

struct MasterKey {
    id: String,
    cipher: Aes256Gcm,
    bytes: Zeroizing<Vec<u8>>,
}

/// The configured master keys, in order.
pub struct MasterKeys {
    first: MasterKey,
    others: Vec<MasterKey>,
}

impl MasterKeys {
    /// Reads `id:base64,id:base64,…` (32 bytes each). The first encrypts.
    ///
    /// # Errors
    /// When the list is empty, or an entry is malformed, of the wrong length, or named twice.
    pub fn parse(text: &str) -> Result<Self, MasterKeysError> {
        let mut keys: Vec<MasterKey> = Vec::new();
        for (index, entry) in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate() {
            let key = read_key(entry, index + 1)?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(MasterKeysError::Duplicate { id: key.id });
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(MasterKeysError::Empty)?;
        Ok(Self { first, others: keys.collect() })
    }

    /// Whether this can be a key's id: 1 to 32 letters, digits, `-` or `_`.
    #[must_use]
    pub fn is_id(text: &str) -> bool {
        (1..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    }

    /// Writes 32 random bytes as an entry that [`MasterKeys::parse`] reads.
    #[must_use]
    pub fn entry(id: &str, mut key: [u8; 32]) -> Zeroizing<String> {
        let entry = Zeroizing::new(format!("{id}:{}", STANDARD.encode(key)));
        key.zeroize();
        entry
    }

    /// A key for another purpose, derived from the first master key: the same in every replica, and telling nothing
    /// of the master key. A rotation changes it, so it is for what is short-lived.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derive(&self.first, purpose)
    }

    /// What [`MasterKeys::derive`] gives where another of these master keys is the first, in their order: what was made
    /// with one of them is recognised until that master key is removed.
    #[must_use]
    pub fn derive_others(&self, purpose: &str) -> Vec<Zeroizing<[u8; 32]>> {
        self.others.iter().map(|key| derive(key, purpose)).collect()
    }

    /// The id of the key that encrypts.
    #[must_use]
    pub fn current(&self) -> &str {
        &self.first.id
    }

    /// What every ciphertext of the key that encrypts begins with, and none of another.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let id = self.first.id.as_bytes();
        let length = u8::try_from(id.len()).unwrap_or(u8::MAX);
        [&[VERSION, length], id].concat()
    }

    /// The id of the key that a ciphertext names, whether it is configured or not.
    ///
    /// # Errors
    /// When it is no ciphertext.
    pub fn key_of(sealed: &[u8]) -> Result<&str, DecryptError> {
        let (id, _) = split(sealed)?;
        std::str::from_utf8(id).map_err(|_| DecryptError::Malformed)
    }

    /// Encrypts under the first key. `nonce` MUST be drawn anew for each call.
    ///
    /// # Errors
    /// Only beyond AES-GCM's length limit (64 GiB).
    pub fn encrypt(
        &self,
        plaintext: &[u8],
        associated: &[u8],
        nonce: [u8; NONCE_LENGTH],
    ) -> Result<Vec<u8>, EncryptError> {
        let payload = Payload { msg: plaintext, aad: associated };
        let ciphertext = self.first.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| EncryptError)?;
        Ok([self.head().as_slice(), &nonce, &ciphertext].concat())
    }

    /// Decrypts with whichever key the value names.
    ///
    /// # Errors
    /// When the value is malformed, its key is unknown, or it does not belong to `associated`.
    pub fn decrypt(&self, sealed: &[u8], associated: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        let (id, rest) = split(sealed)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(DecryptError::Malformed)?;
        let key = std::iter::once(&self.first)
            .chain(&self.others)
            .find(|key| key.id.as_bytes() == id)
            .ok_or_else(|| DecryptError::UnknownKey { id: String::from_utf8_lossy(id).into_owned() })?;
        key.cipher
            .decrypt(&Nonce::from(*nonce), Payload { msg: ciphertext, aad: associated })
            .map(Zeroizing::new)
            .map_err(|_| DecryptError::NotAuthentic)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entry(&self.first.id).entries(self.others.iter().map(|key| &key.id)).finish()
    }
}

/// The key id of a ciphertext, and what follows it.
fn split(sealed: &[u8]) -> Result<(&[u8], &[u8]), DecryptError> {
    let [VERSION, length, rest @ ..] = sealed else {
        return Err(DecryptError::Malformed);
    };
    rest.split_at_checked(usize::from(*length)).ok_or(DecryptError::Malformed)
}

fn derive(key: &MasterKey, purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0_u8; 32]);
    let expanded =
        Hkdf::<Sha256>::new(Some(b"crochet derived key v1"), &key.bytes).expand(purpose.as_bytes(), derived.as_mut());
    debug_assert!(expanded.is_ok(), "32 bytes are within HKDF's limit of 255 blocks");
    derived
}

fn read_key(entry: &str, position: usize) -> Result<MasterKey, MasterKeysError> {
    let (id, encoded) = entry.split_once(':').ok_or(MasterKeysError::Malformed { position })?;
    if !MasterKeys::is_id(id) {
        return Err(MasterKeysError::Malformed { position });
    }
    let wrong_length = || MasterKeysError::WrongLength { id: id.to_owned() };
    let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| wrong_length())?);
    let cipher = Aes256Gcm::new_from_slice(&bytes).map_err(|_| wrong_length())?;
    Ok(MasterKey { id: id.to_owned(), cipher, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> MasterKeys {
        MasterKeys::parse(text).unwrap()
    }

    fn entry(id: &str, byte: u8) -> String {
        MasterKeys::entry(id, [byte; 32]).to_string()
    }

    #[test]
    fn a_value_is_decrypted_where_it_belongs_and_nowhere_else() {
        let keys = keys(&entry("a", 1));
        let sealed = keys.encrypt(b"secret", b"row 1", [5; 12]).unwrap();
        assert_eq!(keys.decrypt(&sealed, b"row 1").unwrap().as_slice(), b"secret");
        assert_eq!(keys.decrypt(&sealed, b"row 2").unwrap_err(), DecryptError::NotAuthentic);
    }

    #[test]
    fn after_a_rotation_old_values_are_still_read() {
        let old = keys(&entry("a", 1)).encrypt(b"secret", b"row", [5; 12]).unwrap();
        let rotated = keys(&format!("{},{}", entry("b", 2), entry("a", 1)));
        assert_eq!(rotated.decrypt(&old, b"row").unwrap().as_slice(), b"secret");
        let new = rotated.encrypt(b"secret", b"row", [6; 12]).unwrap();
        assert_eq!(
            keys(&entry("a", 1)).decrypt(&new, b"row").unwrap_err(),
            DecryptError::UnknownKey { id: "b".into() }
        );
    }

    #[test]
    fn any_altered_byte_is_noticed() {
        let keys = keys(&entry("a", 1));
        let sealed = keys.encrypt(b"secret", b"row", [5; 12]).unwrap();
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert!(keys.decrypt(&altered, b"row").is_err(), "byte {index}");
            assert!(keys.decrypt(&sealed[..index], b"row").is_err(), "cut at {index}");
        }
    }

    #[test]
    fn a_wrong_list_of_keys_is_refused_without_showing_a_key() {
        assert_eq!(MasterKeys::parse("").unwrap_err(), MasterKeysError::Empty);
        assert_eq!(MasterKeys::parse("c2VjcmV0").unwrap_err(), MasterKeysError::Malformed { position: 1 });
        assert_eq!(MasterKeys::parse("a:c2VjcmV0").unwrap_err(), MasterKeysError::WrongLength { id: "a".into() });
        let twice = format!("{},{}", entry("a", 1), entry("a", 2));
        assert_eq!(MasterKeys::parse(&twice).unwrap_err(), MasterKeysError::Duplicate { id: "a".into() });
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_by_master_key() {
        let (a, b) = (keys(&entry("a", 1)), keys(&entry("a", 2)));
        assert_eq!(a.derive("x"), a.derive("x"));
        assert_ne!(a.derive("x"), a.derive("y"));
        assert_ne!(a.derive("x"), b.derive("x"));
        assert_ne!(a.derive("x").as_slice(), [1; 32]);
    }

    #[test]
    fn after_a_rotation_the_former_derived_key_is_among_the_others() {
        let rotated = keys(&format!("{},{}", entry("b", 2), entry("a", 1)));
        assert_eq!(rotated.derive("x"), keys(&entry("b", 2)).derive("x"));
        assert_eq!(rotated.derive_others("x"), [keys(&entry("a", 1)).derive("x")]);
        assert!(keys(&entry("b", 2)).derive_others("x").is_empty());
    }

    #[test]
    fn a_ciphertext_names_its_key_to_whoever_has_none() {
        let (short, long) = (keys(&entry("a", 1)), keys(&entry("ab", 1)));
        let sealed = long.encrypt(b"secret", b"row", [5; 12]).unwrap();
        assert_eq!(MasterKeys::key_of(&sealed), Ok(long.current()));
        assert!(sealed.starts_with(&long.head()) && !sealed.starts_with(&short.head()));
        for other in [&b""[..], &[2, 1, b'a'], &[1, 3, b'a'], &[1, 1, 0xff]] {
            assert_eq!(MasterKeys::key_of(other), Err(DecryptError::Malformed));
        }
    }

    #[test]
    fn debug_shows_the_ids_only() {
        assert_eq!(format!("{:?}", keys(&entry("a", 1))), "[\"a\"]");
    }
}
