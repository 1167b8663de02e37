//! Machines that are wrong in one place each.

use crochet_primitives::Timestamp;
use crochet_relay::transition::{Change, Closed, Write};
use crochet_relay::{Closing, Ending, EntryType, Observation, Policy, Record, Settlement, State};

use crate::machine::{Machine, Real, Turn};

/// Forwards whoever asks, once terms were issued.
pub(crate) struct LeaseWithoutSettlement;

impl Machine for LeaseWithoutSettlement {
    fn advance(&self, turn: Turn<'_>) -> (Change, bool) {
        let (lease, now) = (turn.lease, turn.now);
        let (mut change, granted) = Real.advance(turn);
        if let Some(length) = lease.filter(|_| change.record.state == State::Quoted) {
            change.record.state = State::Forwarding;
            change.record.attempt += 1;
            change.record.lease_until = Some(now + length);
            return (change, true);
        }
        (change, granted)
    }
}

/// Takes less than was asked for.
pub(crate) struct ShortPaymentSettles;

impl Machine for ShortPaymentSettles {
    fn advance(&self, turn: Turn<'_>) -> (Change, bool) {
        let rounded_up = turn.observed.map(|(observation, claims)| {
            let mut observation = observation.clone();
            if let Observation::Arrived(payments) | Observation::Several { arrived: payments, .. } = &mut observation {
                payments.iter_mut().for_each(|payment| payment.base_units += 1);
            }
            (observation, claims)
        });
        let observed = rounded_up.as_ref().map(|(observation, claims)| (observation, *claims));
        Real.advance(Turn { observed, ..turn })
    }
}

/// A payment that arrives when its call is dead is nobody's.
pub(crate) struct LatePaymentIgnored;

impl Machine for LatePaymentIgnored {
    fn advance(&self, mut turn: Turn<'_>) -> (Change, bool) {
        turn.observed = turn.observed.filter(|_| !turn.record.state.is_dead());
        Real.advance(turn)
    }
}

/// What was given back stays in the books.
pub(crate) struct RefundNotBooked;

impl Machine for RefundNotBooked {
    fn advance(&self, turn: Turn<'_>) -> (Change, bool) {
        let (mut change, granted) = Real.advance(turn);
        change.writes.retain(|write| !matches!(write, Write::Entry(entry) if entry.adjusts.is_some()));
        (change, granted)
    }
}

/// The marketplace forgets its fee.
pub(crate) struct FeeNotBooked;

impl Machine for FeeNotBooked {
    fn advance(&self, turn: Turn<'_>) -> (Change, bool) {
        let (mut change, granted) = Real.advance(turn);
        change
            .writes
            .retain(|write| !matches!(write, Write::Entry(entry) if entry.entry_type == EntryType::MarketplaceFee));
        (change, granted)
    }
}

/// Payments that bought nothing are thrown away.
pub(crate) struct OrphanNotKept;

impl Machine for OrphanNotKept {
    fn advance(&self, turn: Turn<'_>) -> (Change, bool) {
        let (mut change, granted) = Real.advance(turn);
        change.writes.retain(|write| !matches!(write, Write::Orphan(_)));
        (change, granted)
    }
}

/// A reference may pay for as many calls as name it.
pub(crate) struct ClaimNotConsumed;

impl Machine for ClaimNotConsumed {
    fn keeps_claims(&self) -> bool {
        false
    }
}

/// Nothing has arrived, says the provider, and what it said before is forgotten.
pub(crate) struct TermsWhilePending;

impl Machine for TermsWhilePending {
    fn advance(&self, mut turn: Turn<'_>) -> (Change, bool) {
        if matches!(turn.observed, Some((Observation::Waiting, _))) {
            turn.record.payment_seen = false;
        }
        Real.advance(turn)
    }
}

/// The last look that is recorded is believed, not the last that was made.
pub(crate) struct StaleLookBelieved;

impl Machine for StaleLookBelieved {
    fn still_news(&self, _: &Record, _: Timestamp, observation: &Observation) -> Observation {
        observation.clone()
    }
}

/// The last delivery counts.
pub(crate) struct DeliveryOverwritten;

impl Machine for DeliveryOverwritten {
    fn close(&self, mut record: Record, closing: &Closing, now: Timestamp, policy: &Policy) -> (Change, Closed) {
        record.delivery = None;
        Real.close(record, closing, now, policy)
    }
}

/// Whoever asks gets a lease, whoever else has one.
pub(crate) struct LeaseTakenOver;

impl Machine for LeaseTakenOver {
    fn advance(&self, mut turn: Turn<'_>) -> (Change, bool) {
        if turn.record.state == State::Forwarding && turn.lease.is_some() {
            turn.record.lease_until = Some(turn.now);
        }
        Real.advance(turn)
    }
}

/// A failure closes whichever attempt is under way.
pub(crate) struct StaleFailureRecorded;

impl Machine for StaleFailureRecorded {
    fn close(&self, record: Record, closing: &Closing, now: Timestamp, policy: &Policy) -> (Change, Closed) {
        let attempt = if matches!(closing.ending, Ending::Failed(..)) { record.attempt } else { closing.attempt };
        Real.close(record, &Closing { attempt, ..closing.clone() }, now, policy)
    }
}

/// A seller that fails ends the call.
pub(crate) struct FailureIsFinal;

impl Machine for FailureIsFinal {
    fn close(&self, record: Record, closing: &Closing, now: Timestamp, policy: &Policy) -> (Change, Closed) {
        let (mut change, closed) = Real.close(record, closing, now, policy);
        if change.record.state == State::SellerFailed {
            change.record.state = State::PaymentFailed;
        }
        (change, closed)
    }
}

/// A lease that ran out stays.
pub(crate) struct LeaseNeverEnds;

impl Machine for LeaseNeverEnds {
    fn advance(&self, turn: Turn<'_>) -> (Change, bool) {
        if turn.record.state == State::Forwarding {
            return (Change { record: turn.record, writes: Vec::new() }, false);
        }
        Real.advance(turn)
    }
}

/// A payment that was given back settles its call again.
pub(crate) struct RefundSettlesAgain;

impl Machine for RefundSettlesAgain {
    fn advance(&self, mut turn: Turn<'_>) -> (Change, bool) {
        if let Some(Settlement { refunded, .. }) = &mut turn.record.settlement {
            *refunded = false;
        }
        Real.advance(turn)
    }
}

/// Nobody looks again at a call whose payment is not final.
pub(crate) struct PendingForgotten;

impl Machine for PendingForgotten {
    fn advance(&self, turn: Turn<'_>) -> (Change, bool) {
        let (mut change, granted) = Real.advance(turn);
        if change.record.state == State::Pending {
            change.record.next_check_at = None;
        }
        (change, granted)
    }
}
