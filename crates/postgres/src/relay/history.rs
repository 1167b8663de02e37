//! Which calls a profile's history has: those that it made, those that its listings received, or both.

use chrono::{DateTime, TimeDelta, Utc};
use crochet_primitives::{CallId, ListingId, ProfileId, Timestamp};
use crochet_relay::State;
use crochet_relay::ports::{HistoryQuery, Role};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::lists::{Arms, Count, Id, IdRange, Window};
use crate::error::DbError;

/// The moment in a call's id is by the clock of the gateway that made it, `created_at` by the database's, once the
/// call has waited for its turn. A gateway whose clock is off by more is off for its callers' TLS as well.
const SLACK: TimeDelta = TimeDelta::minutes(5);

/// What a query comes to: the arms, and what they are given.
pub(super) struct History<'a> {
    query: &'a HistoryQuery,
    window: &'a Window,
    range: IdRange,
    arms: Arms,
}

impl<'a> History<'a> {
    pub(super) fn new(query: &'a HistoryQuery, window: &'a Window) -> Self {
        let range = IdRange::of(window, query.created, SLACK, |at: Timestamp| CallId::new(at, [0; 10]).uuid());
        Self { query, window, range, arms: Arms { table: "gateway_requests", conditions: conditions(query, range) } }
    }

    /// The ids in the window, and the one after it.
    pub(super) fn ids(&self, conn: &mut PgConnection) -> Result<Vec<Id>, DbError> {
        if self.arms.conditions.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.bound(self.arms.ids(), self.window.reach(), self.window.offset).load(conn)?)
    }

    /// How many calls there are, counted up to `cap`.
    pub(super) fn count(&self, conn: &mut PgConnection, cap: i64) -> Result<i64, DbError> {
        if self.arms.conditions.is_empty() {
            return Ok(0);
        }
        let counted: Count = self.bound(self.arms.count(), cap, 0).get_result(conn)?;
        Ok(counted.count)
    }

    fn bound(&self, sql: String, first: i64, second: i64) -> BoxedSqlQuery<'static, Pg, SqlQuery> {
        let query = self.query;
        diesel::sql_query(sql)
            .into_boxed::<Pg>()
            .bind::<BigInt, _>(first)
            .bind::<BigInt, _>(second)
            .bind::<SqlUuid, _>(query.profile.uuid())
            .bind::<Nullable<SqlUuid>, _>(query.listing.map(ListingId::uuid))
            .bind::<Nullable<SqlUuid>, _>(query.buyer.map(ProfileId::uuid))
            .bind::<Nullable<SqlUuid>, Option<Uuid>>(self.range.least)
            .bind::<Nullable<SqlUuid>, Option<Uuid>>(self.range.below)
            .bind::<Nullable<Timestamptz>, Option<DateTime<Utc>>>(query.created.from)
            .bind::<Nullable<Timestamptz>, Option<DateTime<Utc>>>(query.created.to)
    }
}

/// `$3` is the profile, `$4` the listing, `$5` the buyer, `$6` and `$7` bound the ids, `$8` and `$9` `created_at`.
fn conditions(query: &HistoryQuery, range: IdRange) -> Vec<String> {
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
    let mut filters = range.conditions(6, 7);
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
    // With a listing, and of superseded calls, there is an index over all states.
    let has_index_over_states = query.listing.is_some() || query.superseded == Some(true);
    let states: Vec<Option<State>> = match (query.states.as_slice(), has_index_over_states) {
        ([], true) => vec![None],
        ([], false) => State::ALL.into_iter().map(Some).collect(),
        (named, _) => State::ALL.into_iter().filter(|state| named.contains(state)).map(Some).collect(),
    };
    let state = |state: Option<State>| state.map(|state| format!(" AND state = '{state}'")).unwrap_or_default();
    sides
        .iter()
        .flat_map(|side| states.iter().map(|wanted| format!("{side}{}{filters}", state(*wanted))).collect::<Vec<_>>())
        .collect()
}
