//! Until when what is kept in memory is believed.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crochet_primitives::Timestamp;

/// For how long after a heartbeat began what is kept is believed. With the time that a look-up takes, well within the
/// second in which a revoked key has to stop working.
pub(crate) const BELIEVED: Duration = Duration::from_millis(600);

/// A moment of the database's clock, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    /// After all others.
    pub(crate) const NEVER: Self = Self(i64::MAX);

    /// So much later.
    pub(crate) fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(micros(wait)))
    }
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.timestamp_micros())
    }
}

/// When the last heartbeat began that was answered. What was committed before that has been told of.
///
/// Read by every look-up, and without a lock.
#[derive(Debug)]
pub(crate) struct Freshness {
    origin: Instant,
    /// In microseconds since `origin`, from 1 on; 0 when nobody listens.
    began: AtomicU64,
    /// What the database's clock showed at `origin`.
    database_at_origin: AtomicI64,
}

impl Freshness {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), began: AtomicU64::new(0), database_at_origin: AtomicI64::new(0) }
    }

    /// A heartbeat that began at `began` was answered, with the time that the database's clock showed in between.
    pub(crate) fn beat(&self, began: Instant, database: Timestamp) {
        let since = began.saturating_duration_since(self.origin);
        // In this order: who sees that it began sees a clock that is no older.
        self.database_at_origin.store(Moment::from(database).0.saturating_sub(micros(since)), Ordering::Release);
        self.began.store(u64::try_from(since.as_micros()).unwrap_or(u64::MAX).max(1), Ordering::Release);
    }

    /// Nobody listens any more.
    pub(crate) fn lose(&self) {
        self.began.store(0, Ordering::Release);
    }

    /// What the database's clock shows, and no less; `None` when what is kept is not to be believed.
    pub(crate) fn now(&self) -> Option<Moment> {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Option<Moment> {
        let began = Duration::from_micros(self.began.load(Ordering::Acquire));
        let since = now.saturating_duration_since(self.origin);
        let is_fresh = !began.is_zero() && since.saturating_sub(began) < BELIEVED;
        is_fresh.then(|| Moment(self.database_at_origin.load(Ordering::Acquire)).after(since))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn nothing_is_believed_before_the_first_heartbeat_and_after_the_connection_is_lost() {
        let freshness = Freshness::new();
        assert_eq!(freshness.now(), None);
        freshness.beat(Instant::now(), DateTime::UNIX_EPOCH);
        assert!(freshness.now().is_some());
        freshness.lose();
        assert_eq!(freshness.now(), None);
    }

    #[test]
    fn a_heartbeat_is_good_for_its_time_from_when_it_began_and_not_from_when_it_was_answered() {
        let freshness = Freshness::new();
        let began = freshness.origin + Duration::from_millis(5);
        freshness.beat(began, DateTime::UNIX_EPOCH);
        assert!(freshness.at(began + BELIEVED - Duration::from_millis(1)).is_some());
        assert_eq!(freshness.at(began + BELIEVED), None);
    }

    #[test]
    fn the_databases_clock_goes_on_between_two_heartbeats() {
        let freshness = Freshness::new();
        let began = freshness.origin + Duration::from_millis(5);
        freshness.beat(began, DateTime::UNIX_EPOCH + Duration::from_secs(7));
        let later = freshness.at(began + Duration::from_millis(300));
        assert_eq!(later, Some(Moment(7_300_000)));
    }
}
