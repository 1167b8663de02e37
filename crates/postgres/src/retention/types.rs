//! What a retention finds, writes and says.

use crochet_primitives::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::migrations::MigrateError;

/// Months could not be looked at, or not be taken out.
#[derive(Debug, Error)]
pub enum RetentionError {
    /// The database could not be used.
    #[error("{0}")]
    Database(String),
    /// History was in use, for longer than it is waited for.
    #[error("history is in use for longer than it can be waited for, by an audit perhaps")]
    Locked,
    /// What was written could not be kept.
    #[error("the export cannot be written: {0}")]
    Io(#[from] std::io::Error),
    /// What was written is not what is stored.
    #[error("{written} rows were written of {stored}")]
    Incomplete {
        /// How many rows the files have.
        written: u64,
        /// How many the tables have.
        stored: u64,
    },
}

impl From<MigrateError> for RetentionError {
    fn from(error: MigrateError) -> Self {
        Self::Database(error.to_string())
    }
}

/// Why a month stays: so many calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFinal {
    /// What they are or have: `are pending`, `have an idempotency key`.
    pub reason: String,
    /// How many, 1 or more.
    pub calls: u64,
}

/// A partition of calls and one of their attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryMonth {
    /// `2026_03`; `before` for what is older than all months.
    pub name: String,
    /// The first moment; none where it has no beginning.
    pub from: Option<Timestamp>,
    /// The first moment after it.
    pub to: Timestamp,
    /// How many calls it has.
    pub calls: u64,
    /// How many attempts.
    pub attempts: u64,
    /// Why it stays; empty when it can go.
    pub not_final: Vec<NotFinal>,
    /// What it is called once it is out, and no other was: `2026_03`; `before_2026_03` for what is older than all months,
    /// by where it ends.
    pub kept_as: String,
    pub(super) ids: (Option<Uuid>, Uuid),
}

/// The two tables of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryTable {
    /// `gateway_requests`
    Calls,
    /// `gateway_attempts`
    Attempts,
}

impl HistoryTable {
    /// Its name without the month.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "gateway_requests",
            Self::Attempts => "gateway_attempts",
        }
    }
}

/// SHA-256 of the two files that a month went into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportHashes {
    /// Of the calls'.
    pub calls: [u8; 32],
    /// Of the attempts'.
    pub attempts: [u8; 32],
}

/// Where the rows of a month are written to.
pub trait ExportSink {
    /// Takes a row as a JSON object, without a line's end. Calls come first, each in the order of ids.
    ///
    /// # Errors
    /// When it cannot be written; then the month stays.
    fn row(&mut self, table: HistoryTable, json: &str) -> std::io::Result<()>;

    /// All rows were taken: makes them durable, reads them back, and answers what the files come to.
    ///
    /// # Errors
    /// When they cannot be kept, or read back otherwise than they were written; then the month stays.
    fn seal(&mut self) -> std::io::Result<ExportHashes>;
}

/// A month that was exported and detached, and whose tables are still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachedMonth {
    /// [`HistoryMonth::kept_as`].
    pub name: String,
    /// Of the files that it went into.
    pub hashes: ExportHashes,
}
