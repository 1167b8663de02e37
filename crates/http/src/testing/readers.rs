//! What requests are read with, for whoever tries to break it: the laws of `crochet-laws`.

use actix_web::HttpRequest;
use actix_web::http::Uri;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use crochet_market::catalogue::ListingFilters;
use crochet_primitives::{CallId, ListingId, PageRequest, Timestamp};
use crochet_relay::ports::Period;
use crochet_relay::{HeaderPayment, IdempotencyKey, Origin, State};
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::query::Params;
use crate::routes::{gateway_headers, listings};
use crate::{X402, extract, json_text};

/// Checks a buyer's body, which is relayed as it came.
///
/// # Errors
/// What is wrong with it.
pub fn raw_body(bytes: &[u8]) -> Result<(), ApiError> {
    extract::check_raw(bytes)
}

/// Reads a body of the API.
///
/// # Errors
/// What is wrong with it.
pub fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    extract::parse(bytes)
}

/// Whether a JSON text has a key twice in one object.
#[must_use]
pub fn has_duplicate_key(text: &str) -> bool {
    json_text::duplicate(text).is_some()
}

/// What `GET /listings` is asked by this query string; `None` where no URL can have it.
#[must_use]
pub fn filters(query: &str) -> Option<Result<ListingFilters, ApiError>> {
    Some(listings::filters(&request(query, &[])?))
}

/// What a list of calls is asked by a query string.
#[derive(Debug)]
pub struct History {
    /// Which page.
    pub page: PageRequest,
    /// Calls of which period.
    pub created: Period,
    /// Calls in how many states.
    pub states: usize,
}

/// What a list of calls is asked by this query string; `None` where no URL can have it.
#[must_use]
pub fn history(query: &str) -> Option<Result<History, ApiError>> {
    let req = request(query, &[])?;
    let known = ["page", "limit", "cursor", "status", "listing_id", "superseded", "created_from", "created_to"];
    let read = || {
        let params = Params::read(&req, &known)?;
        params.id("listing_id", ListingId::parse)?;
        params.flag("superseded")?;
        let states = params.names("status", State::parse, State::NAMES)?.len();
        Ok(History { page: params.page()?, created: params.period()?, states })
    };
    Some(read())
}

/// What the headers of a call say.
#[derive(Debug)]
pub struct CallHeaders {
    /// The call that is retried.
    pub relay_request: Option<CallId>,
    /// The buyer's key.
    pub idempotency_key: Option<IdempotencyKey>,
    /// What the buyer wants to pay with.
    pub origin: Origin,
}

/// Reads the headers of a call; `None` where no request can have them.
#[must_use]
pub fn call_headers(headers: &[(&str, &str)], x402: &X402) -> Option<Result<CallHeaders, ApiError>> {
    let read = gateway_headers::read(&request("", headers)?, "relay", Some(x402));
    Some(read.map(|read| CallHeaders {
        relay_request: read.relay_request,
        idempotency_key: read.idempotency_key,
        origin: read.origin,
    }))
}

/// Reads the payment that comes in a header, and the key that its identifier makes; `None` where no request can have the
/// headers.
#[must_use]
pub fn header_payment(
    headers: &[(&str, &str)],
    x402: &X402,
    now: Timestamp,
) -> Option<Result<(HeaderPayment, Option<IdempotencyKey>), ApiError>> {
    let read = crate::x402::read(x402, &request("", headers)?, now);
    Some(read.map(|read| (read.payment, read.idempotency_key)))
}

fn request(query: &str, headers: &[(&str, &str)]) -> Option<HttpRequest> {
    let uri: Uri = format!("/?{query}").parse().ok()?;
    let mut request = TestRequest::default().uri(&uri.to_string());
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        request = request.append_header((name, HeaderValue::from_str(value).ok()?));
    }
    Some(request.to_http_request())
}
