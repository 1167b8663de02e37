//! Where a rule begins: a buyer, a seller, a listing, and calls that have come so far.

use std::time::Duration;

use bytes::Bytes;
use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, split};
use crochet_primitives::{CallId, ListingId, PageRequest, ProfileId, Timestamp, truncate_to_millis};
use crochet_signing::BodyHash;

use super::World;
use super::world::next;
use crate::forwarding::{Arrival, Cause, Closing, Forwarding, SealedResponse};
use crate::ledger::{FeeStatus, LedgerEntry, OrphanPayment};
use crate::ports::{Admission, Advanced, HistoryItem, LedgerQuery, QuoteLease, Seen};
use crate::record::{IdempotencyKey, NewCall, Record, State};
use crate::route::SOLANA;
use crate::terms::{Observation, Origin, OriginCurrency, Payment, QuoteOutcome, Terms};
use crate::transition::{Closed, after};

/// How long a forward may take, in these rules.
pub(super) const LEASE: Duration = Duration::from_secs(45);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) struct Given<'w, W> {
    pub(super) world: &'w W,
    pub(super) buyer: ProfileId,
    pub(super) seller: ProfileId,
    pub(super) listing: ListingId,
}

impl<'w, W: World> Given<'w, W> {
    pub(super) async fn new(world: &'w W) -> Self {
        let (buyer, seller) = (world.new_profile().await, world.new_profile().await);
        let listing = world.new_listing(seller).await;
        Self { world, buyer, seller, listing }
    }

    /// The same listing, and another buyer.
    pub(super) async fn another_buyer(&self) -> Self {
        Self { buyer: self.world.new_profile().await, ..*self }
    }

    pub(super) fn paid_call(&self) -> NewCall {
        NewCall {
            id: self.world.new_call_id(),
            buyer: self.buyer,
            seller: self.seller,
            listing: self.listing,
            body_sha256: BodyHash::of(b"{\"task\":1}"),
            idempotency_key: None,
            origin: Origin::default(),
            price: Some(split(MicroUsd::from_micros(10_000), MARKETPLACE_FEE)),
            forward_lease: LEASE,
            terms: None,
        }
    }

    pub(super) fn free_call(&self) -> NewCall {
        NewCall { price: None, ..self.paid_call() }
    }

    pub(super) async fn admit(&self, call: &NewCall) -> Admission {
        self.world.journal().admit(call).await.unwrap()
    }

    pub(super) async fn quoting(&self, call: &NewCall) -> (Seen, QuoteLease) {
        match self.admit(call).await {
            Admission::Quote(seen, lease) => (seen, lease),
            other => panic!("no new paid call: {other:?}"),
        }
    }

    pub(super) async fn issue(&self, lease: QuoteLease, terms: Terms) -> Record {
        let outcome = QuoteOutcome::Issued(Box::new(terms));
        self.world.journal().issue(lease, &outcome).await.unwrap().record
    }

    pub(super) async fn quoted_as(&self, call: &NewCall) -> Record {
        let (seen, lease) = self.quoting(call).await;
        let record = self.issue(lease, terms(call, seen.now)).await;
        assert_eq!(record.state, State::Quoted);
        record
    }

    pub(super) async fn quoted(&self) -> Record {
        self.quoted_as(&self.paid_call()).await
    }

    pub(super) async fn settled_as(&self, call: &NewCall) -> Record {
        let record = self.quoted_as(call).await;
        let record = self.observe(record.id, &arrived([payment(&record)])).await;
        assert_eq!(record.state, State::Settled);
        record
    }

    pub(super) async fn settled(&self) -> Record {
        self.settled_as(&self.paid_call()).await
    }

    pub(super) async fn forwarding(&self) -> Forwarding {
        let record = self.settled().await;
        self.forward(record.id).await
    }

    pub(super) async fn delivered_as(&self, call: &NewCall) -> Record {
        let record = self.settled_as(call).await;
        let forwarding = self.forward(record.id).await;
        self.close(&delivery(forwarding)).await.1.record
    }

    pub(super) async fn delivered(&self) -> Record {
        self.delivered_as(&self.paid_call()).await
    }

    /// A call whose window and grace ended.
    pub(super) async fn expired(&self) -> Record {
        let record = self.quoted().await;
        self.expire(&record).await
    }

    pub(super) async fn expire(&self, record: &Record) -> Record {
        self.world.advance_clock(25 * MINUTE + SECOND).await;
        let record = self.observe(record.id, &Observation::Waiting).await;
        assert_eq!(record.state, State::Expired);
        record
    }

    pub(super) async fn advance(&self, call: CallId, seen: Option<&Observation>, lease: Option<Duration>) -> Advanced {
        self.world.journal().advance(call, seen, lease).await.unwrap().unwrap()
    }

    pub(super) async fn observe(&self, call: CallId, observation: &Observation) -> Record {
        self.advance(call, Some(observation), None).await.seen.record
    }

    /// The lease, which MUST be there to take.
    pub(super) async fn forward(&self, call: CallId) -> Forwarding {
        self.advance(call, None, Some(LEASE)).await.forwarding.unwrap()
    }

    pub(super) async fn may_forward(&self, call: CallId) -> bool {
        self.advance(call, None, Some(LEASE)).await.forwarding.is_some()
    }

    pub(super) async fn close(&self, closing: &Closing) -> (Closed, Seen) {
        self.world.journal().close(closing).await.unwrap().unwrap()
    }

    pub(super) async fn find(&self, call: CallId) -> Record {
        self.world.journal().find(call).await.unwrap().unwrap().record
    }

    pub(super) async fn item(&self, call: CallId) -> HistoryItem {
        self.world.books().history_item(call).await.unwrap().unwrap()
    }

    pub(super) async fn orphans(&self, call: CallId) -> Vec<OrphanPayment> {
        self.item(call).await.orphans
    }

    /// Every ledger entry of a call, oldest first: the buyer's, then the seller's.
    pub(super) async fn entries(&self, call: CallId) -> Vec<LedgerEntry> {
        let mut entries = Vec::new();
        for profile in [self.buyer, self.seller] {
            let query = LedgerQuery::of(profile, PageRequest::Numbered { page: 1, limit: 100 });
            let page = self.world.books().ledger(&query).await.unwrap();
            entries.extend(page.items.into_iter().rev().filter(|entry| entry.call == call));
        }
        entries
    }

    /// What has to hold after every rule, whatever happened in it.
    pub(super) async fn books_balance(&self) {
        let report = self.world.books().audit().await.unwrap();
        assert!(report.balances(), "{:?}", report.findings);
        assert_eq!(report.gross_micros, report.fee_micros + report.seller_micros);
    }
}

pub(super) fn key(text: &str) -> Option<IdempotencyKey> {
    IdempotencyKey::parse(text).ok()
}

/// Terms for `call` that end in 15 minutes.
pub(super) fn terms(call: &NewCall, now: Timestamp) -> Terms {
    let (number, _) = next();
    Terms {
        provider: "scripted".into(),
        provider_request_id: format!("quote-{number}"),
        scheme: "mock".into(),
        network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp".into(),
        origin_currency: OriginCurrency::Sol,
        origin_chain_id: SOLANA,
        instructions: serde_json::json!({ "pay_url": "https://pay.example/1", "method": "POST" }),
        asset: "usdc".into(),
        recipient: format!("seller {}", call.seller),
        expected_base_units: call.price.map_or(0, |price| price.gross.micros()),
        fee_status: FeeStatus::Accrued,
        expires_at: truncate_to_millis(after(now, 15 * MINUTE)),
        claimed: None,
    }
}

/// A payment that covers the terms of `record` exactly, with a reference of its own.
pub(super) fn payment(record: &Record) -> Payment {
    let terms = record.terms.as_ref().unwrap();
    let (number, _) = next();
    Payment {
        reference: format!("payment-{number}"),
        provider_request_id: terms.provider_request_id.clone(),
        asset: terms.asset.clone(),
        recipient: terms.recipient.clone(),
        base_units: terms.expected_base_units,
        transaction: None,
    }
}

pub(super) fn arrived<const N: usize>(payments: [Payment; N]) -> Observation {
    Observation::Arrived(payments.into())
}

pub(super) fn failed(reason: &str) -> Observation {
    Observation::Failed { reason: reason.into() }
}

pub(super) fn refunded(record: &Record) -> Observation {
    let references = record.settlement.iter().map(|settlement| settlement.reference.clone()).collect();
    Observation::Refunded { references, reason: "given back".into() }
}

/// The seller answered 200.
pub(super) fn delivery(forwarding: Forwarding) -> Closing {
    forwarding.conclude(Arrival::Answered {
        status: 200,
        body: Bytes::from_static(b"{\"answer\":42}"),
        latency_ms: 120,
    })
}

/// The same, with a sealed response of `length` bytes.
pub(super) fn sealed_delivery(forwarding: Forwarding, length: usize) -> Closing {
    let mut closing = delivery(forwarding);
    closing.sealed = Some(SealedResponse { bytes: vec![7; length], key_prefix: "am_k_Ab12".into() });
    closing
}

/// The seller answered nothing in time.
pub(super) fn failure(forwarding: Forwarding) -> Closing {
    forwarding.conclude(Arrival::MayHaveRun { cause: Cause::Timeout, latency_ms: 30_000 })
}

/// Equal, but for what a running clock adds.
pub(super) fn assert_about(actual: Option<Timestamp>, expected: Timestamp) {
    let distance = (actual.unwrap() - expected).abs();
    assert!(distance <= chrono::TimeDelta::seconds(1), "{actual:?} is not about {expected}");
}
