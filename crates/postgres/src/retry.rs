//! Transactions that met another one are run again.

use std::time::Duration;

use diesel::prelude::*;

use crate::error::DbError;

/// How often a transaction is run in all.
const RUNS: u32 = 3;

/// The wait before the second run; four times as long before the third.
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// Runs `work` in a READ COMMITTED transaction, and again after a deadlock (40P01), a serialization failure (40001) or
/// [`DbError::Raced`].
pub(crate) fn retried<T>(
    conn: &mut PgConnection,
    mut work: impl FnMut(&mut PgConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let mut wait = FIRST_WAIT;
    for _ in 1..RUNS {
        match conn.build_transaction().read_committed().run(&mut work) {
            Err(error) if error.is_transient() => {
                tracing::debug!("a transaction met another one and is run again");
                std::thread::sleep(wait);
                wait *= 4;
            }
            result => return result,
        }
    }
    conn.build_transaction().read_committed().run(work)
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use crochet_primitives::StorageError;
    use diesel::sql_types::Integer;
    use tokio::sync::Barrier;

    use super::*;
    use crate::testing::TestDatabase;

    fn lock(conn: &mut PgConnection, number: i32) -> Result<(), DbError> {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1, 0)").bind::<Integer, _>(number).execute(conn)?;
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_transactions_that_lock_each_other_out_both_succeed_in_the_end() {
        let database = TestDatabase::new().await;
        let met = Arc::new(Barrier::new(2));
        let runs = Arc::new(AtomicU32::new(0));
        let tasks = [[101, 102], [102, 101]].map(|[first, second]| {
            let (met, runs) = (Arc::clone(&met), Arc::clone(&runs));
            let runtime = tokio::runtime::Handle::current();
            let mut is_first_run = true;
            let db = database.db().clone();
            tokio::spawn(async move {
                db.transaction(move |conn| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    lock(conn, first)?;
                    if std::mem::take(&mut is_first_run) {
                        runtime.block_on(met.wait());
                    }
                    lock(conn, second)
                })
                .await
            })
        });
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_race_that_never_ends_is_given_up_after_three_runs() {
        let database = TestDatabase::new().await;
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let work = move |_: &mut PgConnection| -> Result<(), DbError> {
            counted.fetch_add(1, Ordering::Relaxed);
            Err(DbError::Raced)
        };
        let error = database.db().transaction(work).await.unwrap_err();
        assert!(matches!(error, StorageError::Unavailable(_)));
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    }
}
