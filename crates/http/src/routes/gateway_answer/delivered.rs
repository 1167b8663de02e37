//! 200: the seller's answer, byte for byte; and 409 where it is not to be had any more.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use bytes::{BufMut, Bytes, BytesMut};
use crochet_primitives::{ListingId, schema};
use crochet_relay::{Delivery, Record};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::payment::{PaymentContext, payment_context, relay_request_id};
use crate::code::Code;
use crate::error::ApiError;
use crate::openapi::vocabulary;
use crate::recovery::{NextAction, Recovery};

/// What is recorded of a call that the seller handled.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveredCall)]
pub(crate) struct Delivered<'a> {
    /// Always delivered.
    #[schema(schema_with = status_delivered)]
    status: &'static str,
    /// The call, as its seller knows it.
    #[schema(value_type = schema::GatewayRequestId)]
    request_id: String,
    /// The call, as it is named in payments and retries; null when it is free.
    #[schema(required, value_type = Option<schema::RelayRequestId>)]
    relay_request_id: Option<String>,
    /// The listing that was called.
    #[schema(value_type = ListingId)]
    listing_id: String,
    /// The status that the seller answered with: 2xx or 4xx.
    #[schema(minimum = 200, maximum = 499)]
    seller_status: u16,
    /// SHA-256 of the response.
    #[schema(schema_with = vocabulary::sha256)]
    response_sha256: &'a str,
    /// The length of the response.
    response_bytes: u64,
    /// How long the seller took, in milliseconds.
    latency_ms: u32,
    /// The attempt that was answered, from 1.
    #[schema(minimum = 1)]
    attempt: u32,
    /// Whether this answer repeats one that was given before. The seller was not asked again.
    replayed: bool,
    /// What was paid; null when it is free.
    #[schema(required)]
    payment: Option<PaymentContext<'a>>,
}

/// The same, with the seller's answer: what the splice below makes of it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes bytes that are put together without it")]
pub(crate) struct DeliveredResponse<'a> {
    #[serde(flatten)]
    call: Delivered<'a>,
    #[schema(required, schema_with = any_response)]
    seller_response: (),
}

fn any_response() -> utoipa::openapi::Object {
    vocabulary::any_json(
        "The seller's JSON, byte for byte; null on the replay of a free call, of which only the hash is kept.",
    )
}

fn status_delivered() -> utoipa::openapi::Object {
    vocabulary::constant("delivered")
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
