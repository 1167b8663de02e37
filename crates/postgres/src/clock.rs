//! The one clock by which leases and waits are measured: the database's.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use crochet_primitives::{Timestamp, truncate_to_millis};
use diesel::prelude::*;

use crate::error::DbError;

diesel::define_sql_function! {
    /// The moment at which it is called, unlike `now()`, which is when the transaction began.
    fn clock_timestamp() -> Timestamptz;
}

/// For how long a reading is carried on by the monotonic clock of this process: the two drift apart by less than a
/// millisecond in that time.
const CARRIED_ON: Duration = Duration::from_secs(5);

/// The database's clock. Read it after waiting for a lock, never before: a moment from before the wait is the past.
#[derive(Debug, Clone, Default)]
pub(crate) struct DatabaseClock {
    skew_millis: Arc<AtomicI64>,
    last: Arc<Mutex<Option<(Timestamp, Instant)>>>,
}

impl DatabaseClock {
    /// The database's time, without what is finer than a millisecond.
    pub(crate) fn read(&self, conn: &mut PgConnection) -> Result<Timestamp, DbError> {
        let now: Timestamp = diesel::select(clock_timestamp()).get_result(conn)?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Instant::now()));
        Ok(self.skewed(now))
    }

    /// The database's time without asking it, by what it said seconds ago: for what is written down and decides nothing.
    /// No lease, wait or term is measured by it.
    pub(crate) fn about(&self, conn: &mut PgConnection) -> Result<Timestamp, DbError> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last.map(|(then, at)| (then, at.elapsed())) {
            Some((then, since)) if since <= CARRIED_ON => {
                Ok(self.skewed(TimeDelta::from_std(since).map_or(then, |since| then + since)))
            }
            _ => self.read(conn),
        }
    }

    fn skewed(&self, now: Timestamp) -> Timestamp {
        truncate_to_millis(now) + TimeDelta::milliseconds(self.skew_millis.load(Ordering::Relaxed))
    }

    /// Moves the clock on, for this process alone.
    pub(crate) fn skew(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.skew_millis.fetch_add(millis, Ordering::Relaxed);
    }
}
