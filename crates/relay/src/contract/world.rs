//! What a suite needs of an implementation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_primitives::{CallId, ListingId, ProfileId, timestamp_from_millis};

use crate::memory::{MemoryJournal, MemoryMockPayments};
use crate::policy::Policy;
use crate::ports::{Books, Journal, MockPayments, Sweeps};

/// An empty store, its clock, and what has to be there before a call can be recorded.
#[async_trait]
pub trait World: Send + Sync {
    /// The journal, made with [`policy`].
    fn journal(&self) -> &dyn Journal;

    /// The sweeper's view of the same store.
    fn sweeps(&self) -> &dyn Sweeps;

    /// What is read of the same store.
    fn books(&self) -> &dyn Books;

    /// The mock provider's memory.
    fn mock_payments(&self) -> &dyn MockPayments;

    /// Moves the clock by which all of them judge on; it may move by itself besides.
    async fn advance_clock(&self, by: Duration);

    /// A profile that there is.
    async fn new_profile(&self) -> ProfileId;

    /// A listing of `seller` that there is.
    async fn new_listing(&self, seller: ProfileId) -> ListingId;

    /// An id that sorts after all that were made before it.
    fn new_call_id(&self) -> CallId {
        let (number, random) = next();
        let at = timestamp_from_millis(FIRST_ID_MILLIS.saturating_add_unsigned(number));
        CallId::new(at.unwrap_or_default(), random)
    }
}

/// 2026-05-03T12:00:00Z.
const FIRST_ID_MILLIS: i64 = 1_777_809_600_000;

/// The policy that a [`World`] is made with: the usual one, with limits that a test can reach.
#[must_use]
pub fn policy() -> Policy {
    Policy { max_open_quotes: 5, vault_max_buyer: 1000, ..Policy::default() }
}

/// The in-memory implementations, as one world.
#[derive(Debug)]
pub struct MemoryWorld {
    clock: Arc<ManualClock>,
    journal: MemoryJournal,
    mock_payments: MemoryMockPayments,
}

impl Default for MemoryWorld {
    fn default() -> Self {
        let clock = Arc::new(ManualClock::default());
        Self {
            journal: MemoryJournal::new(clock.clone(), Arc::new(SeededEntropy::default()), policy()),
            clock,
            mock_payments: MemoryMockPayments::default(),
        }
    }
}

#[async_trait]
impl World for MemoryWorld {
    fn journal(&self) -> &dyn Journal {
        &self.journal
    }

    fn sweeps(&self) -> &dyn Sweeps {
        &self.journal
    }

    fn books(&self) -> &dyn Books {
        &self.journal
    }

    fn mock_payments(&self) -> &dyn MockPayments {
        &self.mock_payments
    }

    async fn advance_clock(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn new_profile(&self) -> ProfileId {
        ProfileId::new(timestamp_from_millis(FIRST_ID_MILLIS).unwrap_or_default(), next().1)
    }

    async fn new_listing(&self, _seller: ProfileId) -> ListingId {
        ListingId::new(timestamp_from_millis(FIRST_ID_MILLIS).unwrap_or_default(), next().1)
    }
}

/// A number that was never given before in this process, and ten bytes made of it. An id overwrites some bits of the
/// first three bytes, so the number is in the last seven.
pub(super) fn next() -> (u64, [u8; 10]) {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let mut bytes = [0; 10];
    for (to, from) in bytes.iter_mut().rev().zip(number.to_le_bytes()).take(7) {
        *to = from;
    }
    (number, bytes)
}
