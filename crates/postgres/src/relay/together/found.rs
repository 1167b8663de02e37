//! Calls that are looked up.

use std::collections::HashMap;

use async_trait::async_trait;
use crochet_primitives::{CallId, Timestamp};
use crochet_relay::Record;
use crochet_relay::ports::Seen;

use super::{fail, parted};
use crate::Db;
use crate::error::DbError;
use crate::group::{Together, Wanted};
use crate::relay::persist;

/// Looks calls up, many by one statement.
#[derive(Debug)]
pub(in crate::relay) struct FoundCalls;

#[async_trait]
impl Together for FoundCalls {
    type What = CallId;
    type Answer = Option<Seen>;

    async fn run(&self, db: &Db, group: Vec<Wanted<CallId, Option<Seen>>>) {
        let (calls, waiting) = parted(group);
        let clock = db.clock().clone();
        let asked = calls.clone();
        let found = db
            .run(move |conn| -> Result<(HashMap<CallId, Record>, Timestamp), DbError> {
                let ids: Vec<_> = asked.iter().map(|call| call.uuid()).collect();
                let records = persist::read_all(conn, &ids)?;
                let now = clock.read(conn)?;
                Ok((records.into_iter().map(|record| (record.id, record)).collect(), now))
            })
            .await;
        match found {
            Ok((records, now)) => {
                for (call, one) in calls.into_iter().zip(waiting) {
                    one.answer(Ok(records.get(&call).cloned().map(|record| Seen { record, now })));
                }
            }
            Err(error) => fail(waiting, &error),
        }
    }
}
