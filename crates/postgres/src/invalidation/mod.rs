//! Being told of what changed, so that what is kept in memory can be taken back.
//!
//! Triggers notify of every change on one channel ([`change`]). A [`listener`] on a connection of its own hears them,
//! and proves again and again that it does: while it cannot, nothing that is kept is believed ([`freshness`]).

mod change;
pub(crate) mod freshness;
mod listener;
mod supervisor;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

pub(crate) use change::Change;
use freshness::{Freshness, Moment};
use secrecy::SecretString;

/// Somebody who keeps what changes.
pub(crate) trait Keeper: Send + Sync {
    /// Forgets what is kept of that, and what is on its way to being kept. MUST be quick.
    fn forget(&self, change: &Change);
}

/// Tells those who keep something of every change of it, by whichever gateway or program, and whether they may believe
/// what they keep. It listens for as long as somebody has it.
pub struct Invalidations {
    freshness: Freshness,
    keepers: Mutex<Vec<Weak<dyn Keeper>>>,
    told: AtomicU64,
    connections: AtomicU64,
}

/// How the listener stands, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerState {
    /// Whether what is kept is believed now.
    pub is_fresh: bool,
    /// How many changes were heard of.
    pub changes: u64,
    /// How many connections it has listened on, one after the other.
    pub connections: u64,
}

impl Invalidations {
    /// Listens on a connection to `url` of its own: to the database itself, with no pooler in front. It is made in the
    /// background, and again whenever it is lost. Call it inside of a runtime.
    #[must_use]
    pub fn listen(url: &SecretString) -> Arc<Self> {
        Self::listen_for(url, supervisor::HANGS)
    }

    /// The same, but a listener that shows no sign of life for `hangs` is left: for tests that do not wait for long.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn listen_impatiently(url: &SecretString, hangs: Duration) -> Arc<Self> {
        Self::listen_for(url, hangs)
    }

    fn listen_for(url: &SecretString, hangs: Duration) -> Arc<Self> {
        let invalidations = Arc::new(Self::silent());
        supervisor::start(url.clone(), &invalidations, hangs);
        invalidations
    }

    /// Nobody listens: nothing that is kept is ever believed.
    fn silent() -> Self {
        Self {
            freshness: Freshness::new(),
            keepers: Mutex::default(),
            told: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        }
    }

    /// How the listener stands.
    #[must_use]
    pub fn state(&self) -> ListenerState {
        ListenerState {
            is_fresh: self.freshness.now().is_some(),
            changes: self.told.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
        }
    }

    /// What the database's clock shows; `None` while what is kept is not to be believed.
    pub(crate) fn now(&self) -> Option<Moment> {
        self.freshness.now()
    }

    /// From now on `keeper` is told.
    pub(crate) fn add(&self, keeper: Weak<dyn Keeper>) {
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner).push(keeper);
    }

    /// Tells everybody here. Who changes something in this process tells of it at once: its own callers see it then
    /// without the way through the database.
    pub(crate) fn tell(&self, change: &Change) {
        let keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        for keeper in keepers.iter().filter_map(Weak::upgrade) {
            keeper.forget(change);
        }
    }
}

impl fmt::Debug for Invalidations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invalidations").field("state", &self.state()).finish_non_exhaustive()
    }
}
