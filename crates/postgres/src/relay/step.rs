//! What a transaction of the journal works with, and what it notes for the witness.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use crochet_primitives::{CallId, Entropy, Timestamp};
use crochet_relay::ports::{CheckClaim, Seen};
use crochet_relay::transition::{self, Change};
use crochet_relay::{NewCall, Policy, Record, State};
use diesel::prelude::*;

use super::persist;
use crate::clock::DatabaseClock;
use crate::error::DbError;

/// What every transaction may need besides its connection.
pub(super) struct Step {
    pub(super) clock: DatabaseClock,
    pub(super) policy: Arc<Policy>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// What was written, and the states from before it: for the witness.
    changes: RefCell<Vec<(Option<State>, Change)>>,
}

impl Step {
    pub(super) fn new(clock: DatabaseClock, policy: Arc<Policy>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, policy, entropy, changes: RefCell::default() }
    }

    /// Another run of the transaction: what an earlier one noted was rolled back with it.
    pub(super) fn begin(&self) {
        self.changes.borrow_mut().clear();
    }

    /// What was written, once it is committed: for the witness.
    pub(super) fn into_changes(self) -> Vec<(Option<State>, Change)> {
        self.changes.into_inner()
    }

    /// Writes what a locked call has become; answers it.
    pub(super) fn update(&self, conn: &mut PgConnection, before: &Record, change: Change) -> Result<Record, DbError> {
        persist::update(conn, std::iter::once((before, &change)))?;
        let record = change.record.clone();
        self.changes.borrow_mut().push((Some(before.state), change));
        Ok(record)
    }

    /// Writes a new call; `None` when its id is taken.
    pub(super) fn open(
        &self,
        conn: &mut PgConnection,
        call: &NewCall,
        now: Timestamp,
    ) -> Result<Option<Seen>, DbError> {
        let change = transition::open(call, now, &self.policy);
        if persist::insert(conn, std::iter::once(&change))?.is_empty() {
            return Ok(None);
        }
        let record = change.record.clone();
        self.changes.borrow_mut().push((None, change));
        Ok(Some(Seen { record, now }))
    }

    /// The locked call, and the clock as it is once the lock is had.
    pub(super) fn lock(&self, conn: &mut PgConnection, call: CallId) -> Result<Option<(Record, Timestamp)>, DbError> {
        let Some(record) = persist::lock(conn, call)? else { return Ok(None) };
        let now = self.clock.read(conn)?;
        Ok(Some((record, now)))
    }
}

/// Whether the provider may be asked now about a call that is locked; the record in a claim that is granted is as it is
/// to be written.
pub(super) fn claim_of(mut record: Record, interval: Duration, now: Timestamp) -> CheckClaim {
    let longest = interval;
    let interval = TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX);
    let wait = record
        .last_checked_at
        .map(|last| (last - now).checked_add(&interval).unwrap_or(TimeDelta::MAX))
        .and_then(|wait| wait.to_std().ok())
        // Longer than the interval it is only when the clock went back: then it means nothing.
        .filter(|wait| !wait.is_zero() && *wait <= longest);
    if let Some(wait) = wait {
        return CheckClaim::TooSoon { seen: Seen { record, now }, wait };
    }
    record.last_checked_at = Some(now);
    CheckClaim::Claimed(Seen { record, now })
}
