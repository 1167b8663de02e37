//! Recording a new call: its key, the buyer's limit, the row.

use std::collections::HashMap;

use crochet_primitives::{ProfileId, Timestamp};
use crochet_relay::ports::{Admission, QuoteLease, Seen};
use crochet_relay::{Forwarding, NewCall, State};
use diesel::prelude::*;
use uuid::Uuid;

use super::locks::count_alone;
use super::step::Step;
use super::{chain, keys, persist, references};
use crate::clock::DatabaseClock;
use crate::error::DbError;

/// See [`crochet_relay::ports::Journal::admit`].
pub(super) fn admit(conn: &mut PgConnection, step: &Step, call: &NewCall) -> Result<Admission, DbError> {
    let clock = &step.clock;
    // The same id again: the first time happened, and its acknowledgement was lost.
    if let Some(record) = persist::read(conn, call.id)? {
        let now = clock.read(conn)?;
        return Ok(Admission::Known(Seen { record, now }));
    }
    let now = clock.read(conn)?;
    if let Some(key) = &call.idempotency_key
        && !keys::keep(conn, key, (call.buyer, call.listing), call.id, &call.fingerprint(), now)?
    {
        return known(conn, clock, call, key);
    }
    if call.price.is_some() {
        count_alone(conn, std::iter::once(call.buyer))?;
        let limit = step.policy.max_open_quotes;
        let open = open_quotes(conn, std::iter::once(call.buyer), now)?;
        if open.get(&call.buyer).is_some_and(|open| *open >= limit) {
            if let Some(key) = &call.idempotency_key {
                keys::give_back(conn, key, call)?;
            }
            return Ok(Admission::TooManyOpenQuotes { limit });
        }
    }
    if let Some(terms) = &call.terms
        && let Some(owner) = references::claim(conn, call.id, &terms.provider, &terms.provider_request_id, now)?
    {
        if let Some(key) = &call.idempotency_key {
            keys::give_back(conn, key, call)?;
        }
        let Some(record) = references::claimed_for(conn, owner)? else { return Ok(Admission::Exported) };
        let now = clock.read(conn)?;
        return Ok(Admission::Known(Seen { record, now }));
    }
    // Any of these may have been waited for.
    let now = clock.read(conn)?;
    let Some(seen) = step.open(conn, call, now)? else { return Err(DbError::Raced) };
    Ok(admitted(seen))
}

/// What becomes of a new call that is recorded.
pub(super) fn admitted(seen: Seen) -> Admission {
    match Forwarding::of_new_free_call(&seen.record) {
        Some(forwarding) => Admission::Forward(seen, forwarding),
        None if seen.record.terms.is_some() => Admission::Submit(seen),
        None => {
            let lease = first_lease(&seen);
            Admission::Quote(seen, lease)
        }
    }
}

/// The lease that a new paid call begins with.
pub(super) fn first_lease(seen: &Seen) -> QuoteLease {
    QuoteLease { call: seen.record.id, fence: seen.record.quote_fence }
}

fn known(
    conn: &mut PgConnection,
    clock: &DatabaseClock,
    call: &NewCall,
    key: &crochet_relay::IdempotencyKey,
) -> Result<Admission, DbError> {
    // Purged since it was in the way, at worst: then the next run keeps it.
    let kept = keys::find(conn, call.buyer, call.listing, key)?.ok_or(DbError::Raced)?;
    if kept.fingerprint != call.fingerprint() {
        return Ok(Admission::KeyReused);
    }
    let record = chain::resolve(conn, kept.call)?
        .ok_or_else(|| DbError::corrupt(format!("an idempotency key names {}, which there is not", kept.call)))?;
    let now = clock.read(conn)?;
    Ok(Admission::Known(Seen { record, now }))
}

/// How many open quotes these buyers have. Who gave up asking for terms has none: see
/// [`crochet_relay::Record::is_open_quote`].
pub(super) fn open_quotes(
    conn: &mut PgConnection,
    buyers: impl Iterator<Item = ProfileId>,
    now: Timestamp,
) -> Result<HashMap<ProfileId, u32>, DbError> {
    let mut buyers: Vec<Uuid> = buyers.map(|buyer| buyer.uuid()).collect();
    if buyers.is_empty() {
        return Ok(HashMap::new());
    }
    buyers.sort_unstable();
    buyers.dedup();
    let states: Vec<_> = State::ALL.into_iter().filter(|state| state.is_open_quote()).map(State::as_str).collect();
    let counts: Vec<i64> = diesel::select(functions::crochet_open_quotes(&buyers, states, now)).get_result(conn)?;
    let counts = counts.into_iter().map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    Ok(buyers.into_iter().map(ProfileId::from).zip(counts).collect())
}

mod functions {
    use diesel::sql_types::{Array, Text, Timestamptz, Uuid};

    diesel::define_sql_function! {
        /// How many calls in these states each of these buyers has: in the order of the buyers.
        fn crochet_open_quotes(buyers: Array<Uuid>, states: Array<Text>, at: Timestamptz) -> Array<BigInt>;
    }
}
