//! What a reconciliation needs of the journal in memory.

use async_trait::async_trait;
use crochet_primitives::{CallId, StorageError};

use super::journal::MemoryJournal;
use crate::ledger::EntryType;
use crate::ports::{Period, ReconcileStore};
use crate::reconcile::UnknownPayment;

#[async_trait]
impl ReconcileStore for MemoryJournal {
    async fn calls_to_compare(
        &self,
        period: Period,
        after: Option<CallId>,
        limit: u32,
    ) -> Result<Vec<CallId>, StorageError> {
        self.transact(|tables, _| {
            let settled_then = |call: CallId| {
                tables.entries.values().any(|entry| {
                    entry.call == call
                        && entry.entry_type == EntryType::GatewayPayment
                        && period.contains(entry.created_at)
                })
            };
            let calls = tables.calls.values().filter(|record| record.terms.is_some());
            let found = calls
                .filter(|record| after.is_none_or(|after| after < record.id))
                .filter(|record| period.contains(record.created_at) || settled_then(record.id))
                .map(|record| record.id)
                .take(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(found.collect())
        })
    }

    async fn call_of_quote(&self, provider: &str, provider_request_id: &str) -> Result<Option<CallId>, StorageError> {
        self.transact(|tables, _| {
            let is_meant = |record: &&crate::record::Record| {
                record
                    .terms
                    .as_ref()
                    .is_some_and(|terms| terms.provider == provider && terms.provider_request_id == provider_request_id)
            };
            Ok(tables.calls.values().find(is_meant).map(|record| record.id))
        })
    }

    async fn keep_unknown(&self, payment: &UnknownPayment) -> Result<bool, StorageError> {
        self.transact(|tables, _| {
            let is_known = tables.unknown.iter().any(|known| {
                known.provider == payment.provider && known.reported.reference == payment.reported.reference
            });
            if !is_known {
                tables.unknown.push(payment.clone());
            }
            Ok(!is_known)
        })
    }
}
