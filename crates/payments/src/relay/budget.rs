//! Relay's own rate limits, kept before they are met.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crochet_primitives::Clock;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// For how long the sweeper stands back after somebody else's call had no room.
const STANDS_BACK: Duration = Duration::from_secs(5);

/// The longest that a 429 is heeded for: a broken header must not shut payments off for a day.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// So many calls in any minute. Quotes and reads have one each, so that no flood of quotes delays the word on a
/// payment.
pub(super) struct Budget {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
    /// Until when Relay wants to be left alone, by the monotonic clock.
    paused_until: Mutex<Duration>,
    /// Until when calls that can wait are to wait, by the monotonic clock.
    crowded_until: Mutex<Duration>,
}

impl Budget {
    /// At most `per_minute` calls in any 60 s: a fifth of them at once, the others spread evenly.
    pub(super) fn new(per_minute: NonZeroU32) -> Self {
        let burst = NonZeroU32::new(per_minute.get() / 5).unwrap_or(NonZeroU32::MIN);
        let rest = NonZeroU32::new(per_minute.get().saturating_sub(burst.get())).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(rest).allow_burst(burst);
        let clock = DefaultClock::default();
        Self {
            limiter: RateLimiter::direct(quota),
            clock,
            paused_until: Mutex::default(),
            crowded_until: Mutex::default(),
        }
    }

    /// Takes one call, or says how long there is none.
    pub(super) fn take(&self, clock: &dyn Clock) -> Result<(), Duration> {
        let paused_until = *lock(&self.paused_until);
        if let Some(left) = paused_until.checked_sub(clock.monotonic()).filter(|left| !left.is_zero()) {
            return Err(left);
        }
        self.limiter.check().map_err(|not_until| {
            *lock(&self.crowded_until) = clock.monotonic().saturating_add(STANDS_BACK);
            not_until.wait_time_from(self.clock.now())
        })
    }

    /// How long a call that can wait stands back: others had no room a moment ago.
    pub(super) fn crowded_for(&self, clock: &dyn Clock) -> Option<Duration> {
        lock(&self.crowded_until).checked_sub(clock.monotonic()).filter(|left| !left.is_zero())
    }

    /// Relay has answered 429: leaves it alone for so long.
    pub(super) fn pause(&self, clock: &dyn Clock, length: Duration) {
        let until = clock.monotonic().saturating_add(length.min(LONGEST_PAUSE));
        let mut paused_until = lock(&self.paused_until);
        *paused_until = until.max(*paused_until);
    }
}

fn lock(moment: &Mutex<Duration>) -> MutexGuard<'_, Duration> {
    moment.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use crochet_primitives::testing::ManualClock;

    use super::*;

    #[test]
    fn a_fifth_of_a_minute_s_calls_can_be_made_at_once() {
        let (budget, clock) = (Budget::new(NonZeroU32::new(50).unwrap()), ManualClock::default());
        for _ in 0..10 {
            assert_eq!(budget.take(&clock), Ok(()));
        }
        let wait = budget.take(&clock).unwrap_err();
        assert!(wait <= Duration::from_millis(1_500) && !wait.is_zero(), "{wait:?}");
    }

    #[test]
    fn who_can_wait_stands_back_once_somebody_had_no_room() {
        let (budget, clock) = (Budget::new(NonZeroU32::new(5).unwrap()), ManualClock::default());
        assert_eq!(budget.take(&clock), Ok(()));
        assert_eq!(budget.crowded_for(&clock), None);
        assert!(budget.take(&clock).is_err());
        assert_eq!(budget.crowded_for(&clock), Some(STANDS_BACK));
        clock.advance(STANDS_BACK);
        assert_eq!(budget.crowded_for(&clock), None);
    }

    #[test]
    fn a_pause_holds_everything_back_until_it_ends_and_never_for_long() {
        let (budget, clock) = (Budget::new(NonZeroU32::new(50).unwrap()), ManualClock::default());
        budget.pause(&clock, Duration::from_secs(86_400));
        assert_eq!(budget.take(&clock), Err(LONGEST_PAUSE));
        clock.advance(LONGEST_PAUSE);
        assert_eq!(budget.take(&clock), Ok(()));
    }
}
