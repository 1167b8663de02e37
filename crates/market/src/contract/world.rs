//! What a suite needs of an implementation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use crochet_primitives::testing::ManualClock;
use crochet_primitives::{Clock, ListingId, ProfileId, Timestamp};

use crate::memory::{MemoryCatalogue, MemoryIdentities};
use crate::ports::{Catalogue, Identities};

/// An empty store with at least two categories.
#[async_trait]
pub trait World: Send + Sync {
    /// Profiles, wallets and keys.
    fn identities(&self) -> &dyn Identities;

    /// Listings of the same store's profiles.
    fn catalogue(&self) -> &dyn Catalogue;

    /// The clock by which the store judges what has expired, within a minute.
    fn now(&self) -> Timestamp;

    /// Records that `buyer` called a listing through the gateway just now, and whether that was delivered. What
    /// `popular` sorts by has taken note of it when this returns.
    async fn record_call(&self, listing: ListingId, buyer: ProfileId, is_delivered: bool);
}

/// The in-memory implementations, as one world.
#[derive(Debug)]
pub struct MemoryWorld {
    clock: Arc<ManualClock>,
    identities: Arc<MemoryIdentities>,
    catalogue: MemoryCatalogue,
}

impl Default for MemoryWorld {
    fn default() -> Self {
        let clock = Arc::new(ManualClock::default());
        let identities = Arc::new(MemoryIdentities::new(clock.clone()));
        Self { catalogue: MemoryCatalogue::new(clock.clone(), identities.clone()), identities, clock }
    }
}

#[async_trait]
impl World for MemoryWorld {
    fn identities(&self) -> &dyn Identities {
        &*self.identities
    }

    fn catalogue(&self) -> &dyn Catalogue {
        &self.catalogue
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn record_call(&self, listing: ListingId, _buyer: ProfileId, is_delivered: bool) {
        self.catalogue.record_call(listing, is_delivered);
    }
}

/// A number that was never given before in this process.
pub(super) fn next() -> u64 {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}
