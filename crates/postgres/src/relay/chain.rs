//! Chains of successors: a dead call, the call that replaced it, and so on.

use crochet_primitives::CallId;
use crochet_relay::Record;
use crochet_relay::ports::MOST_PREDECESSORS;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Uuid as SqlUuid};
use uuid::Uuid;

use super::persist;
use crate::error::DbError;

/// The chain from `$1` on, oldest first. Longer ones than this have never been made: a successor lives a quarter of
/// an hour at least. The bound keeps a circle, which nothing of ours makes, from going on for ever.
const CHAIN: &str = "
WITH RECURSIVE chain AS (
    SELECT id, superseded_by, settlement IS NOT NULL AND NOT is_refunded OR delivery IS NOT NULL AS is_paid, 1 AS place
      FROM gateway_requests WHERE id = $1
    UNION ALL
    SELECT next.id, next.superseded_by,
           next.settlement IS NOT NULL AND NOT next.is_refunded OR next.delivery IS NOT NULL, chain.place + 1
      FROM chain JOIN gateway_requests next ON next.id = chain.superseded_by
     WHERE chain.place < 100000
)";

#[derive(QueryableByName)]
struct Link {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// What a key that was first used for `first` now stands for: the call of the chain that was paid (of two, the
/// earlier: the later payment must not run the request a second time), else the newest.
pub(super) fn resolve(conn: &mut PgConnection, first: CallId) -> Result<Option<Record>, DbError> {
    at_end(conn, first, "is_paid DESC, CASE WHEN is_paid THEN place ELSE -place END")
}

/// The newest call of the chain.
pub(super) fn newest(conn: &mut PgConnection, first: CallId) -> Result<Option<Record>, DbError> {
    at_end(conn, first, "place DESC")
}

fn at_end(conn: &mut PgConnection, first: CallId, order: &str) -> Result<Option<Record>, DbError> {
    let link: Option<Link> = diesel::sql_query(format!("{CHAIN} SELECT id FROM chain ORDER BY {order} LIMIT 1"))
        .bind::<SqlUuid, _>(first.uuid())
        .get_result(conn)
        .optional()?;
    match link {
        Some(link) => persist::read(conn, link.id.into()),
        None => Ok(None),
    }
}

/// The calls that led to this one, the latest first: `MOST_PREDECESSORS` and one more, at most.
pub(super) fn before(conn: &mut PgConnection, call: CallId) -> Result<Vec<Record>, DbError> {
    const BEFORE: &str = "
WITH RECURSIVE before AS (
    SELECT id, 1 AS place FROM gateway_requests WHERE superseded_by = $1
    UNION ALL
    SELECT earlier.id, before.place + 1
      FROM before JOIN gateway_requests earlier ON earlier.superseded_by = before.id
     WHERE before.place <= $2
)
SELECT id FROM before ORDER BY place";
    let most = i32::try_from(MOST_PREDECESSORS).unwrap_or(i32::MAX);
    let links: Vec<Link> =
        diesel::sql_query(BEFORE).bind::<SqlUuid, _>(call.uuid()).bind::<Integer, _>(most).load(conn)?;
    let mut records = Vec::with_capacity(links.len());
    for link in links {
        records.extend(persist::read(conn, link.id.into())?);
    }
    Ok(records)
}

/// Whether one of the two calls leads to the other.
pub(super) fn are_one(conn: &mut PgConnection, one: CallId, other: CallId) -> Result<bool, DbError> {
    let mut leads = |from: CallId, to: CallId| -> Result<bool, DbError> {
        let link: Option<Link> = diesel::sql_query(format!("{CHAIN} SELECT id FROM chain WHERE id = $2 LIMIT 1"))
            .bind::<SqlUuid, _>(from.uuid())
            .bind::<SqlUuid, _>(to.uuid())
            .get_result(conn)
            .optional()?;
        Ok(link.is_some())
    };
    Ok(leads(one, other)? || leads(other, one)?)
}
