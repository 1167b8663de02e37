//! Free calls that are recorded when they are over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::StorageError;
use crochet_relay::ports::{Seen, Witness};
use crochet_relay::transition::{self, Ended};
use crochet_relay::{Closing, NewCall, Policy, State};
use diesel::prelude::*;

use super::is_of_connection;
use crate::Db;
use crate::clock::DatabaseClock;
use crate::error::DbError;
use crate::group::{Together, Wanted, fail, parted};
use crate::relay::persist;

/// A free call that is over.
#[derive(Debug)]
pub(in crate::relay) struct EndedCall {
    pub(in crate::relay) call: NewCall,
    pub(in crate::relay) closing: Closing,
    pub(in crate::relay) took: Duration,
}

/// Records them, many by one statement.
pub(in crate::relay) struct EndedCalls {
    pub(in crate::relay) policy: Arc<Policy>,
    pub(in crate::relay) witness: Arc<dyn Witness>,
    pub(in crate::relay) is_writing: Arc<AtomicBool>,
}

#[async_trait]
impl Together for EndedCalls {
    type What = EndedCall;
    type Answer = Seen;

    async fn run(&self, db: &Db, group: Vec<Wanted<EndedCall, Seen>>) {
        let (calls, waiting) = parted(group);
        let (policy, witness, clock) = (Arc::clone(&self.policy), Arc::clone(&self.witness), db.clock().clone());
        let answers = db.read(move |conn| insert(conn, &clock, &policy, witness.as_ref(), &calls)).await;
        self.is_writing.store(answers.is_ok(), Ordering::Relaxed);
        match answers {
            Ok(answers) => waiting.into_iter().zip(answers).for_each(|(one, answer)| one.answer(answer)),
            Err(error) => fail(waiting, &error),
        }
    }
}

fn insert(
    conn: &mut PgConnection,
    clock: &DatabaseClock,
    policy: &Policy,
    witness: &dyn Witness,
    calls: &[EndedCall],
) -> Result<Vec<Result<Seen, StorageError>>, DbError> {
    // They are over: no lease, wait or term of theirs is left.
    let now = clock.about(conn)?;
    let ended = calls.iter().map(|one| transition::ended(&one.call, &one.closing, one.took, now, policy));
    let ended: Vec<Ended> = ended.collect();
    let inserted: Vec<Result<(), StorageError>> = match persist::insert_ended(conn, ended.iter()) {
        Ok(()) => ended.iter().map(|_| Ok(())).collect(),
        Err(error) if ended.len() == 1 || is_of_connection(&error) => return Err(error),
        // One of them cannot be written: that is no reason not to write the others.
        Err(_) => ended.iter().map(|one| Ok(persist::insert_ended(conn, std::iter::once(one))?)).collect(),
    };
    let answers = ended.into_iter().zip(inserted).map(|(Ended { opened, closed }, inserted)| {
        inserted?;
        witness.committed(None, &opened);
        witness.committed(Some(State::Forwarding), &closed);
        Ok(Seen { record: closed.record, now })
    });
    Ok(answers.collect())
}
