//! 202: something is under way.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use crochet_relay::{Progress, Record};
use serde::Serialize;

use super::payment::{PaymentTerms, relay_request_id};
use crate::envelope;
use crate::error::ApiError;

#[derive(Serialize)]
struct Accepted<'a> {
    status: &'static str,
    reason: &'static str,
    retryable: bool,
    retry_after_seconds: u32,
    request_id: String,
    relay_request_id: Option<String>,
    listing_id: String,
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
