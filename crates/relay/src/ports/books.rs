//! What is read of the books, and compared with what providers say.

use async_trait::async_trait;
use crochet_primitives::{CallId, Page, StorageError};

use crate::audit::AuditReport;
use crate::ledger::{LedgerEntry, OrphanPayment};
use crate::lists::{HistoryQuery, LedgerQuery, Period};
use crate::reconcile::UnknownPayment;
use crate::record::{Attempt, Record};

/// A call with its attempts and with the payments that bought nothing.
#[derive(Debug, Clone)]
pub struct HistoryItem {
    /// The call.
    pub record: Record,
    /// Its attempts, in order.
    pub attempts: Vec<Attempt>,
    /// Payments for it that bought nothing.
    pub orphans: Vec<OrphanPayment>,
}

/// What is read of the books. Lists are ordered by id, which is to say newest first, and totals are counted up to
/// 10,000. A cursor is a place in that order and nothing else: it goes with any filters, those of another page too.
///
/// Rows that come in meanwhile take nothing from whoever follows cursors: what was there at the first page and still
/// fits the filters comes exactly once.
#[async_trait]
pub trait Books: Send + Sync {
    /// Calls of a profile.
    async fn history(&self, query: &HistoryQuery) -> Result<Page<HistoryItem>, StorageError>;

    /// One call, whoever asks: the caller checks that it may.
    async fn history_item(&self, call: CallId) -> Result<Option<HistoryItem>, StorageError>;

    /// Ledger entries of a profile.
    async fn ledger(&self, query: &LedgerQuery) -> Result<Page<LedgerEntry>, StorageError>;

    /// Re-adds everything.
    async fn audit(&self) -> Result<AuditReport, StorageError>;
}

/// What a reconciliation reads of the storage besides the [`Books`], and writes besides the
/// [`Journal`](super::Journal).
#[async_trait]
pub trait ReconcileStore: Send + Sync {
    /// The calls with terms that were made in the period, or settled in it, by the ledger: those with ids after `after`,
    /// in the order of ids, `limit` at most.
    async fn calls_to_compare(
        &self,
        period: Period,
        after: Option<CallId>,
        limit: u32,
    ) -> Result<Vec<CallId>, StorageError>;

    /// The call that this provider quoted under this id.
    async fn call_of_quote(&self, provider: &str, provider_request_id: &str) -> Result<Option<CallId>, StorageError>;

    /// Keeps a payment that nobody knows, for ever; false where it is kept already.
    async fn keep_unknown(&self, payment: &UnknownPayment) -> Result<bool, StorageError>;
}
