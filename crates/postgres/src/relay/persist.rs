//! How [`Change`]s get into the tables: one as well as many, by statements over all of them.

use std::collections::HashSet;

use crochet_primitives::CallId;
use crochet_relay::Record;
use crochet_relay::transition::{Change, Ended, Write};
use diesel::prelude::*;
use diesel::sql_types;
use uuid::Uuid;

use super::record_row::{RecordRow, RecordRows};
use super::rows::{AttemptRow, AttemptRows, EndRow, EndRows, EntryRow, EntryRows, OrphanRow};
use crate::convert::to_int;
use crate::error::DbError;
use crate::schema::{gateway_requests, orphan_payments};
use crate::sets::{Insert, InsertBoth, InsertNew, Rows, Update};

/// The call, locked until the transaction ends. Whoever moves a call on holds this lock.
pub(super) fn lock(conn: &mut PgConnection, call: CallId) -> Result<Option<Record>, DbError> {
    lock_all(conn, &[call.uuid()])?.pop().transpose()
}

/// Those of these calls that there are, locked one after the other by their ids: two that lock several never wait for
/// each other. One that cannot be read, a newer program's perhaps, is no reason not to read the others.
pub(super) fn lock_all(conn: &mut PgConnection, calls: &[Uuid]) -> QueryResult<Vec<Result<Record, DbError>>> {
    let rows: Vec<RecordRow> = gateway_requests::table
        .filter(gateway_requests::id.eq_any(calls))
        .order(gateway_requests::id)
        .select(RecordRow::as_select())
        .for_update()
        .load(conn)?;
    Ok(rows.into_iter().map(Record::try_from).collect())
}

/// The call as it stands.
pub(super) fn read(conn: &mut PgConnection, call: CallId) -> Result<Option<Record>, DbError> {
    Ok(read_all(conn, &[call.uuid()])?.pop())
}

/// Those of these calls that there are, in no order.
pub(super) fn read_all(conn: &mut PgConnection, calls: &[Uuid]) -> Result<Vec<Record>, DbError> {
    let rows: Vec<RecordRow> =
        gateway_requests::table.filter(gateway_requests::id.eq_any(calls)).select(RecordRow::as_select()).load(conn)?;
    rows.into_iter().map(Record::try_from).collect()
}

/// Writes new calls, and answers which: where there is one with its id, that is left as it is.
pub(super) fn insert<'a>(
    conn: &mut PgConnection,
    changes: impl Iterator<Item = &'a Change> + Clone,
) -> Result<HashSet<CallId>, DbError> {
    let mut rows = RecordRows::default();
    for change in changes.clone() {
        rows.push(RecordRow::try_from(&change.record)?);
    }
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    let inserted: Vec<Uuid> = InsertNew::<_, sql_types::Uuid, 1>::of(rows).get_results(conn)?;
    let inserted: HashSet<CallId> = inserted.into_iter().map(CallId::from).collect();
    write_beside(conn, changes.filter(|change| inserted.contains(&change.record.id)))?;
    Ok(inserted)
}

/// Writes what locked calls have become: each of them once.
pub(super) fn update<'a>(
    conn: &mut PgConnection,
    changes: impl Iterator<Item = (&'a Record, &'a Change)> + Clone,
) -> Result<(), DbError> {
    let mut rows = RecordRows::default();
    for (before, change) in changes.clone() {
        if change.record != *before {
            rows.push(RecordRow::try_from(&change.record)?);
        }
    }
    if !rows.is_empty() {
        Update(rows).execute(conn)?;
    }
    write_beside(conn, changes.map(|(_, change)| change))
}

/// Writes free calls that are over, each with its one attempt, outside of any transaction: it is one of its own. What is
/// there already is left as it is.
pub(super) fn insert_ended<'a>(conn: &mut PgConnection, calls: impl Iterator<Item = &'a Ended>) -> Result<(), DbError> {
    let (mut rows, mut attempts) = (RecordRows::default(), AttemptRows::default());
    for Ended { opened, closed } in calls {
        rows.push(RecordRow::try_from(&closed.record)?);
        let mut ends = closed.writes.iter().filter_map(|write| end_row(closed.record.id, write));
        let starts = opened.writes.iter().filter_map(|write| start_row(opened.record.id, write));
        for start in starts {
            let start = start?;
            attempts.push(match ends.next() {
                Some(end) => start.ended(end?),
                None => start,
            });
        }
    }
    InsertBoth(rows, attempts).execute(conn)?;
    Ok(())
}

fn start_row(call: CallId, write: &Write) -> Option<Result<AttemptRow, DbError>> {
    match write {
        Write::AttemptStarted { attempt, at } => Some(AttemptRow::started(call, *attempt, *at)),
        Write::Entry(_) | Write::Orphan(_) | Write::AttemptEnded { .. } => None,
    }
}

fn end_row(call: CallId, write: &Write) -> Option<Result<EndRow, DbError>> {
    let Write::AttemptEnded { attempt, outcome, seller_status, latency_ms } = write else { return None };
    Some(to_int(*attempt, "attempt").map(|attempt| EndRow {
        call_id: call.uuid(),
        attempt,
        outcome: outcome.as_str().to_owned(),
        seller_status: seller_status.map(i32::from),
        latency_ms: latency_ms.map(i64::from),
    }))
}

fn write_beside<'a>(conn: &mut PgConnection, changes: impl Iterator<Item = &'a Change>) -> Result<(), DbError> {
    let (mut entries, mut starts, mut ends) = (EntryRows::default(), AttemptRows::default(), EndRows::default());
    let mut orphans = Vec::new();
    for change in changes {
        let call = change.record.id;
        for write in &change.writes {
            match write {
                Write::Entry(entry) => entries.push(EntryRow::try_from(entry)?),
                Write::Orphan(orphan) => orphans.push(OrphanRow::try_from(orphan)?),
                Write::AttemptStarted { .. } => {
                    start_row(call, write).transpose()?.into_iter().for_each(|row| starts.push(row));
                }
                Write::AttemptEnded { .. } => {
                    end_row(call, write).transpose()?.into_iter().for_each(|row| ends.push(row));
                }
            }
        }
    }
    // A lease that ran out ends one attempt and begins another: they are two rows.
    if !ends.is_empty() {
        Update(ends).execute(conn)?;
    }
    if !starts.is_empty() {
        Insert(starts).execute(conn)?;
    }
    if !entries.is_empty() {
        Insert(entries).execute(conn)?;
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
