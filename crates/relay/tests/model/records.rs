//! Real records behind small numbers. A transition is pure, so each is computed once for each record, moment and input;
//! what no transition reads again is evened out, so that one situation is one number however it came about.

use std::collections::HashMap;
use std::sync::RwLock;
use std::time::Duration;

use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, split};
use crochet_primitives::{ListingId, ProfileId, SettlementId, Timestamp};
use crochet_relay::transition::{Change, Claim, Closed};
use crochet_relay::{NewCall, Observation, Origin, Policy, QuoteOutcome, QuoteRefusal, Record, State};
use crochet_signing::BodyHash;

use crate::entries::read_writes;
use crate::machine::{Machine, Turn};
use crate::state::{Ends, Kind, PAYMENTS, Row, Set, Told, View, index};
use crate::things::{
    GROSS, LEASE, LONG_AGO, TICK, at, call_id, call_number, closing, moment, observation, payment_number, terms, tick,
};

/// What is done to a record, in one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Issue {
        fence: u8,
        terms: Option<bool>,
    },
    RetakeQuote,
    RetakeSubmission,
    Advance {
        told: Option<(Told, bool, [Option<Consumed>; PAYMENTS])>,
        lease: bool,
    },
    Close {
        attempt: u8,
        ending: Ends,
    },
    SupersededBy(u8),
    /// Nothing but the clock.
    Wait,
}

/// Whose a reference was when it was to be consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Consumed {
    Fresh,
    Ours,
    Theirs(u8),
}

/// What became of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    /// Nothing when the transition did not take place.
    pub(crate) row: Option<Row>,
    pub(crate) granted: bool,
    pub(crate) recorded: bool,
    pub(crate) booked: Set,
    pub(crate) reversed: Set,
    pub(crate) orphans: Set,
    pub(crate) books_are_wrong: bool,
    pub(crate) terms_changed: bool,
    pub(crate) is_forgotten: bool,
}

pub(crate) struct Records {
    machine: Box<dyn Machine>,
    policy: Policy,
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    numbers: HashMap<String, u16>,
    records: Vec<(Record, View)>,
    outcomes: HashMap<(u16, u8, Op), Outcome>,
}

impl Records {
    pub(crate) fn new(machine: Box<dyn Machine>) -> Self {
        let policy = Policy {
            quote_lease: TICK,
            submission_lease: TICK,
            quote_ttl: TICK,
            late_payment_grace: TICK,
            retry_backoff: TICK,
            retry_backoff_max: TICK,
            ..Policy::default()
        };
        Self { machine, policy, kept: RwLock::default() }
    }

    pub(crate) fn keeps_claims(&self) -> bool {
        self.machine.keeps_claims()
    }

    /// How many different records, and how many transitions from one to another, were met.
    pub(crate) fn met(&self) -> (usize, usize) {
        let kept = self.kept.read().unwrap();
        (kept.records.len(), kept.outcomes.len())
    }

    /// A new call: one to be quoted, or one that brings payment 0 and this body.
    pub(crate) fn open(&self, call: u8, paid_with_body: Option<u8>, now: u8) -> Row {
        let body = paid_with_body.unwrap_or(0);
        let mut new = NewCall {
            id: call_id(call),
            buyer: ProfileId::new(at(0), [1; 10]),
            seller: ProfileId::new(at(0), [2; 10]),
            listing: ListingId::new(at(0), [3; 10]),
            body_sha256: BodyHash::of(&[body]),
            idempotency_key: None,
            origin: Origin::default(),
            price: Some(split(MicroUsd::from_micros(GROSS), MARKETPLACE_FEE)),
            forward_lease: LEASE,
            terms: None,
        };
        if paid_with_body.is_some() {
            new.terms = Some(Box::new(terms(call, at(2), true)));
        }
        let change = self.machine.open(&new, at(now), &self.policy);
        assert!(change.writes.is_empty(), "a paid call begins with no rows beside it");
        self.keep(change.record, now)
    }

    /// The record after `op` at `now`, and what was written beside it.
    pub(crate) fn apply(&self, row: Row, now: u8, op: Op) -> Outcome {
        let key = (row.number, now, op);
        if let Some(outcome) = self.kept.read().unwrap().outcomes.get(&key) {
            return *outcome;
        }
        let before = self.kept.read().unwrap().records[usize::from(row.number)].0.clone();
        let outcome = self.compute(&before, now, op);
        self.kept.write().unwrap().outcomes.insert(key, outcome);
        outcome
    }

    fn compute(&self, before: &Record, now: u8, op: Op) -> Outcome {
        let (record, at_now, policy) = (before.clone(), at(now), &self.policy);
        let only = |record: Record| Change { record, writes: Vec::new() };
        let mut outcome = Outcome::default();
        let change = match op {
            Op::Issue { fence, terms: issued } => {
                let quote = match issued {
                    Some(true) => {
                        QuoteOutcome::Issued(Box::new(terms(call_number(before.id), at_now + policy.quote_ttl, false)))
                    }
                    Some(false) => QuoteOutcome::Refused(QuoteRefusal::RouteUnavailable { detail: String::new() }),
                    None => QuoteOutcome::Unavailable { retry_after_seconds: None },
                };
                Some(self.machine.issue(record, u32::from(fence), &quote, at_now, policy))
            }
            Op::RetakeQuote => self.machine.retake_quote(record, at_now, policy),
            Op::RetakeSubmission => self.machine.retake_submission(record, at_now, policy),
            Op::Advance { told, lease } => {
                let lease = lease.then_some(LEASE);
                let (change, granted) = match told {
                    None => self.machine.advance(Turn { record, observed: None, lease, now: at_now, policy }),
                    Some((told, overtaken, consumed)) => {
                        let (news, claims) = self.news(before, told, overtaken, &consumed, at_now);
                        let observed = Some((&news, claims.as_slice()));
                        self.machine.advance(Turn { record, observed, lease, now: at_now, policy })
                    }
                };
                outcome.granted = granted;
                Some(change)
            }
            Op::Close { attempt, ending } => {
                let closing = closing(before, attempt, ending);
                let (change, closed) = self.machine.close(record, &closing, at_now, policy);
                outcome.recorded = closed == Closed::Recorded;
                Some(change)
            }
            Op::SupersededBy(call) => Some(only(Record { superseded_by: Some(call_id(call)), ..record })),
            Op::Wait => Some(only(record)),
        };
        let Some(change) = change else { return outcome };
        read_writes(&mut outcome, before, &change);
        outcome.terms_changed = before.terms.is_some() && before.terms != change.record.terms;
        let is_final = change.record.state == State::QuoteRefused;
        let is_moved = !matches!(op, Op::Wait | Op::SupersededBy(_) | Op::RetakeSubmission) && change.record != *before;
        outcome.is_forgotten = is_moved && !is_final && change.record.next_check_at.is_none();
        outcome.row = Some(self.keep(change.record, now));
        outcome
    }

    /// What is left of a look when it is recorded, as the adapters find it out.
    fn news(
        &self,
        record: &Record,
        told: Told,
        overtaken: bool,
        consumed: &[Option<Consumed>; PAYMENTS],
        now: Timestamp,
    ) -> (Observation, Vec<Claim>) {
        let asked_at = now;
        let last = if overtaken { now + Duration::from_secs(2) } else { now };
        let named = record.terms.as_ref().map(|terms| terms.provider_request_id.clone()).unwrap_or_default();
        let looked_at = Record { last_checked_at: Some(last), ..record.clone() };
        let news = self.machine.still_news(&looked_at, asked_at, &observation(told, &named));
        let claims = consumed.iter().flatten().map(|consumed| match consumed {
            Consumed::Fresh => Claim::Fresh,
            Consumed::Ours => Claim::Ours,
            Consumed::Theirs(call) => Claim::Theirs(call_id(*call)),
        });
        (news, claims.collect())
    }

    fn keep(&self, mut record: Record, now: u8) -> Row {
        even_out(&mut record, now, &self.policy);
        let text = format!("{record:?}");
        let mut kept = self.kept.write().unwrap();
        if let Some(number) = kept.numbers.get(&text).copied() {
            return Row { number, view: kept.records[usize::from(number)].1 };
        }
        let number = u16::try_from(kept.records.len()).unwrap();
        let view = view(&record);
        kept.numbers.insert(text, number);
        kept.records.push((record, view));
        Row { number, view }
    }
}

/// No transition reads these again, or tells one moment that is over from another.
fn even_out(record: &mut Record, now: u8, policy: &Policy) {
    let (now, over) = (at(now), moment(LONG_AGO));
    (record.created_at, record.updated_at) = (moment(0), moment(0));
    (record.next_check_at, record.checks, record.last_checked_at) = (None, 0, None);
    // Both only lengthen waits that are as long as they get.
    record.failures = 0;
    record.payment_failure = None;
    if record.state != State::Quoting {
        record.lease_until = record.lease_until.map(|until| if until <= now { over } else { until });
    }
    record.retry_not_before = record.retry_not_before.filter(|from| *from > now);
    if let Some(terms) = record.terms.as_mut().filter(|terms| terms.expires_at + policy.late_payment_grace <= now) {
        terms.expires_at = over;
        if let Some(claimed) = &mut terms.claimed {
            claimed.valid_before = over;
        }
    }
    if let Some(settlement) = &mut record.settlement {
        settlement.settled_at = moment(0);
        settlement.id = SettlementId::new(moment(0), [payment_number(&settlement.reference); 10]);
    }
    if let Some(delivery) = &mut record.delivery {
        delivery.delivered_at = moment(0);
    }
}

fn view(record: &Record) -> View {
    let small = |number: u32| u8::try_from(number).unwrap();
    View {
        stands: record.state,
        attempt: small(record.attempt),
        fence: small(record.quote_fence),
        lease_until: record.lease_until.map(tick),
        retry_from: record.retry_not_before.map(tick),
        expires: record.terms.as_ref().map(|terms| tick(terms.expires_at)),
        settlement: record.settlement.as_ref().map(|it| (payment_number(&it.reference), it.refunded)),
        delivered_by: record.delivery.as_ref().map(|delivery| small(delivery.attempt)),
        superseded_by: record.superseded_by.map(call_number),
        came_paid: record.terms.as_ref().is_some_and(|terms| terms.claimed.is_some()),
        body: u8::from(record.body_sha256 == BodyHash::of(&[1])),
    }
}

/// The tables of the storage that are not rows of calls.
pub(crate) fn consume(
    consumed: &mut [Option<u8>; PAYMENTS],
    call: u8,
    arrived: [Kind; PAYMENTS],
    keeps: bool,
) -> [Option<Consumed>; PAYMENTS] {
    let mut claims = [None; PAYMENTS];
    for payment in (0..).take(PAYMENTS).filter(|payment| arrived[index(*payment)] != Kind::None) {
        let owner = &mut consumed[index(payment)];
        claims[index(payment)] = Some(match *owner {
            Some(owner) if owner == call => Consumed::Ours,
            Some(owner) => Consumed::Theirs(owner),
            None => {
                *owner = keeps.then_some(call);
                Consumed::Fresh
            }
        });
    }
    claims
}
