//! The schema's history, compiled in. One process at a time moves it on.

use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::conninfo;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// The advisory lock that migrating processes take in turn: "crochet" in ASCII.
const LOCK: &str = "SELECT pg_advisory_lock(28003384434353524)";

/// The schema could not be looked at or changed.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// No connection.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// Another process is migrating, and was for longer than 60 s.
    #[error("another process holds the migration lock: {0}")]
    Locked(String),
    /// A migration failed. It is rolled back; those before it stay.
    #[error("a migration failed: {0}")]
    Failed(String),
}

/// Runs what is pending, each migration in a transaction of its own, and answers the names of those that ran. Waits
/// up to 60 s for another process that does the same. Blocks: call it from a thread that may.
///
/// # Errors
/// See [`MigrateError`].
pub fn migrate(url: &SecretString) -> Result<Vec<String>, MigrateError> {
    let mut conn = open(url)?;
    let ran = conn.run_pending_migrations(MIGRATIONS).map_err(failed(url))?;
    Ok(ran.iter().map(ToString::to_string).collect())
}

/// The names of the migrations that have not run. A schema newer than this program has none pending. Blocks.
///
/// # Errors
/// See [`MigrateError`].
pub fn pending(url: &SecretString) -> Result<Vec<String>, MigrateError> {
    let mut conn = connect(url)?;
    let pending = conn.pending_migrations(MIGRATIONS).map_err(failed(url))?;
    Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
}

/// Undoes every migration, newest first, and everything that is stored with them. For tests and for development.
///
/// # Errors
/// See [`MigrateError`].
pub fn revert_all(url: &SecretString) -> Result<Vec<String>, MigrateError> {
    let mut conn = open(url)?;
    let reverted = conn.revert_all_migrations(MIGRATIONS).map_err(failed(url))?;
    Ok(reverted.iter().map(ToString::to_string).collect())
}

fn connect(url: &SecretString) -> Result<PgConnection, MigrateError> {
    let bounded = conninfo::with_bounds(url, std::time::Duration::from_secs(5), "crochet-migrate");
    PgConnection::establish(bounded.expose_secret())
        .map_err(|error| MigrateError::Unreachable(conninfo::redacted(&error.to_string(), url)))
}

/// The lock goes with the session, so with the connection, however it ends.
pub(crate) fn open(url: &SecretString) -> Result<PgConnection, MigrateError> {
    let mut conn = connect(url)?;
    let locked = |error: diesel::result::Error| MigrateError::Locked(conninfo::redacted(&error.to_string(), url));
    diesel::sql_query(
        "SELECT set_config('lock_timeout', '60s', false), set_config('statement_timeout', '10min', false)",
    )
    .execute(&mut conn)
    .map_err(locked)?;
    diesel::sql_query(LOCK).execute(&mut conn).map_err(locked)?;
    Ok(conn)
}

fn failed(url: &SecretString) -> impl Fn(Box<dyn std::error::Error + Send + Sync>) -> MigrateError {
    |error| MigrateError::Failed(conninfo::redacted(&error.to_string(), url))
}
