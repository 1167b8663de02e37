//! Which calls a profile's history has: those that it made, those that its listings received, or both.

use chrono::{DateTime, TimeDelta, Utc};
use crochet_primitives::{CallId, ListingId, ProfileId, Timestamp, Total};
use crochet_relay::State;
use crochet_relay::ports::{HistoryQuery, Role};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::lists::{Count, Id, IdRange, Window};
use super::stretches::stretches;
use crate::error::DbError;

/// The moment in a call's id is by the clock of the gateway that made it, `created_at` by the database's, once the
/// call has waited for its turn. A gateway whose clock is off by more is off for its callers' TLS as well.
const SLACK: TimeDelta = TimeDelta::minutes(5);

/// How many ids a page reaches down to before it is merged from one arm for each state: planning many arms takes longer
/// than reading some rows more, until there are many of those.
const DEEP: i64 = 1_000;

/// What a query comes to: stretches of history, newest first, and what is wanted of each.
pub(super) struct History<'a> {
    query: &'a HistoryQuery,
    window: &'a Window,
    stretches: Vec<IdRange>,
}

impl<'a> History<'a> {
    /// `now` is where the newest stretch is, if the query does not say so.
    pub(super) fn new(query: &'a HistoryQuery, window: &'a Window, now: Timestamp) -> Self {
        let range = IdRange::of(window, query.created, SLACK, |at: Timestamp| CallId::new(at, [0; 10]).uuid());
        Self { query, window, stretches: stretches(range, now) }
    }

    /// The ids in the window, and the one after it; and how many there are, for numbered pages.
    pub(super) fn read(&self, conn: &mut PgConnection) -> Result<(Vec<Id>, Option<Total>), DbError> {
        let mut counts = Vec::new();
        let total = self.window.total(|cap| {
            let mut uncounted = cap;
            for stretch in &self.stretches {
                if uncounted == 0 {
                    break;
                }
                let count = self.count(conn, *stretch, uncounted)?;
                uncounted = uncounted.saturating_sub(count);
                counts.push(count);
            }
            Ok(cap.saturating_sub(uncounted))
        })?;
        let (mut skipped, mut wanted) = (self.window.offset, self.window.reach().saturating_sub(self.window.offset));
        let mut ids = Vec::new();
        for (place, stretch) in self.stretches.iter().enumerate() {
            if wanted <= 0 {
                break;
            }
            match counts.get(place) {
                Some(count) if *count <= skipped => skipped = skipped.saturating_sub(*count),
                _ => {
                    let found = self.ids(conn, *stretch, skipped.saturating_add(wanted), skipped)?;
                    wanted = wanted.saturating_sub(i64::try_from(found.len()).unwrap_or(i64::MAX));
                    skipped = 0;
                    ids.extend(found);
                }
            }
        }
        Ok((ids, total))
    }

    fn ids(&self, conn: &mut PgConnection, stretch: IdRange, reach: i64, skip: i64) -> Result<Vec<Id>, DbError> {
        let Some(union) = self.union("id", stretch, reach > DEEP) else { return Ok(Vec::new()) };
        let sql = format!("SELECT id FROM ({union}) listed ORDER BY id DESC LIMIT $1 OFFSET $2");
        Ok(self.bound(sql, stretch, reach, skip).load(conn)?)
    }

    /// How many calls a stretch has, counted up to `cap`.
    fn count(&self, conn: &mut PgConnection, stretch: IdRange, cap: i64) -> Result<i64, DbError> {
        let Some(union) = self.union("1", stretch, false) else { return Ok(0) };
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM ({union}) listed LIMIT $1) counted");
        let counted: Count = self.bound(sql, stretch, cap, 0).get_result(conn)?;
        Ok(counted.count)
    }

    /// One arm for each side, and for each state or for all of them: docs/adr/0018. `None` when nothing can be wanted.
    /// `$1` is how many rows are wanted of each state.
    fn union(&self, column: &str, stretch: IdRange, state_by_state: bool) -> Option<String> {
        let states = wanted_states(self.query);
        let filters = filters(self.query, stretch);
        let ordered = |condition: &str, order: &str| {
            format!("(SELECT {column} FROM gateway_requests WHERE {condition}{filters} ORDER BY {order} LIMIT $1)")
        };
        let one = |condition: &str| ordered(condition, "id DESC");
        let arms: Vec<String> = sides(self.query)
            .into_iter()
            .flat_map(|side| match states.as_deref() {
                None => vec![one(side)],
                Some(states) if state_by_state || self.reads_rows() || states.len() <= 2 => {
                    states.iter().map(|state| one(&format!("{side} AND state = '{state}'"))).collect()
                }
                Some(states) => {
                    let names = states.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(",");
                    // In an order that only the indexes of the states have. Written as `=`, the state would be a constant, and
                    // the order that of the ids: the planner, which knows nothing of the state yet, then walks along the
                    // ids of the whole market, also for states that there are none of.
                    let state = "state >= wanted.name AND state <= wanted.name";
                    let one = ordered(&format!("{side} AND {state}"), "state, id DESC");
                    vec![format!(
                        "(SELECT one.* FROM unnest('{{{names}}}'::text[]) wanted (name) CROSS JOIN LATERAL {one} one LIMIT \
                         $1 * {})",
                        states.len()
                    )]
                }
            })
            .collect();
        (!arms.is_empty()).then(|| arms.join(" UNION ALL "))
    }

    /// Whether there is a filter that no index of the states knows. In one arm for all states the planner then takes each
    /// for as frequent as the others, and the ids of the whole market for the shorter way to those that there are none of.
    const fn reads_rows(&self) -> bool {
        let query = self.query;
        matches!(query.superseded, Some(false)) || query.created.from.is_some() || query.created.to.is_some()
    }

    fn bound(&self, sql: String, stretch: IdRange, first: i64, second: i64) -> BoxedSqlQuery<'static, Pg, SqlQuery> {
        let query = self.query;
        diesel::sql_query(sql)
            .into_boxed::<Pg>()
            .bind::<BigInt, _>(first)
            .bind::<BigInt, _>(second)
            .bind::<SqlUuid, _>(query.profile.uuid())
            .bind::<Nullable<SqlUuid>, _>(query.listing.map(ListingId::uuid))
            .bind::<Nullable<SqlUuid>, _>(query.buyer.map(ProfileId::uuid))
            .bind::<Nullable<SqlUuid>, Option<Uuid>>(stretch.least)
            .bind::<Nullable<SqlUuid>, Option<Uuid>>(stretch.below)
            .bind::<Nullable<Timestamptz>, Option<DateTime<Utc>>>(query.created.from)
            .bind::<Nullable<Timestamptz>, Option<DateTime<Utc>>>(query.created.to)
    }
}

/// The sides on which a call is wanted; no call is on two of them. `$3` is the profile.
fn sides(query: &HistoryQuery) -> Vec<&'static str> {
    let mut sides = Vec::new();
    let is_mine = query.buyer.is_none_or(|buyer| buyer == query.profile);
    if query.role != Some(Role::Seller) && is_mine {
        sides.push("buyer_id = $3");
    }
    match query.role {
        Some(Role::Buyer) => {}
        Some(Role::Seller) => sides.push("seller_id = $3"),
        // Who calls itself has the call on the buyer's side already.
        None => sides.push("seller_id = $3 AND buyer_id <> $3"),
    }
    sides
}

/// The states to go through; none where there is an index over all of them: with a listing, and of superseded calls.
fn wanted_states(query: &HistoryQuery) -> Option<Vec<State>> {
    let has_index_over_states = query.listing.is_some() || query.superseded == Some(true);
    match (query.states.as_slice(), has_index_over_states) {
        ([], true) => None,
        ([], false) => Some(State::ALL.to_vec()),
        (named, _) => Some(State::ALL.into_iter().filter(|state| named.contains(state)).collect()),
    }
}

/// `$4` is the listing, `$5` the buyer, `$6` and `$7` bound the ids, `$8` and `$9` `created_at`.
fn filters(query: &HistoryQuery, stretch: IdRange) -> String {
    let mut filters = stretch.conditions(6, 7);
    for (is_wanted, condition) in [
        (query.listing.is_some(), " AND listing_id = $4"),
        (query.buyer.is_some(), " AND buyer_id = $5"),
        (query.created.from.is_some(), " AND created_at >= $8"),
        (query.created.to.is_some(), " AND created_at < $9"),
        (query.superseded == Some(true), " AND superseded_by IS NOT NULL"),
        (query.superseded == Some(false), " AND superseded_by IS NULL"),
    ] {
        if is_wanted {
            filters.push_str(condition);
        }
    }
    filters
}
