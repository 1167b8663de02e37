//! The replay vault: a paid response, kept so that only who paid for it can open it.
//!
//! The key is HKDF-SHA256(the payer's secret, salt = call id): a raw API key, or what a payer without one chose. The
//! gateway stores neither, API keys only hashed, so at rest nobody can open what is in the vault, the operator included.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use crochet_primitives::CallId;
use hkdf::Hkdf;
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::ApiKey;

const INFO: &[u8] = b"crochet replay vault v1";
const NONCE_LENGTH: usize = 12;

/// The vault could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VaultError {
    /// Another secret, another call, or altered bytes.
    #[error("the sealed response does not open with this secret")]
    DoesNotOpen,
    /// Beyond AES-GCM's length limit.
    #[error("the response is too long to seal")]
    TooLong,
}

/// What opens a payer's responses. Never stored, never printed.
#[derive(Clone)]
pub struct VaultSecret {
    bytes: Zeroizing<Vec<u8>>,
    hint: String,
}

impl fmt::Debug for VaultSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultSecret").field("hint", &self.hint).finish_non_exhaustive()
    }
}

impl VaultSecret {
    /// The API key's.
    #[must_use]
    pub fn of_api_key(key: &ApiKey) -> Self {
        Self { bytes: Zeroizing::new(key.expose().as_bytes().to_vec()), hint: key.prefix() }
    }

    /// Of the identifier that a payer without a key chose for its payment: as good a secret as it chose.
    #[must_use]
    pub fn of_payment_identifier(identifier: &str) -> Self {
        // No API key begins like this, so no identifier opens what a key has sealed.
        let bytes = Zeroizing::new([b"payment-identifier\0", identifier.as_bytes()].concat());
        Self { bytes, hint: "payment-identifier".to_owned() }
    }

    /// What says to the payer which of its secrets it is: an API key's prefix, or `payment-identifier`.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl From<&ApiKey> for VaultSecret {
    fn from(key: &ApiKey) -> Self {
        Self::of_api_key(key)
    }
}

/// Seals `response` for `key`: `nonce ‖ AES-256-GCM output`. `nonce` MUST be drawn anew for each call.
///
/// # Errors
/// Only beyond AES-GCM's length limit (64 GiB).
pub fn seal_response(key: &VaultSecret, call: CallId, response: &[u8], nonce: [u8; 12]) -> Result<Vec<u8>, VaultError> {
    let call_id = call.uuid();
    let payload = Payload { msg: response, aad: call_id.as_bytes() };
    let ciphertext = cipher(key, call)?.encrypt(&Nonce::from(nonce), payload).map_err(|_| VaultError::TooLong)?;
    let mut sealed = Vec::with_capacity(NONCE_LENGTH + ciphertext.len());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

/// Opens what [`seal_response`] sealed.
///
/// # Errors
/// When the key or the call is another one, or the bytes were altered.
pub fn open_response(key: &VaultSecret, call: CallId, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or(VaultError::DoesNotOpen)?;
    let call_id = call.uuid();
    let payload = Payload { msg: ciphertext, aad: call_id.as_bytes() };
    cipher(key, call)?.decrypt(&Nonce::from(*nonce), payload).map_err(|_| VaultError::DoesNotOpen)
}

fn cipher(key: &VaultSecret, call: CallId) -> Result<Aes256Gcm, VaultError> {
    let mut derived = Zeroizing::new([0_u8; 32]);
    Hkdf::<Sha256>::new(Some(call.uuid().as_bytes()), &key.bytes)
        .expand(INFO, derived.as_mut())
        .map_err(|_| VaultError::DoesNotOpen)?;
    Aes256Gcm::new_from_slice(derived.as_ref()).map_err(|_| VaultError::DoesNotOpen)
}

#[cfg(test)]
mod tests {
    use crochet_primitives::timestamp_from_millis;

    use super::*;

    #[test]
    fn only_the_key_that_paid_opens_the_response_and_only_for_its_call() {
        let at = timestamp_from_millis(1).unwrap();
        let (call, other_call) = (CallId::new(at, [1; 10]), CallId::new(at, [2; 10]));
        let (key, other_key) = (ApiKey::generate([1; 32]), ApiKey::generate([2; 32]));
        let (key, other_key) = (VaultSecret::of_api_key(&key), VaultSecret::of_api_key(&other_key));
        let sealed = seal_response(&key, call, b"{\"answer\":42}", [3; 12]).unwrap();
        assert_eq!(open_response(&key, call, &sealed).unwrap(), b"{\"answer\":42}");
        assert_eq!(open_response(&other_key, call, &sealed), Err(VaultError::DoesNotOpen));
        assert_eq!(open_response(&key, other_call, &sealed), Err(VaultError::DoesNotOpen));
        assert_eq!(open_response(&key, call, &sealed[..5]), Err(VaultError::DoesNotOpen));
    }

    #[test]
    fn a_payers_own_identifier_is_no_api_key_and_is_not_printed() {
        let call = CallId::new(timestamp_from_millis(1).unwrap(), [1; 10]);
        let key = ApiKey::generate([1; 32]);
        let chosen = VaultSecret::of_payment_identifier(key.expose());
        let sealed = seal_response(&chosen, call, b"{}", [3; 12]).unwrap();
        assert_eq!(open_response(&VaultSecret::of_api_key(&key), call, &sealed), Err(VaultError::DoesNotOpen));
        assert_eq!(open_response(&chosen, call, &sealed).unwrap(), b"{}");
        assert!(!format!("{chosen:?}").contains(key.expose()));
        assert_eq!(chosen.hint(), "payment-identifier");
    }
}
