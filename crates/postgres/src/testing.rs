//! A migrated database of its own for every test.
//!
//! The migrations run once per process, into a template; a test gets a copy of it, which takes a tenth of a second.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crochet_local_postgres::testing::{TestCluster, cluster};
use diesel::prelude::*;
use secrecy::SecretString;

use crate::{Db, DbConfig, migrate};

const TEMPLATE: &str = "crochet_template";

/// A database that goes when this is dropped. It is the only one of its kind: tests do not see one another.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    db: Db,
}

impl TestDatabase {
    /// A new, migrated, empty database.
    ///
    /// # Panics
    /// When there is no PostgreSQL to be had: the test cannot go on.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same, with a pool that is set up differently.
    ///
    /// # Panics
    /// Like [`TestDatabase::new`].
    pub async fn with(adapt: impl FnOnce(&mut DbConfig)) -> Self {
        let name = blocking(|| {
            template();
            let name = next_name();
            admin(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"));
            name
        })
        .await;
        let mut config = DbConfig::new(cluster().url_for(&name).into());
        // Tests run side by side, on one small cluster and with a busy processor.
        config.pool_size = 8;
        config.acquire_timeout = std::time::Duration::from_secs(30);
        config.checkout_timeout = std::time::Duration::from_secs(30);
        config.statement_timeout = std::time::Duration::from_secs(30);
        config.lock_timeout = std::time::Duration::from_secs(30);
        config.deadline = std::time::Duration::from_secs(60);
        adapt(&mut config);
        let db = Db::connect(&config);
        Self { name, db }
    }

    /// A database without any migration, to try them on.
    ///
    /// # Panics
    /// Like [`TestDatabase::new`].
    pub async fn unmigrated() -> Self {
        let name = blocking(|| {
            let name = next_name();
            admin(&format!("CREATE DATABASE {name}"));
            name
        })
        .await;
        let db = Db::connect(&DbConfig::new(cluster().url_for(&name).into()));
        Self { name, db }
    }

    /// Its connection string, as the owner and superuser.
    #[must_use]
    pub fn url(&self) -> SecretString {
        self.cluster().url_for(&self.name).into()
    }

    /// A pool on it, as the application's role.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Runs a statement as the owner, and answers how many rows it touched.
    ///
    /// # Panics
    /// When it fails.
    pub async fn execute(&self, statement: &str) -> usize {
        let (url, statement) = (self.cluster().url_for(&self.name), statement.to_owned());
        blocking(move || {
            let mut conn = or_panic(PgConnection::establish(&url));
            or_panic(diesel::sql_query(statement).execute(&mut conn))
        })
        .await
    }

    /// Runs a statement as the owner in a transaction that stays open: what it locks is locked until the answer is
    /// dropped.
    ///
    /// # Panics
    /// When it fails.
    pub async fn hold(&self, statement: &str) -> OpenTransaction {
        let (url, statement) = (self.cluster().url_for(&self.name), statement.to_owned());
        blocking(move || {
            let mut conn = or_panic(PgConnection::establish(&url));
            or_panic(diesel::sql_query("BEGIN").execute(&mut conn));
            or_panic(diesel::sql_query(statement).execute(&mut conn));
            OpenTransaction { _conn: conn }
        })
        .await
    }

    /// The server that it is on.
    #[must_use]
    pub fn cluster(&self) -> &'static TestCluster {
        cluster()
    }
}

/// A transaction that holds its locks until this is dropped; nothing of it is kept.
pub struct OpenTransaction {
    _conn: PgConnection,
}

impl std::fmt::Debug for OpenTransaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenTransaction").finish_non_exhaustive()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        admin(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn next_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("crochet_test_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn template() {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        admin(&format!("CREATE DATABASE {TEMPLATE}"));
        or_panic(migrate(&cluster().url_for(TEMPLATE).into()));
    });
}

/// Roles belong to the cluster, so this connects as a superuser to a database that nobody copies or drops.
fn admin(statement: &str) {
    let mut conn = or_panic(PgConnection::establish(&cluster().admin_url()));
    or_panic(diesel::sql_query(statement).execute(&mut conn));
}

#[expect(clippy::panic, reason = "this runs in tests alone, and without a database they cannot go on")]
fn or_panic<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("no database for this test: {error}"),
    }
}
