//! What a storage port can answer besides its outcomes.

use thiserror::Error;

/// A storage port could not do its work. Expected outcomes are never errors; these are.
#[derive(Debug, Clone, Error)]
pub enum StorageError {
    /// All connections are in use. Nothing was sent; asking again shortly is safe.
    #[error("all database connections are in use")]
    Busy,
    /// The store cannot be reached, stopped answering, or gave up (a timeout, a failed serialization that did not
    /// resolve). What was asked may or may not have happened: every port method says how asking again is safe.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// What is stored is not what this program writes. Needs an operator.
    #[error("stored data is not as expected: {0}")]
    Corrupt(String),
}
