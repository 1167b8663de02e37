//! Transactions that met another one are run again.

use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::result::Error as DieselError;

use crate::error::DbError;

/// How often a transaction is run in all.
const RUNS: u32 = 3;

/// The wait before the second run; four times as long before the third.
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// Begins a READ COMMITTED transaction, for [`retried`] to go on with.
pub(crate) fn begin(conn: &mut PgConnection) -> QueryResult<()> {
    AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN ISOLATION LEVEL READ COMMITTED")
}

/// Runs `work` in a READ COMMITTED transaction, and again after a deadlock (40P01), a serialization failure (40001) or
/// [`DbError::Raced`]. A transaction that is begun already is the first one.
pub(crate) fn retried<T>(
    conn: &mut PgConnection,
    mut work: impl FnMut(&mut PgConnection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let mut wait = FIRST_WAIT;
    for _ in 1..RUNS {
        match once(conn, &mut work) {
            Err(error) if error.is_transient() => {
                tracing::debug!("a transaction met another one and is run again");
                std::thread::sleep(wait);
                wait *= 4;
            }
            result => return result,
        }
    }
    once(conn, work)
}

/// One transaction.
fn once<T>(conn: &mut PgConnection, work: impl FnOnce(&mut PgConnection) -> Result<T, DbError>) -> Result<T, DbError> {
    let is_begun = AnsiTransactionManager::transaction_manager_status_mut(conn).transaction_depth()?.is_some();
    if !is_begun {
        begin(conn)?;
    }
    match work(conn) {
        Ok(value) => {
            AnsiTransactionManager::commit_transaction(conn)?;
            Ok(value)
        }
        Err(error) => match AnsiTransactionManager::rollback_transaction(conn) {
            // What went wrong first says more.
            Ok(()) | Err(DieselError::BrokenTransactionManager) => Err(error),
            Err(rollback) => Err(rollback.into()),
        },
    }
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
