//! Who tried too many wrong keys, or too many payments that are none: asked before another one is looked at, so that
//! guessing costs the database nothing, and making payments up costs the node and the facilitator little.
//!
//! Counted in this process alone, also where other limits are shared: 256 bits are not guessed, and what is spared is
//! this process's own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crochet_limits::{Rate, Subject, whole_seconds};
use crochet_primitives::Clock;

use crate::limit_headers::LimitHeaders;

/// So many addresses are remembered; further ones are not, until others have been forgotten.
const MAX_ADDRESSES: usize = 100_000;

/// Counts wrong keys, or something else that is wrong, by address.
pub(crate) struct WrongKeys {
    /// What is counted, as the limit is called.
    policy: &'static str,
    /// How many may come, and how long each counts; `None` switches this off.
    limit: Option<(Rate, Duration)>,
    clock: Arc<dyn Clock>,
    remembered: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    /// Until when, on the monotonic clock, the wrong keys of an address count.
    until: HashMap<Subject, Duration>,
    next_sweep: Duration,
}

impl WrongKeys {
    /// `None` counts nothing.
    pub(crate) fn new(policy: &'static str, rate: Option<Rate>, clock: Arc<dyn Clock>) -> Self {
        let limit = rate.map(|rate| (rate, rate.window / rate.requests.max(1)));
        Self { policy, limit, clock, remembered: Mutex::default() }
    }

    /// Seconds until a key from this address is looked up again, and what the answer says of it; `None` when it is
    /// now.
    pub(crate) fn wait(&self, address: Subject) -> Option<(u32, LimitHeaders)> {
        let (rate, each) = self.limit?;
        let until = self.lock().until.get(&address).copied()?;
        let now = self.clock.monotonic();
        // There must be room for one more.
        let earliest = (until + each).checked_sub(rate.window)?;
        let wait = earliest.checked_sub(now).filter(|wait| !wait.is_zero()).map(whole_seconds)?;
        let reset_seconds = whole_seconds(until.saturating_sub(now));
        let headers = LimitHeaders { policy: self.policy, rate, remaining: 0, reset_seconds, exceeded: Some(wait) };
        Some((wait, headers))
    }

    /// A key from this address was wrong.
    pub(crate) fn count(&self, address: Subject) {
        let Some((rate, each)) = self.limit else { return };
        let now = self.clock.monotonic();
        let mut remembered = self.lock();
        let is_known = remembered.until.contains_key(&address);
        if !is_known && remembered.until.len() >= MAX_ADDRESSES {
            if now < remembered.next_sweep {
                return;
            }
            remembered.until.retain(|_, until| *until > now);
            remembered.next_sweep = now + rate.window;
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
