//! How often listings were delivered lately: counted by hours, of which only those are counted again in which something
//! may have changed (docs/adr/0037).
//!
//! Each step is a transaction of its own that puts in place of what was counted of some hours what there is now. So it
//! does not matter which replica takes it, how often, or after which crash.

use std::time::{Duration, Instant};

use crochet_primitives::{StorageError, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Timestamptz};

use crate::Db;

/// For how long a round goes on: what is left is for the next one.
const ROUND: Duration = Duration::from_secs(2);
/// A step that took less than this may be followed by a larger one, and one that took more is by a smaller one.
const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_millis(500);
/// How many hours are counted in one step at most: 30 days.
const MOST_HOURS: usize = 720;

/// One replica counts at a time; another one need not. "popular" in ASCII.
const LOCK: &str = "SELECT 1 WHERE pg_try_advisory_xact_lock(31647726188650866)";

/// The hours that are due, in the order in which they are counted: those in which calls may still be under way, each
/// time; then those that never were counted; then those whose last count is a day old, for what was delivered late.
const DUE: &str = "
SELECT hour FROM generate_series(date_trunc('hour', now() - interval '30 days', 'UTC'), date_trunc('hour', now(), 'UTC'),
                                 interval '1 hour') hour
  LEFT JOIN counted_hours USING (hour)
 WHERE counted_at IS NULL OR counted_at < hour + interval '3 hours' OR counted_at < now() - interval '1 day'
 ORDER BY hour > now() - interval '3 hours' DESC, counted_at NULLS FIRST, hour DESC";

/// Calls are found by their id, which begins with the moment at which they were made: a range of the primary key, in one
/// partition. Every part of the statement sees the rows as they were before it.
const COUNT: &str = "
WITH counted AS (
    SELECT hour, listing_id, delivered
      FROM unnest($1::timestamptz[]) hour
     CROSS JOIN LATERAL (
         SELECT listing_id, count(*) AS delivered FROM gateway_requests
          WHERE state = 'delivered' AND id >= crochet_first_id(hour) AND id < crochet_first_id(hour + interval '1 hour')
          GROUP BY listing_id) calls
), changed AS (
    SELECT hour, listing_id, coalesce(counted.delivered, 0) AS delivered,
           coalesce(counted.delivered, 0) - coalesce(kept.delivered, 0) AS difference
      FROM counted
      FULL JOIN (SELECT * FROM listing_deliveries WHERE hour = ANY ($1)) kept USING (hour, listing_id)
     WHERE counted.delivered IS DISTINCT FROM kept.delivered
), removed AS (
    DELETE FROM listing_deliveries USING changed
     WHERE listing_deliveries.hour = changed.hour AND listing_deliveries.listing_id = changed.listing_id AND changed.delivered = 0
), kept AS (
    INSERT INTO listing_deliveries (listing_id, hour, delivered)
    SELECT listing_id, hour, delivered FROM changed WHERE delivered > 0
        ON CONFLICT (listing_id, hour) DO UPDATE SET delivered = excluded.delivered
), noted AS (
    INSERT INTO counted_hours (hour, counted_at) SELECT hour, now() FROM unnest($1) hour
        ON CONFLICT (hour) DO UPDATE SET counted_at = excluded.counted_at
)
UPDATE listings SET delivered_30d = difference + (
           SELECT coalesce(sum(delivered), 0) FROM listing_deliveries deliveries WHERE deliveries.listing_id = listings.id)
  FROM (SELECT listing_id, sum(difference) AS difference FROM changed GROUP BY listing_id) changes
 WHERE listings.id = changes.listing_id";

/// How many rows of hours that are too long ago are taken away in one step.
const FEW: i64 = 5_000;

const FORGET: &str = "
WITH gone AS (
    DELETE FROM listing_deliveries
     WHERE (listing_id, hour) IN (SELECT listing_id, hour FROM listing_deliveries
                                   WHERE hour < date_trunc('hour', now() - interval '30 days', 'UTC') ORDER BY hour LIMIT $1)
    RETURNING listing_id, delivered
), old AS (
    DELETE FROM counted_hours WHERE hour < date_trunc('hour', now() - interval '30 days', 'UTC')
), updated AS (
    UPDATE listings SET delivered_30d = (
               SELECT coalesce(sum(delivered), 0) FROM listing_deliveries deliveries WHERE deliveries.listing_id = listings.id
           ) - less.delivered
      FROM (SELECT listing_id, sum(delivered) AS delivered FROM gone GROUP BY listing_id) less
     WHERE listings.id = less.listing_id
    RETURNING listings.id
)
SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM updated) AS updated";

#[derive(QueryableByName)]
struct Hour {
    #[diesel(sql_type = Timestamptz)]
    hour: Timestamp,
}

#[derive(QueryableByName)]
struct Forgotten {
    #[diesel(sql_type = BigInt)]
    gone: i64,
    #[diesel(sql_type = BigInt)]
    updated: i64,
}

/// Counts what is due, for two seconds at most and one step; answers how often a listing changed.
pub(super) async fn refresh(db: &Db) -> Result<u64, StorageError> {
    let began = Instant::now();
    let mut changes = 0_u64;
    while began.elapsed() < ROUND {
        let Some(forgotten) = db.transaction(|conn| Ok(forget(conn)?)).await? else { return Ok(changes) };
        changes = changes.saturating_add(u64::try_from(forgotten.updated).unwrap_or_default());
        if forgotten.gone < FEW {
            break;
        }
    }
    let hours = db.read(|conn| Ok(diesel::sql_query(DUE).load::<Hour>(conn)?)).await?;
    let hours: Vec<Timestamp> = hours.into_iter().map(|row| row.hour).collect();
    let (mut due, mut step) = (hours.as_slice(), 1_usize);
    while !due.is_empty() && began.elapsed() < ROUND {
        let (now, later) = due.split_at(step.min(due.len()));
        let (now, counting) = (now.to_vec(), Instant::now());
        let Some(changed) = db.transaction(move |conn| Ok(count(conn, &now)?)).await? else { break };
        changes = changes.saturating_add(u64::try_from(changed).unwrap_or_default());
        (due, step) = (later, next_step(step, counting.elapsed()));
    }
    Ok(changes)
}

/// How many hours are counted next, when so many took so long.
fn next_step(hours: usize, took: Duration) -> usize {
    if took < SHORT {
        hours.saturating_mul(4).min(MOST_HOURS)
    } else if took > LONG {
        (hours / 4).max(1)
    } else {
        hours
    }
}

/// `None` while another replica is at it.
fn forget(conn: &mut PgConnection) -> QueryResult<Option<Forgotten>> {
    if diesel::sql_query(LOCK).execute(conn)? == 0 {
        return Ok(None);
    }
    diesel::sql_query(FORGET).bind::<BigInt, _>(FEW).get_result(conn).map(Some)
}

/// Likewise.
fn count(conn: &mut PgConnection, hours: &[Timestamp]) -> QueryResult<Option<usize>> {
    if diesel::sql_query(LOCK).execute(conn)? == 0 {
        return Ok(None);
    }
    diesel::sql_query(COUNT).bind::<Array<Timestamptz>, _>(hours).execute(conn).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_while_they_are_short_and_shrink_when_they_are_long() {
        assert_eq!([1, 64, 400].map(|hours| next_step(hours, Duration::from_millis(5))), [4, 256, MOST_HOURS]);
        assert_eq!([1, 64].map(|hours| next_step(hours, Duration::from_millis(900))), [1, 16]);
        assert_eq!(next_step(64, Duration::from_millis(300)), 64);
    }
}
