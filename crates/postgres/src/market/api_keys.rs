//! Rows of `api_keys`.

use crochet_market::ports::Issuing;
use crochet_market::{MAX_API_KEYS, Profile, Scope, StoredApiKey};
use crochet_primitives::Timestamp;
use crochet_secrets::ApiKeyHash;
use diesel::dsl::{now, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use super::convert::{misread, words};
use super::profiles::{self, ProfileRow};
use super::schema::{api_keys, profiles as profiles_table};
use crate::error::DbError;

/// A key as it is stored.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
pub(crate) struct KeyRow {
    id: Uuid,
    profile_id: Uuid,
    name: String,
    prefix: String,
    hash: Vec<u8>,
    scopes: Vec<String>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

impl From<&StoredApiKey> for KeyRow {
    fn from(key: &StoredApiKey) -> Self {
        Self {
            id: key.id.uuid(),
            profile_id: key.profile.uuid(),
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            hash: key.hash.as_bytes().to_vec(),
            scopes: key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
        }
    }
}

impl TryFrom<KeyRow> for StoredApiKey {
    type Error = DbError;

    fn try_from(row: KeyRow) -> Result<Self, DbError> {
        let hash = row.hash.try_into().map_err(|_| misread("api_keys.hash", row.id))?;
        Ok(Self {
            id: row.id.into(),
            profile: row.profile_id.into(),
            name: row.name,
            prefix: row.prefix,
            hash: ApiKeyHash::from_bytes(hash),
            scopes: words(Scope::parse, &row.scopes, "api_keys.scopes", row.id)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        })
    }
}

/// Records a key.
pub(crate) fn insert(conn: &mut PgConnection, key: &KeyRow) -> QueryResult<usize> {
    diesel::insert_into(api_keys::table).values(key).execute(conn)
}

/// Records a key, and revokes the others of its profile where that is wanted. Under the profile's lock: of two that
/// revoke each other's keys at once, one remains; and a key is not minted by one that is being revoked.
pub(crate) fn issue(
    conn: &mut PgConnection,
    key: &KeyRow,
    revoke_others: bool,
    minter: Option<Uuid>,
) -> Result<Issuing, DbError> {
    profiles::lock(conn, key.profile_id)?;
    let valid = api_keys::table
        .filter(api_keys::profile_id.eq(key.profile_id))
        .filter(api_keys::revoked_at.is_null())
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)));
    if let Some(minter) = minter {
        let found: Option<Uuid> = valid.filter(api_keys::id.eq(minter)).select(api_keys::id).first(conn).optional()?;
        if found.is_none() {
            return Ok(Issuing::MinterInvalid);
        }
    }
    if revoke_others {
        let others =
            api_keys::table.filter(api_keys::profile_id.eq(key.profile_id)).filter(api_keys::revoked_at.is_null());
        diesel::update(others).set(api_keys::revoked_at.eq(now)).execute(conn)?;
    }
    let count: i64 = valid.count().get_result(conn)?;
    if usize::try_from(count).is_ok_and(|count| count >= MAX_API_KEYS) {
        return Ok(Issuing::TooMany);
    }
    insert(conn, key)?;
    Ok(Issuing::Done)
}

/// A key that may be used, and its profile.
#[diesel::dsl::auto_type]
pub(crate) fn valid<'a>(hash: &'a [u8]) -> _ {
    api_keys::table
        .inner_join(profiles_table::table)
        .filter(api_keys::hash.eq(hash))
        .filter(api_keys::revoked_at.is_null())
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)))
}

/// Whether a key's use was not noted within the last minute.
fn unnoted() -> SqlLiteral<Bool> {
    sql("coalesce(api_keys.last_used_at < now() - interval '1 minute', true)")
}

/// The key with this hash and its profile, unless it is revoked or has expired; and whether its use is to be noted.
pub(crate) fn authenticate(
    conn: &mut PgConnection,
    hash: &ApiKeyHash,
) -> Result<Option<(StoredApiKey, Profile, bool)>, DbError> {
    let row: Option<(KeyRow, ProfileRow, bool)> = valid(hash.as_bytes())
        .select((KeyRow::as_select(), ProfileRow::as_select(), unnoted()))
        .first(conn)
        .optional()?;
    row.map(|(key, profile, unnoted)| Ok((key.try_into()?, profile.try_into()?, unnoted))).transpose()
}

/// Notes that a key is used, and waits for nobody: a key that is being changed is left alone.
pub(crate) fn touch(conn: &mut PgConnection, id: Uuid) -> QueryResult<usize> {
    let free: Option<Uuid> = api_keys::table
        .find(id)
        .filter(unnoted())
        .select(api_keys::id)
        .for_no_key_update()
        .skip_locked()
        .first(conn)
        .optional()?;
    match free {
        Some(id) => diesel::update(api_keys::table.find(id)).set(api_keys::last_used_at.eq(now)).execute(conn),
        None => Ok(0),
    }
}

/// The keys of a profile that are not revoked, newest first.
pub(crate) fn of_profile(conn: &mut PgConnection, profile: Uuid) -> Result<Vec<StoredApiKey>, DbError> {
    let rows: Vec<KeyRow> = api_keys::table
        .filter(api_keys::profile_id.eq(profile))
        .filter(api_keys::revoked_at.is_null())
        .order((api_keys::created_at.desc(), api_keys::id.desc()))
        .select(KeyRow::as_select())
        .load(conn)?;
    rows.into_iter().map(StoredApiKey::try_from).collect()
}

/// Revokes a key; false when there is none to revoke. Under the profile's lock, as [`issue`] is.
pub(crate) fn revoke(conn: &mut PgConnection, profile: Uuid, id: Uuid) -> QueryResult<bool> {
    profiles::lock(conn, profile)?;
    let key = api_keys::table.find(id).filter(api_keys::profile_id.eq(profile)).filter(api_keys::revoked_at.is_null());
    diesel::update(key).set(api_keys::revoked_at.eq(now)).execute(conn).map(|revoked| revoked == 1)
}
