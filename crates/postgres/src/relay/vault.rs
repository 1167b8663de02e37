//! The replay vault: sealed responses, so many bytes a buyer.

use crochet_primitives::{CallId, ProfileId, Timestamp};
use crochet_relay::{Policy, SealedResponse};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Timestamptz};

use super::locks::{Counted, count_alone};
use crate::convert::to_count;
use crate::error::DbError;
use crate::schema::response_vault;

/// Whether the buyer's part of the vault has room for `sealed`. Nobody else fills it until the transaction ends.
pub(super) fn has_room(
    conn: &mut PgConnection,
    policy: &Policy,
    buyer: ProfileId,
    sealed: &SealedResponse,
    now: Timestamp,
) -> Result<bool, DbError> {
    count_alone(conn, Counted::Vault, buyer)?;
    let used: Option<i64> = response_vault::table
        .filter(response_vault::buyer_id.eq(buyer.uuid()))
        .filter(response_vault::expires_at.gt(now))
        .select(sql::<Nullable<BigInt>>("sum(sealed_bytes)::bigint"))
        .first(conn)?;
    let used: u64 = to_count(used.unwrap_or(0), "sealed_bytes")?;
    let length = u64::try_from(sealed.bytes.len()).unwrap_or(u64::MAX);
    Ok(used.saturating_add(length) <= policy.vault_max_buyer)
}

/// Keeps a sealed response; the first one for a call stays.
pub(super) fn keep(
    conn: &mut PgConnection,
    call: CallId,
    buyer: ProfileId,
    sealed: &SealedResponse,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<(), DbError> {
    let length = i64::try_from(sealed.bytes.len()).map_err(|_| DbError::corrupt("a response is too long"))?;
    diesel::insert_into(response_vault::table)
        .values((
            response_vault::call_id.eq(call.uuid()),
            response_vault::buyer_id.eq(buyer.uuid()),
            response_vault::sealed.eq(&sealed.bytes),
            response_vault::sealed_bytes.eq(length),
            response_vault::key_prefix.eq(&sealed.key_prefix),
            response_vault::created_at.eq(now),
            response_vault::expires_at.eq(expires_at),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(())
}

/// The sealed response of a call, until it expires.
pub(super) fn find(conn: &mut PgConnection, call: CallId, now: Timestamp) -> Result<Option<SealedResponse>, DbError> {
    let row: Option<(Vec<u8>, String)> = response_vault::table
        .find(call.uuid())
        .filter(response_vault::expires_at.gt(now))
        .select((response_vault::sealed, response_vault::key_prefix))
        .first(conn)
        .optional()?;
    Ok(row.map(|(bytes, key_prefix)| SealedResponse { bytes, key_prefix }))
}

/// Deletes responses that expired by `now`, up to `limit`, and answers how many went.
pub(super) fn purge(conn: &mut PgConnection, now: Timestamp, limit: i32) -> QueryResult<usize> {
    diesel::sql_query(
        "DELETE FROM response_vault WHERE call_id IN \
         (SELECT call_id FROM response_vault WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<Integer, _>(limit)
    .execute(conn)
}
