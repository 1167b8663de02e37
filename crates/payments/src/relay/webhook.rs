//! Webhooks: who may say that it is time to look. What one says of a payment is not believed, it only makes the
//! gateway ask; so one that is repeated, out of order or late does no harm.

use std::time::Duration;

use crochet_primitives::{Timestamp, timestamp_from_millis};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;
use thiserror::Error;

use super::json as read;

/// How far a webhook's timestamp may be from our clock, either way.
pub const WEBHOOK_TOLERANCE: Duration = Duration::from_secs(300);

/// The header with the moment at which a webhook was signed.
pub(super) const WEBHOOK_TIMESTAMP: &str = "x-signature-timestamp";
/// The header with its signature.
pub(super) const WEBHOOK_SIGNATURE: &str = "x-signature-sha256";

/// From here on a timestamp is in milliseconds: as seconds it would be in the year 5138.
const FIRST_MILLIS: u64 = 100_000_000_000;

/// A webhook that Relay has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEvent {
    /// Relay's id of the request that something is new about: at most 66 characters of ASCII.
    pub request_id: String,
}

/// Why a webhook is not taken. None of them says anything of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WebhookError {
    /// A header is missing or malformed, the signature is not that of these bytes, or the timestamp is too old or too
    /// far ahead.
    #[error("the webhook is not signed by the payment provider")]
    Unsigned,
    /// Signed, and yet not about a request.
    #[error("the webhook does not name a request")]
    NotAboutARequest,
}

/// Verifies one webhook: `timestamp` and `signature` are its headers `X-Signature-Timestamp` and `X-Signature-SHA256`,
/// `body` its bytes as they came over the wire. In constant time as far as the signature goes.
///
/// # Errors
/// When it is not signed with `api_key` within [`WEBHOOK_TOLERANCE`] of `now`, or names no request.
pub fn verify_webhook(
    api_key: &SecretString,
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<WebhookEvent, WebhookError> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(api_key.expose_secret().as_bytes()).map_err(|_| WebhookError::Unsigned)?;
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let signature = hex::decode(signature).map_err(|_| WebhookError::Unsigned)?;
    mac.verify_slice(&signature).map_err(|_| WebhookError::Unsigned)?;
    let is_fresh = moment(timestamp)
        .is_some_and(|at| (now - at).abs().to_std().is_ok_and(|distance| distance <= WEBHOOK_TOLERANCE));
    if !is_fresh {
        return Err(WebhookError::Unsigned);
    }
    let event: Value = serde_json::from_slice(body).map_err(|_| WebhookError::NotAboutARequest)?;
    let id = read::text(&event, &["data", "requestId"]).ok_or(WebhookError::NotAboutARequest)?;
    let is_id = id.len() <= 66 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_id { Ok(WebhookEvent { request_id: id.to_owned() }) } else { Err(WebhookError::NotAboutARequest) }
}

/// Seconds or milliseconds: the documents do not say which.
fn moment(timestamp: &str) -> Option<Timestamp> {
    if timestamp.is_empty() || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = timestamp.parse().ok()?;
    let millis = if number < FIRST_MILLIS { number.checked_mul(1_000)? } else { number };
    timestamp_from_millis(i64::try_from(millis).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &[u8] =
        br#"{"event":"request.status.updated","timestamp":1774993296140,"data":{"status":"success","requestId":"0x01"}}"#;
    const SIGNATURE: &str = "0f3fde47957444dbb464cc905cb1f52fa147e8090ee656dbbbaacc405f025dff";
    const TIMESTAMP: &str = "1774993296140";

    fn key() -> SecretString {
        SecretString::from("test-api-key")
    }

    fn at(seconds: i64) -> Timestamp {
        timestamp_from_millis(1_774_993_296_140 + seconds * 1_000).unwrap()
    }

    fn sign(timestamp: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"test-api-key").unwrap();
        mac.update(&[timestamp.as_bytes(), b".", body].concat());
        hex::encode(mac.finalize().into_bytes())
    }

    #[test]
    fn the_vector_is_taken() {
        let event = verify_webhook(&key(), TIMESTAMP, SIGNATURE, BODY, at(0)).unwrap();
        assert_eq!(event.request_id, "0x01");
    }

    #[test]
    fn a_timestamp_counts_in_seconds_too() {
        let signature = sign("1774993296", BODY);
        assert!(verify_webhook(&key(), "1774993296", &signature, BODY, at(299)).is_ok());
    }

    #[test]
    fn anything_that_differs_is_refused() {
        let other_body = [BODY, b" "].concat();
        let other_key = SecretString::from("test-api-kez");
        for (key, timestamp, signature, body, now) in [
            (&key(), TIMESTAMP, SIGNATURE, other_body.as_slice(), at(0)),
            (&other_key, TIMESTAMP, SIGNATURE, BODY, at(0)),
            (&key(), "1774993296141", SIGNATURE, BODY, at(0)),
            (&key(), TIMESTAMP, &SIGNATURE[..62], BODY, at(0)),
            (&key(), TIMESTAMP, "", BODY, at(0)),
            (&key(), TIMESTAMP, "not hexadecimal", BODY, at(0)),
            (&key(), TIMESTAMP, SIGNATURE, BODY, at(301)),
            (&key(), TIMESTAMP, SIGNATURE, BODY, at(-301)),
        ] {
            assert_eq!(verify_webhook(key, timestamp, signature, body, now), Err(WebhookError::Unsigned));
        }
    }

    #[test]
    fn what_is_signed_and_names_no_request_is_told_apart() {
        for body in [&b"not json"[..], b"{}", br#"{"data":{"requestId":7}}"#, br#"{"data":{"requestId":"a b"}}"#] {
            let signature = sign(TIMESTAMP, body);
            let refused = verify_webhook(&key(), TIMESTAMP, &signature, body, at(0));
            assert_eq!(refused, Err(WebhookError::NotAboutARequest));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(timestamp in ".*", signature in ".*", body in proptest::collection::vec(any::<u8>(), 0..128)) {
            prop_assert!(verify_webhook(&key(), &timestamp, &signature, &body, at(0)).is_err());
        }

        #[test]
        fn no_signed_timestamp_makes_it_panic(timestamp in "[0-9]{0,25}") {
            let signature = sign(&timestamp, BODY);
            let _ = verify_webhook(&key(), &timestamp, &signature, BODY, at(0));
        }
    }
}
