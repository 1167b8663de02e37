//! What a seller does with the headers.

use std::time::Duration;

use chrono::DateTime;
use crochet_primitives::Timestamp;
use hmac::Mac;
use thiserror::Error;

use crate::seal::payload;
use crate::{BodyHash, SigningSecret};

/// The headers of a request as a seller received them.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// `X-Crochet-Timestamp`
    pub timestamp: &'a str,
    /// `X-Crochet-Request-Id`
    pub request_id: &'a str,
    /// `X-Crochet-Listing-Id`
    pub listing_id: &'a str,
    /// `X-Crochet-Body-SHA256`
    pub body_sha256: &'a str,
    /// `X-Crochet-Signature`; or `X-Crochet-Signature-Next`, to check it with the new secret.
    pub signature: &'a str,
}

/// Why a request is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// A header is not of the form that the gateway sends.
    #[error("a header is malformed")]
    Malformed,
    /// Not signed with this secret, or changed on its way.
    #[error("the signature does not match")]
    WrongSignature,
    /// The headers are authentic, but belong to another body.
    #[error("the body does not match its signed hash")]
    WrongBody,
    /// The headers are authentic, but further from now than the tolerance: a replay, or a clock that is wrong.
    #[error("the timestamp is too far from now")]
    Stale,
}

/// Verifies that a request was sealed with `secret`, for this very body, within `tolerance` before or after `now`.
/// Five minutes are a good tolerance.
///
/// A request that passes may still be a repetition within the tolerance: a service that is not idempotent remembers
/// request ids.
///
/// # Errors
/// The first check that fails: form, signature (in constant time), body, age.
pub fn verify(
    secret: &SigningSecret,
    received: &Received<'_>,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), VerifyError> {
    let Received { timestamp, request_id, listing_id, body_sha256, signature } = *received;
    // A point inside an id could move what is signed from one part to its neighbour.
    if request_id.contains('.') || listing_id.contains('.') {
        return Err(VerifyError::Malformed);
    }
    let signed_hash = BodyHash::parse(body_sha256).map_err(|_| VerifyError::Malformed)?;
    let signed_at = DateTime::parse_from_rfc3339(timestamp).map_err(|_| VerifyError::Malformed)?;
    let mut tag = [0; 32];
    hex::decode_to_slice(signature, &mut tag).map_err(|_| VerifyError::Malformed)?;

    let payload = payload(timestamp, request_id, listing_id, body_sha256);
    secret.mac().chain_update(payload).verify_slice(&tag).map_err(|_| VerifyError::WrongSignature)?;
    if signed_hash != BodyHash::of(body) {
        return Err(VerifyError::WrongBody);
    }
    let distance = now.signed_duration_since(signed_at).abs().to_std().map_err(|_| VerifyError::Stale)?;
    if distance > tolerance { Err(VerifyError::Stale) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use crochet_primitives::timestamp_from_millis;
    use proptest::prelude::*;

    use super::*;
    use crate::{Seal, SigningSecrets, seal};

    const SEALED_AT: i64 = 1_777_809_600_000;
    const FIVE_MINUTES: Duration = Duration::from_secs(300);

    fn sealed(body: &[u8], secret: &SigningSecret, next: Option<SigningSecret>) -> (Seal, String) {
        let secrets = SigningSecrets { current: secret.clone(), next };
        let at = timestamp_from_millis(SEALED_AT).unwrap();
        let seal = seal(&secrets, at, "gw_req_1", "listing-1", BodyHash::of(body));
        let hash = seal.body_sha256.to_string();
        (seal, hash)
    }

    fn received<'a>(seal: &'a Seal, hash: &'a str) -> Received<'a> {
        Received {
            timestamp: &seal.timestamp,
            request_id: &seal.request_id,
            listing_id: &seal.listing_id,
            body_sha256: hash,
            signature: &seal.signature,
        }
    }

    fn check(secret: &SigningSecret, received: &Received<'_>, body: &[u8], late_by: i64) -> Result<(), VerifyError> {
        verify(secret, received, body, timestamp_from_millis(SEALED_AT + late_by).unwrap(), FIVE_MINUTES)
    }

    #[test]
    fn a_sealed_request_is_trusted_within_the_tolerance_only() {
        let secret = SigningSecret::generate([1; 32]);
        let (seal, hash) = sealed(b"{}", &secret, None);
        let received = received(&seal, &hash);
        for late_by in [-300_000, 0, 300_000] {
            assert_eq!(check(&secret, &received, b"{}", late_by), Ok(()));
        }
        for late_by in [-300_001, 300_001] {
            assert_eq!(check(&secret, &received, b"{}", late_by), Err(VerifyError::Stale));
        }
    }

    #[test]
    fn another_body_is_not_trusted() {
        let secret = SigningSecret::generate([1; 32]);
        let (seal, hash) = sealed(b"{}", &secret, None);
        assert_eq!(check(&secret, &received(&seal, &hash), b"{ }", 0), Err(VerifyError::WrongBody));
    }

    #[test]
    fn every_signed_part_is_covered_by_the_signature() {
        let secret = SigningSecret::generate([1; 32]);
        let (seal, hash) = sealed(b"{}", &secret, None);
        let good = received(&seal, &hash);
        let other_hash = BodyHash::of(b"x").to_string();
        for changed in [
            Received { timestamp: "2026-05-03T12:00:00.001Z", ..good },
            Received { request_id: "gw_req_2", ..good },
            Received { listing_id: "listing-2", ..good },
            Received { body_sha256: &other_hash, ..good },
            Received { signature: &other_hash, ..good },
        ] {
            assert_eq!(check(&secret, &changed, b"{}", 0), Err(VerifyError::WrongSignature), "{changed:?}");
        }
        let other_secret = SigningSecret::generate([2; 32]);
        assert_eq!(check(&other_secret, &good, b"{}", 0), Err(VerifyError::WrongSignature));
    }

    #[test]
    fn a_point_cannot_be_moved_from_one_part_to_its_neighbour() {
        let secret = SigningSecret::generate([1; 32]);
        let secrets = SigningSecrets { current: secret.clone(), next: None };
        let at = timestamp_from_millis(SEALED_AT).unwrap();
        let seal = seal(&secrets, at, "a", "b.c", BodyHash::of(b""));
        let hash = seal.body_sha256.to_string();
        let moved = Received { request_id: "a.b", listing_id: "c", ..received(&seal, &hash) };
        assert_eq!(check(&secret, &moved, b"", 0), Err(VerifyError::Malformed));
    }

    #[test]
    fn during_a_rotation_either_secret_verifies_its_own_signature() {
        let (old, new) = (SigningSecret::generate([1; 32]), SigningSecret::generate([2; 32]));
        let (seal, hash) = sealed(b"{}", &old, Some(new.clone()));
        let by_old = received(&seal, &hash);
        let by_new = Received { signature: seal.next_signature.as_deref().unwrap(), ..by_old };
        assert_eq!(check(&old, &by_old, b"{}", 0), Ok(()));
        assert_eq!(check(&new, &by_new, b"{}", 0), Ok(()));
        assert_eq!(check(&new, &by_old, b"{}", 0), Err(VerifyError::WrongSignature));
    }

    proptest! {
        #[test]
        fn no_header_panics_the_verification(timestamp in "\\PC*", id in "\\PC*", hash in "\\PC*", signature in "\\PC*") {
            let secret = SigningSecret::generate([1; 32]);
            let received = Received {
                timestamp: &timestamp,
                request_id: &id,
                listing_id: &id,
                body_sha256: &hash,
                signature: &signature,
            };
            prop_assert!(check(&secret, &received, b"", 0).is_err());
        }
    }
}
