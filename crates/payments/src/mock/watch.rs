//! What has become of a call's payments.

use crochet_primitives::{CallId, StorageError, Timestamp};
use crochet_relay::ports::{MockOutcome, MockPayment};
use crochet_relay::{Observation, Payment, Terms};

use super::{ASSET, MockProvider};

const REFUNDED: &str = "the mock payment was refunded";

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
    pub(super) async fn look(&self, call: CallId, terms: &Terms) -> Result<Observation, StorageError> {
        let payments = self.store.payments(call).await?;
        let now = self.clock.now();
        let all = |wanted: Shown| payments.iter().filter(move |payment| shown(payment, now) == wanted);
        let has = |wanted: Shown| all(wanted).next().is_some();
        let given_back = || all(Shown::GivenBack).map(|payment| payment.reference.clone()).collect::<Vec<_>>();
        let arrived = || all(Shown::Arrived).map(|payment| report(payment, terms)).collect::<Vec<_>>();
        let stand_differently = has(Shown::Arrived) && (has(Shown::UnderWay) || has(Shown::GivenBack))
            || has(Shown::UnderWay) && has(Shown::GivenBack);
        Ok(if stand_differently {
            Observation::Several {
                arrived: arrived(),
                refunded: given_back(),
                is_under_way: has(Shown::UnderWay),
                reason: if has(Shown::GivenBack) { REFUNDED.to_owned() } else { String::new() },
            }
        } else if has(Shown::Arrived) {
            Observation::Arrived(arrived())
        } else if has(Shown::UnderWay) {
            Observation::InProgress
        } else if has(Shown::GivenBack) {
            Observation::Refunded { references: given_back(), reason: REFUNDED.to_owned() }
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
        transaction: None,
    }
}
