//! How a call moves: pure functions from a record to the next one and to what has to be written beside it.
//!
//! A storage adapter locks the row, reads its clock, calls one of these, writes the [`Change`], and commits. The
//! in-memory journal does the same under a mutex. There is no other way for a record to change.

mod advance;
mod close;
mod ended;
mod open;
mod quote;
mod schedule;

pub use advance::{Advance, Claim, advance, still_news};
pub use close::{Closed, close};
pub use ended::{Ended, ended};
pub use open::open;
pub use quote::{issue, retake_quote, retake_submission};

use chrono::TimeDelta;
use crochet_primitives::Timestamp;
use std::time::Duration;

use crate::ledger::{LedgerEntry, OrphanPayment};
use crate::record::{AttemptOutcome, Record};

/// The next record, and the rows that belong to the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What the row becomes.
    pub record: Record,
    /// What is written beside it, in this order.
    pub writes: Vec<Write>,
}

/// One row beside the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// A ledger entry, to be inserted.
    Entry(LedgerEntry),
    /// A payment that bought nothing. Insert it unless there is one of the same call and reference.
    Orphan(OrphanPayment),
    /// A forward begins: a new attempt row.
    AttemptStarted {
        /// Its number.
        attempt: u32,
        /// When.
        at: Timestamp,
    },
    /// A forward ended: set the outcome of its row, unless that row says `delivered`.
    AttemptEnded {
        /// Its number.
        attempt: u32,
        /// How.
        outcome: AttemptOutcome,
        /// The seller's status, where it answered.
        seller_status: Option<u16>,
        /// How long it took, where that is known.
        latency_ms: Option<u32>,
    },
}

impl Change {
    const fn none(record: Record) -> Self {
        Self { record, writes: Vec::new() }
    }
}

/// `at + by`, or the end of time.
pub(crate) fn after(at: Timestamp, by: Duration) -> Timestamp {
    TimeDelta::from_std(by).ok().and_then(|by| at.checked_add_signed(by)).unwrap_or(Timestamp::MAX_UTC)
}
