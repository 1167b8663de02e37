//! Which entries of the ledger a profile is shown.

use chrono::TimeDelta;
use crochet_primitives::{LedgerEntryId, ListingId, SettlementId, Timestamp};
use crochet_relay::ports::LedgerQuery;
use crochet_relay::{Direction, EntryType};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{Array, BigInt, Nullable, Uuid as SqlUuid};
use uuid::Uuid;

use super::lists::{Arms, Count, Id, IdRange, Window};
use crate::error::DbError;
use crate::schema::ledger_entries;

/// What a query comes to: the arms, and what they are given.
pub(super) struct Ledger<'a> {
    query: &'a LedgerQuery,
    window: &'a Window,
    range: IdRange,
    /// The settlements that are asked for; `None` for all.
    settlements: Option<Vec<Uuid>>,
    arms: Arms,
}

impl<'a> Ledger<'a> {
    /// Looks up the settlements of the call that is asked for, where one is.
    pub(super) fn new(conn: &mut PgConnection, query: &'a LedgerQuery, window: &'a Window) -> Result<Self, DbError> {
        let settlements = settlements(conn, query)?;
        // An entry's id is made of the same moment as `created_at`, so the period is a range of ids and nothing else.
        let first_id = |at: Timestamp| LedgerEntryId::new(at, [0; 10]).uuid();
        let range = IdRange::of(window, query.created, TimeDelta::zero(), first_id);
        let is_empty = settlements.as_ref().is_some_and(Vec::is_empty);
        let conditions = if is_empty { Vec::new() } else { conditions(query, settlements.is_some(), range) };
        Ok(Self { query, window, range, settlements, arms: Arms { table: "ledger_entries", conditions } })
    }

    /// The ids in the window, and the one after it.
    pub(super) fn ids(&self, conn: &mut PgConnection) -> Result<Vec<Id>, DbError> {
        if self.arms.conditions.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.bound(self.arms.ids(), self.window.reach(), self.window.offset).load(conn)?)
    }

    /// How many entries there are, counted up to `cap`.
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
            .bind::<Nullable<Array<SqlUuid>>, _>(self.settlements.clone())
            .bind::<Nullable<SqlUuid>, Option<Uuid>>(self.range.least)
            .bind::<Nullable<SqlUuid>, Option<Uuid>>(self.range.below)
    }
}

/// A call has a settlement, or several when it was given back and paid anew. Each has one payment, by which it is
/// found.
fn settlements(conn: &mut PgConnection, query: &LedgerQuery) -> Result<Option<Vec<Uuid>>, DbError> {
    let asked = query.settlement.map(SettlementId::uuid);
    let Some(call) = query.call else { return Ok(asked.map(|settlement| vec![settlement])) };
    let of_call: Vec<Uuid> = ledger_entries::table
        .filter(ledger_entries::call_id.eq(call.uuid()))
        // A literal: only so can the planner tell that the partial index fits.
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("entry_type = 'gateway_payment'"))
        .select(ledger_entries::settlement_id)
        .load(conn)?;
    Ok(Some(of_call.into_iter().filter(|settlement| asked.is_none_or(|asked| asked == *settlement)).collect()))
}

/// `$3` is the profile, `$4` the listing, `$5` the settlements, `$6` and `$7` bound the ids.
fn conditions(query: &LedgerQuery, has_settlements: bool, range: IdRange) -> Vec<String> {
    let mut filters = range.conditions(6, 7);
    if query.listing.is_some() {
        filters.push_str(" AND listing_id = $4");
    }
    if has_settlements {
        filters.push_str(" AND settlement_id = ANY($5)");
    }
    let wanted = EntryType::ALL.into_iter().filter(|wanted| query.types.is_empty() || query.types.contains(wanted));
    wanted
        .filter(|wanted| query.direction.is_none_or(|direction| may_go(*wanted, direction)))
        .map(|wanted| {
            // The direction of all others follows from their type: a constraint of the table sees to that.
            let direction = query.direction.filter(|_| wanted == EntryType::Adjustment);
            let direction = direction.map(|direction| format!(" AND direction = '{}'", direction.as_str()));
            let direction = direction.unwrap_or_default();
            format!("profile_id = $3 AND entry_type = '{}'{direction}{filters}", wanted.as_str())
        })
        .collect()
}

/// An adjustment goes the other way than what it corrects, so it may go both ways.
fn may_go(entry_type: EntryType, direction: Direction) -> bool {
    match entry_type {
        EntryType::GatewayPayment | EntryType::MarketplaceFee => direction == Direction::Debit,
        EntryType::SellerCredit => direction == Direction::Credit,
        EntryType::Adjustment => true,
    }
}
