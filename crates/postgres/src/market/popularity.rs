//! How often listings were delivered lately.

use diesel::prelude::*;

/// One replica counts at a time; another one need not. "popular" in ASCII.
const LOCK: &str = "SELECT 1 WHERE pg_try_advisory_xact_lock(31647726188650866)";

/// Calls are found by their id, which begins with the moment at which they were made: a range of the primary key.
const RECOUNT: &str = "\
    UPDATE listings SET delivered_30d = counted.delivered \
    FROM (SELECT listings.id, coalesce(calls.delivered, 0) AS delivered \
          FROM listings LEFT JOIN ( \
              SELECT listing_id, count(*) AS delivered FROM gateway_requests \
              WHERE state = 'delivered' AND id >= (lpad(to_hex((extract(epoch FROM now() - interval '30 days') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid \
              GROUP BY listing_id) AS calls ON calls.listing_id = listings.id) AS counted \
    WHERE listings.id = counted.id AND listings.delivered_30d <> counted.delivered";

/// Counts anew; answers how many listings changed.
pub(crate) fn refresh(conn: &mut PgConnection) -> QueryResult<usize> {
    if diesel::sql_query(LOCK).execute(conn)? == 0 {
        return Ok(0);
    }
    diesel::sql_query(RECOUNT).execute(conn)
}
