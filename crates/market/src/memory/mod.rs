//! Every port in memory, for tests of what is built on them. They behave, they do not pretend: they keep the same
//! [contract](crate::contract) as PostgreSQL.

mod catalogue;
mod guard;
mod identities;
mod search;

pub use catalogue::MemoryCatalogue;
pub use guard::MemoryGuard;
pub use identities::MemoryIdentities;

/// A lock whose holder panicked is a failed test already: what it guards is still read.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
