//! Who tried too many wrong keys: asked before a key is looked up, so that guessing costs the database nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crochet_primitives::Clock;

use crate::config::Rate;
use crate::limits::whole_seconds;

/// So many addresses are remembered; further ones are not, until others have been forgotten.
const MAX_ADDRESSES: usize = 100_000;

/// Counts wrong keys by address.
pub(crate) struct WrongKeys {
    /// How long one wrong key counts; `None` switches this off.
    each: Option<Duration>,
    window: Duration,
    clock: Arc<dyn Clock>,
    remembered: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    /// Until when, on the monotonic clock, the wrong keys of an address count.
    until: HashMap<IpAddr, Duration>,
    next_sweep: Duration,
}

impl WrongKeys {
    /// `None` counts nothing.
    pub(crate) fn new(rate: Option<Rate>, clock: Arc<dyn Clock>) -> Self {
        let each = rate.map(|rate| rate.window / rate.requests.max(1));
        let window = rate.map(|rate| rate.window).unwrap_or_default();
        Self { each, window, clock, remembered: Mutex::default() }
    }

    /// Seconds until a key from this address is looked up again; `None` when it is now.
    pub(crate) fn wait(&self, address: IpAddr) -> Option<u32> {
        let each = self.each?;
        let until = self.lock().until.get(&address).copied()?;
        // There must be room for one more.
        let earliest = (until + each).checked_sub(self.window)?;
        let wait = earliest.checked_sub(self.clock.monotonic())?;
        (!wait.is_zero()).then(|| whole_seconds(wait))
    }

    /// A key from this address was wrong.
    pub(crate) fn count(&self, address: IpAddr) {
        let Some(each) = self.each else { return };
        let now = self.clock.monotonic();
        let mut remembered = self.lock();
        let is_known = remembered.until.contains_key(&address);
        if !is_known && remembered.until.len() >= MAX_ADDRESSES {
            if now < remembered.next_sweep {
                return;
            }
            remembered.until.retain(|_, until| *until > now);
            remembered.next_sweep = now + self.window;
            if remembered.until.len() >= MAX_ADDRESSES {
                return;
            }
        }
        let until = remembered.until.entry(address).or_insert(now);
        *until = (*until).max(now).saturating_add(each);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
