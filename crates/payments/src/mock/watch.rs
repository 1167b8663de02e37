//! What has become of a call's payments.

use crochet_primitives::{CallId, StorageError, Timestamp};
use crochet_relay::ports::{MockOutcome, MockPayment};
use crochet_relay::{Observation, Payment, Terms};

use super::{ASSET, MockProvider};

/// What shows of a payment at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    UnderWay,
    Arrived,
    Failed,
    GivenBack,
}

pub(super) fn shown(payment: &MockPayment, now: Timestamp) -> Shown {
    match payment.outcome {
        _ if payment.settles_at > now => Shown::UnderWay,
        MockOutcome::Pending => Shown::UnderWay,
        MockOutcome::Success => Shown::Arrived,
        MockOutcome::Failure => Shown::Failed,
        MockOutcome::Refund => Shown::GivenBack,
    }
}

impl MockProvider {
    /// What arrived comes first: a further payment under way must not hold it up.
    pub(super) async fn look(&self, call: CallId, terms: &Terms) -> Result<Observation, StorageError> {
        let payments = self.store.payments(call).await?;
        let now = self.clock.now();
        let all = |wanted: Shown| payments.iter().filter(move |payment| shown(payment, now) == wanted);
        let has = |wanted: Shown| all(wanted).next().is_some();
        Ok(if has(Shown::Arrived) {
            Observation::Arrived(all(Shown::Arrived).map(|payment| report(payment, terms)).collect())
        } else if has(Shown::UnderWay) {
            Observation::InProgress
        } else if has(Shown::GivenBack) {
            Observation::Refunded {
                references: all(Shown::GivenBack).map(|payment| payment.reference.clone()).collect(),
                reason: "the mock payment was refunded".to_owned(),
            }
        } else if has(Shown::Failed) {
            Observation::Failed { reason: "the mock payment failed".to_owned() }
        } else {
            Observation::Waiting
        })
    }
}

fn report(payment: &MockPayment, terms: &Terms) -> Payment {
    Payment {
        reference: payment.reference.clone(),
        provider_request_id: payment.call.relay_request_id(),
        asset: ASSET.to_owned(),
        recipient: terms.recipient.clone(),
        base_units: payment.amount.micros(),
    }
}
