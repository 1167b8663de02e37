//! Rows of `profiles`.

use crochet_market::{AccountType, Profile, ProfileChange, ProfileRole};
use crochet_primitives::Timestamp;
use diesel::prelude::*;
use uuid::Uuid;

use super::convert::{number, word};
use super::schema::profiles;
use crate::error::DbError;

/// A profile as it is stored.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = profiles, check_for_backend(diesel::pg::Pg))]
pub(crate) struct ProfileRow {
    id: Uuid,
    display_name: String,
    account_type: String,
    role: String,
    bio: Option<String>,
    website: Option<String>,
    avatar_url: Option<String>,
    is_verified: bool,
    score: Option<i32>,
    created_at: Timestamp,
}

/// What is to change of what a profile says of itself.
#[derive(Debug, Clone, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = profiles)]
pub(crate) struct ProfileWords {
    display_name: Option<String>,
    role: Option<String>,
    bio: Option<Option<String>>,
    website: Option<Option<String>>,
    avatar_url: Option<Option<String>>,
}

impl From<&Profile> for ProfileRow {
    fn from(profile: &Profile) -> Self {
        Self {
            id: profile.id.uuid(),
            display_name: profile.display_name.clone(),
            account_type: profile.account_type.as_str().to_owned(),
            role: profile.role.as_str().to_owned(),
            bio: profile.bio.clone(),
            website: profile.website.clone(),
            avatar_url: profile.avatar_url.clone(),
            is_verified: profile.is_verified,
            score: profile.score.map(i32::from),
            created_at: profile.created_at,
        }
    }
}

impl From<&ProfileChange> for ProfileWords {
    fn from(change: &ProfileChange) -> Self {
        Self {
            display_name: change.display_name.clone(),
            role: change.role.map(|role| role.as_str().to_owned()),
            bio: change.bio.clone(),
            website: change.website.clone(),
            avatar_url: change.avatar_url.clone(),
        }
    }
}

impl TryFrom<ProfileRow> for Profile {
    type Error = DbError;

    fn try_from(row: ProfileRow) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id.into(),
            account_type: word(AccountType::parse, &row.account_type, "profiles.account_type", row.id)?,
            role: word(ProfileRole::parse, &row.role, "profiles.role", row.id)?,
            score: row.score.map(|score| number(score, "profiles.score", row.id)).transpose()?,
            display_name: row.display_name,
            bio: row.bio,
            website: row.website,
            avatar_url: row.avatar_url,
            is_verified: row.is_verified,
            created_at: row.created_at,
        })
    }
}

/// Records a profile.
pub(crate) fn insert(conn: &mut PgConnection, profile: &ProfileRow) -> QueryResult<usize> {
    diesel::insert_into(profiles::table).values(profile).execute(conn)
}

/// Reads a profile.
pub(crate) fn find(conn: &mut PgConnection, id: Uuid) -> Result<Option<Profile>, DbError> {
    let row = profiles::table.find(id).select(ProfileRow::as_select()).first(conn).optional()?;
    row.map(Profile::try_from).transpose()
}

/// Changes what it says of itself, column by column, so that two changes at once both stay; answers what it is now.
pub(crate) fn update(conn: &mut PgConnection, id: Uuid, words: &ProfileWords) -> Result<Option<Profile>, DbError> {
    let row: Option<ProfileRow> = diesel::update(profiles::table.find(id))
        .set((words, profiles::updated_at.eq(diesel::dsl::now)))
        .returning(ProfileRow::as_returning())
        .get_result(conn)
        .optional()?;
    row.map(Profile::try_from).transpose()
}

/// Holds the profile's row until the transaction ends: what is decided over all of its wallets, keys or challenges is
/// decided by one at a time. Lets others refer to it meanwhile. False when there is no such profile.
pub(crate) fn lock(conn: &mut PgConnection, id: Uuid) -> QueryResult<bool> {
    let found: Option<Uuid> =
        profiles::table.find(id).select(profiles::id).for_no_key_update().first(conn).optional()?;
    Ok(found.is_some())
}
