//! The names of the headers on a forwarded request, in lower case as HTTP/2 wants them.

/// `gw_req_…`: the same for all attempts of one call.
pub const REQUEST_ID: &str = "x-crochet-request-id";
/// The listing that was called.
pub const LISTING_ID: &str = "x-crochet-listing-id";
/// The buyer's profile. Not covered by the signature; added by the forwarder.
pub const BUYER_ID: &str = "x-crochet-buyer-id";
/// When the request was sealed: RFC 3339, UTC, milliseconds.
pub const TIMESTAMP: &str = "x-crochet-timestamp";
/// SHA-256 of the body, in lower-case hex.
pub const BODY_SHA256: &str = "x-crochet-body-sha256";
/// HMAC-SHA256 under the secret that the seller is known to have, in lower-case hex.
pub const SIGNATURE: &str = "x-crochet-signature";
/// The same under the new secret, while a rotation overlaps.
pub const SIGNATURE_NEXT: &str = "x-crochet-signature-next";
/// Which attempt of the call this is, from 1. Not covered by the signature; added by the forwarder.
pub const ATTEMPT: &str = "x-crochet-attempt";
