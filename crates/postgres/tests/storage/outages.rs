//! A full pool, a database that is away, and one that comes back: bounded waits, and no new `Db` needed.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crochet_postgres::testing::TestDatabase;
use crochet_postgres::{Db, DbConfig};
use crochet_primitives::StorageError;
use diesel::prelude::*;
use secrecy::ExposeSecret;

use crate::support::bridge::Bridge;

/// A small pool that reaches its database over `bridge`.
fn db(bridge: &Bridge, database: &TestDatabase, adapt: impl FnOnce(&mut DbConfig)) -> Db {
    let mut config = DbConfig::new(bridge.url(database).into());
    config.pool_size = 2;
    adapt(&mut config);
    Db::connect(&config)
}

async fn until_it_answers(db: &Db) {
    let began = Instant::now();
    while db.ping().await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(30), "it does not answer");
    }
}

#[tokio::test]
async fn a_full_pool_is_busy_within_its_bound_and_then_free_again() {
    let database = TestDatabase::with(|config| {
        config.pool_size = 1;
        config.acquire_timeout = Duration::from_millis(100);
    })
    .await;
    let db = database.db().clone();
    db.ping().await.unwrap();
    // The one connection waits for a lock that somebody else holds.
    let mut blocker = PgConnection::establish(database.url().expose_secret()).unwrap();
    diesel::sql_query("BEGIN").execute(&mut blocker).unwrap();
    diesel::sql_query("LOCK TABLE mock_quotes IN ACCESS EXCLUSIVE MODE").execute(&mut blocker).unwrap();
    let waiting = tokio::spawn({
        let payments = crochet_postgres::PgMockPayments::new(db.clone());
        let call = crochet_primitives::CallId::new(crochet_primitives::Timestamp::UNIX_EPOCH, [1; 10]);
        async move { crochet_relay::ports::MockPayments::quote(&payments, call).await }
    });
    while db.pool_state().in_use == 0 {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    assert!(matches!(db.ping().await, Err(StorageError::Busy)));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    diesel::sql_query("COMMIT").execute(&mut blocker).unwrap();
    assert!(waiting.await.unwrap().unwrap().is_none());
    db.ping().await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_away_is_unavailable_within_a_bound_and_recovers_without_a_new_pool() {
    let database = TestDatabase::new().await;
    let bridge = Bridge::to(&database);
    let db = db(&bridge, &database, |_| {});
    db.ping().await.unwrap();
    bridge.cut();
    let began = Instant::now();
    let error = db.ping().await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    bridge.mend();
    let began = Instant::now();
    while db.ping().await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(30), "it did not recover");
    }
}

#[tokio::test]
async fn a_server_may_start_before_its_database() {
    let database = TestDatabase::new().await;
    let bridge = Bridge::to(&database);
    bridge.cut();
    let db = db(&bridge, &database, |_| {});
    assert!(matches!(db.ping().await, Err(StorageError::Unavailable(_))));
    bridge.mend();
    let began = Instant::now();
    while db.ping().await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(30), "it did not recover");
    }
}

#[tokio::test]
async fn a_session_that_the_server_ends_costs_nobody_an_answer() {
    let database = TestDatabase::with(|config| config.pool_size = 2).await;
    let db = database.db();
    let payments = crochet_postgres::PgMockPayments::new(db.clone());
    let call = crochet_primitives::CallId::new(crochet_primitives::Timestamp::UNIX_EPOCH, [1; 10]);
    let amount = crochet_pricing::MicroUsd::from_micros(1);
    let quote = crochet_relay::ports::MockQuote { call, amount, recipient: "seller".to_owned() };
    let mut admin = PgConnection::establish(database.url().expose_secret()).unwrap();
    // Neither those who ask first, nor those whose transaction begins, nor those who read on a connection that was used
    // a moment ago, and is not asked.
    for _ in 0..8 {
        for way in 0..3 {
            drop(tokio::join!(db.ping(), db.ping()));
            diesel::sql_query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE application_name = 'crochet' AND datname = current_database()",
            )
            .execute(&mut admin)
            .unwrap();
            match way {
                0 => db.ping().await.unwrap(),
                1 => drop(crochet_relay::ports::MockPayments::keep_quote(&payments, &quote).await.unwrap()),
                _ => drop(crochet_relay::ports::MockPayments::quote(&payments, call).await.unwrap().unwrap()),
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_is_reached_and_says_nothing_is_unavailable_by_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut config = DbConfig::new(format!("postgresql://app:hunter2@127.0.0.1:{port}/crochet").into());
    config.pool_size = 1;
    config.deadline = Duration::from_millis(300);
    let db = Db::connect(&config);
    let began = Instant::now();
    let error = db.ping().await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(!format!("{error} {error:?} {db:?} {config:?}").contains("hunter2"));
}

#[tokio::test]
async fn connections_that_swallow_everything_are_left_and_others_are_made() {
    let database = TestDatabase::new().await;
    let bridge = Bridge::to(&database);
    let db = db(&bridge, &database, |config| (config.pool_size, config.deadline) = (1, Duration::from_secs(2)));
    // All that the pool may have. On a busy machine making it may take longer than the deadline.
    until_it_answers(&db).await;
    bridge.swallow();
    let began = Instant::now();
    assert!(matches!(db.ping().await, Err(StorageError::Unavailable(_))));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    until_it_answers(&db).await;
    assert_eq!(db.pool_state().in_use, 0, "what hangs keeps its place");
    bridge.cut();
}

#[tokio::test]
async fn a_session_that_may_only_read_is_not_kept_after_the_database_may_be_written() {
    let database = TestDatabase::with(|config| config.pool_size = 1).await;
    let name = database.url().expose_secret().rsplit_once('/').unwrap().1.to_owned();
    let mut admin = PgConnection::establish(&database.cluster().admin_url()).unwrap();
    diesel::sql_query(format!("ALTER DATABASE {name} SET default_transaction_read_only = on"))
        .execute(&mut admin)
        .unwrap();
    let payments = crochet_postgres::PgMockPayments::new(database.db().clone());
    let call = crochet_primitives::CallId::new(crochet_primitives::Timestamp::UNIX_EPOCH, [1; 10]);
    let amount = crochet_pricing::MicroUsd::from_micros(1);
    let quote = crochet_relay::ports::MockQuote { call, amount, recipient: "seller".to_owned() };
    let write = || crochet_relay::ports::MockPayments::keep_quote(&payments, &quote);
    assert!(matches!(write().await, Err(StorageError::Unavailable(_))));
    assert!(crochet_relay::ports::MockPayments::quote(&payments, call).await.unwrap().is_none());
    diesel::sql_query(format!("ALTER DATABASE {name} RESET default_transaction_read_only"))
        .execute(&mut admin)
        .unwrap();
    let began = Instant::now();
    while write().await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(5), "it may still only read");
    }
}
