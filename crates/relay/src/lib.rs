//! The relay request.
mod audit;
#[cfg(feature = "testing")]
pub mod contract;
mod forwarding;
mod gateway;
mod ledger;
#[cfg(feature = "testing")]
pub mod memory;
mod policy;
pub mod ports;
mod record;
mod reply;
mod route;
mod sweeper;
mod terms;
pub mod transition;

pub use audit::{AuditReport, Finding};
pub use forwarding::{
    Arrival, Cause, Closing, Dispatch, Ending, Endpoint, Forwarding, Response, SealedResponse, UpstreamAuth, judge,
};
pub use gateway::{Buyer, CallRequest, Gateway};
pub use ledger::{Direction, EntryType, FeeStatus, LedgerEntry, OrphanPayment, OrphanReason};
pub use policy::Policy;
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
