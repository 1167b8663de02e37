//! Idempotency keys.

use std::collections::HashSet;

use crochet_primitives::{CallId, ListingId, ProfileId, Timestamp};
use crochet_relay::{IdempotencyKey, NewCall};
use diesel::prelude::*;
use diesel::sql_types::{self, Binary, Text, Timestamptz};
use uuid::Uuid;

use crate::error::DbError;
use crate::schema::idempotency_keys;
use crate::sets::{InsertNew, Rows, rows};

/// What a key was first used for.
pub(super) struct KeptKey {
    /// The first call of its chain.
    pub(super) call: CallId,
    /// What it was used with.
    pub(super) fingerprint: [u8; 32],
}

rows! {
    /// A key that is kept for a call.
    #[derive(Debug)]
    pub(super) struct KeyRow, many KeyRows in "idempotency_keys" {
        call_id: Uuid => sql_types::Uuid, buyer_id: Uuid => sql_types::Uuid, listing_id: Uuid => sql_types::Uuid,
        key: String => Text;
        fingerprint: Vec<u8> => Binary,
        created_at: Timestamp => Timestamptz,
    }
}

impl KeyRow {
    pub(super) fn new(
        key: &IdempotencyKey,
        (buyer, listing): (ProfileId, ListingId),
        call: CallId,
        fingerprint: &[u8; 32],
        now: Timestamp,
    ) -> Self {
        Self {
            call_id: call.uuid(),
            buyer_id: buyer.uuid(),
            listing_id: listing.uuid(),
            key: key.as_str().to_owned(),
            fingerprint: fingerprint.to_vec(),
            created_at: now,
        }
    }
}

/// Keeps keys for their calls, and answers which calls' were free. The rows are in the order of their keys, so that two
/// transactions never wait for each other.
pub(super) fn keep_all(conn: &mut PgConnection, rows: KeyRows) -> QueryResult<HashSet<Uuid>> {
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    let kept: Vec<Uuid> = InsertNew::<_, sql_types::Uuid, 1>::of(rows).get_results(conn)?;
    Ok(kept.into_iter().collect())
}

/// Keeps the key for this call; `false` when it is taken. Of two transactions with one key, the second waits for the
/// first.
pub(super) fn keep(
    conn: &mut PgConnection,
    key: &IdempotencyKey,
    owner: (ProfileId, ListingId),
    call: CallId,
    fingerprint: &[u8; 32],
    now: Timestamp,
) -> Result<bool, DbError> {
    let mut rows = KeyRows::default();
    rows.push(KeyRow::new(key, owner, call, fingerprint, now));
    Ok(!keep_all(conn, rows)?.is_empty())
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
