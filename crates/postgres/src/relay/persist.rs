//! How a [`Change`] gets into the tables.

use crochet_primitives::CallId;
use crochet_relay::transition::{Change, Write};
use crochet_relay::{AttemptOutcome, Record};
use diesel::prelude::*;

use super::record_row::RecordRow;
use super::rows::{AttemptRow, EntryRow, OrphanRow};
use crate::convert::to_int;
use crate::error::DbError;
use crate::schema::{gateway_attempts, gateway_requests, ledger_entries, orphan_payments};

/// The call, locked until the transaction ends. Whoever moves a call on holds this lock.
pub(super) fn lock(conn: &mut PgConnection, call: CallId) -> Result<Option<Record>, DbError> {
    let row: Option<RecordRow> =
        gateway_requests::table.find(call.uuid()).select(RecordRow::as_select()).for_update().first(conn).optional()?;
    row.map(Record::try_from).transpose()
}

/// The call as it stands.
pub(super) fn read(conn: &mut PgConnection, call: CallId) -> Result<Option<Record>, DbError> {
    let row: Option<RecordRow> =
        gateway_requests::table.find(call.uuid()).select(RecordRow::as_select()).first(conn).optional()?;
    row.map(Record::try_from).transpose()
}

/// Writes a new call. `false` when there is one with its id, which is left as it is.
pub(super) fn insert(conn: &mut PgConnection, change: &Change) -> Result<bool, DbError> {
    let inserted = diesel::insert_into(gateway_requests::table)
        .values(RecordRow::try_from(&change.record)?)
        .on_conflict(gateway_requests::id)
        .do_nothing()
        .execute(conn)?;
    if inserted == 1 {
        write_beside(conn, change)?;
    }
    Ok(inserted == 1)
}

/// Writes what a locked call has become.
pub(super) fn update(conn: &mut PgConnection, before: &Record, change: &Change) -> Result<(), DbError> {
    if change.record != *before {
        let row = RecordRow::try_from(&change.record)?;
        diesel::update(&row).set(&row).execute(conn)?;
    }
    write_beside(conn, change)
}

fn write_beside(conn: &mut PgConnection, change: &Change) -> Result<(), DbError> {
    let call = change.record.id;
    let mut entries = Vec::new();
    let mut orphans = Vec::new();
    for write in &change.writes {
        match write {
            Write::Entry(entry) => entries.push(EntryRow::try_from(entry)?),
            Write::Orphan(orphan) => orphans.push(OrphanRow::try_from(orphan)?),
            Write::AttemptStarted { attempt, at } => {
                diesel::insert_into(gateway_attempts::table)
                    .values(AttemptRow::started(call, *attempt, *at)?)
                    .execute(conn)?;
            }
            Write::AttemptEnded { attempt, outcome, seller_status, latency_ms } => {
                let is_delivered = gateway_attempts::outcome.eq(AttemptOutcome::Delivered.as_str());
                let row = gateway_attempts::table.find((call.uuid(), to_int(*attempt, "attempt")?));
                diesel::update(row.filter(gateway_attempts::outcome.is_null().or(diesel::dsl::not(is_delivered))))
                    .set((
                        gateway_attempts::outcome.eq(outcome.as_str()),
                        gateway_attempts::seller_status.eq(seller_status.map(i32::from)),
                        gateway_attempts::latency_ms.eq(latency_ms.map(i64::from)),
                    ))
                    .execute(conn)?;
            }
        }
    }
    if !entries.is_empty() {
        diesel::insert_into(ledger_entries::table).values(entries).execute(conn)?;
    }
    if !orphans.is_empty() {
        diesel::insert_into(orphan_payments::table)
            .values(orphans)
            .on_conflict((orphan_payments::provider, orphan_payments::reference, orphan_payments::call_id))
            .do_nothing()
            .execute(conn)?;
    }
    Ok(())
}
