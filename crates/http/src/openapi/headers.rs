//! The headers of answers, as named components, and which answers have them.

use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Response};

use super::vocabulary::text;

/// Where a component of this kind is referred to.
const BELOW: &str = "#/components/headers/";

/// Every header that answers have: its name, its component's name, and what it says.
const ALL: &[(&str, &str, &str)] = &[
    ("X-Request-Id", "RequestId", "Names this exchange, for the operator's log: the one that was sent, or a new one."),
    (
        "RateLimit-Policy",
        "RateLimitPolicy",
        "The limit that counts here: its name, how many requests, in how many seconds.",
    ),
    (
        "RateLimit",
        "RateLimit",
        "What is left of it: its name, how many requests, and seconds until all are there again; on a 429 until the next one.",
    ),
    ("RateLimit-Limit", "RateLimitLimit", "How many requests there are in a window."),
    ("RateLimit-Remaining", "RateLimitRemaining", "How many of them are left."),
    ("RateLimit-Reset", "RateLimitReset", "Seconds until all of them are there again."),
    ("Retry-After", "RetryAfter", "How many seconds to wait first."),
    ("WWW-Authenticate", "WwwAuthenticate", "How to authenticate: with a bearer token."),
    ("Allow", "Allow", "The methods that the path has."),
    ("Accept", "Accept", "The media types that a body can have."),
    ("ETag", "ETag", "Names this state of what is answered; `If-None-Match` asks whether it has changed."),
    (
        "PAYMENT-REQUIRED",
        "PaymentRequired",
        "Terms by x402 v2: standard base64 of JSON. Only where the caller pays by a header.",
    ),
    (
        "PAYMENT-RESPONSE",
        "PaymentResponse",
        "What became of a payment by x402 v2: standard base64 of JSON with `success`, `payer`, `transaction`, `network`.",
    ),
    ("X-PAYMENT-RESPONSE", "XPaymentResponse", "The same by x402 v1."),
    ("Cache-Control", "CacheControl", "Who may keep this answer, and for how long."),
];

/// Those that an answer has always, once it has them at all.
const ALWAYS: &[&str] = &["X-Request-Id", "Retry-After", "WWW-Authenticate", "Allow", "ETag"];

/// Every header as a component.
pub(super) fn components() -> Vec<(&'static str, Header)> {
    ALL.iter().map(|(name, component, description)| (*component, header(name, description))).collect()
}

fn header(name: &str, description: &str) -> Header {
    let mut header = HeaderBuilder::new().schema(Some(schema(name))).description(Some(description)).build();
    if ALWAYS.contains(&name) {
        // OpenAPI's word for it, for which the library has none.
        let required: Extensions = [("required", serde_json::Value::Bool(true))].into_iter().collect();
        header.extensions = Some(required);
    }
    header
}

fn schema(name: &str) -> ObjectBuilder {
    let count = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    match name {
        "RateLimit-Limit" | "RateLimit-Remaining" | "RateLimit-Reset" => count(),
        "Retry-After" => count().minimum(Some(1)),
        "X-Request-Id" => text("^[0-9A-Za-z._-]{1,128}$"),
        "RateLimit-Policy" => text("^\"[a-z-]+\";q=[0-9]+;w=[0-9]+$"),
        "RateLimit" => text("^\"[a-z-]+\";r=[0-9]+;t=[0-9]+$"),
        "WWW-Authenticate" => text("^Bearer "),
        "ETag" => text("^(W/)?\"[^\"]*\"$"),
        _ => ObjectBuilder::new().schema_type(Type::String),
    }
}

/// Adds a header to an answer: one of [`ALWAYS`] is there each time, any other may be left out.
pub(super) fn add(response: &mut Response, name: &str) {
    if let Some((name, component, _)) = ALL.iter().find(|(known, ..)| *known == name) {
        response.headers.insert((*name).to_owned(), RefOr::Ref(Ref::new(format!("{BELOW}{component}"))));
    }
}

/// Adds a header that may be left out here, though it is one of [`ALWAYS`] elsewhere.
pub(super) fn add_optional(response: &mut Response, name: &str) {
    if let Some((name, _, description)) = ALL.iter().find(|(known, ..)| *known == name) {
        let header = HeaderBuilder::new().schema(Some(schema(name))).description(Some(*description)).build();
        response.headers.insert((*name).to_owned(), header.into());
    }
}
