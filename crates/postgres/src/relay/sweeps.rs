//! What the sweeper needs: calls that are due, and the broom.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use crochet_primitives::{CallId, StorageError, Timestamp};
use crochet_relay::ports::{Seen, Sweeps};
use crochet_relay::{Policy, Record};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::record_row::RecordRow;
use super::vault;
use crate::Db;
use crate::error::DbError;
use crate::market::challenges;
use crate::schema::gateway_requests;

/// How many rows one transaction deletes, or looks at, at most.
const BATCH: i32 = 500;

/// Deletes, of what expired by that moment, so many rows at most; answers how many went.
type Purge = fn(&mut PgConnection, Timestamp, i32) -> QueryResult<usize>;

/// What has a moment at which it expires.
const PURGES: [Purge; 3] = [vault::purge, challenges::purge_consumed, challenges::purge_open];

/// Of the `$5` keys after (`$2`, `$3`, `$4`), deletes those whose call ended by `$1`; answers the last key looked at.
/// A call that may still be paid, or was paid and not delivered, keeps its key for as long as that takes: so a round
/// goes through the table by key, not by age, or such keys would hold up the others.
///
/// Which call of its chain a key stands for is the rule of `chain.rs`. A dead call is over once the sweeper no longer
/// asks whether it was paid late.
const OLD_KEYS: &str = "
WITH RECURSIVE looked_at AS (
    SELECT buyer_id, listing_id, key, call_id, created_at FROM idempotency_keys
     WHERE $2::uuid IS NULL OR (buyer_id, listing_id, key) > ($2, $3, $4)
     ORDER BY buyer_id, listing_id, key LIMIT $5
), chain AS (
    SELECT buyer_id, listing_id, key, call_id, 1 AS place FROM looked_at WHERE created_at <= $1
    UNION ALL
    SELECT chain.buyer_id, chain.listing_id, chain.key, call.superseded_by, place + 1
      FROM chain JOIN gateway_requests call ON call.id = chain.call_id
     WHERE call.superseded_by IS NOT NULL AND place < 100000
), link AS (
    SELECT chain.buyer_id, chain.listing_id, chain.key, place, updated_at,
           settlement IS NOT NULL AND NOT is_refunded OR delivery IS NOT NULL AS is_paid,
           state IN ('delivered', 'quote_refused')
               OR state IN ('expired', 'payment_failed', 'mispaid') AND next_check_at IS NULL
               OR state = 'seller_failed' AND gross_micros IS NULL AS is_over
      FROM chain JOIN gateway_requests call ON call.id = chain.call_id
), stands_for AS (
    SELECT DISTINCT ON (buyer_id, listing_id, key) buyer_id, listing_id, key, updated_at, is_over FROM link
     ORDER BY buyer_id, listing_id, key, is_paid DESC, CASE WHEN is_paid THEN place ELSE -place END
), gone AS (
    DELETE FROM idempotency_keys old USING stands_for call
     WHERE (old.buyer_id, old.listing_id, old.key) = (call.buyer_id, call.listing_id, call.key)
       AND call.is_over AND call.updated_at <= $1
    RETURNING 1
)
SELECT buyer_id, listing_id, key, (SELECT count(*) FROM gone) AS gone FROM looked_at
 ORDER BY buyer_id DESC, listing_id DESC, key DESC LIMIT 1";

/// Along the index of provider requests. Whoever waits already keeps its place.
const WANT: &str = "
UPDATE gateway_requests SET check_wanted_at = coalesce(check_wanted_at, $1)
 WHERE provider = $2 AND provider_request_id = $3";

/// [`Sweeps`] on PostgreSQL.
#[derive(Debug, Clone)]
pub struct PgSweeps {
    db: Db,
    policy: Policy,
}

impl PgSweeps {
    /// Sweeps in `db`, by the times of `policy`.
    #[must_use]
    pub fn new(db: Db, policy: Policy) -> Self {
        Self { db, policy }
    }

    /// Small transactions, one after the other, until one finds less than its batch.
    async fn purge_expired(&self, purge: Purge) -> Result<u64, StorageError> {
        let mut gone = 0_u64;
        loop {
            let clock = self.db.clock().clone();
            let deleted = self
                .db
                .transaction(move |conn| {
                    let now = clock.read(conn)?;
                    Ok(purge(conn, now, BATCH)?)
                })
                .await?;
            gone = gone.saturating_add(u64::try_from(deleted).unwrap_or(u64::MAX));
            if i32::try_from(deleted).unwrap_or(i32::MAX) < BATCH {
                return Ok(gone);
            }
        }
    }

    async fn purge_keys(&self) -> Result<u64, StorageError> {
        let ttl = TimeDelta::from_std(self.policy.idempotency_ttl).unwrap_or(TimeDelta::MAX);
        let mut gone = 0_u64;
        let mut last: Option<LookedAt> = None;
        loop {
            let clock = self.db.clock().clone();
            let after = last.take();
            last = self
                .db
                .transaction(move |conn| {
                    let now = clock.read(conn)?;
                    let ended_by = now.checked_sub_signed(ttl).unwrap_or(Timestamp::UNIX_EPOCH);
                    look_at_keys(conn, ended_by, after.as_ref())
                })
                .await?;
            match &last {
                Some(last) => gone = gone.saturating_add(u64::try_from(last.gone).unwrap_or_default()),
                None => return Ok(gone),
            }
        }
    }
}

/// The last key of a batch.
#[derive(QueryableByName)]
struct LookedAt {
    #[diesel(sql_type = SqlUuid)]
    buyer_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    listing_id: Uuid,
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = BigInt)]
    gone: i64,
}

fn look_at_keys(
    conn: &mut PgConnection,
    ended_by: Timestamp,
    after: Option<&LookedAt>,
) -> Result<Option<LookedAt>, DbError> {
    Ok(diesel::sql_query(OLD_KEYS)
        .bind::<Timestamptz, _>(ended_by)
        .bind::<Nullable<SqlUuid>, _>(after.map(|key| key.buyer_id))
        .bind::<Nullable<SqlUuid>, _>(after.map(|key| key.listing_id))
        .bind::<Nullable<Text>, _>(after.map(|key| key.key.as_str()))
        .bind::<Integer, _>(BATCH)
        .get_result(conn)
        .optional()?)
}

/// Locks the calls that are to be looked at by now, the longest overdue first, but for those that another replica has.
pub(super) fn due(conn: &mut PgConnection, now: Timestamp, limit: u32) -> QueryResult<Vec<RecordRow>> {
    gateway_requests::table
        .filter(gateway_requests::next_check_at.le(now))
        .order(gateway_requests::next_check_at)
        .limit(limit.into())
        .select(RecordRow::as_select())
        .for_update()
        .skip_locked()
        .load(conn)
}

/// Likewise those that are wanted to be looked at soon.
pub(super) fn wanted(conn: &mut PgConnection, limit: u32) -> QueryResult<Vec<RecordRow>> {
    gateway_requests::table
        .filter(gateway_requests::check_wanted_at.is_not_null())
        .order(gateway_requests::check_wanted_at)
        .limit(limit.into())
        .select(RecordRow::as_select())
        .for_update()
        .skip_locked()
        .load(conn)
}

/// Claims these calls, whose rows are locked: their next check is `hold` away.
fn claim(conn: &mut PgConnection, rows: Vec<RecordRow>, now: Timestamp, hold: Duration) -> Result<Vec<Seen>, DbError> {
    let held_until =
        TimeDelta::from_std(hold).ok().and_then(|hold| now.checked_add_signed(hold)).unwrap_or(Timestamp::MAX_UTC);
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut claimed = Vec::with_capacity(rows.len());
    for (row, id) in rows.into_iter().zip(&ids) {
        // One that cannot be read, a newer program's perhaps, must not hold up the others.
        match Record::try_from(row) {
            Ok(mut record) => {
                record.next_check_at = Some(held_until);
                claimed.push(Seen { record, now });
            }
            Err(error) => {
                tracing::error!(call = %CallId::from(*id).request_id(), %error, "a call that is due cannot be read");
            }
        }
    }
    diesel::update(gateway_requests::table.filter(gateway_requests::id.eq_any(&ids)))
        .set(gateway_requests::next_check_at.eq(held_until))
        .execute(conn)?;
    Ok(claimed)
}

#[async_trait]
impl Sweeps for PgSweeps {
    async fn claim_due(&self, limit: u32, hold: Duration) -> Result<Vec<Seen>, StorageError> {
        let clock = self.db.clock().clone();
        self.db
            .transaction(move |conn| {
                let now = clock.read(conn)?;
                let rows = due(conn, now, limit)?;
                claim(conn, rows, now, hold)
            })
            .await
    }

    async fn check_soon(&self, provider: &str, provider_request_id: &str) -> Result<bool, StorageError> {
        // No text column holds a NUL, and PostgreSQL refuses to compare with one.
        if provider_request_id.contains('\0') {
            return Ok(false);
        }
        let (provider, id) = (provider.to_owned(), provider_request_id.to_owned());
        let clock = self.db.clock().clone();
        self.db
            .transaction(move |conn| {
                let now = clock.read(conn)?;
                let wanted = diesel::sql_query(WANT)
                    .bind::<Timestamptz, _>(now)
                    .bind::<Text, _>(&provider)
                    .bind::<Text, _>(&id)
                    .execute(conn)?;
                Ok(wanted > 0)
            })
            .await
    }

    async fn claim_wanted(&self, limit: u32, hold: Duration) -> Result<Vec<Seen>, StorageError> {
        let clock = self.db.clock().clone();
        self.db
            .transaction(move |conn| {
                let now = clock.read(conn)?;
                let rows = wanted(conn, limit)?;
                let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
                diesel::update(gateway_requests::table.filter(gateway_requests::id.eq_any(ids)))
                    .set(gateway_requests::check_wanted_at.eq(None::<Timestamp>))
                    .execute(conn)?;
                claim(conn, rows, now, hold)
            })
            .await
    }

    async fn count_check(&self, call: CallId) -> Result<(), StorageError> {
        self.db
            .transaction(move |conn| {
                diesel::update(gateway_requests::table.find(call.uuid()))
                    .set(gateway_requests::checks.eq(gateway_requests::checks + 1))
                    .execute(conn)?;
                Ok(())
            })
            .await
    }

    async fn purge(&self) -> Result<u64, StorageError> {
        let mut gone = 0_u64;
        for purge in PURGES {
            gone = gone.saturating_add(self.purge_expired(purge).await?);
        }
        Ok(gone.saturating_add(self.purge_keys().await?))
    }
}
