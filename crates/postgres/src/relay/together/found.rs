//! Calls that are looked up.

use std::collections::HashMap;

use crochet_primitives::CallId;
use crochet_relay::Record;
use crochet_relay::ports::Seen;
use diesel::prelude::*;

use crate::clock::DatabaseClock;
use crate::error::DbError;
use crate::group::AllAtOnce;
use crate::relay::persist;

/// Looks calls up, many by one statement.
#[derive(Debug, Clone)]
pub(in crate::relay) struct FoundCalls(pub(in crate::relay) DatabaseClock);

impl AllAtOnce for FoundCalls {
    type What = CallId;
    type Answer = Option<Seen>;
    const IS_TRANSACTION: bool = false;

    fn all(&self, conn: &mut PgConnection, calls: &[CallId]) -> Result<Vec<Option<Seen>>, DbError> {
        let ids: Vec<_> = calls.iter().map(|call| call.uuid()).collect();
        let records = persist::read_all(conn, &ids)?;
        let now = self.0.read(conn)?;
        let found: HashMap<CallId, Record> = records.into_iter().map(|record| (record.id, record)).collect();
        Ok(calls.iter().map(|call| found.get(call).cloned().map(|record| Seen { record, now })).collect())
    }
}
