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
use crate::routes::{API, x402_payment};

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
    /// Where to see how the call stands, on this server: for its buyer's key, or for everybody where it was paid by x402;
    /// as in `Location`. Null when it is free.
    #[schema(required, format = "uri-reference")]
    status_url: Option<String>,
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
    let status_url = status_url(record);
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
            status_url: status_url.clone(),
            payment: record.terms.as_ref().map(PaymentTerms::from),
        },
    )?;
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(retry_after_seconds));
    if let Some(location) = status_url.and_then(|url| header::HeaderValue::from_str(&url).ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn status_url(record: &Record) -> Option<String> {
    let came_paid = record.terms.as_ref().is_some_and(|terms| terms.claimed.is_some());
    match (record.price, came_paid) {
        (None, _) => None,
        (Some(_), true) => Some(x402_payment::path(record.id)),
        (Some(_), false) => Some(format!("{API}/gateway-requests/{}", record.id.request_id())),
    }
}
