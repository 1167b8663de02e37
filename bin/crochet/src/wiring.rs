//! Brings adapters and use cases together.

mod alone;
mod glue;
mod metrics;
mod reconciling;
mod rounds;
mod running;

use std::sync::Arc;

use crochet_postgres::{Db, PgBooks};

pub use reconciling::reconciler;
pub use running::Running;

/// The books, for reading and auditing.
#[must_use]
pub fn books(db: &Db) -> Arc<PgBooks> {
    Arc::new(PgBooks::new(db.clone()))
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
