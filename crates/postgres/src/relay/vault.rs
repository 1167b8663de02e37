//! The replay vault: sealed responses, so many bytes a buyer.

use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;
use crochet_primitives::{CallId, ProfileId, Timestamp};
use crochet_relay::{Policy, SealedResponse};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{self, Array, BigInt, Binary, Integer, Nullable, Text, Timestamptz};
use uuid::Uuid;

use crate::convert::to_count;
use crate::error::DbError;
use crate::schema::{response_vault, vault_usage};
use crate::sets::{InsertNew, Rows, rows};

/// The usage of buyers, in the order of their ids: two transactions never wait for each other.
const RESERVE: &str = "
INSERT INTO vault_usage (buyer_id, sealed_bytes)
SELECT * FROM unnest($1, $2) AS more (buyer_id, sealed_bytes) WHERE sealed_bytes <= $3
    ON CONFLICT (buyer_id) DO UPDATE SET sealed_bytes = vault_usage.sealed_bytes + excluded.sealed_bytes
 WHERE vault_usage.sealed_bytes + excluded.sealed_bytes <= $3
RETURNING buyer_id";

/// Responses that expired, and what their buyers use without them.
const PURGE: &str = "
WITH gone AS (
    DELETE FROM response_vault WHERE call_id IN
        (SELECT call_id FROM response_vault WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)
    RETURNING buyer_id, sealed_bytes
), less AS (
    SELECT buyer_id, sum(sealed_bytes)::bigint AS sealed_bytes FROM gone GROUP BY buyer_id
), locked AS (
    SELECT buyer_id, less.sealed_bytes FROM vault_usage JOIN less USING (buyer_id)
     ORDER BY buyer_id FOR UPDATE OF vault_usage
), updated AS (
    UPDATE vault_usage kept SET sealed_bytes = greatest(kept.sealed_bytes - locked.sealed_bytes, 0)
      FROM locked WHERE kept.buyer_id = locked.buyer_id
)
SELECT count(*) AS count FROM gone";

#[derive(QueryableByName)]
struct Reserved {
    #[diesel(sql_type = sql_types::Uuid)]
    buyer_id: Uuid,
}

#[derive(QueryableByName)]
struct Purged {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

rows! {
    #[derive(Debug)]
    pub(super) struct VaultRow, many VaultRows in "response_vault" {
        call_id: Uuid => sql_types::Uuid;
        buyer_id: Uuid => sql_types::Uuid,
        sealed: Vec<u8> => Binary,
        sealed_bytes: i64 => BigInt,
        key_prefix: String => Text,
        created_at: Timestamp => Timestamptz,
        expires_at: Timestamp => Timestamptz,
    }
}

/// The length of a sealed response, as it is counted.
pub(super) fn length(sealed: &SealedResponse) -> Result<i64, DbError> {
    i64::try_from(sealed.bytes.len()).map_err(|_| DbError::corrupt("a response is too long"))
}

fn most(policy: &Policy) -> i64 {
    i64::try_from(policy.vault_max_buyer).unwrap_or(i64::MAX)
}

/// Takes so many bytes of each buyer's part of the vault, until the transaction ends or for good, and answers whose part
/// had room. What has expired and is not yet purged counts: [`has_room`] says it exactly.
pub(super) fn reserve(
    conn: &mut PgConnection,
    policy: &Policy,
    wanted: &BTreeMap<Uuid, i64>,
) -> Result<HashSet<Uuid>, DbError> {
    if wanted.is_empty() {
        return Ok(HashSet::new());
    }
    let reserved: Vec<Reserved> = diesel::sql_query(RESERVE)
        .bind::<Array<sql_types::Uuid>, _>(wanted.keys().copied().collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(wanted.values().copied().collect::<Vec<_>>())
        .bind::<BigInt, _>(most(policy))
        .load(conn)?;
    Ok(reserved.into_iter().map(|row| row.buyer_id).collect())
}

/// Whether the buyer's part of the vault has room for `sealed`, which is then taken. Nobody else fills it until the
/// transaction ends.
pub(super) fn has_room(
    conn: &mut PgConnection,
    policy: &Policy,
    buyer: ProfileId,
    sealed: &SealedResponse,
    now: Timestamp,
) -> Result<bool, DbError> {
    let (buyer, length) = (buyer.uuid(), length(sealed)?);
    if !reserve(conn, policy, &BTreeMap::from([(buyer, length)]))?.is_empty() {
        return Ok(true);
    }
    let part = vault_usage::table.find(buyer);
    let locked: Option<Uuid> = part.select(vault_usage::buyer_id).for_update().first(conn).optional()?;
    if locked.is_none() {
        // It is longer than all there is.
        return Ok(false);
    }
    let (kept, valid): (Option<i64>, Option<i64>) = response_vault::table
        .filter(response_vault::buyer_id.eq(buyer))
        .select((
            sql::<Nullable<BigInt>>("sum(sealed_bytes)::bigint"),
            sql::<Nullable<BigInt>>("(sum(sealed_bytes) FILTER (WHERE expires_at > ")
                .bind::<Timestamptz, _>(now)
                .sql("))::bigint"),
        ))
        .first(conn)?;
    let valid: u64 = to_count(valid.unwrap_or(0), "sealed_bytes")?;
    let has_room = valid.saturating_add(length.unsigned_abs()) <= policy.vault_max_buyer;
    let used = kept.unwrap_or(0).saturating_add(if has_room { length } else { 0 });
    diesel::update(part).set(vault_usage::sealed_bytes.eq(used)).execute(conn)?;
    Ok(has_room)
}

/// A response that is delivered at `now`, as it is kept.
pub(super) fn row(
    call: CallId,
    buyer: ProfileId,
    sealed: &SealedResponse,
    now: Timestamp,
    policy: &Policy,
) -> Result<VaultRow, DbError> {
    let ttl = TimeDelta::from_std(policy.vault_ttl).ok();
    Ok(VaultRow {
        call_id: call.uuid(),
        buyer_id: buyer.uuid(),
        sealed: sealed.bytes.clone(),
        sealed_bytes: length(sealed)?,
        key_prefix: sealed.key_prefix.clone(),
        created_at: now,
        expires_at: ttl.and_then(|ttl| now.checked_add_signed(ttl)).unwrap_or(Timestamp::MAX_UTC),
    })
}

/// Keeps sealed responses; the first one for a call stays.
pub(super) fn keep(conn: &mut PgConnection, rows: VaultRows) -> Result<(), DbError> {
    if !rows.is_empty() {
        let _: Vec<Uuid> = InsertNew::<_, sql_types::Uuid, 1>::of(rows).get_results(conn)?;
    }
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
    let purged: Purged =
        diesel::sql_query(PURGE).bind::<Timestamptz, _>(now).bind::<Integer, _>(limit).get_result(conn)?;
    Ok(usize::try_from(purged.count).unwrap_or_default())
}
