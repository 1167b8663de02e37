//! 202: something is under way.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use crochet_primitives::{ListingId, schema};
use crochet_relay::{Progress, Record};
use serde::Serialize;
use utoipa::ToSchema;

use super::payment::{PaymentTerms, relay_request_id};
use crate::envelope;
use crate::error::ApiError;
use crate::openapi::vocabulary;

/// Something is under way: send the same request again after the wait, and do not pay again.
#[derive(Serialize, ToSchema)]
#[schema(as = CallUnderWay)]
pub(crate) struct Accepted<'a> {
    /// What is under way.
    #[schema(value_type = vocabulary::CallProgress)]
    status: &'static str,
    /// Why there is no other answer yet.
    #[schema(value_type = vocabulary::WaitReason)]
    reason: &'static str,
    /// Always true.
    #[schema(schema_with = vocabulary::always_true)]
    retryable: bool,
    /// How long to wait, as in `Retry-After`.
    #[schema(minimum = 1)]
    retry_after_seconds: u32,
    /// The call, as its seller knows it.
    #[schema(value_type = schema::GatewayRequestId)]
    request_id: String,
    /// The call, as it is named in payments and retries; null when it is free.
    #[schema(required, value_type = Option<schema::RelayRequestId>)]
    relay_request_id: Option<String>,
    /// The listing that was called.
    #[schema(value_type = ListingId)]
    listing_id: String,
    /// The terms, once there are any.
    #[schema(required)]
    payment: Option<PaymentTerms<'a>>,
}

pub(super) fn accepted(
    record: &Record,
    progress: Progress,
    retry_after_seconds: u32,
) -> Result<HttpResponse, ApiError> {
    let (status, reason) = match progress {
        Progress::Quoting => ("quoting", "in_flight"),
        Progress::NotFinal => ("pending", "not_final"),
        Progress::Unknown => ("pending", "unknown"),
        Progress::LatePayment => ("pending", "late_payment_check"),
        Progress::Forwarding => ("forwarding", "in_flight"),
    };
    let mut response = envelope::success(
        StatusCode::ACCEPTED,
        Accepted {
            status,
            reason,
            retryable: true,
            retry_after_seconds,
            request_id: record.id.request_id(),
            relay_request_id: relay_request_id(record),
            listing_id: record.listing.to_string(),
            payment: record.terms.as_ref().map(PaymentTerms::from),
        },
    )?;
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(retry_after_seconds));
    Ok(response)
}
