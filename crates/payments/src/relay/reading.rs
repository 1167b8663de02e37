//! What Relay's answers are read with, for whoever tries to break it: the laws of `crochet-laws`.

use crochet_primitives::Timestamp;
use crochet_relay::ports::{Period, Reported};
use crochet_relay::{Payment, QuoteAsk, Terms};
use serde_json::Value;

use super::arrived::{self, Record};
use super::quote::QuoteRequest;
use super::status::StatusAnswer;
use super::{json, reports};

/// The terms that an answer to a quote makes; `None` where no quote would be asked for.
///
/// # Errors
/// What is wrong with the answer, in fixed words.
#[must_use]
pub fn terms(answer: &Value, ask: &QuoteAsk, now: Timestamp) -> Option<Result<Terms, &'static str>> {
    let fee_recipient = "0x1111111111111111111111111111111111111111";
    let request = QuoteRequest::new(ask, fee_recipient, now).ok()?;
    Some(request.terms(answer).map_err(|broken| broken.0))
}

/// What a record of a request proves.
///
/// # Errors
/// What is missing, in fixed words.
pub fn arrived(answer: &Value, terms: &Terms, may_be_quoted: bool) -> Result<Payment, &'static str> {
    match arrived::read(answer, terms, may_be_quoted) {
        Record::Arrived(payment) => Ok(payment),
        Record::Incomplete(what) => Err(what),
    }
}

/// Why a payment failed, and why it could not be given back, by an answer about its status.
#[must_use]
pub fn reasons(answer: &Value) -> Option<[Option<String>; 2]> {
    StatusAnswer::read(answer).map(|answer| [answer.fail_reason, answer.refund_fail_reason])
}

/// The requests of a list that were filled within the period.
#[must_use]
pub fn reported(answer: &Value, period: Period) -> Vec<Reported> {
    json::items(answer, "requests").iter().filter_map(|request| reports::reported(request, period)).collect()
}
