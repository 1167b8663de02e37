//! The one clock by which leases and waits are measured: the database's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use crochet_primitives::{Timestamp, truncate_to_millis};
use diesel::prelude::*;

use crate::error::DbError;

diesel::define_sql_function! {
    /// The moment at which it is called, unlike `now()`, which is when the transaction began.
    fn clock_timestamp() -> Timestamptz;
}

/// The database's clock. Read it after waiting for a lock, never before: a moment from before the wait is the past.
#[derive(Debug, Clone, Default)]
pub(crate) struct DatabaseClock {
    skew_millis: Arc<AtomicI64>,
}

impl DatabaseClock {
    /// The database's time, without what is finer than a millisecond.
    pub(crate) fn read(&self, conn: &mut PgConnection) -> Result<Timestamp, DbError> {
        let now: Timestamp = diesel::select(clock_timestamp()).get_result(conn)?;
        let skew = TimeDelta::milliseconds(self.skew_millis.load(Ordering::Relaxed));
        Ok(truncate_to_millis(now) + skew)
    }

    /// Moves the clock on, for this process alone.
    pub(crate) fn skew(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.skew_millis.fetch_add(millis, Ordering::Relaxed);
    }
}
