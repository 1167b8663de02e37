//! Rate limits kept in this process.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use crochet_limits::{Class, Limiter, Rate, Rates, Standing, Subject, whole_seconds};
use crochet_primitives::Clock;
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// After so many requests, callers that have been quiet are forgotten.
const SWEEP_EVERY: u32 = 4096;
/// So many callers are told apart; further addresses share one bucket until others have been forgotten. Profiles never
/// do: that many addresses are easily had, and must not keep out those who have a key.
const MAX_CALLERS: usize = 200_000;

/// Counts in this process alone: never waits, and forgets everything when the process ends.
///
/// Tells 200,000 callers of a class apart; when there are more, further addresses are counted together.
pub struct LocalLimits {
    read: Bucket,
    write: Bucket,
    auth: Bucket,
    gateway: Bucket,
}

impl LocalLimits {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(rates: &Rates, clock: &Arc<dyn Clock>) -> Self {
        let bucket = |rate| Bucket::new(rate, Ticks(Arc::clone(clock)));
        Self {
            read: bucket(rates.read),
            write: bucket(rates.write),
            auth: bucket(rates.auth),
            gateway: bucket(rates.gateway),
        }
    }

    const fn bucket(&self, class: Class) -> &Bucket {
        match class {
            Class::Read => &self.read,
            Class::Write => &self.write,
            Class::Auth => &self.auth,
            Class::Gateway => &self.gateway,
        }
    }
}

#[async_trait]
impl Limiter for LocalLimits {
    async fn count(&self, class: Class, subject: Subject) -> Option<Standing> {
        Some(self.bucket(class).count(class, subject))
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
    limiter: RateLimiter<Subject, DashMapStateStore<Subject>, Ticks, StateInformationMiddleware>,
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

    fn count(&self, class: Class, caller: Subject) -> Standing {
        if self.counted.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.is_full.store(self.limiter.len() > MAX_CALLERS, Ordering::Relaxed);
        }
        let caller = match caller {
            Subject::Address(_) if self.is_full.load(Ordering::Relaxed) => Subject::Others,
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

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use crochet_limits::contract::{Bench, rates};
    use crochet_primitives::ProfileId;
    use crochet_primitives::testing::ManualClock;

    use super::*;

    const ME: Subject = Subject::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));

    struct InProcess {
        limits: Arc<LocalLimits>,
        clock: Arc<ManualClock>,
    }

    impl InProcess {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::default());
            let as_port: Arc<dyn Clock> = clock.clone();
            Self { limits: Arc::new(LocalLimits::new(&rates(), &as_port)), clock }
        }
    }

    #[async_trait]
    impl Bench for InProcess {
        fn limiter(&self) -> Arc<dyn Limiter> {
            self.limits.clone()
        }

        async fn advance(&self, by: Duration) {
            self.clock.advance(by);
        }
    }

    crochet_limits::limiter_contract!(Some(InProcess::new()));

    #[test]
    fn when_there_is_no_room_addresses_share_a_bucket_and_profiles_do_not() {
        let bench = InProcess::new();
        let bucket = &bench.limits.write;
        bucket.is_full.store(true, Ordering::Relaxed);
        while bucket.count(Class::Write, ME).exceeded.is_none() {}
        let other = Subject::Address(IpAddr::V4(Ipv4Addr::BROADCAST));
        assert!(bucket.count(Class::Write, other).exceeded.is_some());
        let profile = ProfileId::new(crochet_primitives::Timestamp::UNIX_EPOCH, [1; 10]);
        assert_eq!(bucket.count(Class::Write, Subject::Profile(profile)).exceeded, None);
    }
}
