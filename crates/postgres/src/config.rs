//! How to reach the database, and for how long to wait for it.

use std::time::Duration;

use secrecy::SecretString;

/// How the gateway uses its database. Every wait has a bound here.
#[derive(Debug, Clone)]
pub struct DbConfig {
    /// The connection string, a URI or `key=value` pairs, as libpq reads it.
    pub url: SecretString,
    /// How many connections at most, 1 or more. No more blocking threads are used either.
    pub pool_size: u32,
    /// How long a caller waits for a free connection before it is told [`crochet_primitives::StorageError::Busy`].
    pub acquire_timeout: Duration,
    /// How long making a connection may take; libpq counts in whole seconds, 2 at least.
    pub connect_timeout: Duration,
    /// How long a caller waits, once it has its turn, for a connection that gives a sign of life.
    pub checkout_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// How long one statement may wait for a lock.
    pub lock_timeout: Duration,
    /// How long a transaction may stand idle before the server ends it.
    pub idle_in_transaction_timeout: Duration,
    /// How long a caller waits once it has its turn and a connection: what catches a server that is reached and does
    /// not answer. What was asked then goes on, or not, without it.
    pub deadline: Duration,
    /// The role to work as; `None` keeps the one that connects.
    pub role: Option<String>,
}

impl DbConfig {
    /// The role that the migrations make for the application.
    pub const APP_ROLE: &str = "crochet_app";

    /// The usual waits, a pool of 16, and the application's role.
    #[must_use]
    pub fn new(url: SecretString) -> Self {
        Self {
            url,
            pool_size: 16,
            acquire_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(2),
            checkout_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(3),
            idle_in_transaction_timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(20),
            role: Some(Self::APP_ROLE.to_owned()),
        }
    }
}
