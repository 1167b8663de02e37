//! The headers by which a seller knows that a request came through the gateway: accepted is what was sealed, and nothing
//! that was moved or changed.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use crochet_signing::{BodyHash, Received, SigningSecret, SigningSecrets, VerifyError, seal, verify};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::input::{lines, now, seed, text};

const TOLERANCE: Duration = Duration::from_secs(300);

/// Six lines: timestamp, request id, listing id, body hash, signature, and the body.
pub fn seals(bytes: &[u8]) {
    let text = text(bytes);
    let [timestamp, request_id, listing_id, body_sha256, signature, body] = lines(&text);
    let secret = SigningSecret::generate([1; 32]);
    let received = Received { timestamp, request_id, listing_id, body_sha256, signature };
    assert_eq!(
        verify(&secret, &received, body.as_bytes(), now(), TOLERANCE).is_ok(),
        is_ours(&secret, &received, body)
    );

    // The same headers, signed.
    let signed = sign(&secret, &received);
    let received = Received { signature: &signed, ..received };
    let verdict = verify(&secret, &received, body.as_bytes(), now(), TOLERANCE);
    assert_eq!(verdict.is_ok(), is_ours(&secret, &received, body), "{verdict:?}");
    assert_ne!(verdict, Err(VerifyError::WrongSignature));
    sealed(request_id, listing_id, body, &seed(bytes));
}

/// The gateway's own seal, with a secret of the input's.
fn sealed(request_id: &str, listing_id: &str, body: &str, random: &[u8; 32]) {
    let current = SigningSecret::generate(*random);
    let secrets = SigningSecrets { current: current.clone(), next: Some(SigningSecret::generate([2; 32])) };
    let seal = seal(&secrets, now(), request_id, listing_id, BodyHash::of(body.as_bytes()));
    let hash = seal.body_sha256.to_string();
    let received =
        Received { timestamp: &seal.timestamp, request_id, listing_id, body_sha256: &hash, signature: &seal.signature };
    let check = |secret: &SigningSecret, received: &Received<'_>, body: &str, late_by| {
        verify(secret, received, body.as_bytes(), now() + TimeDelta::seconds(late_by), TOLERANCE)
    };
    if request_id.contains('.') || listing_id.contains('.') {
        assert_eq!(check(&current, &received, body, 0), Err(VerifyError::Malformed));
        return;
    }
    assert_eq!(check(&current, &received, body, 0), Ok(()));
    let next = Received { signature: seal.next_signature.as_deref().unwrap(), ..received };
    assert_eq!(check(secrets.next.as_ref().unwrap(), &next, body, 0), Ok(()));
    assert_eq!(check(&current, &next, body, 0), Err(VerifyError::WrongSignature));
    assert_eq!(check(&current, &received, &format!("{body} "), 0), Err(VerifyError::WrongBody));
    assert_eq!(check(&current, &received, body, 301), Err(VerifyError::Stale));
    let moved = format!("{request_id}0");
    assert_eq!(
        check(&current, &Received { request_id: &moved, ..received }, body, 0),
        Err(VerifyError::WrongSignature)
    );
}

fn sign(secret: &SigningSecret, received: &Received<'_>) -> String {
    let Received { timestamp, request_id, listing_id, body_sha256, .. } = received;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).unwrap();
    mac.update([timestamp, request_id, listing_id, body_sha256].map(|part| part.as_bytes()).join(&b'.').as_slice());
    hex::encode(mac.finalize().into_bytes())
}

/// The rules, in another order and another way.
fn is_ours(secret: &SigningSecret, received: &Received<'_>, body: &str) -> bool {
    received.signature.to_lowercase() == sign(secret, received)
        && received.body_sha256 == BodyHash::of(body.as_bytes()).to_string()
        && ![received.request_id, received.listing_id].join("").contains('.')
        && DateTime::parse_from_rfc3339(received.timestamp)
            .is_ok_and(|at| (now() - at.to_utc()).num_milliseconds().abs() <= 300_000 && is_exact(now() - at.to_utc()))
}

/// Within the tolerance to the nanosecond.
fn is_exact(distance: TimeDelta) -> bool {
    distance.abs() <= TimeDelta::seconds(300)
}
