//! History and ledger, in pages, newest first.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::{CallId, Cursor, Page, PageRequest, StorageError, Total};
use crochet_relay::ports::{Books, HistoryItem, HistoryQuery, LedgerQuery};
use crochet_relay::{AuditReport, EntryType, LedgerEntry, Record};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::record_row::RecordRow;
use super::rows::{AttemptRow, EntryRow, OrphanRow};
use super::{audit, history};
use crate::Db;
use crate::error::DbError;
use crate::schema::{gateway_attempts, gateway_requests, ledger_entries, orphan_payments};

/// How far totals are counted.
const COUNTED: i64 = 10_000;

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
}

#[async_trait]
impl Books for PgBooks {
    async fn history(&self, query: &HistoryQuery) -> Result<Page<HistoryItem>, StorageError> {
        let query = query.clone();
        self.db
            .transaction(move |conn| {
                let window = Window::of(query.page);
                let page = window.page(history::ids(conn, &query, &window)?, |id| *id);
                Ok(Page {
                    items: items(conn, &page.items)?,
                    total: window.total(|| history::count(conn, &query, COUNTED + 1))?,
                    next: page.next,
                })
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
                let rows: Vec<(Uuid, EntryRow)> = {
                    let mut wanted =
                        ledger_entries::table.filter(ledger_entries::profile_id.eq(query.profile.uuid())).into_boxed();
                    if let Some(entry_type) = query.entry_type {
                        wanted = wanted.filter(ledger_entries::entry_type.eq(entry_type.as_str()));
                    }
                    if let Some(after) = window.after {
                        wanted = wanted.filter(ledger_entries::id.lt(after));
                    }
                    wanted
                        .order(ledger_entries::id.desc())
                        .offset(window.offset)
                        .limit(window.limit + 1)
                        .select((ledger_entries::id, EntryRow::as_select()))
                        .load(conn)?
                };
                let page = window.page(rows, |row| row.0);
                let items = page.items.into_iter().map(|(_, row)| LedgerEntry::try_from(row));
                Ok(Page {
                    items: items.collect::<Result<_, _>>()?,
                    total: window.total(|| ledger_count(conn, &query))?,
                    next: page.next,
                })
            })
            .await
    }

    async fn audit(&self) -> Result<AuditReport, StorageError> {
        self.db.report(AUDIT_LIMIT, audit::audit).await
    }
}

/// Of a list, the part that is wanted.
pub(super) struct Window {
    /// Only what comes after this id.
    pub(super) after: Option<Uuid>,
    /// How many rows to leave out.
    pub(super) offset: i64,
    /// How many rows are wanted. One more is read, to know whether there is a next page.
    pub(super) limit: i64,
    is_numbered: bool,
}

impl Window {
    fn of(page: PageRequest) -> Self {
        Self {
            after: match page {
                PageRequest::Numbered { .. } => None,
                PageRequest::After { cursor, .. } => Some(cursor.0),
            },
            offset: i64::try_from(page.offset()).unwrap_or(i64::MAX / 2),
            limit: page.limit().into(),
            is_numbered: matches!(page, PageRequest::Numbered { .. }),
        }
    }

    fn page<T>(&self, mut rows: Vec<T>, id: impl Fn(&T) -> Uuid) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_next = rows.len() > limit;
        rows.truncate(limit);
        Page { next: rows.last().filter(|_| has_next).map(|row| Cursor(id(row))), items: rows, total: None }
    }

    /// `count` counts one further than the cap.
    fn total(&self, count: impl FnOnce() -> Result<i64, DbError>) -> Result<Option<Total>, DbError> {
        if !self.is_numbered {
            return Ok(None);
        }
        let count = count()?;
        Ok(Some(Total { count: u64::try_from(count.min(COUNTED)).unwrap_or_default(), is_capped: count > COUNTED }))
    }
}

/// One number.
#[derive(QueryableByName)]
pub(super) struct Count {
    #[diesel(sql_type = BigInt)]
    pub(super) count: i64,
}

fn ledger_count(conn: &mut PgConnection, query: &LedgerQuery) -> Result<i64, DbError> {
    let counted: Count = diesel::sql_query(
        "SELECT count(*) FROM (SELECT 1 FROM ledger_entries \
          WHERE profile_id = $1 AND ($2::text IS NULL OR entry_type = $2) LIMIT $3) counted",
    )
    .bind::<SqlUuid, _>(query.profile.uuid())
    .bind::<Nullable<Text>, _>(query.entry_type.map(EntryType::as_str))
    .bind::<BigInt, _>(COUNTED + 1)
    .get_result(conn)?;
    Ok(counted.count)
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
