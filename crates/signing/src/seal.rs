//! What the gateway puts on a forwarded request.

use crochet_primitives::{Timestamp, format_timestamp};

use crate::{BodyHash, SigningSecrets, headers};

/// The signed part of a forwarded request's headers. The buyer's id and the attempt are the forwarder's to add.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seal {
    /// When the request was sealed: RFC 3339, UTC, milliseconds.
    pub timestamp: String,
    /// `gw_req_…`
    pub request_id: String,
    /// The listing that was called.
    pub listing_id: String,
    /// The hash of the body.
    pub body_sha256: BodyHash,
    /// The signature under the current secret, 64 lower-case hex digits.
    pub signature: String,
    /// The signature under the next secret, while a rotation overlaps.
    pub next_signature: Option<String>,
    body_sha256_text: String,
}

/// Seals a request: the same inputs always give the same seal.
///
/// Neither id may hold a point (ours never do): the signed text separates its parts by points, and [`crate::verify`]
/// refuses ids that could move one.
#[must_use]
pub fn seal(
    secrets: &SigningSecrets,
    at: Timestamp,
    request_id: &str,
    listing_id: &str,
    body_sha256: BodyHash,
) -> Seal {
    let timestamp = format_timestamp(at);
    let body_sha256_text = body_sha256.to_string();
    let payload = payload(&timestamp, request_id, listing_id, &body_sha256_text);
    Seal {
        signature: secrets.current.sign(&payload),
        next_signature: secrets.next.as_ref().map(|secret| secret.sign(&payload)),
        timestamp,
        request_id: request_id.to_owned(),
        listing_id: listing_id.to_owned(),
        body_sha256,
        body_sha256_text,
    }
}

/// What is signed.
pub(crate) fn payload(timestamp: &str, request_id: &str, listing_id: &str, body_sha256: &str) -> String {
    format!("{timestamp}.{request_id}.{listing_id}.{body_sha256}")
}

impl Seal {
    /// The headers, with the names of [`headers`].
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let next = self.next_signature.as_deref().map(|signature| (headers::SIGNATURE_NEXT, signature));
        [
            (headers::REQUEST_ID, self.request_id.as_str()),
            (headers::LISTING_ID, self.listing_id.as_str()),
            (headers::TIMESTAMP, self.timestamp.as_str()),
            (headers::BODY_SHA256, self.body_sha256_text.as_str()),
            (headers::SIGNATURE, self.signature.as_str()),
        ]
        .into_iter()
        .chain(next)
    }
}

#[cfg(test)]
mod tests {
    use crochet_primitives::timestamp_from_millis;

    use super::*;
    use crate::SigningSecret;

    const REQUEST: &str = "gw_req_0190a0b0-0000-7000-8000-000000000000";
    const LISTING: &str = "0190a0b0-0000-7000-8000-000000000001";
    const BODY: &[u8] = br#"{"text":"hello"}"#;

    fn secrets(next: Option<[u8; 32]>) -> SigningSecrets {
        let current = SigningSecret::generate(std::array::from_fn(|index| u8::try_from(index).unwrap()));
        SigningSecrets { current, next: next.map(SigningSecret::generate) }
    }

    fn sealed(secrets: &SigningSecrets) -> Seal {
        seal(secrets, timestamp_from_millis(1_777_809_600_000).unwrap(), REQUEST, LISTING, BodyHash::of(BODY))
    }

    // Both signatures were calculated with another implementation: Python's `hmac.new(secret.encode(),
    // payload.encode(), hashlib.sha256).hexdigest()`.
    #[test]
    fn the_signature_is_that_of_another_implementation() {
        let seal = sealed(&secrets(Some([7; 32])));
        assert_eq!(seal.timestamp, "2026-05-03T12:00:00.000Z");
        assert_eq!(seal.signature, "02a0b9ab8042f59c772c53e5ca684a2b16e0d8eccfa4a83ce633272840b98887");
        assert_eq!(
            seal.next_signature.as_deref(),
            Some("a92a568c61fd6998f10136f1c9f3e3bcd3c890ddf32251cfbddcd33f9596749b")
        );
    }

    #[test]
    fn the_headers_carry_every_signed_part() {
        let seal = sealed(&secrets(None));
        let headers: Vec<_> = seal.headers().collect();
        let hash = seal.body_sha256.to_string();
        assert_eq!(
            headers,
            [
                ("x-crochet-request-id", REQUEST),
                ("x-crochet-listing-id", LISTING),
                ("x-crochet-timestamp", "2026-05-03T12:00:00.000Z"),
                ("x-crochet-body-sha256", hash.as_str()),
                ("x-crochet-signature", seal.signature.as_str()),
            ]
        );
    }

    #[test]
    fn a_rotation_adds_a_second_signature_and_keeps_the_first() {
        let (before, during) = (sealed(&secrets(None)), sealed(&secrets(Some([7; 32]))));
        assert_eq!(during.signature, before.signature);
        assert_eq!(
            during.headers().last(),
            during.next_signature.as_deref().map(|next| (headers::SIGNATURE_NEXT, next))
        );
    }
}
