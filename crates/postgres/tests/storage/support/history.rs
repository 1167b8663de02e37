//! A history of free calls, and where it is.

use diesel::prelude::*;
use diesel::sql_types::Text;
use secrecy::ExposeSecret;

use crate::support::Store;

/// Free calls that failed, from so many days after now, a millisecond after one another, and an attempt each.
pub(crate) fn calls(store: &Store, days: i32, number: u32) {
    let insert = format!(
        "WITH made AS (INSERT INTO gateway_requests (id, buyer_id, seller_id, listing_id, body_sha256, origin, state, \
         quote_fence, attempt, payment_seen, failures, checks, created_at, updated_at) \
         SELECT crochet_first_id(clock_timestamp() + interval '{days} days' + number * interval '1 ms'), \
         gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), sha256('x'), '{{}}', 'seller_failed', 0, 1, false, 1, 0, \
         now(), now() FROM generate_series(1, {number}) number RETURNING id) \
         INSERT INTO gateway_attempts (call_id, attempt, started_at) SELECT id, 1, now() FROM made"
    );
    store.as_owner(&insert).unwrap();
}

pub(crate) fn text(store: &Store, query: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        line: String,
    }
    let mut conn = PgConnection::establish(store.database.url().expose_secret()).unwrap();
    let lines: Vec<Line> =
        diesel::sql_query(format!("SELECT line::text FROM ({query}) AS lines (line)")).load(&mut conn).unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

/// In which partitions calls and attempts are, of the month of `days` after now, and how many.
pub(crate) fn places(store: &Store) -> Vec<String> {
    text(
        store,
        "SELECT tableoid::regclass || ' ' || count(*) FROM gateway_requests GROUP BY tableoid UNION ALL \
         SELECT tableoid::regclass || ' ' || count(*) FROM gateway_attempts GROUP BY tableoid ORDER BY 1",
    )
}
