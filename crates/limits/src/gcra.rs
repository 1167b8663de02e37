//! The arithmetic of a shared count.

use std::time::Duration;

use crate::{Class, Rate, Standing, whole_seconds};

/// A quota as GCRA counts it, in whole microseconds: small enough that a moment of the wall clock and all that is added
/// to it stay below 2^53, which is as far as the numbers of Lua count exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    rate: Rate,
    interval: u64,
    burst: u64,
}

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is admitted.
    pub is_admitted: bool,
    /// Microseconds until the whole quota is there again.
    pub owed: u64,
}

impl Gcra {
    /// Rounds the interval between two requests up to a microsecond, so that the rate is never exceeded; more than a
    /// million requests a second are not told apart.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let burst = u64::from(rate.requests.max(1));
        let window = u64::try_from(rate.window.as_micros()).unwrap_or(u64::MAX);
        Self { rate, interval: window.div_ceil(burst).max(1), burst }
    }

    /// Microseconds after which one more request is admitted.
    #[must_use]
    pub const fn interval_micros(&self) -> u64 {
        self.interval
    }

    /// How many requests are admitted at once.
    #[must_use]
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    /// Counts one request at `now`, given what the last count said to keep, and says what to keep until the next: the
    /// moment when the whole quota is there again. A moment that is further away than a full quota takes (the clock
    /// was set back, or the rate was raised) counts as that far away.
    #[must_use]
    pub fn count(&self, kept: Option<u64>, now: u64) -> (Verdict, u64) {
        let tolerance = self.tolerance();
        let full = now.saturating_add(tolerance);
        let kept = kept.unwrap_or(now).clamp(now, full);
        let next = kept.saturating_add(self.interval);
        if next > full {
            return (Verdict { is_admitted: false, owed: kept - now }, kept);
        }
        (Verdict { is_admitted: true, owed: next - now }, next)
    }

    /// What a verdict means to the caller.
    #[must_use]
    pub fn standing(&self, class: Class, verdict: Verdict) -> Standing {
        let Verdict { is_admitted, owed } = verdict;
        let left = self.tolerance().saturating_sub(owed);
        let wait = self.interval.saturating_sub(left);
        Standing {
            class,
            rate: self.rate,
            remaining: if is_admitted { u32::try_from(left / self.interval).unwrap_or(u32::MAX) } else { 0 },
            reset_seconds: whole_seconds(Duration::from_micros(owed)),
            exceeded: (!is_admitted).then(|| whole_seconds(Duration::from_micros(wait)).max(1)),
        }
    }

    /// How far ahead of now what is kept may be.
    const fn tolerance(&self) -> u64 {
        self.interval.saturating_mul(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A caller that asks at these moments; how often it was admitted, and at which moments.
    fn admitted(gcra: &Gcra, moments: &[u64]) -> Vec<u64> {
        let mut kept = None;
        let mut admitted = Vec::new();
        for now in moments {
            let (verdict, keep) = gcra.count(kept, *now);
            kept = Some(keep);
            if verdict.is_admitted {
                admitted.push(*now);
            }
        }
        admitted
    }

    fn rates() -> impl Strategy<Value = Rate> {
        (1_u32..2_000, 1_u64..600_000)
            .prop_map(|(requests, millis)| Rate { requests, window: Duration::from_millis(millis) })
    }

    fn moments() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(prop_oneof![3 => Just(0_u64), 2 => 0..1_000_u64, 1 => 0..10_000_000_u64], 1..300)
            .prop_map(|steps| {
                let start = 1_777_809_600_000_000;
                steps
                    .iter()
                    .scan(start, |now, step| {
                        *now += step;
                        Some(*now)
                    })
                    .collect()
            })
    }

    proptest! {
        #[test]
        fn between_any_two_admissions_lie_at_most_a_quota_and_what_the_rate_gives_back(
            rate in rates(), moments in moments(),
        ) {
            let gcra = Gcra::new(rate);
            let admitted = admitted(&gcra, &moments);
            for (first, from) in admitted.iter().enumerate() {
                for (index, until) in admitted.iter().enumerate().skip(first) {
                    let count = u64::try_from(index - first + 1).unwrap();
                    prop_assert!(count <= gcra.burst() + (until - from) / gcra.interval_micros());
                }
            }
        }

        #[test]
        fn whoever_waits_as_long_as_it_was_told_is_admitted(rate in rates(), moments in moments()) {
            let gcra = Gcra::new(rate);
            let mut kept = None;
            for now in moments {
                let (verdict, keep) = gcra.count(kept, now);
                kept = Some(keep);
                if let Some(seconds) = gcra.standing(Class::Read, verdict).exceeded {
                    let later = now + u64::from(seconds) * 1_000_000;
                    prop_assert!(gcra.count(kept, later).0.is_admitted);
                }
            }
        }

        #[test]
        fn as_many_are_admitted_at_once_as_remain(rate in rates(), moments in moments()) {
            let gcra = Gcra::new(rate);
            let mut kept = None;
            let mut last = 0;
            for now in moments {
                let (verdict, keep) = gcra.count(kept, now);
                (kept, last) = (Some(keep), now);
                let standing = gcra.standing(Class::Read, verdict);
                prop_assert_eq!(standing.exceeded.is_none(), verdict.is_admitted);
                prop_assert!(standing.remaining < rate.requests);
                prop_assert!(verdict.owed <= gcra.interval_micros() * gcra.burst());
            }
            let (verdict, keep) = gcra.count(kept, last);
            let remaining = gcra.standing(Class::Read, verdict).remaining;
            let next = vec![last; usize::try_from(remaining).unwrap() + 1];
            let mut kept = keep;
            for (index, now) in next.iter().enumerate() {
                let (verdict, keep) = gcra.count(Some(kept), *now);
                kept = keep;
                prop_assert_eq!(verdict.is_admitted, index < usize::try_from(remaining).unwrap());
            }
        }

        #[test]
        fn no_number_is_too_large(requests: u32, window: u64, kept: Option<u64>, now: u64) {
            let gcra = Gcra::new(Rate { requests, window: Duration::from_micros(window) });
            let (verdict, _) = gcra.count(kept, now);
            let _ = gcra.standing(Class::Gateway, verdict);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_out_for_longer_than_one_interval() {
        let gcra = Gcra::new(Rate::per_minute(6));
        let (verdict, _) = gcra.count(Some(9_000_000_000), 1_000_000);
        assert_eq!(gcra.standing(Class::Read, verdict).exceeded, Some(10));
        assert_eq!(verdict.owed, 60_000_000);
    }
}
