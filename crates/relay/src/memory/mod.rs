//! Every port in memory, for tests of what is built on them. They behave, they do not pretend: the journal calls the
//! same transitions, consumes references once, keeps keys, vault and pages as PostgreSQL does, and passes the same
//! [contract](crate::contract).
//!
//! What a test can do besides: let an operation fail before or after its effect ([`Faults`]), script what the
//! provider and the sellers answer, and hold a forward until it is released ([`Gate`]).

mod audit;
mod books;
mod directory;
mod faults;
mod gate;
mod header_payments;
mod journal;
mod keys;
mod mock_payments;
mod provider;
mod reconcile;
mod sweeps;
mod tables;
mod upstream;

pub use directory::MemoryDirectory;
pub use faults::{Fault, Faults};
pub use gate::Gate;
pub use header_payments::{MemoryPayers, ScriptedChain};
pub use journal::MemoryJournal;
pub use mock_payments::MemoryMockPayments;
pub use provider::ScriptedProvider;
pub use upstream::ScriptedUpstream;

/// A lock whose holder panicked is a failed test already: what it guards is still read.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
