//! Which calls a profile's history has: those that it made, those that its listings received, or both.

use crochet_relay::State;
use crochet_relay::ports::{HistoryQuery, Role};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::books::{Count, Window};
use crate::error::DbError;

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// The first `$5` of each side that is wanted, newest first, read along its index: one condition with OR would read
/// everything and sort it.
fn sides(role: Option<Role>) -> String {
    let side = |column: &str| {
        format!(
            "(SELECT id FROM gateway_requests WHERE {column} = $1 AND ($2::text IS NULL OR state = $2) \
             AND ($3::uuid IS NULL OR listing_id = $3) AND ($4::uuid IS NULL OR id < $4) ORDER BY id DESC LIMIT $5)"
        )
    };
    match role {
        Some(Role::Buyer) => side("buyer_id"),
        Some(Role::Seller) => side("seller_id"),
        // UNION drops what is on both sides: a seller may call itself.
        None => format!("{} UNION {}", side("buyer_id"), side("seller_id")),
    }
}

/// The ids in the window, and the one after it.
pub(super) fn ids(conn: &mut PgConnection, query: &HistoryQuery, window: &Window) -> Result<Vec<Uuid>, DbError> {
    let wanted = window.limit + 1;
    let rows: Vec<Id> =
        diesel::sql_query(format!("SELECT id FROM ({}) sides ORDER BY id DESC LIMIT $6 OFFSET $7", sides(query.role)))
            .bind::<SqlUuid, _>(query.profile.uuid())
            .bind::<Nullable<Text>, _>(query.state.map(State::as_str))
            .bind::<Nullable<SqlUuid>, _>(query.listing.map(crochet_primitives::ListingId::uuid))
            .bind::<Nullable<SqlUuid>, _>(window.after)
            .bind::<BigInt, _>(window.offset.saturating_add(wanted))
            .bind::<BigInt, _>(wanted)
            .bind::<BigInt, _>(window.offset)
            .load(conn)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// How many calls there are, counted up to `cap` on each side.
pub(super) fn count(conn: &mut PgConnection, query: &HistoryQuery, cap: i64) -> Result<i64, DbError> {
    let counted: Count = diesel::sql_query(format!("SELECT count(*) FROM ({}) sides", sides(query.role)))
        .bind::<SqlUuid, _>(query.profile.uuid())
        .bind::<Nullable<Text>, _>(query.state.map(State::as_str))
        .bind::<Nullable<SqlUuid>, _>(query.listing.map(crochet_primitives::ListingId::uuid))
        .bind::<Nullable<SqlUuid>, _>(None::<Uuid>)
        .bind::<BigInt, _>(cap)
        .get_result(conn)?;
    Ok(counted.count)
}
