//! What an operator wants to see of the tables at a glance: bounded in what it reads, whatever they hold.

use std::time::Duration;

use crochet_primitives::{StorageError, Timestamp};
use crochet_relay::{OrphanReason, State};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};

use crate::Db;
use crate::error::DbError;

/// The states of calls that are not over. Free calls that failed are: nobody has paid for them.
const UNFINISHED: [State; 6] =
    [State::Quoting, State::Quoted, State::Pending, State::Settled, State::Forwarding, State::SellerFailed];

/// Calls in one state are counted up to this.
const MAX_CALLS: i64 = 10_000;
/// Orphan payments are counted up to this, over all reasons.
const MAX_ORPHANS: i64 = 100_000;

/// Work that is not done, as one view of the database shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkInHand {
    /// Calls that are under way, and paid ones that are not delivered, by state; each counted up to 10,000.
    pub calls: Vec<(State, u64)>,
    /// Leases of `quoting` and `forwarding` that have not ended; counted up to 20,000.
    pub leases_held: u64,
    /// Leases that have ended and wait for the sweeper or for their buyer; counted up to 20,000.
    pub leases_ended: u64,
    /// For how long the call that should have been swept first has been due; zero when none is.
    pub overdue: Duration,
    /// Payments that bought nothing, by reason; 100,000 counted at most.
    pub orphans: Vec<(OrphanReason, u64)>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first: Option<Timestamp>,
}

impl Db {
    /// Looks at the work in hand, for `limit` at most in each statement.
    ///
    /// # Errors
    /// [`StorageError`], like any other use of the database.
    pub async fn work_in_hand(&self, limit: Duration) -> Result<WorkInHand, StorageError> {
        let clock = self.clock().clone();
        self.report(limit, move |conn| {
            let now = clock.read(conn)?;
            let calls = counts(conn, &calls_query(), now)?;
            let leases = counts(conn, &leases_query(), now)?;
            let orphans = counts(conn, &orphans_query(), now)?;
            let Due { first } =
                diesel::sql_query("SELECT min(next_check_at) AS first FROM gateway_requests").get_result(conn)?;
            Ok(WorkInHand {
                calls: UNFINISHED.into_iter().map(|state| (state, number_of(&calls, state.as_str()))).collect(),
                leases_held: number_of(&leases, "held"),
                leases_ended: number_of(&leases, "ended"),
                overdue: first.and_then(|first| (now - first).to_std().ok()).unwrap_or_default(),
                orphans: [OrphanReason::SecondPayment, OrphanReason::Mismatch, OrphanReason::ReferenceReused]
                    .into_iter()
                    .map(|reason| (reason, number_of(&orphans, reason.as_str())))
                    .collect(),
            })
        })
        .await
    }
}

fn counts(conn: &mut PgConnection, query: &str, now: Timestamp) -> Result<Vec<Count>, DbError> {
    Ok(diesel::sql_query(query).bind::<Timestamptz, _>(now).load(conn)?)
}

/// Several leases are counted under one name.
fn number_of(counts: &[Count], name: &str) -> u64 {
    let numbers = counts.iter().filter(|count| count.name == name).map(|count| count.number);
    numbers.map(|number| u64::try_from(number).unwrap_or_default()).sum()
}

/// What `gateway_requests_unfinished` holds, in the words of its migration: only so is it taken.
const IS_UNFINISHED: &str = "(state IN ('quoting', 'quoted', 'pending', 'settled', 'forwarding') \
     OR (state = 'seller_failed' AND gross_micros IS NOT NULL)) IS TRUE";

fn calls_query() -> String {
    let count = |state: State| few(state.as_str(), &format!("state = '{state}'"));
    // All queries take the moment, whether or not they need it.
    format!("{} WHERE $1::timestamptz IS NOT NULL", UNFINISHED.map(count).join(" UNION ALL "))
}

fn leases_query() -> String {
    let count = |(name, state, comparison)| few(name, &format!("state = '{state}' AND lease_until {comparison} $1"));
    [
        ("held", State::Quoting, ">"),
        ("held", State::Forwarding, ">"),
        ("ended", State::Quoting, "<="),
        ("ended", State::Forwarding, "<="),
    ]
    .map(count)
    .join(" UNION ALL ")
}

fn orphans_query() -> String {
    format!(
        "SELECT reason AS name, count(*) AS number FROM (SELECT reason FROM orphan_payments LIMIT {MAX_ORPHANS}) counted \
         WHERE $1::timestamptz IS NOT NULL GROUP BY reason"
    )
}

/// How many unfinished calls meet some conditions more.
fn few(name: &str, conditions: &str) -> String {
    format!(
        "SELECT '{name}'::text AS name, (SELECT count(*) FROM (SELECT 1 FROM gateway_requests \
         WHERE {IS_UNFINISHED} AND {conditions} LIMIT {MAX_CALLS}) few) AS number"
    )
}
