//! The schema goes up, down and up again, and several replicas may start at once.

use std::collections::BTreeSet;

use crochet_postgres::testing::TestDatabase;
use crochet_postgres::{migrate, pending, revert_all};
use diesel::prelude::*;
use diesel::sql_types::Text;
use secrecy::{ExposeSecret, SecretString};

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Everything that migrations can make, with its definition.
fn objects(url: &SecretString) -> BTreeSet<String> {
    let mut conn = PgConnection::establish(url.expose_secret()).unwrap();
    let rows: Vec<Name> = diesel::sql_query(
        "SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type AS name
           FROM information_schema.columns WHERE table_schema = 'public'
         UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
         UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid)
           FROM pg_constraint WHERE connamespace = 'public'::regnamespace
         UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
         UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
         UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype <> 'c' AND typcategory <> 'A'
         UNION ALL SELECT 'grant ' || table_name || ' ' || privilege_type
           FROM information_schema.role_table_grants WHERE grantee = 'crochet_app'",
    )
    .load(&mut conn)
    .unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

#[tokio::test]
async fn migrations_go_up_and_down_and_up_again_and_leave_nothing_behind() {
    let database = TestDatabase::unmigrated().await;
    let url = database.url();
    let all = pending(&url).unwrap();
    let before = objects(&url);
    assert_eq!(migrate(&url).unwrap().len(), all.len());
    assert!(pending(&url).unwrap().is_empty());
    let up = objects(&url);
    assert_eq!(revert_all(&url).unwrap().len(), all.len());
    assert_eq!(objects(&url), before);
    assert_eq!(migrate(&url).unwrap().len(), all.len());
    assert_eq!(objects(&url), up);
}

#[tokio::test]
async fn replicas_that_start_at_once_migrate_once() {
    let database = TestDatabase::unmigrated().await;
    let total = pending(&database.url()).unwrap().len();
    let ran: Vec<usize> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| migrate(&database.url()).unwrap().len())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ran.iter().sum::<usize>(), total);
    assert_eq!(ran.iter().filter(|count| **count > 0).count(), 1);
}

#[tokio::test]
async fn the_applications_role_answers_once_the_migrations_have_run() {
    let database = TestDatabase::new().await;
    database.db().ping().await.unwrap();
}
