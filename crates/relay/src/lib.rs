//! The relay request: one paid call, from its terms to its answer.
//!
//! [`transition`] is the state machine, as pure functions from a [`Record`] to the next one; [`ports`] is what it needs
//! of the outside; [`Gateway`] is the use case over them, and [`Sweeper`] what happens without a buyer's retry.
//!
//! **Invariants:** the right to forward ([`Forwarding`]) is granted only to a free call, or to one whose settlement is
//! recorded and was not given back, and [`Forwarding::conclude`] consumes it; while the outcome of a payment is
//! unknown, the reply is never to pay; every settlement has three ledger entries that add up. No I/O, no clock, no
//! randomness: time and entropy come in through [`crochet_primitives`].
//!
//! ```
//! use std::time::Duration;
//!
//! use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, split};
//! use crochet_primitives::{CallId, Entropy, ListingId, ProfileId, timestamp_from_millis};
//! use crochet_relay::transition::{Claim, Write, advance, close, issue, open};
//! use crochet_relay::{Arrival, FeeStatus, NewCall, Observation, Origin, OriginCurrency, Payment, Policy};
//! use crochet_relay::{QuoteOutcome, State, Terms};
//! use crochet_signing::BodyHash;
//!
//! struct Zeros;
//! impl Entropy for Zeros {
//!     fn fill(&self, buffer: &mut [u8]) { buffer.fill(0) }
//! }
//! let now = timestamp_from_millis(1_777_809_600_000).unwrap();
//! let policy = Policy::default();
//!
//! // A call is recorded before anybody is asked for terms.
//! let price = split(MicroUsd::from_micros(10_000), MARKETPLACE_FEE);
//! let call = NewCall {
//!     id: CallId::new(now, [1; 10]),
//!     buyer: ProfileId::new(now, [2; 10]),
//!     seller: ProfileId::new(now, [3; 10]),
//!     listing: ListingId::new(now, [4; 10]),
//!     body_sha256: BodyHash::of(b"{}"),
//!     idempotency_key: None,
//!     origin: Origin::default(),
//!     price: Some(price),
//!     forward_lease: Duration::from_secs(45),
//!     terms: None,
//! };
//! let record = open(&call, now, &policy).record;
//! let terms = Terms {
//!     provider: "mock".into(),
//!     provider_request_id: call.id.relay_request_id(),
//!     scheme: "mock".into(),
//!     network: "eip155:8453".into(),
//!     origin_currency: OriginCurrency::Usdc,
//!     origin_chain_id: 8453,
//!     instructions: serde_json::Value::Null,
//!     asset: "usdc".into(),
//!     recipient: "seller".into(),
//!     expected_base_units: 10_000,
//!     fee_status: FeeStatus::Accrued,
//!     expires_at: now + policy.quote_ttl,
//!     claimed: None,
//! };
//! let record = issue(record, 1, &QuoteOutcome::Issued(Box::new(terms)), now, &policy).record;
//! assert_eq!(record.state, State::Quoted);
//!
//! // Nothing has arrived: there is no right to forward.
//! let lease = Some(call.forward_lease);
//! let waiting = advance(record.clone(), Some((&Observation::Waiting, &[])), lease, now, &policy, &Zeros);
//! assert!(waiting.forwarding.is_none());
//!
//! // The price has arrived: three entries that add up, and the right to forward once.
//! let payment = Payment {
//!     reference: "0xabc".into(),
//!     provider_request_id: call.id.relay_request_id(),
//!     asset: "usdc".into(),
//!     recipient: "seller".into(),
//!     base_units: 10_000,
//!     transaction: None,
//! };
//! let arrived = Observation::Arrived(vec![payment]);
//! let paid = advance(record, Some((&arrived, &[Claim::Fresh])), lease, now, &policy, &Zeros);
//! assert_eq!(paid.change.writes.iter().filter(|write| matches!(write, Write::Entry(_))).count(), 3);
//!
//! // What the seller answers decides how it ends.
//! let answer = Arrival::Answered { status: 200, body: "{\"ok\":true}".into(), latency_ms: 12 };
//! let closing = paid.forwarding.unwrap().conclude(answer);
//! let (change, _) = close(paid.change.record, &closing, now, &policy);
//! assert_eq!(change.record.state, State::Delivered);
//! ```

mod audit;
#[cfg(feature = "testing")]
pub mod contract;
mod forwarding;
mod gateway;
mod header_payment;
mod ledger;
mod lists;
#[cfg(feature = "testing")]
pub mod memory;
mod policy;
pub mod ports;
mod providers;
mod reconcile;
mod record;
mod reply;
mod route;
mod sweeper;
mod terms;
pub mod transition;
mod webhook;

pub use audit::{AuditReport, Finding};
pub use forwarding::{
    Arrival, Cause, Closing, Dispatch, Ending, Endpoint, Forwarding, Response, SealedResponse, UpstreamAuth, judge,
};
pub use gateway::{Buyer, CallRequest, Discovered, Gateway, HeaderTerms, PaidRequest};
pub use header_payment::{BY_HEADER, Claimed, HeaderOffer, HeaderPayment, Promised, Verification};
pub use ledger::{Direction, EntryType, FeeStatus, LedgerEntry, OrphanPayment, OrphanReason};
pub use policy::Policy;
pub use providers::Providers;
pub use reconcile::{Counts, Difference, DifferenceKind, NotAsked, Reconciler, UnknownPayment, Watcher};
pub use record::{
    Attempt, AttemptOutcome, Delivery, Failure, FailureKind, IdempotencyKey, InvalidIdempotencyKey, NewCall, Record,
    Settlement, State, fingerprint,
};
pub use reply::{GatewayError, Mismatch, Progress, Reply, Unpaid};
pub use route::{BASE, CHAINS, SOLANA, choose_route};
pub use sweeper::{Sweeper, Swept};
pub use terms::{
    Observation, Origin, OriginCurrency, PayerWallet, Payment, QuoteAsk, QuoteOutcome, QuoteRefusal, Route, Terms,
};
pub use webhook::{WebhookError, WebhookIntake};
