//! Consuming payment references: once, ever, over all calls.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crochet_primitives::{CallId, Timestamp};
use crochet_relay::transition::Claim;
use crochet_relay::{Payment, Record};
use diesel::prelude::*;
use diesel::sql_types::{self, Text, Timestamptz};
use uuid::Uuid;

use super::persist;
use crate::error::DbError;
use crate::schema::consumed_references;
use crate::sets::{InsertNew, Rows, rows};

rows! {
    #[derive(Debug)]
    struct ReferenceRow, many ReferenceRows in "consumed_references" {
        provider: String => Text, reference: String => Text;
        call_id: Uuid => sql_types::Uuid,
        consumed_at: Timestamp => Timestamptz,
    }
}

/// What arrived for a call, at whom.
pub(super) struct Arrived<'a> {
    pub(super) call: CallId,
    pub(super) provider: &'a str,
    pub(super) payments: &'a [Payment],
}

type Reference<'a> = (&'a str, &'a str);

/// Consumes the references of what arrived for each call, and answers whose each of them is, in their order.
///
/// The unique constraint decides between transactions: one that meets another's uncommitted reference waits for it.
/// References are taken in sorted order, so that two transactions never wait for each other.
pub(super) fn consume(
    conn: &mut PgConnection,
    arrived: &[Arrived<'_>],
    now: Timestamp,
) -> Result<Vec<Vec<Claim>>, DbError> {
    let mut wanted: BTreeMap<Reference<'_>, CallId> = BTreeMap::new();
    for Arrived { call, provider, payments } in arrived {
        for payment in *payments {
            wanted.entry((provider, payment.reference.as_str())).or_insert(*call);
        }
    }
    let mut rows = ReferenceRows::default();
    for ((provider, reference), call) in &wanted {
        rows.push(ReferenceRow {
            provider: (*provider).to_owned(),
            reference: (*reference).to_owned(),
            call_id: call.uuid(),
            consumed_at: now,
        });
    }
    let fresh: Vec<(String, String)> =
        if rows.is_empty() { Vec::new() } else { InsertNew::<_, (Text, Text), 2>::of(rows).get_results(conn)? };
    let mut fresh: HashSet<Reference<'_>> =
        fresh.iter().map(|(provider, reference)| (provider.as_str(), reference.as_str())).collect();
    let taken = wanted.keys().filter(|key| !fresh.contains(*key)).copied();
    let theirs = owners(conn, taken)?;
    for (reference, call) in &mut wanted {
        if let Some(owner) = theirs.get(&(reference.0.to_owned(), reference.1.to_owned())) {
            *call = (*owner).into();
        }
    }
    let mut all = Vec::with_capacity(arrived.len());
    for Arrived { call, provider, payments } in arrived {
        let mut claims = Vec::with_capacity(payments.len());
        for payment in *payments {
            let reference = (*provider, payment.reference.as_str());
            claims.push(match wanted.get(&reference) {
                Some(owner) if owner != call => Claim::Theirs(*owner),
                // Of two payments with one reference, the first is the one that was consumed.
                _ if fresh.remove(&reference) => Claim::Fresh,
                _ => Claim::Ours,
            });
        }
        all.push(claims);
    }
    Ok(all)
}

/// Who has these references.
fn owners<'a>(
    conn: &mut PgConnection,
    taken: impl Iterator<Item = Reference<'a>>,
) -> QueryResult<HashMap<(String, String), Uuid>> {
    let (providers, references): (BTreeSet<&str>, Vec<&str>) = taken.unzip();
    if references.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, String, Uuid)> = consumed_references::table
        .filter(consumed_references::provider.eq_any(providers))
        .filter(consumed_references::reference.eq_any(references))
        .select((consumed_references::provider, consumed_references::reference, consumed_references::call_id))
        .load(conn)?;
    Ok(rows.into_iter().map(|(provider, reference, call)| ((provider, reference), call)).collect())
}

/// Consumes one reference for `call`, before it is known whether it is ever paid; answers who has it, where it is another
/// call's.
pub(super) fn claim(
    conn: &mut PgConnection,
    call: CallId,
    provider: &str,
    reference: &str,
    now: Timestamp,
) -> Result<Option<CallId>, DbError> {
    let mut rows = ReferenceRows::default();
    rows.push(ReferenceRow {
        provider: provider.to_owned(),
        reference: reference.to_owned(),
        call_id: call.uuid(),
        consumed_at: now,
    });
    let inserted: Vec<String> = InsertNew::<_, Text, 1>::of(rows).get_results(conn)?;
    if !inserted.is_empty() {
        return Ok(None);
    }
    Ok(owner(conn, provider, reference)?.filter(|owner| *owner != call))
}

/// The call that consumed a reference.
pub(super) fn owner(conn: &mut PgConnection, provider: &str, reference: &str) -> Result<Option<CallId>, DbError> {
    let owner: Option<Uuid> = consumed_references::table
        .find((provider, reference))
        .select(consumed_references::call_id)
        .first(conn)
        .optional()?;
    Ok(owner.map(Into::into))
}

/// The call that a payment is claimed for; `None` where it was taken out of history.
pub(super) fn claimed_for(conn: &mut PgConnection, owner: CallId) -> Result<Option<Record>, DbError> {
    if let Some(record) = persist::read(conn, owner)? {
        return Ok(Some(record));
    }
    let exported: bool = diesel::select(functions::crochet_is_exported(owner.uuid())).get_result(conn)?;
    if exported {
        Ok(None)
    } else {
        Err(DbError::corrupt(format!("a payment is claimed for {owner}, which there is not")))
    }
}

mod functions {
    use diesel::sql_types::Uuid;

    diesel::define_sql_function! {
        /// Whether calls with ids around this one were taken out of history.
        fn crochet_is_exported(id: Uuid) -> Bool;
    }
}
