//! 200: the seller's answer, byte for byte; and 409 where it is not to be had any more.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use bytes::{BufMut, Bytes, BytesMut};
use crochet_relay::{Delivery, Record};
use serde::Serialize;
use serde_json::json;

use super::payment::{PaymentContext, payment_context, relay_request_id};
use crate::code::Code;
use crate::error::ApiError;
use crate::recovery::{NextAction, Recovery};

#[derive(Serialize)]
struct Delivered<'a> {
    status: &'static str,
    request_id: String,
    relay_request_id: Option<String>,
    listing_id: String,
    seller_status: u16,
    response_sha256: &'a str,
    response_bytes: u64,
    latency_ms: u32,
    attempt: u32,
    replayed: bool,
    payment: Option<PaymentContext<'a>>,
}

impl<'a> Delivered<'a> {
    fn of(record: &'a Record, delivery: &'a Delivery, replayed: bool) -> Self {
        Self {
            status: "delivered",
            request_id: record.id.request_id(),
            relay_request_id: relay_request_id(record),
            listing_id: record.listing.to_string(),
            seller_status: delivery.seller_status,
            response_sha256: &delivery.response_sha256,
            response_bytes: delivery.response_bytes,
            latency_ms: delivery.latency_ms,
            attempt: delivery.attempt,
            replayed,
            payment: payment_context(record),
        }
    }
}

pub(super) fn delivered(
    record: &Record,
    delivery: &Delivery,
    body: Option<Bytes>,
    replayed: bool,
) -> Result<HttpResponse, ApiError> {
    let data = serde_json::to_vec(&Delivered::of(record, delivery, replayed))
        .map_err(|error| ApiError::internal("an answer could not be written", error))?;
    let body = body.unwrap_or_else(|| Bytes::from_static(b"null"));
    Ok(HttpResponse::Ok().insert_header(ContentType::json()).body(splice(&data, &body)))
}

/// Puts the seller's JSON into ours byte for byte: its numbers, its order of keys and its spaces stay as they were.
///
/// `data` is a JSON object with at least one field, and `seller_response` was checked to be one JSON value.
fn splice(data: &[u8], seller_response: &[u8]) -> Bytes {
    let fields = data.strip_suffix(b"}").unwrap_or(data);
    let mut whole = BytesMut::with_capacity(fields.len() + seller_response.len() + 64);
    whole.put_slice(br#"{"success":true,"data":"#);
    whole.put_slice(fields);
    whole.put_slice(br#","seller_response":"#);
    whole.put_slice(seller_response);
    whole.put_slice(b"}}");
    whole.freeze()
}

pub(super) fn no_longer_available(record: &Record, delivery: &Delivery) -> ApiError {
    let message = "The call was delivered. Its response is not, or no longer, to be had with this key.";
    let error = ApiError::new(Code::ResponseNoLongerAvailable, message)
        .details(&json!({ "api_key_prefix": delivery.vault_key_prefix }))
        .data(&Delivered::of(record, delivery, true));
    if delivery.vault_key_prefix.is_some() {
        return error;
    }
    // No key opens what was never kept.
    let summary = "The response was too long to keep, and the call is final. For another answer make a new call: leave \
                   the id out, and use a new Idempotency-Key.";
    error.recovery(Recovery::change(NextAction::UseNewIdempotencyKey, summary).discard(&["relay_request_id"]))
}
