//! From the gateway's reply to status and body: one match, and what each case sends.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use bytes::{BufMut, Bytes, BytesMut};
use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, Timestamp, rfc3339_millis};
use crochet_relay::{Delivery, Failure, FailureKind, Mismatch, Progress, QuoteRefusal, Record, Reply, Terms, Unpaid};
use serde::Serialize;
use serde_json::json;

use crate::code::Code;
use crate::envelope;
use crate::error::ApiError;
use crate::recovery::{NextAction, Recovery};

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
        Reply::ListingNotFound => Err(ApiError::not_found("Listing not found.").recovery(Recovery::change(
            NextAction::ChooseOtherListing,
            "Check the listing's id or slug; GET /listings lists those that can be called.",
        ))),
        Reply::CallNotFound => Err(ApiError::not_found("You have no such relay request.").recovery(
            Recovery::change(NextAction::FixRequest, "Check X-Crochet-Relay-Request-Id; leave it out for a new call.")
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
        Reply::ProviderUnavailable { retry_after_seconds } => Err(ApiError::new(
            Code::PaymentProviderUnavailable,
            "The payment provider gave no terms. Nothing is to be paid yet.",
        )
        .retry_after(retry_after_seconds)),
        Reply::Unrecorded { call, retry_after_seconds } => Err(ApiError::new(
            Code::ServiceUnavailable,
            "The seller answered, and that could not be recorded. The same request may be sent again, at no charge.",
        )
        .data(&json!({ "status": "unknown", "request_id": call.request_id() }))
        .retry_after(retry_after_seconds)),
    }
}

/// The terms of a call, for whoever pays it.
#[derive(Serialize)]
struct PaymentTerms<'a> {
    provider: &'a str,
    scheme: &'a str,
    network: &'a str,
    origin_currency: &'static str,
    origin_chain_id: u64,
    instructions: &'a serde_json::Value,
}

impl<'a> From<&'a Terms> for PaymentTerms<'a> {
    fn from(terms: &'a Terms) -> Self {
        Self {
            provider: &terms.provider,
            scheme: &terms.scheme,
            network: &terms.network,
            origin_currency: terms.origin_currency.as_str(),
            origin_chain_id: terms.origin_chain_id,
            instructions: &terms.instructions,
        }
    }
}

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

fn payment_required(record: &Record, why: &Unpaid) -> ApiError {
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

fn accepted(record: &Record, progress: Progress, retry_after_seconds: u32) -> Result<HttpResponse, ApiError> {
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

/// What was paid, and to whom it went.
#[derive(Serialize)]
struct PaymentContext<'a> {
    #[serde(with = "crochet_pricing::wire::text")]
    amount: MicroUsd,
    #[serde(with = "crochet_pricing::wire::text")]
    fee: MicroUsd,
    #[serde(with = "crochet_pricing::wire::text")]
    seller_amount: MicroUsd,
    currency: &'static str,
    #[serde(with = "rfc3339_millis")]
    settled_at: Timestamp,
    provider_reference: &'a str,
}

fn payment_context(record: &Record) -> Option<PaymentContext<'_>> {
    let (price, settlement) = (record.price?, record.settlement.as_ref()?);
    Some(PaymentContext {
        amount: price.gross,
        fee: price.fee,
        seller_amount: price.seller_share,
        currency: "USD",
        settled_at: settlement.settled_at,
        provider_reference: &settlement.reference,
    })
}

/// Only what is paid is named by a relay request id.
fn relay_request_id(record: &Record) -> Option<String> {
    record.price.map(|_| record.id.relay_request_id())
}

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

fn delivered(
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

#[derive(Serialize)]
struct SellerFailed<'a> {
    status: &'static str,
    request_id: String,
    relay_request_id: Option<String>,
    listing_id: String,
    seller_status: Option<u16>,
    /// Whether the seller may have done the work all the same.
    may_have_run: bool,
    attempt: u32,
    latency_ms: u32,
    payment: Option<PaymentContext<'a>>,
}

fn seller_failed(record: &Record, failure: &Failure, retry_after_seconds: u32) -> ApiError {
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
    let summary = if record.settlement.is_some() {
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

fn no_longer_available(record: &Record, delivery: &Delivery) -> ApiError {
    let message = "The call was delivered. Its response is not, or no longer, to be had with this key.";
    ApiError::new(Code::ResponseNoLongerAvailable, message)
        .details(&json!({ "api_key_prefix": delivery.vault_key_prefix }))
        .data(&Delivered::of(record, delivery, true))
}

#[derive(Serialize)]
struct Unavailable<'a> {
    status: &'static str,
    request_id: String,
    relay_request_id: Option<String>,
    listing_id: String,
    payment: Option<PaymentContext<'a>>,
}

fn listing_unavailable(record: Option<&Record>) -> ApiError {
    let error = ApiError::new(Code::ListingUnavailable, "This listing takes no calls now.");
    let Some(record) = record else { return error };
    let data = Unavailable {
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

fn mismatch(call: CallId, what: Mismatch) -> ApiError {
    let (differs, message) = match what {
        Mismatch::Listing => ("listing", "This relay request was made for another listing."),
        Mismatch::Body => ("body", "This relay request was made for another body."),
        Mismatch::NowFree => (
            "price",
            "The terms of this relay request have ended, and the listing is free now: call it without the id.",
        ),
    };
    ApiError::new(Code::RelayRequestMismatch, message)
        .details(&json!({ "relay_request_id": call.relay_request_id(), "differs": differs }))
}

fn quote_refused(record: &Record, refusal: &QuoteRefusal) -> ApiError {
    let data = json!({ "status": record.state.as_str(), "request_id": record.id.request_id() });
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
