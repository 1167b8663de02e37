//! What strangers may make us ask.
//!
//! A payment that nobody has claimed yet costs a look at the chain and a question to a facilitator, and whoever has a key
//! can sign as many as they like. So those have a budget of their own, and what is left of the node's and the
//! facilitators' own limits is there for payments that were claimed: looks at them and submissions take nothing from it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crochet_primitives::Clock;
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many verifications there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerificationLimits {
    /// In any minute, a fifth of them at once: 300 by default.
    pub per_minute: NonZeroU32,
    /// Under way at one time, each for 9 s at most: 64 by default.
    pub at_once: usize,
}

impl Default for VerificationLimits {
    fn default() -> Self {
        Self { per_minute: NonZeroU32::new(300).unwrap_or(NonZeroU32::MIN), at_once: 64 }
    }
}

/// The verifications that there may be in this process.
pub(crate) struct Budget {
    limiter: RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Duration>>,
    ticks: Ticks,
    places: Semaphore,
}

/// The monotonic side of our clock, as governor wants it.
#[derive(Clone)]
struct Ticks(Arc<dyn Clock>);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

impl Budget {
    pub(crate) fn new(limits: VerificationLimits, clock: Arc<dyn Clock>) -> Self {
        let burst = NonZeroU32::new(limits.per_minute.get() / 5).unwrap_or(NonZeroU32::MIN);
        let rest = limits.per_minute.get().saturating_sub(burst.get());
        let quota = Quota::per_minute(NonZeroU32::new(rest).unwrap_or(NonZeroU32::MIN)).allow_burst(burst);
        let ticks = Ticks(clock);
        let limiter = RateLimiter::direct_with_clock(quota, ticks.clone());
        Self { limiter, ticks, places: Semaphore::new(limits.at_once.clamp(1, Semaphore::MAX_PERMITS)) }
    }

    /// The right to ask about one payment, until it is dropped; or in how many whole seconds there may be one, at least 1.
    /// Waits for nothing.
    pub(crate) fn take(&self) -> Result<SemaphorePermit<'_>, u32> {
        let place = self.places.try_acquire().map_err(|_| 1_u32)?;
        self.limiter.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(self.ticks.now());
            u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1)
        })?;
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use crochet_primitives::testing::ManualClock;

    use super::*;

    fn budget(per_minute: u32, at_once: usize) -> (Budget, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        let limits = VerificationLimits { per_minute: NonZeroU32::new(per_minute).unwrap(), at_once };
        (Budget::new(limits, clock.clone()), clock)
    }

    #[test]
    fn a_fifth_of_a_minutes_verifications_can_be_made_at_once_and_the_rest_evenly() {
        let (budget, clock) = budget(50, 100);
        let count = |seconds: u64| {
            (0..seconds).map(|_| {
                clock.advance(Duration::from_secs(1));
                std::iter::from_fn(|| budget.take().ok()).count()
            })
        };
        assert_eq!(std::iter::from_fn(|| budget.take().ok()).count(), 10);
        assert_eq!(budget.take().err(), Some(2), "40 a minute: one every second and a half");
        assert_eq!(count(60).sum::<usize>(), 40);
    }

    #[test]
    fn no_more_are_under_way_at_one_time_than_may_be() {
        let (budget, _) = budget(1_000, 2);
        let held = (budget.take().unwrap(), budget.take().unwrap());
        assert_eq!(budget.take().err(), Some(1));
        drop(held.0);
        assert!(budget.take().is_ok());
    }

    #[test]
    fn a_budget_of_one_a_minute_is_one_a_minute() {
        let (budget, clock) = budget(1, 1);
        assert!(budget.take().is_ok());
        assert!(budget.take().is_err());
        clock.advance(Duration::from_secs(61));
        assert!(budget.take().is_ok());
    }
}
