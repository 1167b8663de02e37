//! The secret that a seller and the gateway share.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::body_hash::hex_text;

const PREFIX: &str = "whsec_";
/// Base64 of 32 bytes, with its padding.
const ENCODED_LEN: usize = 44;

/// A listing's signing secret: `whsec_` and the base64 of 32 random bytes. Shown to its seller once.
///
/// The HMAC key is the UTF-8 bytes of the whole text, prefix included: what a seller copies is what it signs with.
#[derive(Debug, Clone)]
pub struct SigningSecret(SecretString);

/// The secrets that a request is sealed with.
#[derive(Debug, Clone)]
pub struct SigningSecrets {
    /// What `X-Crochet-Signature` is made with: during a rotation's overlap the previous secret.
    pub current: SigningSecret,
    /// During a rotation's overlap the new secret, for `X-Crochet-Signature-Next`.
    pub next: Option<SigningSecret>,
}

/// Text that is no signing secret. It never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a signing secret is whsec_ and the base64 of 32 bytes")]
pub struct ParseSecretError;

impl SigningSecret {
    /// A secret of 32 random bytes.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        let random = Zeroizing::new(random);
        // Of its final length from the start: a string that grew would leave a copy behind.
        let mut text = String::with_capacity(PREFIX.len() + ENCODED_LEN);
        text.push_str(PREFIX);
        STANDARD.encode_string(random.as_slice(), &mut text);
        Self(SecretString::from(text))
    }

    /// Reads what [`Self::generate`] made.
    ///
    /// # Errors
    /// When `text` is anything else.
    pub fn parse(text: String) -> Result<Self, ParseSecretError> {
        let secret = SecretString::from(text);
        let encoded = secret.expose_secret().strip_prefix(PREFIX).ok_or(ParseSecretError)?;
        let decoded = STANDARD.decode(encoded).map(Zeroizing::new).map_err(|_| ParseSecretError)?;
        if decoded.len() == 32 { Ok(Self(secret)) } else { Err(ParseSecretError) }
    }

    /// The secret itself, for the one answer that shows it and for sealing it at rest.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// An HMAC-SHA256 keyed with the whole text.
    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC hashes a key that is longer than a block, and pads a shorter one")]
        Hmac::new_from_slice(self.expose().as_bytes()).expect("HMAC takes a key of any length")
    }

    /// The signature of `payload`, in lower-case hex.
    pub(crate) fn sign(&self, payload: &str) -> String {
        hex_text(self.mac().chain_update(payload).finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_is_whsec_and_the_base64_of_its_bytes() {
        let bytes = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let secret = SigningSecret::generate(bytes);
        assert_eq!(secret.expose(), "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    }

    #[test]
    fn a_secret_is_not_in_its_debug_output() {
        let secret = SigningSecret::generate([7; 32]);
        let secrets = SigningSecrets { current: secret.clone(), next: Some(secret.clone()) };
        for shown in [format!("{secret:?}"), format!("{secrets:?}")] {
            assert!(!shown.contains("whsec_") && !shown.contains("BwcH"), "{shown}");
        }
    }

    #[test]
    fn a_secret_of_another_length_or_prefix_is_refused() {
        for text in ["", "whsec_", "whsec_AAAA", "whsk_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", "whsec_ä"] {
            assert!(SigningSecret::parse(text.to_owned()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_secret_is_read_back_from_its_text(bytes: [u8; 32]) {
            let secret = SigningSecret::generate(bytes);
            let parsed = SigningSecret::parse(secret.expose().to_owned()).unwrap();
            prop_assert_eq!(parsed.expose(), secret.expose());
        }

        #[test]
        fn no_text_panics_the_parser(text in "(whsec_)?\\PC*") {
            let _ = SigningSecret::parse(text);
        }
    }
}
