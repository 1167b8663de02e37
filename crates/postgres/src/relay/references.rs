//! Consuming payment references: once, ever, over all calls.

use std::collections::{BTreeSet, HashMap, HashSet};

use crochet_primitives::{CallId, Timestamp};
use crochet_relay::Payment;
use crochet_relay::transition::Claim;
use diesel::prelude::*;
use uuid::Uuid;

use crate::error::DbError;
use crate::schema::consumed_references;

#[derive(Insertable)]
#[diesel(table_name = consumed_references)]
struct ReferenceRow<'a> {
    provider: &'a str,
    reference: &'a str,
    call_id: Uuid,
    consumed_at: Timestamp,
}

/// Consumes the references of `payments` for `call`, and answers whose each of them is, in their order.
///
/// The unique constraint decides between transactions: one that meets another's uncommitted reference waits for it.
/// References are taken in sorted order, so that two transactions never wait for each other.
pub(super) fn consume(
    conn: &mut PgConnection,
    call: CallId,
    provider: &str,
    payments: &[Payment],
    now: Timestamp,
) -> Result<Vec<Claim>, DbError> {
    let sorted: BTreeSet<&str> = payments.iter().map(|payment| payment.reference.as_str()).collect();
    if sorted.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<_> = sorted
        .iter()
        .map(|reference| ReferenceRow { provider, reference, call_id: call.uuid(), consumed_at: now })
        .collect();
    let mut fresh: HashSet<String> = diesel::insert_into(consumed_references::table)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(consumed_references::reference)
        .get_results(conn)?
        .into_iter()
        .collect();
    let owners: HashMap<String, Uuid> = if fresh.len() == sorted.len() {
        HashMap::new()
    } else {
        consumed_references::table
            .filter(consumed_references::provider.eq(provider))
            .filter(consumed_references::reference.eq_any(sorted))
            .select((consumed_references::reference, consumed_references::call_id))
            .load(conn)?
            .into_iter()
            .collect()
    };
    let claim = |payment: &Payment| {
        // Of two payments with one reference, the first is the one that was consumed.
        if fresh.remove(&payment.reference) {
            return Claim::Fresh;
        }
        match owners.get(&payment.reference) {
            Some(owner) if *owner != call.uuid() => Claim::Theirs((*owner).into()),
            _ => Claim::Ours,
        }
    };
    Ok(payments.iter().map(claim).collect())
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
    let row = ReferenceRow { provider, reference, call_id: call.uuid(), consumed_at: now };
    let inserted =
        diesel::insert_into(consumed_references::table).values(row).on_conflict_do_nothing().execute(conn)?;
    if inserted == 1 {
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
