//! What every call asks for, kept in memory: API keys with their profiles, and offers with their endpoints decrypted.
//!
//! **Invariant:** what is answered from memory is what the database would have answered at some moment of the last
//! second: it is taken back by [`crate::Invalidations`], and believed only while somebody listens for that. What was
//! looked up before a change is never kept after it.

mod directory;
mod identities;
mod kept;

use std::sync::atomic::{AtomicU64, Ordering};

pub use directory::CachedDirectory;
pub use identities::CachedIdentities;

/// How look-ups went, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheCounts {
    /// Answered from memory.
    pub hits: u64,
    /// Not found there: the database was asked.
    pub misses: u64,
    /// Nobody listened for changes: the database was asked.
    pub bypasses: u64,
    /// How many entries there are now.
    pub entries: u64,
}

/// Counts them.
#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    bypasses: AtomicU64,
}

impl Counts {
    fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    fn missed(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    fn bypassed(&self) {
        self.bypasses.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self, entries: usize) -> CacheCounts {
        CacheCounts {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            bypasses: self.bypasses.load(Ordering::Relaxed),
            entries: u64::try_from(entries).unwrap_or(u64::MAX),
        }
    }
}
