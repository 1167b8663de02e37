//! History and ledger, in pages.

use async_trait::async_trait;
use crochet_primitives::{CallId, Cursor, Page, PageRequest, StorageError, Total};
use uuid::Uuid;

use super::MemoryJournal;
use super::tables::Tables;
use crate::audit::AuditReport;
use crate::ledger::LedgerEntry;
use crate::ports::{Books, HistoryItem, HistoryQuery, LedgerQuery};
use crate::record::Record;

/// How far totals are counted.
const COUNTED: usize = 10_000;

#[async_trait]
impl Books for MemoryJournal {
    async fn history(&self, query: &HistoryQuery) -> Result<Page<HistoryItem>, StorageError> {
        self.transact(|tables, _| {
            let newest_first: Vec<&Record> = tables.calls.values().rev().filter(|record| query.wants(record)).collect();
            let page = page(&newest_first, query.page, |record| record.id.uuid());
            Ok(Page {
                items: page.items.into_iter().map(|record| item(tables, record)).collect(),
                total: page.total,
                next: page.next,
            })
        })
    }

    async fn history_item(&self, call: CallId) -> Result<Option<HistoryItem>, StorageError> {
        self.transact(|tables, _| Ok(tables.calls.get(&call).map(|record| item(tables, record))))
    }

    async fn ledger(&self, query: &LedgerQuery) -> Result<Page<LedgerEntry>, StorageError> {
        self.transact(|tables, _| {
            let newest_first: Vec<&LedgerEntry> =
                tables.entries.values().rev().filter(|entry| query.wants(entry)).collect();
            let page = page(&newest_first, query.page, |entry| entry.id.uuid());
            Ok(Page { items: page.items.into_iter().cloned().collect(), total: page.total, next: page.next })
        })
    }

    async fn audit(&self) -> Result<AuditReport, StorageError> {
        self.transact(|tables, _| Ok(tables.audit()))
    }
}

fn item(tables: &Tables, record: &Record) -> HistoryItem {
    let attempts = tables.attempts.range((record.id, 0)..=(record.id, u32::MAX));
    HistoryItem {
        record: record.clone(),
        attempts: attempts.map(|(_, attempt)| attempt.clone()).collect(),
        orphans: tables.orphans.iter().filter(|orphan| orphan.call == record.id).cloned().collect(),
    }
}

fn page<'a, T>(newest_first: &[&'a T], request: PageRequest, id: impl Fn(&T) -> Uuid) -> Page<&'a T> {
    let start = match request {
        PageRequest::Numbered { .. } => usize::try_from(request.offset()).unwrap_or(usize::MAX),
        PageRequest::After { cursor, .. } => newest_first.partition_point(|item| id(item) >= cursor.0),
    };
    let limit = usize::try_from(request.limit()).unwrap_or(usize::MAX);
    let rest = newest_first.get(start..).unwrap_or_default();
    let items = rest.get(..limit).unwrap_or(rest).to_vec();
    let next = items.last().filter(|_| rest.len() > items.len()).map(|item| Cursor(id(item)));
    let total = matches!(request, PageRequest::Numbered { .. }).then(|| Total {
        count: u64::try_from(newest_first.len().min(COUNTED)).unwrap_or(u64::MAX),
        is_capped: newest_first.len() > COUNTED,
    });
    Page { items, total, next }
}
