//! From the gateway's reply to status and body: one match, and what each case sends.

mod delivered;
mod payment;
mod refusals;
mod required;
mod seller_failed;
mod under_way;

use actix_web::HttpResponse;
use crochet_primitives::schema;
use crochet_relay::{Record, Reply};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::code::Code;
use crate::error::ApiError;
use crate::recovery::{NextAction, Recovery};
use crate::x402::listing_not_found;
pub(crate) use delivered::{Delivered, DeliveredResponse};
use delivered::{delivered, no_longer_available};
use payment::relay_request_id;
pub(crate) use refusals::{RefusedQuote, UnavailableCall};
use refusals::{listing_unavailable, mismatch, quote_refused};
pub(crate) use required::PaymentRequired;
use required::payment_required;
pub(crate) use seller_failed::SellerFailed;
use seller_failed::seller_failed;
pub(crate) use under_way::Accepted;
use under_way::accepted;

/// The one match from replies to answers.
pub(crate) fn answer(reply: Reply) -> Result<HttpResponse, ApiError> {
    match reply {
        Reply::PaymentRequired { record, why } => Err(payment_required(&record, &why)),
        Reply::Accepted { record, progress, retry_after_seconds } => accepted(&record, progress, retry_after_seconds),
        Reply::Delivered { record, delivery, body, replayed } => delivered(&record, &delivery, body, replayed),
        Reply::SellerFailed { record, failure, retry_after_seconds } => {
            Err(seller_failed(&record, &failure, retry_after_seconds))
        }
        Reply::ResponseNoLongerAvailable { record, delivery } => Err(no_longer_available(&record, &delivery)),
        Reply::ListingUnavailable { record } => Err(listing_unavailable(record.as_deref())),
        Reply::ListingHasNoEndpoint => {
            Err(ApiError::new(Code::ListingHasNoEndpoint, "This free listing has no gateway endpoint."))
        }
        Reply::ListingNotFound => Err(listing_not_found()),
        Reply::CallNotFound => Err(ApiError::not_found("You have no such relay request.").recovery(
            Recovery::change(NextAction::FixRequest, "Check X-Crochet-Relay-Request-Id; leave it out for a new call.")
                .preserve(&["request_body"]),
        )),
        Reply::CallExported => Err(ApiError::not_found(
            "This payment was taken for an earlier call, which is over and is not kept here any more.",
        )
        .recovery(
            Recovery::change(
                NextAction::FixRequest,
                "Nothing was charged now. For a new call, send the request without the payment and pay the terms that come back; \
                 the ledger has the earlier one for ever.",
            )
            .preserve(&["request_body"]),
        )),
        Reply::Mismatch { call, what } => Err(mismatch(call, what)),
        Reply::IdempotencyKeyReused => Err(ApiError::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key was used for another body, other origin headers, or another call.",
        )),
        Reply::QuoteRefused { record, refusal } => Err(quote_refused(&record, &refusal)),
        Reply::TooManyOpenQuotes { limit } => Err(ApiError::new(
            Code::TooManyOpenQuotes,
            format!("{limit} unpaid calls are open, and there can be no more."),
        )
        .details(&json!({ "limit": limit }))
        .retry_after(60)),
        Reply::BodyTooLarge { limit } => {
            Err(ApiError::new(Code::PayloadTooLarge, format!("This listing takes bodies of up to {limit} bytes."))
                .details(&json!({ "limit_bytes": limit })))
        }
        // Where payments by header are taken, these are answered with terms for another one.
        Reply::NotPaid { .. } | Reply::PaymentNotTaken => {
            Err(ApiError::new(Code::Unauthorized, "An API key is needed for this: the listing is not paid by x402."))
        }
        Reply::PaymentUnverified { retry_after_seconds } => Err(ApiError::new(
            Code::PaymentProviderUnavailable,
            "The payment could not be verified, and was not submitted. The same request may be sent again.",
        )
        .retry_after(retry_after_seconds)),
        Reply::ProviderUnavailable { record, retry_after_seconds } => Err(ApiError::new(
            Code::PaymentProviderUnavailable,
            "The payment provider gave no terms. Nothing is to be paid yet.",
        )
        .data(&named(&record, record.state.as_str()))
        .retry_after(retry_after_seconds)),
        Reply::Unrecorded { record, retry_after_seconds } => Err(ApiError::new(
            Code::ServiceUnavailable,
            "The seller answered, and that could not be recorded. The same request may be sent again, at no charge.",
        )
        .data(&named(&record, "unknown"))
        .retry_after(retry_after_seconds)),
    }
}

/// What a retry needs to name its call by.
#[derive(Serialize, ToSchema)]
pub(crate) struct NamedCall {
    /// Where the call stands; `unknown` when that could not be recorded.
    status: &'static str,
    /// The call, as its seller knows it.
    #[schema(value_type = schema::GatewayRequestId)]
    request_id: String,
    /// The call, as it is named in payments and retries; null when it is free.
    #[schema(required, value_type = Option<schema::RelayRequestId>)]
    relay_request_id: Option<String>,
}

fn named(record: &Record, status: &'static str) -> NamedCall {
    NamedCall { status, request_id: record.id.request_id(), relay_request_id: relay_request_id(record) }
}
