//! History and ledger, in pages, newest first.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::{CallId, Page, StorageError};
use crochet_relay::ports::{Books, HistoryItem, HistoryQuery, LedgerQuery};
use crochet_relay::{AuditReport, LedgerEntry, Record};
use diesel::prelude::*;
use uuid::Uuid;

use super::audit;
use super::history::History;
use super::ledger::Ledger;
use super::lists::Window;
use super::record_row::RecordRow;
use super::rows::{AttemptRow, EntryRow, OrphanRow};
use crate::Db;
use crate::error::DbError;
use crate::schema::{gateway_attempts, gateway_requests, ledger_entries, orphan_payments};

/// How long re-adding everything may take.
const AUDIT_LIMIT: Duration = Duration::from_secs(600);

/// [`Books`] on PostgreSQL.
#[derive(Debug, Clone)]
pub struct PgBooks {
    db: Db,
}

impl PgBooks {
    /// The books in `db`.
    #[must_use]
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Reads something that may take as long as an audit.
    pub(super) async fn report<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.db.report(AUDIT_LIMIT, work).await
    }

    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnMut(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.db.transaction(work).await
    }
}

#[async_trait]
impl Books for PgBooks {
    async fn history(&self, query: &HistoryQuery) -> Result<Page<HistoryItem>, StorageError> {
        let (query, clock) = (query.clone(), self.db.clock().clone());
        self.db
            .transaction(move |conn| {
                let window = Window::of(query.page);
                let (ids, total) = History::new(&query, &window, clock.read(conn)?).read(conn)?;
                let page = window.page(ids);
                Ok(Page { items: items(conn, &page.items)?, total, next: page.next })
            })
            .await
    }

    async fn history_item(&self, call: CallId) -> Result<Option<HistoryItem>, StorageError> {
        self.db.transaction(move |conn| Ok(items(conn, &[call.uuid()])?.pop())).await
    }

    async fn ledger(&self, query: &LedgerQuery) -> Result<Page<LedgerEntry>, StorageError> {
        let query = query.clone();
        self.db
            .transaction(move |conn| {
                let window = Window::of(query.page);
                let ledger = Ledger::new(conn, &query, &window)?;
                let page = window.page(ledger.ids(conn)?);
                Ok(Page {
                    items: entries(conn, &page.items)?,
                    total: window.total(|cap| ledger.count(conn, cap))?,
                    next: page.next,
                })
            })
            .await
    }

    async fn audit(&self) -> Result<AuditReport, StorageError> {
        self.db.report(AUDIT_LIMIT, audit::audit).await
    }
}

/// The entries with these ids, newest first.
fn entries(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<LedgerEntry>, DbError> {
    let rows: Vec<EntryRow> = ledger_entries::table
        .filter(ledger_entries::id.eq_any(ids))
        .order(ledger_entries::id.desc())
        .select(EntryRow::as_select())
        .load(conn)?;
    rows.into_iter().map(LedgerEntry::try_from).collect()
}

/// The calls with these ids, in this order, with what belongs to them.
fn items(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<HistoryItem>, DbError> {
    let records: Vec<RecordRow> =
        gateway_requests::table.filter(gateway_requests::id.eq_any(ids)).select(RecordRow::as_select()).load(conn)?;
    let attempts: Vec<AttemptRow> = gateway_attempts::table
        .filter(gateway_attempts::call_id.eq_any(ids))
        .order((gateway_attempts::call_id, gateway_attempts::attempt))
        .select(AttemptRow::as_select())
        .load(conn)?;
    let orphans: Vec<OrphanRow> = orphan_payments::table
        .filter(orphan_payments::call_id.eq_any(ids))
        .order(orphan_payments::id)
        .select(OrphanRow::as_select())
        .load(conn)?;
    let mut items = HashMap::with_capacity(records.len());
    for row in records {
        let record = Record::try_from(row)?;
        let item = HistoryItem { record, attempts: Vec::new(), orphans: Vec::new() };
        items.insert(item.record.id.uuid(), item);
    }
    for row in attempts {
        if let Some(item) = items.get_mut(&row.call_id) {
            item.attempts.push(row.try_into()?);
        }
    }
    for row in orphans {
        if let Some(item) = items.get_mut(&row.call_id) {
            item.orphans.push(row.try_into()?);
        }
    }
    Ok(ids.iter().filter_map(|id| items.remove(id)).collect())
}
