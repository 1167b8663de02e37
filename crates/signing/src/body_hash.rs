//! What binds a seal to a body.

use std::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// SHA-256 of a raw body, exactly as it came over the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyHash([u8; 32]);

/// Text that is not 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a body hash is 64 lower-case hex digits")]
pub struct ParseBodyHashError;

impl BodyHash {
    /// The hash of `body`.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }

    /// A hash that was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads what `Display` writes.
    ///
    /// # Errors
    /// When `text` is anything but 64 lower-case hex digits.
    pub fn parse(text: &str) -> Result<Self, ParseBodyHashError> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(ParseBodyHashError);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseBodyHashError)?;
        Ok(Self(bytes))
    }
}

/// 32 bytes in lower-case hex, encoded at once: every call has three of them, and `hex::encode` goes by characters.
pub(crate) fn hex_text(bytes: [u8; 32]) -> String {
    let mut text = vec![0; 64];
    // The length is right, and hex digits are text.
    let _ = hex::encode_to_slice(bytes, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Lower-case hex.
impl fmt::Display for BodyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex_text(self.0))
    }
}

impl fmt::Debug for BodyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_empty_body_has_its_well_known_hash() {
        let known = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(BodyHash::of(b"").to_string(), known);
    }

    #[test]
    fn only_64_lower_case_hex_digits_are_a_hash() {
        for text in ["", "e3", &"E3".repeat(32), &"e3".repeat(33), &"g3".repeat(32)] {
            assert_eq!(BodyHash::parse(text), Err(ParseBodyHashError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_hash_is_read_back_from_its_text(bytes: [u8; 32]) {
            let hash = BodyHash::from_bytes(bytes);
            prop_assert_eq!(BodyHash::parse(&hash.to_string()), Ok(hash));
        }

        #[test]
        fn no_text_panics_the_parser(text in "\\PC*") {
            let _ = BodyHash::parse(&text);
        }
    }
}
