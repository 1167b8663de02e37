// verify.rs: with the crates chrono 0.4, hex 0.4, hmac 0.13 and sha2 0.11.
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Whether a request came through Crochet, for this very body, within five minutes.
///
/// `secrets`: the whole `whsec_...` texts that you accept: one, or two while you rotate. `header` looks a header up by
/// its name in lower case. `body`: the raw bytes, before any parsing.
pub fn is_from_crochet<'a>(
    secrets: &[&str],
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
    now: DateTime<Utc>,
) -> bool {
    let named = |name| header(name).unwrap_or_default();
    let timestamp = named("x-crochet-timestamp");
    let request_id = named("x-crochet-request-id");
    let listing_id = named("x-crochet-listing-id");
    let body_sha256 = named("x-crochet-body-sha256");
    // A point inside an id could move what is signed from one part to its neighbour.
    if [request_id, listing_id].iter().any(|id| id.is_empty() || id.contains('.')) {
        return false;
    }

    let payload = format!("{timestamp}.{request_id}.{listing_id}.{body_sha256}");
    let sent = ["x-crochet-signature", "x-crochet-signature-next"].map(named);
    let is_signed = secrets.iter().any(|secret| {
        sent.iter().filter_map(|signature| hex::decode(signature).ok()).any(|signature| {
            // `verify_slice` compares in constant time.
            Hmac::<Sha256>::new_from_slice(secret.as_bytes())
                .is_ok_and(|mac| mac.chain_update(&payload).verify_slice(&signature).is_ok())
        })
    });
    if !is_signed || hex::encode(Sha256::digest(body)) != body_sha256 {
        return false;
    }
    DateTime::parse_from_rfc3339(timestamp)
        .is_ok_and(|signed_at| now.signed_duration_since(signed_at).abs() <= TimeDelta::seconds(300))
}
