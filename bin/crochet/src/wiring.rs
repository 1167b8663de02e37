//! Brings adapters and use cases together.

mod alone;
mod caches;
#[cfg(feature = "fail-points")]
pub mod fail_points;
#[cfg(not(feature = "fail-points"))]
mod fail_points {
    /// There are none in this build.
    pub(super) const fn mortal<T>(port: T) -> T {
        port
    }
}
mod glue;
mod metrics;
mod reconciling;
mod rounds;
mod running;

use std::sync::Arc;

use crochet_postgres::market::PgCatalogue;
use crochet_postgres::{Db, PgBooks};
use crochet_secrets::MasterKeys;

use crate::system::SystemEntropy;

pub use reconciling::reconciler;
pub use running::Running;

/// The books, for reading and auditing.
#[must_use]
pub fn books(db: &Db) -> Arc<PgBooks> {
    Arc::new(PgBooks::new(db.clone()))
}

/// Listings and endpoints, for looking after the keys that secrets are sealed with.
#[must_use]
pub fn catalogue(db: &Db, keys: MasterKeys) -> PgCatalogue {
    PgCatalogue::new(db.clone(), Arc::new(keys), Arc::new(SystemEntropy))
}

/// What is to be said of a database, good or bad.
///
/// # Errors
/// What is wrong with it.
pub async fn check_database(db: &Db) -> Result<String, String> {
    let facts = db.facts().await.map_err(|error| error.to_string())?;
    let problems = facts.problems();
    if problems.is_empty() {
        Ok(format!("PostgreSQL {}, {}, as {}", facts.version / 10_000, facts.encoding, facts.role))
    } else {
        Err(problems.join("; "))
    }
}
