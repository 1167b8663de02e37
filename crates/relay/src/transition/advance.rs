//! What a look at the provider, and a wish to forward, make of a call.

use std::time::Duration;

use crochet_primitives::{CallId, Entropy, EntropyExt, OrphanId, SettlementId, Timestamp};

use super::{Change, Write, after, schedule};
use crate::forwarding::Forwarding;
use crate::ledger::{OrphanPayment, OrphanReason, reversing_entries, settlement_entries};
use crate::policy::Policy;
use crate::record::{AttemptOutcome, Failure, FailureKind, Record, Settlement, State};
use crate::terms::{Observation, Payment, Terms};

/// Whose a payment reference is, after the adapter has tried to consume it for this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Consumed just now, by this call.
    Fresh,
    /// Consumed before, by this call.
    Ours,
    /// Consumed before, by another call.
    Theirs(CallId),
}

/// The outcome of [`advance`].
#[derive(Debug)]
pub struct Advance {
    /// What to write.
    pub change: Change,
    /// The right to forward, when it was asked for and granted. Use it only after the change is committed.
    pub forwarding: Option<Forwarding>,
}

/// Moves a call on, in one transaction: applies what the provider says, ends a lease that has run out, and takes a
/// forwarding lease of `lease` where one is wanted and the call may be forwarded.
///
/// `claims` has one entry for each payment of an [`Observation::Arrived`], in its order.
#[must_use]
pub fn advance(
    record: Record,
    observation: Option<(&Observation, &[Claim])>,
    lease: Option<Duration>,
    now: Timestamp,
    policy: &Policy,
    entropy: &dyn Entropy,
) -> Advance {
    let before = record.clone();
    let mut step = Step { record, writes: Vec::new(), now, policy, entropy };
    step.end_lease_that_ran_out();
    if let Some((observation, claims)) = observation {
        step.observe(observation, claims);
    }
    let granted = lease.is_some_and(|length| step.take_lease(length));
    let Step { mut record, writes, .. } = step;
    if record != before || !writes.is_empty() {
        record.updated_at = now;
    }
    if record.state != before.state {
        record.checks = 0;
    }
    record.next_check_at = schedule::next_check(&record, now, policy);
    let could_not_ask = matches!(observation, Some((Observation::Unknown, _)));
    if could_not_ask && record.next_check_at.is_none() && record.settlement.is_some() {
        record.next_check_at = Some(schedule::backed_off(&record, now, policy));
    }
    let forwarding = granted.then(|| Forwarding::granted(record.clone()));
    Advance { change: Change { record, writes }, forwarding }
}

/// What is left of a look at the provider that began at `asked_at`, when it is applied: where somebody asked later,
/// who may know better, the older look's word that nothing is to come of a payment counts no more.
#[must_use]
pub fn still_news(record: &Record, asked_at: Timestamp, observation: &Observation) -> Observation {
    let was_asked_later = record.last_checked_at.is_some_and(|last| last > asked_at);
    let settled_by = record.settlement.as_ref().map(|settlement| settlement.reference.as_str());
    let is_bad_news = match observation {
        Observation::Waiting | Observation::Failed { .. } => true,
        Observation::Refunded { references, .. } => {
            !references.iter().any(|reference| Some(reference.as_str()) == settled_by)
        }
        Observation::InProgress | Observation::Arrived(_) | Observation::Several { .. } | Observation::Unknown => false,
    };
    if was_asked_later && is_bad_news { Observation::Unknown } else { observation.clone() }
}

struct Step<'a> {
    record: Record,
    writes: Vec<Write>,
    now: Timestamp,
    policy: &'a Policy,
    entropy: &'a dyn Entropy,
}

impl Step<'_> {
    /// A worker that holds no lease any more may still be talking to the seller, or may be dead: nobody knows.
    fn end_lease_that_ran_out(&mut self) {
        let ran_out = self.record.lease_until.is_some_and(|until| until <= self.now);
        if !ran_out {
            return;
        }
        match self.record.state {
            State::Forwarding => {
                self.record.lease_until = None;
                self.writes.push(Write::AttemptEnded {
                    attempt: self.record.attempt,
                    outcome: AttemptOutcome::Unknown,
                    seller_status: None,
                    latency_ms: None,
                });
                let failure =
                    Failure { kind: FailureKind::Interrupted, seller_status: None, may_have_run: true, latency_ms: 0 };
                self.record.last_failure = Some(failure);
                self.record.state = match &self.record.settlement {
                    Some(settlement) if settlement.refunded => State::PaymentFailed,
                    Some(_) => State::Settled,
                    None => State::SellerFailed,
                };
            }
            // Its terms were never recorded, so nobody can have paid: after the grace the id is dead.
            State::Quoting => {
                let given_up = self.record.lease_until.map(|until| after(until, self.policy.late_payment_grace));
                if given_up.is_some_and(|at| at <= self.now) {
                    self.record.state = State::Expired;
                    self.record.lease_until = None;
                }
            }
            _ => {}
        }
    }

    fn observe(&mut self, observation: &Observation, claims: &[Claim]) {
        let Some(terms) = self.record.terms.clone() else { return };
        let is_settled = self.is_settled();
        match observation {
            // A success without a payment is no proof of one, and no reason to ask for another.
            Observation::Arrived(payments) if payments.is_empty() => {
                if !is_settled {
                    self.in_progress();
                }
            }
            Observation::Arrived(payments) => self.arrived(&terms, payments, claims, is_settled),
            Observation::Refunded { references, reason } => self.refunded(&terms, references, reason, is_settled),
            Observation::Several { arrived, refunded, is_under_way, reason } => {
                if is_settled {
                    self.refunded(&terms, refunded, reason, true);
                }
                let still_settled = self.is_settled();
                self.arrived(&terms, arrived, claims, still_settled);
                // Money that is under way may still cover the call: no new terms before it is final.
                if *is_under_way && !self.is_settled() {
                    self.in_progress();
                }
            }
            Observation::Waiting if !is_settled => self.waiting(&terms),
            Observation::InProgress if !is_settled => self.in_progress(),
            Observation::Failed { reason } if !is_settled => self.failed(reason),
            Observation::Unknown if !is_settled && self.record.state == State::Quoted => {
                self.record.state = State::Pending;
            }
            // Once settled, only a refund or a further payment is news; a status that goes backwards is not.
            Observation::Waiting | Observation::InProgress | Observation::Failed { .. } | Observation::Unknown => {}
        }
    }

    fn is_settled(&self) -> bool {
        self.record.settlement.as_ref().is_some_and(|settlement| !settlement.refunded)
    }

    fn waiting(&mut self, terms: &Terms) {
        let is_waited_for = matches!(self.record.state, State::Quoted | State::Pending) && !self.record.payment_seen;
        if is_waited_for {
            let closes = after(terms.expires_at, self.policy.late_payment_grace);
            self.record.state = if self.now < closes { State::Quoted } else { State::Expired };
        }
    }

    fn in_progress(&mut self) {
        // Also from the dead: a late payment under way must not meet new terms. What is under way or delivered, and
        // whose settlement was given back, stays what it is.
        if self.record.state.is_dead() || matches!(self.record.state, State::Quoted | State::Pending) {
            self.record.state = State::Pending;
        }
        self.record.payment_seen = true;
    }

    fn failed(&mut self, reason: &str) {
        if matches!(self.record.state, State::Quoted | State::Pending) {
            self.record.state = State::PaymentFailed;
            self.record.lease_until = None;
            self.record.payment_failure = Some(reason.to_owned());
        }
    }

    fn refunded(&mut self, terms: &Terms, references: &[String], reason: &str, is_settled: bool) {
        if !is_settled {
            self.record.payment_seen = true;
            self.failed(reason);
            return;
        }
        let Some((settlement, split)) = self.record.settlement.clone().zip(self.record.price) else {
            return;
        };
        if !references.contains(&settlement.reference) {
            return;
        }
        let originals = settlement_entries(
            &self.record,
            &split,
            terms,
            settlement.id,
            &settlement.reference,
            self.now,
            self.entropy,
        );
        self.writes.extend(reversing_entries(&originals, self.now, self.entropy).into_iter().map(Write::Entry));
        self.record.settlement = Some(Settlement { refunded: true, ..settlement });
        self.record.payment_failure = Some(reason.to_owned());
        // What is under way or delivered stays what it is; the books say that its payment was given back.
        if matches!(self.record.state, State::Settled | State::SellerFailed) {
            self.record.state = State::PaymentFailed;
        }
    }

    fn arrived(&mut self, terms: &Terms, payments: &[Payment], claims: &[Claim], was_settled: bool) {
        let mut is_settled = was_settled;
        for (payment, claim) in payments.iter().zip(claims) {
            self.record.payment_seen = true;
            match claim {
                Claim::Fresh if !is_settled && terms.is_covered_by(payment) => {
                    self.settle(terms, payment);
                    is_settled = true;
                }
                // It came with its call, and was claimed when that was admitted: this is the first time that it is seen.
                Claim::Ours if self.is_awaited(terms, payment) => {
                    self.settle(terms, payment);
                    is_settled = true;
                }
                Claim::Fresh if is_settled => self.orphan(terms, payment, OrphanReason::SecondPayment),
                Claim::Fresh => self.orphan(terms, payment, OrphanReason::Mismatch),
                Claim::Theirs(_) => self.orphan(terms, payment, OrphanReason::ReferenceReused),
                // What came with the call, and is short: money that arrived is in some book. It is kept once.
                Claim::Ours if self.is_short_claim(terms, payment) => {
                    self.orphan(terms, payment, OrphanReason::Mismatch)
                }
                Claim::Ours => {}
            }
        }
        if !is_settled && matches!(self.record.state, State::Quoted | State::Pending) {
            self.record.state = State::Mispaid;
        }
    }

    fn is_awaited(&self, terms: &Terms, payment: &Payment) -> bool {
        let is_claim = terms.claimed.is_some() && payment.reference == terms.provider_request_id;
        is_claim && self.record.settlement.is_none() && terms.is_covered_by(payment)
    }

    fn is_short_claim(&self, terms: &Terms, payment: &Payment) -> bool {
        let is_claim = terms.claimed.is_some() && payment.reference == terms.provider_request_id;
        is_claim && self.record.settlement.is_none() && !terms.is_covered_by(payment)
    }

    fn settle(&mut self, terms: &Terms, payment: &Payment) {
        let Some(split) = self.record.price else { return };
        let id = SettlementId::new(self.now, self.entropy.bytes());
        let entries = settlement_entries(&self.record, &split, terms, id, &payment.reference, self.now, self.entropy);
        self.writes.extend(entries.into_iter().map(Write::Entry));
        self.record.settlement = Some(Settlement {
            id,
            reference: payment.reference.clone(),
            transaction: payment.transaction.clone(),
            received_base_units: payment.base_units,
            settled_at: self.now,
            refunded: false,
        });
        // A refund after delivery leaves the call delivered; a new payment for it then changes the books only.
        if !matches!(self.record.state, State::Delivered | State::Forwarding) {
            self.record.state = State::Settled;
            self.record.lease_until = None;
        }
        self.record.payment_failure = None;
    }

    fn orphan(&mut self, terms: &Terms, payment: &Payment, reason: OrphanReason) {
        self.writes.push(Write::Orphan(OrphanPayment {
            id: OrphanId::new(self.now, self.entropy.bytes()),
            call: self.record.id,
            buyer: self.record.buyer,
            provider: terms.provider.clone(),
            payment: payment.clone(),
            reason,
            noticed_at: self.now,
        }));
    }

    fn take_lease(&mut self, length: Duration) -> bool {
        let may_forward = match self.record.state {
            State::Settled => true,
            State::SellerFailed => self.record.retry_not_before.is_none_or(|at| at <= self.now),
            _ => false,
        };
        let is_paid = match (&self.record.price, &self.record.settlement) {
            (None, _) => true,
            (Some(_), Some(settlement)) => !settlement.refunded,
            (Some(_), None) => false,
        };
        if !may_forward || !is_paid {
            return false;
        }
        self.record.state = State::Forwarding;
        self.record.attempt = self.record.attempt.saturating_add(1);
        self.record.lease_until = Some(after(self.now, length));
        self.writes.push(Write::AttemptStarted { attempt: self.record.attempt, at: self.now });
        true
    }
}
