//! Idempotency keys.

use crochet_primitives::{CallId, ListingId, ProfileId, Timestamp};
use crochet_relay::{IdempotencyKey, NewCall};
use diesel::prelude::*;
use uuid::Uuid;

use crate::error::DbError;
use crate::schema::idempotency_keys;

/// What a key was first used for.
pub(super) struct KeptKey {
    /// The first call of its chain.
    pub(super) call: CallId,
    /// What it was used with.
    pub(super) fingerprint: [u8; 32],
}

/// Keeps the key for this call; `false` when it is taken. Of two transactions with one key, the second waits for the
/// first.
pub(super) fn keep(
    conn: &mut PgConnection,
    key: &IdempotencyKey,
    (buyer, listing): (ProfileId, ListingId),
    call: CallId,
    fingerprint: &[u8; 32],
    now: Timestamp,
) -> Result<bool, DbError> {
    let kept = diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::buyer_id.eq(buyer.uuid()),
            idempotency_keys::listing_id.eq(listing.uuid()),
            idempotency_keys::key.eq(key.as_str()),
            idempotency_keys::call_id.eq(call.uuid()),
            idempotency_keys::fingerprint.eq(fingerprint.as_slice()),
            idempotency_keys::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(kept == 1)
}

/// Gives a key back that this transaction kept.
pub(super) fn give_back(conn: &mut PgConnection, key: &IdempotencyKey, call: &NewCall) -> Result<(), DbError> {
    let row = idempotency_keys::table.find((call.buyer.uuid(), call.listing.uuid(), key.as_str()));
    diesel::delete(row).execute(conn)?;
    Ok(())
}

/// What the key was first used for.
pub(super) fn find(
    conn: &mut PgConnection,
    buyer: ProfileId,
    listing: ListingId,
    key: &IdempotencyKey,
) -> Result<Option<KeptKey>, DbError> {
    let row: Option<(Uuid, Vec<u8>)> = idempotency_keys::table
        .find((buyer.uuid(), listing.uuid(), key.as_str()))
        .select((idempotency_keys::call_id, idempotency_keys::fingerprint))
        .first(conn)
        .optional()?;
    let Some((call, fingerprint)) = row else { return Ok(None) };
    let fingerprint = fingerprint.try_into().map_err(|_| DbError::corrupt("fingerprint is not 32 bytes"))?;
    Ok(Some(KeptKey { call: call.into(), fingerprint }))
}
