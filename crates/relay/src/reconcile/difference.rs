//! In what a call differs from what its provider says.

use crochet_primitives::{CallId, names};

use crate::ports::HistoryItem;
use crate::terms::{Observation, Payment, Terms};

names! {
    /// How our books and a provider differ.
    pub enum DifferenceKind {
        /// It arrived, and nothing here says so.
        PaidNotSettled => "paid_not_settled",
        /// It settled here, and the provider has not seen it arrive, or not finally.
        SettledNotPaid => "settled_not_paid",
        /// It settled here, and the provider says that it failed.
        SettledAndFailed => "settled_and_failed",
        /// It settled here, and the provider says that it gave it back.
        SettledAndRefunded => "settled_and_refunded",
        /// It was given back as far as we know, and the provider says that it was kept.
        RefundedAndKept => "refunded_and_kept",
        /// Other money arrived than is recorded: another amount, asset or recipient.
        AmountsDiffer => "amounts_differ",
        /// It was paid to us for a quote that nobody here knows.
        UnknownPayment => "unknown_payment",
    }
}

/// One thing in which our books and a provider differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// How.
    pub kind: DifferenceKind,
    /// The call; none of a payment that nobody knows.
    pub call: Option<CallId>,
    /// The provider.
    pub provider: String,
    /// Its reference of the payment.
    pub reference: String,
    /// What is recorded here.
    pub here: String,
    /// What the provider says.
    pub there: String,
    /// Whether it is so no longer.
    pub is_repaired: bool,
}

/// Differences; or why there is no telling.
pub(super) type Found = Result<Vec<Difference>, &'static str>;

/// In what a call differs from what its provider says.
pub(super) fn differences(item: &HistoryItem, terms: &Terms, observation: &Observation) -> Found {
    if *observation == Observation::Unknown {
        return Err("it gave no answer that can be used");
    }
    let difference = |kind, reference: &str, here: String, there: String| Difference {
        kind,
        call: Some(item.record.id),
        provider: terms.provider.clone(),
        reference: reference.to_owned(),
        here,
        there,
        is_repaired: false,
    };
    let mut found = Vec::new();
    let settlement = item.record.settlement.as_ref();
    if let Some(settlement) = settlement {
        let here = format!(
            "{} {} of {} for {}",
            if settlement.refunded { "refunded" } else { "settled" },
            settlement.received_base_units,
            terms.asset,
            terms.recipient
        );
        let reference = settlement.reference.as_str();
        let arrived = observation.payments().iter().find(|payment| payment.reference == reference);
        let kind = match arrived {
            Some(_) if settlement.refunded => Some(DifferenceKind::RefundedAndKept),
            Some(payment) => {
                let is_same = payment.base_units == settlement.received_base_units
                    && payment.asset == terms.asset
                    && payment.recipient == terms.recipient;
                (!is_same).then_some(DifferenceKind::AmountsDiffer)
            }
            None if settlement.refunded => None,
            None => Some(why_not_arrived(observation, reference)),
        };
        if let Some(kind) = kind {
            let there = arrived.map_or_else(|| in_words(observation), words);
            found.push(difference(kind, reference, here, there));
        }
    }
    for payment in observation.payments() {
        let is_settlement = settlement.is_some_and(|settlement| settlement.reference == payment.reference);
        let is_orphan = item.orphans.iter().any(|orphan| orphan.payment.reference == payment.reference);
        if !is_settlement && !is_orphan {
            let here = item.record.state.as_str().to_owned();
            found.push(difference(DifferenceKind::PaidNotSettled, &payment.reference, here, words(payment)));
        }
    }
    Ok(found)
}

fn why_not_arrived(observation: &Observation, reference: &str) -> DifferenceKind {
    match observation {
        Observation::Refunded { references, .. } | Observation::Several { refunded: references, .. }
            if references.is_empty() || references.iter().any(|refunded| refunded == reference) =>
        {
            DifferenceKind::SettledAndRefunded
        }
        Observation::Refunded { .. } | Observation::Failed { .. } => DifferenceKind::SettledAndFailed,
        Observation::Waiting
        | Observation::InProgress
        | Observation::Arrived(_)
        | Observation::Several { .. }
        | Observation::Unknown => DifferenceKind::SettledNotPaid,
    }
}

fn words(payment: &Payment) -> String {
    format!("arrived {} of {} for {}", payment.base_units, payment.asset, payment.recipient)
}

fn in_words(observation: &Observation) -> String {
    match observation {
        Observation::Waiting => "nothing arrived".to_owned(),
        Observation::InProgress => "under way".to_owned(),
        Observation::Arrived(_) | Observation::Several { .. } => "other payments arrived".to_owned(),
        Observation::Failed { reason } => format!("failed: {reason}"),
        Observation::Refunded { reason, .. } => format!("given back: {reason}"),
        Observation::Unknown => "unknown".to_owned(),
    }
}
