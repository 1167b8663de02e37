//! Challenges: which were used, and which of a profile's listing challenges are open.

use crochet_market::ports::{OpenChallenge, Taken};
use crochet_primitives::Timestamp;
use diesel::dsl;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Timestamptz};
use uuid::Uuid;

use super::convert::number;
use super::profiles;
use super::schema::{consumed_challenges, listing_challenges};
use crate::error::DbError;

/// A listing challenge as it is stored.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = listing_challenges, check_for_backend(diesel::pg::Pg))]
pub(crate) struct ChallengeRow {
    profile_id: Uuid,
    challenge: String,
    difficulty: i16,
    expires_at: Timestamp,
}

impl From<&OpenChallenge> for ChallengeRow {
    fn from(challenge: &OpenChallenge) -> Self {
        Self {
            profile_id: challenge.profile.uuid(),
            challenge: challenge.challenge.clone(),
            difficulty: i16::from(challenge.difficulty),
            expires_at: challenge.expires_at,
        }
    }
}

impl TryFrom<ChallengeRow> for OpenChallenge {
    type Error = DbError;

    fn try_from(row: ChallengeRow) -> Result<Self, DbError> {
        Ok(Self {
            profile: row.profile_id.into(),
            challenge: row.challenge,
            difficulty: number(row.difficulty, "listing_challenges.difficulty", row.profile_id)?,
            expires_at: row.expires_at,
        })
    }
}

/// Marks a challenge as used; false when it was before.
pub(crate) fn consume(conn: &mut PgConnection, id: &[u8; 32], expires_at: Timestamp) -> QueryResult<bool> {
    diesel::insert_into(consumed_challenges::table)
        .values((consumed_challenges::id.eq(id.as_slice()), consumed_challenges::expires_at.eq(expires_at)))
        .on_conflict_do_nothing()
        .execute(conn)
        .map(|inserted| inserted == 1)
}

/// Records a listing challenge, unless `max_open` of the profile are open.
pub(crate) fn open(conn: &mut PgConnection, challenge: &ChallengeRow, max_open: i64) -> Result<bool, DbError> {
    profiles::lock(conn, challenge.profile_id)?;
    let own = listing_challenges::table.filter(listing_challenges::profile_id.eq(challenge.profile_id));
    diesel::delete(own.filter(listing_challenges::expires_at.le(dsl::now))).execute(conn)?;
    let count: i64 = own.count().get_result(conn)?;
    if count >= max_open {
        return Ok(false);
    }
    diesel::insert_into(listing_challenges::table).values(challenge).execute(conn)?;
    Ok(true)
}

/// Uses up the one open challenge, or the one that is named.
pub(crate) fn take(conn: &mut PgConnection, profile: Uuid, named: Option<&str>) -> Result<Taken, DbError> {
    profiles::lock(conn, profile)?;
    let mut open = listing_challenges::table
        .filter(listing_challenges::profile_id.eq(profile))
        .filter(listing_challenges::expires_at.gt(dsl::now))
        .select(ChallengeRow::as_select())
        .limit(2)
        .into_boxed();
    if let Some(named) = named {
        open = open.filter(listing_challenges::challenge.eq(named));
    }
    let mut rows: Vec<ChallengeRow> = open.load(conn)?;
    if rows.len() > 1 {
        return Ok(Taken::Several);
    }
    let Some(row) = rows.pop() else {
        return Ok(Taken::None);
    };
    diesel::delete(listing_challenges::table.find((row.profile_id, &row.challenge))).execute(conn)?;
    Ok(Taken::Taken(row.try_into()?))
}

/// Deletes the marks of challenges that expired an hour before `now`, up to `limit`, and answers how many went. An hour,
/// because the program judges by its own clock what has expired: by that much it may be behind the database's.
pub(crate) fn purge_consumed(conn: &mut PgConnection, now: Timestamp, limit: i32) -> QueryResult<usize> {
    diesel::sql_query(
        "DELETE FROM consumed_challenges WHERE id IN \
         (SELECT id FROM consumed_challenges WHERE expires_at <= $1 - interval '1 hour' ORDER BY expires_at LIMIT $2)",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<Integer, _>(limit)
    .execute(conn)
}

/// Deletes listing challenges that expired by `now`, up to `limit`, and answers how many went.
pub(crate) fn purge_open(conn: &mut PgConnection, now: Timestamp, limit: i32) -> QueryResult<usize> {
    diesel::sql_query(
        "DELETE FROM listing_challenges WHERE (profile_id, challenge) IN \
         (SELECT profile_id, challenge FROM listing_challenges WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<Integer, _>(limit)
    .execute(conn)
}
