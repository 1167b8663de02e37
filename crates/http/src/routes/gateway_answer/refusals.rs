//! 409 and 422: calls that are not forwarded, and quotes that were not given.

use crochet_primitives::{CallId, ListingId, schema};
use crochet_relay::{Mismatch, QuoteRefusal, Record};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::payment::{PaymentContext, payment_context, relay_request_id};
use crate::code::Code;
use crate::error::ApiError;
use crate::openapi::vocabulary::CallState;
use crate::recovery::{NextAction, Recovery};

/// A call whose listing cannot be called now.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnavailableCall<'a> {
    /// Where the call stands.
    #[schema(value_type = CallState)]
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
    /// What was paid; null until then, and when it is free.
    #[schema(required)]
    payment: Option<PaymentContext<'a>>,
}

/// A call for which there are no terms.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusedQuote {
    /// Where the call stands.
    #[schema(value_type = CallState)]
    status: &'static str,
    /// The call. An Idempotency-Key that was sent with it gives this answer again.
    #[schema(value_type = schema::GatewayRequestId)]
    request_id: String,
}

pub(super) fn listing_unavailable(record: Option<&Record>) -> ApiError {
    let error = ApiError::new(Code::ListingUnavailable, "This listing takes no calls now.");
    let Some(record) = record else { return error };
    let data = UnavailableCall {
        status: record.state.as_str(),
        request_id: record.id.request_id(),
        relay_request_id: relay_request_id(record),
        listing_id: record.listing.to_string(),
        payment: payment_context(record),
    };
    let summary = "The call stays as it is. Send the same request later: it is forwarded once the seller is back.";
    error
        .recovery(Recovery::retry(NextAction::RetryLater, summary).preserve(&["relay_request_id", "request_body"]))
        .data(&data)
        .retry_after(60)
}

pub(super) fn mismatch(call: CallId, what: Mismatch) -> ApiError {
    let (differs, message) = match what {
        Mismatch::Listing => ("listing", "This relay request was made for another listing."),
        Mismatch::Body => ("body", "This relay request was made for another body."),
        Mismatch::Payer => (
            "payer",
            "This payment was made for a call by somebody else, or with other terms: send what you sent then.",
        ),
        Mismatch::NowFree => (
            "price",
            "The terms of this relay request have ended, and the listing is free now: call it without the id.",
        ),
        Mismatch::TooManyTerms => (
            "terms",
            "The terms of this relay request have ended, and were replaced as often as they can be: call without the id.",
        ),
    };
    let error = ApiError::new(Code::RelayRequestMismatch, message)
        .details(&json!({ "relay_request_id": call.relay_request_id(), "differs": differs }));
    match what {
        Mismatch::Listing | Mismatch::Body | Mismatch::Payer => error,
        // No request could go with that id any more.
        Mismatch::NowFree => error.recovery(
            Recovery::change(
                NextAction::FixRequest,
                "Send the same body without the id: the listing costs nothing now.",
            )
            .preserve(&["request_body"])
            .discard(&["relay_request_id", "idempotency_key"]),
        ),
        Mismatch::TooManyTerms => error.recovery(
            Recovery::change(
                NextAction::FixRequest,
                "Send the same body without the id, with a new Idempotency-Key where you use one: it is a new call. What \
                 was paid late for the old ones is found by their ids.",
            )
            .preserve(&["request_body"])
            .discard(&["relay_request_id", "idempotency_key"]),
        ),
    }
}

pub(super) fn quote_refused(record: &Record, refusal: &QuoteRefusal) -> ApiError {
    let data = RefusedQuote { status: record.state.as_str(), request_id: record.id.request_id() };
    let error = match refusal {
        QuoteRefusal::RouteMinimumNotMet { minimum } => ApiError::new(
            Code::PaymentRouteMinimumNotMet,
            format!("The price is below the {minimum} USD that this payment route takes."),
        )
        .details(&json!({ "minimum": minimum.to_string(), "minimum_micros": minimum.micros() })),
        QuoteRefusal::RouteUnavailable { detail } => {
            ApiError::new(Code::PaymentRouteUnavailable, sentence("There is no such payment route", detail))
        }
        QuoteRefusal::OriginWalletInvalid { detail, needs_solana_wallet } => {
            let error = ApiError::new(Code::OriginWalletInvalid, sentence("That wallet cannot pay", detail));
            if *needs_solana_wallet {
                error.recovery(
                    Recovery::change(
                        NextAction::LinkSolanaWallet,
                        "Link a Solana wallet with POST /me/wallets, then send the call with a new Idempotency-Key; \
                         or ask for another currency.",
                    )
                    .preserve(&["request_body"])
                    .discard(&["relay_request_id", "idempotency_key"]),
                )
            } else {
                error
            }
        }
    };
    error.data(&data)
}

fn sentence(what: &str, detail: &str) -> String {
    format!("{what}: {detail}.")
}
