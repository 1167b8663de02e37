//! The storage ports on PostgreSQL, with Diesel and r2d2.
//!
//! **Invariant:** a port method is one transaction, and no handle to an open one leaves this crate; what is decided
//! inside it is decided by the pure transition functions of the crate that declares the port. Time is the database's.
//! [`Db`] is the one door: a pool that is full is [`crochet_primitives::StorageError::Busy`] at once, not a queue.
//!
//! ```no_run
//! use crochet_postgres::{Db, DbConfig, migrate};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let config = DbConfig::new("postgresql://app@localhost/crochet".into());
//! migrate(&config.url)?;
//! let db = Db::connect(&config);
//! db.ping().await?;
//! # Ok(())
//! # }
//! ```

pub mod cached;
mod clock;
mod config;
mod conninfo;
mod convert;
mod db;
mod directory;
mod error;
mod facts;
mod gauges;
mod group;
mod invalidation;
pub mod market;
mod migrations;
mod months;
mod relay;
mod retention;
mod retry;
mod schema;
mod seat;
mod sessions;
mod sets;
#[cfg(feature = "testing")]
pub mod testing;

pub use config::DbConfig;
pub use db::{Db, PoolState, WaitObserver};
pub use directory::PgDirectory;
pub use facts::{DatabaseFacts, OLDEST_POSTGRES};
pub use gauges::WorkInHand;
pub use invalidation::{Invalidations, ListenerState};
pub use migrations::{MigrateError, migrate, pending, revert_all};
pub use months::{Months, make_months};
pub use relay::{PgBooks, PgJournal, PgMockPayments, PgSweeps};
pub use retention::{
    DetachedMonth, ExportHashes, ExportSink, HistoryMonth, HistoryTable, NotFinal, Retention, RetentionError, YOUNGEST,
};
