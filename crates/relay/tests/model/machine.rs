//! The transitions, as the model calls them. Every method is the real function; a mutant overrides one of them.

use std::time::Duration;

use crochet_primitives::Timestamp;
use crochet_primitives::testing::SeededEntropy;
use crochet_relay::transition::{self, Change, Claim, Closed};
use crochet_relay::{Closing, NewCall, Observation, Policy, QuoteOutcome, Record};

/// What a call is moved on with.
pub(crate) struct Turn<'a> {
    pub(crate) record: Record,
    pub(crate) observed: Option<(&'a Observation, &'a [Claim])>,
    pub(crate) lease: Option<Duration>,
    pub(crate) now: Timestamp,
    pub(crate) policy: &'a Policy,
}

/// What an adapter calls under its lock.
pub(crate) trait Machine: Send + Sync {
    fn open(&self, call: &NewCall, now: Timestamp, policy: &Policy) -> Change {
        transition::open(call, now, policy)
    }

    fn issue(&self, record: Record, fence: u32, outcome: &QuoteOutcome, now: Timestamp, policy: &Policy) -> Change {
        transition::issue(record, fence, outcome, now, policy)
    }

    fn retake_quote(&self, record: Record, now: Timestamp, policy: &Policy) -> Option<Change> {
        transition::retake_quote(record, now, policy)
    }

    fn retake_submission(&self, record: Record, now: Timestamp, policy: &Policy) -> Option<Change> {
        transition::retake_submission(record, now, policy)
    }

    fn still_news(&self, record: &Record, asked_at: Timestamp, observation: &Observation) -> Observation {
        transition::still_news(record, asked_at, observation)
    }

    /// The change, and whether a lease was granted.
    fn advance(&self, turn: Turn<'_>) -> (Change, bool) {
        let Turn { record, observed, lease, now, policy } = turn;
        let advance = transition::advance(record, observed, lease, now, policy, &SeededEntropy::new(1));
        (advance.change, advance.forwarding.is_some())
    }

    fn close(&self, record: Record, closing: &Closing, now: Timestamp, policy: &Policy) -> (Change, Closed) {
        transition::close(record, closing, now, policy)
    }

    /// Whether a reference that was claimed stays so: the unique constraint of the storage.
    fn keeps_claims(&self) -> bool {
        true
    }
}

/// The machine as it is.
pub(crate) struct Real;

impl Machine for Real {}
