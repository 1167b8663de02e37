//! `am_k_…`: what an agent authenticates with.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroize;

const PREFIX: &str = "am_k_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^43 > 2^256: 32 bytes in base62.
const DIGITS: usize = 43;
/// How much of a key is shown in lists: the prefix and four characters.
const SHOWN: usize = PREFIX.len() + 4;

/// Text that cannot be an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an API key is am_k_ and 43 letters and digits")]
pub struct InvalidApiKey;

/// A raw API key. Exists only while a request is handled, and once when it is issued; stored is its [`ApiKeyHash`].
#[derive(Clone)]
pub struct ApiKey(SecretString);

/// SHA-256 of a raw key: what is stored and looked up. A key has 256 bits of entropy, so no slow hash is called for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ApiKeyHash([u8; 32]);

impl ApiKey {
    /// A key made of 32 random bytes, written in base62.
    #[must_use]
    pub fn generate(mut random: [u8; 32]) -> Self {
        let mut number = random;
        random.zeroize();
        let mut text = String::with_capacity(PREFIX.len() + DIGITS);
        text.push_str(PREFIX);
        for _ in 0..DIGITS {
            let digit = divide_by_62(&mut number);
            text.push(char::from(ALPHABET.get(usize::from(digit)).copied().unwrap_or(b'0')));
        }
        number.zeroize();
        Self(SecretString::from(text))
    }

    /// Reads a key as it comes in an `Authorization` header.
    ///
    /// # Errors
    /// When the text has not the shape of a key.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        let digits = text.strip_prefix(PREFIX).ok_or(InvalidApiKey)?;
        if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(InvalidApiKey);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The raw key. Only for the one answer that hands it out, and for deriving keys from it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What is stored.
    #[must_use]
    pub fn hash(&self) -> ApiKeyHash {
        ApiKeyHash(Sha256::digest(self.expose().as_bytes()).into())
    }

    /// The first characters, safe to show: `am_k_Ab12`.
    #[must_use]
    pub fn prefix(&self) -> String {
        self.expose().chars().take(SHOWN).collect()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([REDACTED])")
    }
}

impl ApiKeyHash {
    /// The hash as stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash for storage.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyHash([REDACTED])")
    }
}

/// Divides the big-endian number by 62 in place and returns the remainder.
fn divide_by_62(number: &mut [u8; 32]) -> u8 {
    let mut remainder = 0_u16;
    for byte in number.iter_mut() {
        let value = (remainder << 8) | u16::from(*byte);
        *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
        remainder = value % 62;
    }
    u8::try_from(remainder).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_read_back_and_keeps_its_hash() {
        for seed in 0..=255 {
            let key = ApiKey::generate([seed; 32]);
            let read = ApiKey::parse(key.expose()).unwrap();
            assert_eq!(read.hash(), key.hash());
            assert_eq!(key.prefix().len(), 9);
        }
    }

    #[test]
    fn two_different_draws_make_two_different_keys() {
        let mut other = [7; 32];
        other[31] = 8;
        assert_ne!(ApiKey::generate([7; 32]).expose(), ApiKey::generate(other).expose());
    }

    #[test]
    fn what_has_not_the_shape_of_a_key_is_refused() {
        let good = ApiKey::generate([1; 32]).expose().to_owned();
        for text in [
            "",
            "am_k_",
            "am_k_short",
            &good[1..],
            &format!("{good}0"),
            &good.replace("am_k_", "am_K_"),
            &good.replacen(&good[6..7], "-", 1),
        ] {
            assert!(ApiKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_a_key() {
        let key = ApiKey::generate([1; 32]);
        assert_eq!(format!("{key:?} {:?}", key.hash()), "ApiKey([REDACTED]) ApiKeyHash([REDACTED])");
    }
}
