//! Whatever is observed, leased, closed and waited for, in whatever order: what must always hold, holds.
#![expect(clippy::unwrap_used, reason = "this is test code")]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, split};
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_primitives::{CallId, Clock, EntropyExt, ListingId, PageRequest, ProfileId, Timestamp};
use crochet_relay::memory::MemoryJournal;
use crochet_relay::ports::{Admission, Books, Journal, LedgerQuery, QuoteLease, Sweeps};
use crochet_relay::transition::Closed;
use crochet_relay::{
    Arrival, BASE, Cause, Delivery, EntryType, FeeStatus, Forwarding, LedgerEntry, NewCall, Observation, Origin,
    OriginCurrency, Payment, Policy, QuoteOutcome, Record, State, Terms,
};
use crochet_signing::BodyHash;
use futures::executor::block_on;
use proptest::prelude::*;

const LEASE: Duration = Duration::from_secs(45);

#[derive(Debug, Clone)]
enum Step {
    Observe { call: usize, observation: Told, wants_lease: bool },
    Lease { call: usize },
    Close { forwarding: usize, handled: bool },
    Supersede { call: usize },
    Sweep,
    Wait { seconds: u64 },
}

/// What the provider says; payments by number, so that calls meet the same reference.
#[derive(Debug, Clone)]
enum Told {
    Waiting,
    InProgress,
    Arrived(Vec<(u8, Amount)>),
    Failed,
    Refunded(Vec<u8>),
    Unknown,
}

#[derive(Debug, Clone, Copy)]
enum Amount {
    Short,
    Exact,
    Excess,
    ElsewhereExact,
}

fn told() -> impl Strategy<Value = Told> {
    let amount = prop_oneof![
        1 => Just(Amount::Short),
        4 => Just(Amount::Exact),
        1 => Just(Amount::Excess),
        1 => Just(Amount::ElsewhereExact),
    ];
    prop_oneof![
        2 => Just(Told::Waiting),
        2 => Just(Told::InProgress),
        6 => prop::collection::vec((0_u8..8, amount), 1..4).prop_map(Told::Arrived),
        1 => Just(Told::Failed),
        3 => prop::collection::vec(0_u8..8, 0..4).prop_map(Told::Refunded),
        1 => Just(Told::Unknown),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let seconds = prop::sample::select(vec![1_u64, 3, 20, 46, 300, 910, 1600, 4000]);
    prop_oneof![
        6 => (0..64_usize, told(), any::<bool>())
            .prop_map(|(call, observation, wants_lease)| Step::Observe { call, observation, wants_lease }),
        3 => (0..64_usize).prop_map(|call| Step::Lease { call }),
        3 => (0..64_usize, any::<bool>()).prop_map(|(forwarding, handled)| Step::Close { forwarding, handled }),
        1 => (0..64_usize).prop_map(|call| Step::Supersede { call }),
        1 => Just(Step::Sweep),
        3 => seconds.prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// The journal, and what was seen of it so far.
struct Run {
    clock: Arc<ManualClock>,
    entropy: SeededEntropy,
    journal: MemoryJournal,
    buyer: ProfileId,
    seller: ProfileId,
    listing: ListingId,
    calls: Vec<CallId>,
    held: Vec<Forwarding>,
    granted: HashSet<(CallId, u32)>,
    /// The leases that nobody closed yet.
    leases: HashMap<CallId, Timestamp>,
    delivered: HashMap<CallId, Delivery>,
    terms: HashMap<CallId, Terms>,
}

impl Run {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let entropy = SeededEntropy::new(7);
        let now = clock.now();
        let mut run = Self {
            journal: MemoryJournal::new(clock.clone(), Arc::new(SeededEntropy::new(8)), Policy::default()),
            clock,
            buyer: ProfileId::new(now, entropy.bytes()),
            seller: ProfileId::new(now, entropy.bytes()),
            listing: ListingId::new(now, entropy.bytes()),
            entropy,
            calls: Vec::new(),
            held: Vec::new(),
            granted: HashSet::new(),
            leases: HashMap::new(),
            delivered: HashMap::new(),
            terms: HashMap::new(),
        };
        for price in [Some(10_000), Some(1), Some(999_999_999), None] {
            let call = run.new_call(price);
            match block_on(run.journal.admit(&call)).unwrap() {
                Admission::Quote(_, lease) => run.issue(&call, lease),
                Admission::Forward(_, forwarding) => run.grant(forwarding),
                other => unreachable!("{other:?}"),
            }
            run.calls.push(call.id);
        }
        run
    }

    fn new_call(&self, price: Option<u64>) -> NewCall {
        NewCall {
            id: CallId::new(self.clock.now(), self.entropy.bytes()),
            buyer: self.buyer,
            seller: self.seller,
            listing: self.listing,
            body_sha256: BodyHash::of(b"{}"),
            idempotency_key: None,
            origin: Origin::default(),
            price: price.map(|micros| split(MicroUsd::from_micros(micros), MARKETPLACE_FEE)),
            forward_lease: LEASE,
            terms: None,
        }
    }

    fn issue(&self, call: &NewCall, lease: QuoteLease) {
        let terms = Terms {
            provider: "scripted".into(),
            provider_request_id: call.id.relay_request_id(),
            scheme: "mock".into(),
            network: "eip155:8453".into(),
            origin_currency: OriginCurrency::Usdc,
            origin_chain_id: BASE,
            instructions: serde_json::Value::Null,
            asset: "usdc".into(),
            recipient: "the seller".into(),
            expected_base_units: call.price.unwrap().gross.micros(),
            fee_status: FeeStatus::AtSource,
            expires_at: self.clock.now() + Duration::from_secs(900),
            claimed: None,
        };
        block_on(self.journal.issue(lease, &QuoteOutcome::Issued(Box::new(terms)))).unwrap();
    }

    fn pick(&self, call: usize) -> CallId {
        self.calls[call % self.calls.len()]
    }

    fn record(&self, call: CallId) -> Record {
        block_on(self.journal.find(call)).unwrap().unwrap().record
    }

    /// Every grant: for a free or a paid call, once an attempt, and never while another lease holds.
    fn grant(&mut self, forwarding: Forwarding) {
        let record = forwarding.record();
        let stands = record.settlement.as_ref().is_some_and(|settlement| !settlement.refunded);
        assert!(record.price.is_none() || stands, "forwarded unpaid");
        assert_eq!(record.state, State::Forwarding);
        assert!(record.delivery.is_none(), "forwarded after delivery");
        assert!(self.granted.insert((record.id, record.attempt)), "one attempt granted twice");
        let held = self.leases.insert(record.id, record.lease_until.unwrap());
        assert!(held.is_none_or(|until| until <= self.clock.now()), "two leases at once");
        self.held.push(forwarding);
    }

    fn advance(&mut self, call: CallId, observation: Option<&Observation>, lease: Option<Duration>) {
        let advanced = block_on(self.journal.advance(call, observation, lease)).unwrap().unwrap();
        if let Some(forwarding) = advanced.forwarding {
            assert!(lease.is_some(), "a lease that nobody asked for");
            self.grant(forwarding);
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Observe { call, observation, wants_lease } => {
                let call = self.pick(*call);
                let observation = self.translate(call, observation);
                self.advance(call, Some(&observation), wants_lease.then_some(LEASE));
                self.no_payment_is_lost(call, &observation);
            }
            Step::Lease { call } => self.advance(self.pick(*call), None, Some(LEASE)),
            Step::Close { forwarding, handled } if !self.held.is_empty() => {
                let forwarding = self.held.swap_remove(forwarding % self.held.len());
                self.close(forwarding, *handled);
            }
            Step::Supersede { call } => self.supersede(self.pick(*call)),
            Step::Sweep => {
                for seen in block_on(self.journal.claim_due(10, LEASE)).unwrap() {
                    block_on(self.journal.count_check(seen.record.id)).unwrap();
                    self.advance(seen.record.id, Some(&Observation::Unknown), None);
                }
            }
            Step::Wait { seconds } => self.clock.advance(Duration::from_secs(*seconds)),
            Step::Close { .. } => {}
        }
    }

    fn translate(&self, call: CallId, told: &Told) -> Observation {
        let reference = |number: &u8| format!("payment-{number}");
        match told {
            Told::Waiting => Observation::Waiting,
            Told::InProgress => Observation::InProgress,
            Told::Unknown => Observation::Unknown,
            Told::Failed => Observation::Failed { reason: "failed".into() },
            Told::Refunded(numbers) => Observation::Refunded {
                references: numbers.iter().map(reference).collect(),
                reason: "given back".into(),
            },
            Told::Arrived(payments) => {
                let price = self.record(call).price.map_or(0, |price| price.gross.micros());
                let payment = |(number, amount): &(u8, Amount)| Payment {
                    reference: reference(number),
                    provider_request_id: call.relay_request_id(),
                    asset: "usdc".into(),
                    recipient: if matches!(amount, Amount::ElsewhereExact) { "a thief" } else { "the seller" }.into(),
                    base_units: match amount {
                        Amount::Short => price - price.min(1),
                        Amount::Exact | Amount::ElsewhereExact => price,
                        Amount::Excess => price * 2,
                    },
                    transaction: None,
                };
                Observation::Arrived(payments.iter().map(payment).collect())
            }
        }
    }

    fn close(&mut self, forwarding: Forwarding, handled: bool) {
        let (call, attempt) = (forwarding.call(), forwarding.attempt());
        let arrival = if handled {
            Arrival::Answered { status: 200, body: Bytes::from(format!("{attempt}")), latency_ms: attempt }
        } else {
            Arrival::MayHaveRun { cause: Cause::Timeout, latency_ms: attempt }
        };
        let before = self.record(call);
        let (closed, seen) = block_on(self.journal.close(&forwarding.conclude(arrival))).unwrap().unwrap();
        if seen.record.state != State::Forwarding {
            self.leases.remove(&call);
        }
        let is_late = before.state != State::Forwarding || before.attempt != attempt;
        match (closed, handled) {
            (Closed::Recorded, true) => assert_eq!(seen.record.delivery.unwrap().attempt, attempt),
            (Closed::Recorded, false) => assert!(!is_late, "a stale failure was recorded"),
            (Closed::Stale, _) => assert_eq!(seen.record.state, before.state, "a stale closing changed the call"),
        }
    }

    fn supersede(&mut self, dead: CallId) {
        let before = self.record(dead);
        let price = before.price.map(|price| price.gross.micros());
        let successor = self.new_call(price);
        let answer = block_on(self.journal.supersede(dead, &successor)).unwrap().unwrap();
        let may_have_one = before.state.is_dead() && before.superseded_by.is_none();
        assert_eq!(answer.lease.is_some(), may_have_one);
        if let Some(lease) = answer.lease {
            assert_eq!(answer.seen.record.id, successor.id);
            self.issue(&successor, lease);
            self.calls.push(successor.id);
        }
    }

    /// What was reported as arrived is in the books of the call, or among its orphans.
    fn no_payment_is_lost(&self, call: CallId, observation: &Observation) {
        let Observation::Arrived(payments) = observation else { return };
        if self.record(call).terms.is_none() {
            return;
        }
        let item = block_on(self.journal.history_item(call)).unwrap().unwrap();
        let entries = self.entries();
        for payment in payments {
            let is_booked =
                entries.iter().any(|entry| entry.call == call && entry.provider_reference == payment.reference);
            let is_kept = item.orphans.iter().any(|orphan| orphan.payment.reference == payment.reference);
            assert!(is_booked || is_kept, "{} is nowhere", payment.reference);
        }
    }

    fn entries(&self) -> Vec<LedgerEntry> {
        let of = |profile| {
            let mut page = PageRequest::Numbered { page: 1, limit: 100 };
            let mut entries = Vec::new();
            loop {
                let query = LedgerQuery::of(profile, page);
                let answer = block_on(self.journal.ledger(&query)).unwrap();
                entries.extend(answer.items);
                match answer.next {
                    Some(cursor) => page = PageRequest::After { cursor, limit: 100 },
                    None => return entries,
                }
            }
        };
        [of(self.buyer), of(self.seller)].concat()
    }

    fn check(&mut self) {
        let report = block_on(self.journal.audit()).unwrap();
        assert!(report.balances(), "{:?}", report.findings);
        self.check_ledger();
        for call in self.calls.clone() {
            let record = self.record(call);
            if let Some(delivery) = self.delivered.get(&call) {
                assert_eq!((record.state, record.delivery.as_ref()), (State::Delivered, Some(delivery)));
            }
            if let Some(delivery) = record.delivery.clone() {
                self.delivered.insert(call, delivery);
            }
            if let Some(terms) = &record.terms {
                assert_eq!(self.terms.entry(call).or_insert_with(|| terms.clone()), terms, "terms were replaced");
            }
            if record.settlement.as_ref().is_some_and(|settlement| !settlement.refunded) {
                let is_kept =
                    matches!(record.state, State::Settled | State::Forwarding | State::Delivered | State::SellerFailed);
                assert!(is_kept, "a paid call is {}", record.state);
            }
        }
    }

    /// The ledger, added up by nothing but its own rows.
    fn check_ledger(&self) {
        let mut settlements: HashMap<_, Vec<LedgerEntry>> = HashMap::new();
        for entry in self.entries() {
            settlements.entry(entry.settlement_id).or_default().push(entry);
        }
        let mut references = HashSet::new();
        for entries in settlements.values() {
            let (originals, adjustments): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.adjusts.is_none());
            assert_eq!(originals.len(), 3, "three originals a settlement");
            assert!(adjustments.is_empty() || adjustments.len() == 3);
            for part in [originals, adjustments] {
                let sum = |wanted| {
                    let of_type = part.iter().filter(|entry| entry.adjusts.unwrap_or(entry.entry_type) == wanted);
                    of_type.map(|entry| entry.amount.micros()).sum::<u64>()
                };
                let gross = sum(EntryType::GatewayPayment);
                assert_eq!(gross, sum(EntryType::MarketplaceFee) + sum(EntryType::SellerCredit));
                let price = part.first().and_then(|entry| self.record(entry.call).price);
                assert_eq!(gross, price.map_or(0, |price| price.gross.micros()));
            }
            assert!(references.insert(entries[0].provider_reference.clone()), "a reference settled twice");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_breaks_the_books_or_runs_a_call_unpaid_or_twice(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut run = Run::new();
        for step in &steps {
            run.take(step);
            run.check();
        }
    }
}
