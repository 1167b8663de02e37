//! Rate limits by class of route, kept in this process.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crochet_primitives::{Clock, ProfileId};
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::config::{Rate, RateLimits};

/// After so many requests, callers that have been quiet are forgotten.
const SWEEP_EVERY: u32 = 4096;
/// So many callers are told apart; further addresses share one bucket until others have been forgotten. Profiles never
/// do: that many addresses are easily had, and must not keep out those who have a key.
const MAX_CALLERS: usize = 200_000;

/// Which limit a route counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Read,
    Write,
    Auth,
    Gateway,
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// By its profile, whichever of its keys it uses.
    Profile(ProfileId),
    /// By its address; an IPv6 one is its /64.
    Address(IpAddr),
    /// All addresses for which there was no room.
    Others,
}

/// Where a caller stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) class: Class,
    pub(crate) rate: Rate,
    pub(crate) remaining: u32,
    /// Seconds until the whole quota is there again.
    pub(crate) reset_seconds: u32,
    /// Seconds to wait, when the limit is reached.
    pub(crate) exceeded: Option<u32>,
}

impl Class {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Auth => "auth",
            Self::Gateway => "gateway",
        }
    }
}

/// The limits of all classes.
pub(crate) struct Limits {
    buckets: Option<[Bucket; 4]>,
}

impl Limits {
    pub(crate) fn new(config: &RateLimits, clock: &Arc<dyn Clock>) -> Self {
        let bucket = |rate| Bucket::new(rate, Ticks(Arc::clone(clock)));
        Self { buckets: config.enabled.then(|| [config.read, config.write, config.auth, config.gateway].map(bucket)) }
    }

    /// Counts one request; `None` when limits are off.
    pub(crate) fn count(&self, class: Class, caller: Counted) -> Option<Standing> {
        let [read, write, auth, gateway] = self.buckets.as_ref()?;
        let bucket = match class {
            Class::Read => read,
            Class::Write => write,
            Class::Auth => auth,
            Class::Gateway => gateway,
        };
        Some(bucket.count(class, caller))
    }
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

struct Bucket {
    rate: Rate,
    limiter: RateLimiter<Counted, DashMapStateStore<Counted>, Ticks, StateInformationMiddleware>,
    ticks: Ticks,
    counted: AtomicU32,
    is_full: AtomicBool,
}

impl Bucket {
    fn new(rate: Rate, ticks: Ticks) -> Self {
        let burst = NonZeroU32::new(rate.requests).unwrap_or(NonZeroU32::MIN);
        let each = (rate.window / burst.get()).max(Duration::from_nanos(1));
        // The period is at least a nanosecond, so there is a quota.
        let quota = Quota::with_period(each).unwrap_or_else(|| Quota::per_second(burst)).allow_burst(burst);
        let limiter = RateLimiter::dashmap_with_clock(quota, ticks.clone()).with_middleware();
        Self { rate, limiter, ticks, counted: AtomicU32::new(0), is_full: AtomicBool::new(false) }
    }

    fn count(&self, class: Class, caller: Counted) -> Standing {
        if self.counted.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.is_full.store(self.limiter.len() > MAX_CALLERS, Ordering::Relaxed);
        }
        let caller = match caller {
            Counted::Address(_) if self.is_full.load(Ordering::Relaxed) => Counted::Others,
            known => known,
        };
        let (remaining, exceeded) = match self.limiter.check_key(&caller) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(not_until) => (0, Some(whole_seconds(not_until.wait_time_from(self.ticks.now())).max(1))),
        };
        let each = self.rate.window / self.rate.requests.max(1);
        let missing = self.rate.requests.saturating_sub(remaining);
        Standing { class, rate: self.rate, remaining, reset_seconds: whole_seconds(each * missing), exceeded }
    }
}

/// Rounded up, so that whoever waits that long has waited long enough.
pub(crate) fn whole_seconds(duration: Duration) -> u32 {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use crochet_primitives::testing::ManualClock;

    use super::*;

    const ME: Counted = Counted::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));

    fn limits() -> (Limits, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        let as_port: Arc<dyn Clock> = clock.clone();
        (Limits::new(&RateLimits::default(), &as_port), clock)
    }

    #[test]
    fn the_eleventh_sign_in_within_five_minutes_waits_for_thirty_seconds() {
        let (limits, clock) = limits();
        for left in (0..10).rev() {
            let standing = limits.count(Class::Auth, ME).unwrap();
            assert_eq!((standing.remaining, standing.exceeded), (left, None));
        }
        assert_eq!(limits.count(Class::Auth, ME).unwrap().exceeded, Some(30));
        assert_eq!(limits.count(Class::Read, ME).unwrap().exceeded, None);
        clock.advance(Duration::from_secs(30));
        assert_eq!(limits.count(Class::Auth, ME).unwrap().exceeded, None);
    }

    #[test]
    fn one_caller_does_not_use_up_anothers_quota() {
        let (limits, _clock) = limits();
        while limits.count(Class::Write, ME).unwrap().exceeded.is_none() {}
        assert_eq!(limits.count(Class::Write, Counted::Others).unwrap().exceeded, None);
    }

    #[test]
    fn when_there_is_no_room_addresses_share_a_bucket_and_profiles_do_not() {
        let (limits, _clock) = limits();
        limits.buckets.as_ref().unwrap()[1].is_full.store(true, Ordering::Relaxed);
        while limits.count(Class::Write, ME).unwrap().exceeded.is_none() {}
        let other = Counted::Address(IpAddr::V4(Ipv4Addr::BROADCAST));
        assert!(limits.count(Class::Write, other).unwrap().exceeded.is_some());
        let profile = ProfileId::new(crochet_primitives::Timestamp::UNIX_EPOCH, [1; 10]);
        assert_eq!(limits.count(Class::Write, Counted::Profile(profile)).unwrap().exceeded, None);
    }

    #[test]
    fn limits_that_are_off_count_nothing() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let limits = Limits::new(&RateLimits { enabled: false, ..RateLimits::default() }, &clock);
        assert_eq!(limits.count(Class::Auth, ME), None);
    }
}
