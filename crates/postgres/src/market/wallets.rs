//! Rows of `profile_wallets`.

use crochet_market::ports::{Linking, WalletChange};
use crochet_market::{Capability, LinkedWallet, Profile, WalletPatch, WalletStatus, apply_wallet_patch};
use crochet_primitives::{Timestamp, WalletId};
use crochet_wallet::WalletAddress;
use diesel::prelude::*;
use uuid::Uuid;

use super::convert::{misread, word, words};
use super::profiles::{self, ProfileRow};
use super::schema::{profile_wallets, profiles as profiles_table};
use crate::error::DbError;

/// A wallet as it is stored.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = profile_wallets, check_for_backend(diesel::pg::Pg))]
pub(crate) struct WalletRow {
    id: Uuid,
    profile_id: Uuid,
    chain: String,
    address: String,
    is_primary: bool,
    capabilities: Vec<String>,
    status: String,
    created_at: Timestamp,
}

impl From<&LinkedWallet> for WalletRow {
    fn from(wallet: &LinkedWallet) -> Self {
        Self {
            id: wallet.id.uuid(),
            profile_id: wallet.profile.uuid(),
            chain: wallet.address.chain().as_str().to_owned(),
            address: wallet.address.canonical(),
            is_primary: wallet.is_primary,
            capabilities: wallet.capabilities.iter().map(|capability| capability.as_str().to_owned()).collect(),
            status: wallet.status.as_str().to_owned(),
            created_at: wallet.created_at,
        }
    }
}

impl TryFrom<WalletRow> for LinkedWallet {
    type Error = DbError;

    fn try_from(row: WalletRow) -> Result<Self, DbError> {
        let address = WalletAddress::parse(&row.address).map_err(|_| misread("profile_wallets.address", row.id))?;
        if address.chain().as_str() != row.chain {
            return Err(misread("profile_wallets.chain", row.id));
        }
        Ok(Self {
            id: row.id.into(),
            profile: row.profile_id.into(),
            address,
            is_primary: row.is_primary,
            capabilities: words(Capability::parse, &row.capabilities, "profile_wallets.capabilities", row.id)?,
            status: word(WalletStatus::parse, &row.status, "profile_wallets.status", row.id)?,
            created_at: row.created_at,
        })
    }
}

/// Records a wallet, unless its address belongs to a profile already; whether it did.
pub(crate) fn insert(conn: &mut PgConnection, wallet: &WalletRow) -> QueryResult<bool> {
    diesel::insert_into(profile_wallets::table)
        .values(wallet)
        .on_conflict((profile_wallets::chain, profile_wallets::address))
        .do_nothing()
        .execute(conn)
        .map(|inserted| inserted == 1)
}

/// The owner of an address, with the wallet.
pub(crate) fn owner(
    conn: &mut PgConnection,
    address: &WalletAddress,
) -> Result<Option<(Profile, LinkedWallet)>, DbError> {
    let row: Option<(ProfileRow, WalletRow)> = profile_wallets::table
        .inner_join(profiles_table::table)
        .filter(profile_wallets::chain.eq(address.chain().as_str()))
        .filter(profile_wallets::address.eq(address.canonical()))
        .select((ProfileRow::as_select(), WalletRow::as_select()))
        .first(conn)
        .optional()?;
    row.map(|(profile, wallet)| Ok((profile.try_into()?, wallet.try_into()?))).transpose()
}

/// The wallets of a profile, oldest first.
pub(crate) fn of_profile(conn: &mut PgConnection, profile: Uuid) -> Result<Vec<LinkedWallet>, DbError> {
    let rows: Vec<WalletRow> = profile_wallets::table
        .filter(profile_wallets::profile_id.eq(profile))
        .order((profile_wallets::created_at, profile_wallets::id))
        .select(WalletRow::as_select())
        .load(conn)?;
    rows.into_iter().map(LinkedWallet::try_from).collect()
}

/// Records a further wallet; where it is primary, the others of its chain cease to be.
pub(crate) fn link(conn: &mut PgConnection, wallet: &WalletRow) -> Result<Linking, DbError> {
    profiles::lock(conn, wallet.profile_id)?;
    // First not primary: whether it is anybody's already is known only then.
    let plain = WalletRow { is_primary: false, ..wallet.clone() };
    if !insert(conn, &plain)? {
        return Ok(Linking::WalletTaken);
    }
    if wallet.is_primary {
        let same_chain = profile_wallets::table
            .filter(profile_wallets::profile_id.eq(wallet.profile_id))
            .filter(profile_wallets::chain.eq(&wallet.chain))
            .filter(profile_wallets::is_primary);
        diesel::update(same_chain)
            .set((profile_wallets::is_primary.eq(false), profile_wallets::updated_at.eq(diesel::dsl::now)))
            .execute(conn)?;
        diesel::update(profile_wallets::table.find(wallet.id))
            .set(profile_wallets::is_primary.eq(true))
            .execute(conn)?;
    }
    Ok(Linking::Done)
}

/// Changes a wallet as the market decides.
pub(crate) fn change(
    conn: &mut PgConnection,
    profile: Uuid,
    id: WalletId,
    patch: WalletPatch,
) -> Result<WalletChange, DbError> {
    profiles::lock(conn, profile)?;
    let before = of_profile(conn, profile)?;
    if !before.iter().any(|wallet| wallet.id == id) {
        return Ok(WalletChange::NotFound);
    }
    let Some(after) = apply_wallet_patch(&before, id, patch) else {
        return Ok(WalletChange::LastRecoveryWallet);
    };
    let mut changed: Vec<&LinkedWallet> = after.iter().filter(|wallet| !before.contains(wallet)).collect();
    // There is never more than one primary wallet of a chain, not even between two statements.
    changed.sort_by_key(|wallet| wallet.is_primary);
    for wallet in changed {
        write(conn, &WalletRow::from(wallet))?;
    }
    Ok(after.into_iter().find(|wallet| wallet.id == id).map_or(WalletChange::NotFound, WalletChange::Done))
}

fn write(conn: &mut PgConnection, wallet: &WalletRow) -> QueryResult<usize> {
    diesel::update(profile_wallets::table.find(wallet.id))
        .set((
            profile_wallets::is_primary.eq(wallet.is_primary),
            profile_wallets::capabilities.eq(&wallet.capabilities),
            profile_wallets::status.eq(&wallet.status),
            profile_wallets::updated_at.eq(diesel::dsl::now),
        ))
        .execute(conn)
}
