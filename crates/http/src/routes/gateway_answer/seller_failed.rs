//! 502 and 504: the seller did not handle the call.

use crochet_primitives::{ListingId, schema};
use crochet_relay::{Failure, FailureKind, Record};
use serde::Serialize;
use utoipa::ToSchema;

use super::payment::{PaymentContext, payment_context, relay_request_id};
use crate::code::Code;
use crate::error::ApiError;
use crate::openapi::vocabulary;
use crate::recovery::{NextAction, Recovery};

/// A call that the seller did not handle.
#[derive(Serialize, ToSchema)]
pub(crate) struct SellerFailed<'a> {
    /// Always seller_failed.
    #[schema(schema_with = status_seller_failed)]
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
    /// The status that the seller answered with; null when there was none.
    #[schema(required, minimum = 100, maximum = 999)]
    seller_status: Option<u16>,
    /// Whether the seller may have done the work all the same.
    may_have_run: bool,
    /// Which attempt it was, from 1.
    attempt: u32,
    /// How long it took, in milliseconds.
    latency_ms: u32,
    /// What was paid, and stays paid; null when it is free.
    #[schema(required)]
    payment: Option<PaymentContext<'a>>,
}

fn status_seller_failed() -> utoipa::openapi::Object {
    vocabulary::constant("seller_failed")
}

pub(super) fn seller_failed(record: &Record, failure: &Failure, retry_after_seconds: u32) -> ApiError {
    let (code, message) = match failure.kind {
        FailureKind::Error => (Code::SellerError, "The seller answered that it did not handle the request."),
        FailureKind::InvalidResponse => (Code::SellerInvalidResponse, "The seller's answer is not JSON."),
        FailureKind::ResponseTooLarge => (Code::SellerResponseTooLarge, "The seller's answer is too large."),
        FailureKind::Unreachable => (Code::SellerUnreachable, "The seller could not be reached, or broke off."),
        FailureKind::Timeout => (Code::SellerTimeout, "The seller did not answer in time."),
        FailureKind::Interrupted => {
            (Code::SellerUnreachable, "The gateway stopped while the seller was at work; nobody knows how it ended.")
        }
    };
    let summary = if record.settlement.as_ref().is_some_and(|settlement| !settlement.refunded) {
        "The call is paid and stays paid. Send the same request with the same id after the wait, at no charge."
    } else {
        "Nothing was charged. Send the same request again after the wait."
    };
    let data = SellerFailed {
        status: "seller_failed",
        request_id: record.id.request_id(),
        relay_request_id: relay_request_id(record),
        listing_id: record.listing.to_string(),
        seller_status: failure.seller_status,
        may_have_run: failure.may_have_run,
        attempt: record.attempt,
        latency_ms: failure.latency_ms,
        payment: payment_context(record),
    };
    ApiError::new(code, message)
        .recovery(Recovery::retry(NextAction::RetrySameRequest, summary).preserve(&[
            "relay_request_id",
            "idempotency_key",
            "request_body",
        ]))
        .data(&data)
        .retry_after(retry_after_seconds)
}
