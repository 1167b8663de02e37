//! The ports of `crochet_relay`.

mod admit;
mod audit;
mod books;
mod chain;
mod history;
mod journal;
mod keys;
mod ledger;
mod lists;
mod locks;
mod mock_payments;
mod persist;
#[cfg(test)]
mod plans;
mod reconcile;
mod record_row;
mod references;
mod rows;
mod step;
mod stretches;
mod sweeps;
mod together;
mod vault;

pub use books::PgBooks;
pub use journal::PgJournal;
pub use mock_payments::PgMockPayments;
pub use sweeps::PgSweeps;
