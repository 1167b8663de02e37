//! What pages of other origins may do: everything, since nothing here goes by cookies or by where a request comes from.
//! An API key is sent by hand, so no answer ever allows credentials.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// Every method that any path has.
pub(crate) const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
/// Payment headers included, so that agents in browsers can pay. The `*` lets through what client libraries add of
/// their own; it does not cover `Authorization`.
const ALLOWED_HEADERS: &str = "Authorization, Content-Type, Accept, Idempotency-Key, If-None-Match, Cache-Control, \
     X-Request-Id, X-Crochet-Relay-Request-Id, X-Crochet-Origin-Wallet-Id, X-Crochet-Origin-Currency, \
     X-Crochet-Origin-Chain-Id, X-Crochet-Payment-Scheme, X-Crochet-Payment-Network, PAYMENT-SIGNATURE, X-PAYMENT, *";
/// What a page reads of an answer. Named, as some readers of this list do not know the `*`.
const EXPOSED_HEADERS: &str = "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, RateLimit-Limit, \
     RateLimit-Remaining, RateLimit-Reset, WWW-Authenticate, Allow, Accept, ETag, Link, Location, Content-Encoding, \
     Date, PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, *";
/// A day, in seconds. Browsers have lower bounds of their own.
const MAX_AGE: &str = "86400";

/// Whether a browser asks what a page may send. It does so without credentials, and for paths that there are and paths
/// that there are not.
pub(crate) fn is_preflight(req: &ServiceRequest) -> bool {
    req.method() == Method::OPTIONS
        && req.headers().contains_key(header::ORIGIN)
        && req.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The same for every path and origin, so that it needs no `Vary`.
pub(crate) fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE))
        .finish()
}

/// What every answer says, errors and 304 included: without it a page cannot even tell what went wrong.
pub(crate) fn open(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
}
