//! 402: terms of payment, new ones or the same again.

use std::borrow::Cow;

use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, ListingId, Timestamp, rfc3339_millis, schema};
use crochet_relay::{Record, Unpaid};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::payment::PaymentTerms;
use crate::code::Code;
use crate::error::ApiError;
use crate::openapi::vocabulary;
use crate::recovery::{NextAction, Recovery};

/// The marketplace's part of a price.
#[derive(Serialize, ToSchema)]
#[schema(as = MarketplaceFee)]
pub(crate) struct Fee {
    /// Which part of the price it is.
    #[schema(pattern = r"^[0-9]\.[0-9]+$")]
    rate: String,
    /// What that comes to, rounded down to the millionth.
    #[serde(with = "crochet_pricing::wire::text")]
    #[schema(schema_with = vocabulary::usd)]
    amount: MicroUsd,
}

/// The headers to send the same body with again, once it is paid.
#[derive(Serialize, ToSchema)]
pub(crate) struct RetryHeaders<'a> {
    /// The call.
    #[serde(rename = "X-Crochet-Relay-Request-Id")]
    #[schema(value_type = schema::RelayRequestId)]
    relay_request_id: String,
    /// How it was paid.
    #[serde(rename = "X-Crochet-Payment-Scheme")]
    scheme: &'a str,
    /// From where.
    #[serde(rename = "X-Crochet-Payment-Network")]
    network: &'a str,
}

/// Terms of payment for one call.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentRequired<'a> {
    /// Always payment_required.
    #[schema(schema_with = status_payment_required)]
    status: &'static str,
    /// The call, for its payment and its retries.
    #[schema(value_type = schema::RelayRequestId)]
    relay_request_id: String,
    /// The listing that was called.
    #[schema(value_type = ListingId)]
    listing_id: String,
    /// The price in US dollars, with six decimals. What the payment provider adds is in `payment.instructions`.
    #[serde(with = "crochet_pricing::wire::text")]
    #[schema(schema_with = vocabulary::usd)]
    amount: MicroUsd,
    /// The same in millionths of a US dollar.
    #[serde(rename = "amount_micros", with = "crochet_pricing::wire::micros")]
    #[schema(schema_with = vocabulary::usd_micros)]
    micros: MicroUsd,
    /// The marketplace's part of the price.
    fee: Fee,
    /// Always USD.
    #[schema(schema_with = vocabulary::currency)]
    currency: &'static str,
    /// Until when to pay. What arrives later is honoured, and takes longer.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    expires_at: Timestamp,
    /// SHA-256 of the body that these terms are for: any other body is another call.
    #[schema(schema_with = vocabulary::sha256)]
    body_sha256: String,
    /// How to pay.
    payment: PaymentTerms<'a>,
    /// Whether the payment provider has seen a payment for this call.
    payment_seen: bool,
    /// The call that these terms replace; null for new calls.
    #[schema(required, value_type = Option<schema::RelayRequestId>)]
    supersedes: Option<String>,
    /// The headers to send the same body with again, once it is paid.
    retry_headers: RetryHeaders<'a>,
}

fn status_payment_required() -> utoipa::openapi::Object {
    vocabulary::constant("payment_required")
}

pub(super) fn payment_required(record: &Record, why: &Unpaid) -> ApiError {
    let (Some(price), Some(terms)) = (record.price, &record.terms) else {
        return ApiError::internal("an unpaid call has no terms", record.id.request_id());
    };
    let (code, message, predecessor) = unpaid(why);
    let relay_request_id = record.id.relay_request_id();
    let data = PaymentRequired {
        status: "payment_required",
        listing_id: record.listing.to_string(),
        amount: price.gross,
        micros: price.gross,
        fee: Fee { rate: price.rate.to_string(), amount: price.fee },
        currency: "USD",
        expires_at: terms.expires_at,
        body_sha256: record.body_sha256.to_string(),
        payment: terms.into(),
        payment_seen: record.payment_seen,
        supersedes: predecessor.map(CallId::relay_request_id),
        retry_headers: RetryHeaders {
            relay_request_id: relay_request_id.clone(),
            scheme: &terms.scheme,
            network: &terms.network,
        },
        relay_request_id,
    };
    let error = ApiError::new(code, message).recovery(pay_then_retry(why)).data(&data);
    match why {
        Unpaid::Failed { reason, .. } => error.details(&json!({ "provider_reason": reason })),
        Unpaid::New | Unpaid::NothingArrived | Unpaid::Mispaid { .. } | Unpaid::Expired { .. } => error,
    }
}

fn unpaid(why: &Unpaid) -> (Code, Cow<'static, str>, Option<CallId>) {
    let of = |what: &str, id: &CallId| Cow::from(format!("{what} {}. New terms are in data.", id.relay_request_id()));
    match why {
        Unpaid::New => (Code::PaymentRequired, "This call is to be paid before it is forwarded.".into(), None),
        Unpaid::NothingArrived => {
            (Code::PaymentRequired, "The payment provider has seen no payment for this call yet.".into(), None)
        }
        Unpaid::Mispaid { predecessor } => (
            Code::PaymentMismatch,
            of("What arrived is short, or of the wrong asset or recipient, for", predecessor),
            Some(*predecessor),
        ),
        Unpaid::Expired { predecessor } => {
            (Code::QuoteExpired, of("Nothing was paid in time for", predecessor), Some(*predecessor))
        }
        Unpaid::Failed { predecessor, .. } => {
            (Code::PaymentFailed, of("The payment failed or was given back for", predecessor), Some(*predecessor))
        }
    }
}

fn pay_then_retry(why: &Unpaid) -> Recovery {
    let next = NextAction::CompletePaymentThenRetry;
    let keep: &[&str] = &["relay_request_id", "request_body"];
    match why {
        Unpaid::New => Recovery::retry(
            next,
            "Pay with the terms in data.payment, then send the same body again with data.retry_headers.",
        )
        .preserve(keep),
        Unpaid::NothingArrived => Recovery::retry(
            next,
            "If you have paid these terms, do not pay again: send the same request again in a few seconds. If not, \
             pay them, then send the same body again with data.retry_headers.",
        )
        .preserve(keep),
        Unpaid::Mispaid { .. } => Recovery::retry(
            next,
            "Nothing was forwarded. Pay the new terms in data.payment exactly; what was paid before is listed as an \
             orphan payment by GET /gateway-requests/:id.",
        )
        .preserve(keep)
        .discard(&["previous_relay_request_id"]),
        Unpaid::Expired { .. } => Recovery::retry(
            next,
            "If you paid the old terms, do not pay again: send the old id again, a late payment is honoured. If not, \
             pay the new terms.",
        )
        .preserve(keep),
        Unpaid::Failed { .. } => Recovery::retry(
            next,
            "Nothing was forwarded. Pay the new terms in data.payment, then send the same body with the new id.",
        )
        .preserve(keep)
        .discard(&["previous_relay_request_id"]),
    }
}
