//! 402: terms of payment, new ones or the same again.

use std::borrow::Cow;

use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, Timestamp, rfc3339_millis};
use crochet_relay::{Record, Unpaid};
use serde::Serialize;
use serde_json::json;

use super::payment::PaymentTerms;
use crate::code::Code;
use crate::error::ApiError;
use crate::recovery::{NextAction, Recovery};

#[derive(Serialize)]
struct Fee {
    rate: String,
    #[serde(with = "crochet_pricing::wire::text")]
    amount: MicroUsd,
}

#[derive(Serialize)]
struct RetryHeaders<'a> {
    #[serde(rename = "X-Crochet-Relay-Request-Id")]
    relay_request_id: String,
    #[serde(rename = "X-Crochet-Payment-Scheme")]
    scheme: &'a str,
    #[serde(rename = "X-Crochet-Payment-Network")]
    network: &'a str,
}

#[derive(Serialize)]
struct Required<'a> {
    status: &'static str,
    relay_request_id: String,
    listing_id: String,
    #[serde(with = "crochet_pricing::wire::text")]
    amount: MicroUsd,
    #[serde(rename = "amount_micros", with = "crochet_pricing::wire::micros")]
    micros: MicroUsd,
    fee: Fee,
    currency: &'static str,
    #[serde(with = "rfc3339_millis")]
    expires_at: Timestamp,
    body_sha256: String,
    payment: PaymentTerms<'a>,
    payment_seen: bool,
    /// The call that these terms replace.
    supersedes: Option<String>,
    retry_headers: RetryHeaders<'a>,
}

pub(super) fn payment_required(record: &Record, why: &Unpaid) -> ApiError {
    let (Some(price), Some(terms)) = (record.price, &record.terms) else {
        return ApiError::internal("an unpaid call has no terms", record.id.request_id());
    };
    let (code, message, predecessor) = unpaid(why);
    let relay_request_id = record.id.relay_request_id();
    let data = Required {
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
