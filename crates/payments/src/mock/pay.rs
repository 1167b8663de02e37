//! Paying, as `POST /mock-provider/payments/:relay_request_id/pay` asks for it.

use std::time::Duration;

use chrono::TimeDelta;
use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, EntropyExt, StorageError, Timestamp};
use crochet_relay::ports::{MockOutcome, MockPayment};
use thiserror::Error;

use super::MockProvider;
use super::watch::{Shown, shown};

/// The longest time until an outcome shows.
pub const MAX_SETTLE_AFTER: Duration = Duration::from_secs(3600);

/// What is to become of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayRequest {
    /// How it ends.
    pub outcome: MockOutcome,
    /// From when on that shows; until then it is pending. At most [`MAX_SETTLE_AFTER`] milliseconds.
    pub settle_after_ms: u64,
    /// What arrives; `None` for the price.
    pub amount: Option<MicroUsd>,
}

/// What became of it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayReceipt {
    /// What shows now.
    pub status: PaymentStatus,
    /// `mock_` and 32 hexadecimal digits.
    pub provider_reference: String,
}

/// What shows of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Nothing was paid. Paying never answers it.
    Waiting,
    /// Under way.
    Pending,
    /// Arrived.
    Success,
    /// Failed, and nothing was kept.
    Failure,
    /// Given back.
    Refund,
}

impl PaymentStatus {
    /// The name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Refund => "refund",
        }
    }
}

/// Why a payment was not taken.
#[derive(Debug, Error)]
pub enum MockPayError {
    /// No terms were ever issued under this id.
    #[error("there are no terms of payment under this id")]
    UnknownCall,
    /// Beyond [`MAX_SETTLE_AFTER`].
    #[error("settle_after_ms is at most 3600000")]
    SettlesTooLate,
    /// More than can be stored.
    #[error("the amount is too large")]
    AmountTooLarge,
    /// The store failed. Paying again may make a second payment.
    #[error("the payment cannot be kept: {0}")]
    Storage(#[from] StorageError),
}

impl MockProvider {
    /// Pays for a call, or changes what becomes of its latest payment:
    ///
    /// - While that one is under way, it is changed in place and keeps its reference.
    /// - A refund of one that has arrived, or that failed, marks it as given back.
    /// - Anything else is a new payment with a new reference: also a success after one that has arrived, which pays
    ///   for the call a second time.
    ///
    /// # Errors
    /// For a call that was never quoted, a bound that `request` is outside of, and when the store fails.
    pub async fn pay(&self, call: CallId, request: PayRequest) -> Result<PayReceipt, MockPayError> {
        let settle_after = Duration::from_millis(request.settle_after_ms);
        if settle_after > MAX_SETTLE_AFTER {
            return Err(MockPayError::SettlesTooLate);
        }
        if request.amount.is_some_and(|amount| amount.to_i64().is_err()) {
            return Err(MockPayError::AmountTooLarge);
        }
        let quote = self.store.quote(call).await?.ok_or(MockPayError::UnknownCall)?;
        let latest = self.store.payments(call).await?.pop();
        let now = self.clock.now();
        let settles_at = TimeDelta::from_std(settle_after)
            .ok()
            .and_then(|delta| now.checked_add_signed(delta))
            .ok_or(MockPayError::SettlesTooLate)?;
        let payment = match latest {
            Some(latest) if is_changed_in_place(shown(&latest, now), request.outcome) => MockPayment {
                outcome: request.outcome,
                settles_at,
                amount: request.amount.unwrap_or(latest.amount),
                ..latest
            },
            _ => MockPayment {
                reference: self.new_reference(),
                call,
                outcome: request.outcome,
                settles_at,
                amount: request.amount.unwrap_or(quote.amount),
            },
        };
        self.store.keep_payment(&payment).await?;
        Ok(PayReceipt { status: status(&payment, now), provider_reference: payment.reference })
    }

    fn new_reference(&self) -> String {
        let random: [u8; 16] = self.entropy.bytes();
        format!("mock_{:032x}", u128::from_be_bytes(random))
    }
}

fn is_changed_in_place(latest: Shown, to: MockOutcome) -> bool {
    match latest {
        Shown::UnderWay => true,
        // A failure may come before its refund; what was given back stays so.
        Shown::Arrived | Shown::Failed | Shown::GivenBack => to == MockOutcome::Refund,
    }
}

fn status(payment: &MockPayment, now: Timestamp) -> PaymentStatus {
    match shown(payment, now) {
        Shown::UnderWay => PaymentStatus::Pending,
        Shown::Arrived => PaymentStatus::Success,
        Shown::Failed => PaymentStatus::Failure,
        Shown::GivenBack => PaymentStatus::Refund,
    }
}
