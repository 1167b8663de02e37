//! The profiles of those who pay by a header, with no account.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use crochet_market::{AccountType, Capability, LinkedWallet, Profile, ProfileRole, WalletStatus};
use crochet_primitives::{Entropy, EntropyExt, ProfileId, StorageError, WalletId};
use crochet_relay::ports::Payers;
use crochet_wallet::WalletAddress;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use uuid::Uuid;

use super::profiles::{self, ProfileRow};
use super::schema::profile_wallets;
use super::wallets::{self, WalletRow};
use crate::Db;
use crate::clock::DatabaseClock;
use crate::error::DbError;

/// [`Payers`] on PostgreSQL. Cheap to clone.
#[derive(Clone)]
pub struct PgPayers {
    db: Db,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for PgPayers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgPayers").field("db", &self.db).finish_non_exhaustive()
    }
}

impl PgPayers {
    /// On this database; ids of profiles and wallets are drawn from `entropy`.
    #[must_use]
    pub const fn new(db: Db, entropy: Arc<dyn Entropy>) -> Self {
        Self { db, entropy }
    }
}

#[async_trait]
impl Payers for PgPayers {
    async fn profile_of(&self, payer: &WalletAddress) -> Result<ProfileId, StorageError> {
        let (payer, entropy, clock) = (*payer, Arc::clone(&self.entropy), self.db.clock().clone());
        self.db
            .run(move |conn| match owner(conn, &payer)? {
                Some(profile) => Ok(profile.into()),
                None => make(conn, &payer, &clock, entropy.as_ref()),
            })
            .await
    }
}

fn owner(conn: &mut PgConnection, payer: &WalletAddress) -> QueryResult<Option<Uuid>> {
    profile_wallets::table
        .filter(profile_wallets::chain.eq(payer.chain().as_str()))
        .filter(profile_wallets::address.eq(payer.canonical()))
        .select(profile_wallets::profile_id)
        .first(conn)
        .optional()
}

/// A profile with this wallet, or whoever was faster.
fn make(
    conn: &mut PgConnection,
    payer: &WalletAddress,
    clock: &DatabaseClock,
    entropy: &dyn Entropy,
) -> Result<ProfileId, DbError> {
    let now = clock.read(conn)?;
    let id = ProfileId::new(now, entropy.bytes());
    let profile = ProfileRow::from(&Profile {
        id,
        display_name: shown(payer),
        account_type: AccountType::Agent,
        role: ProfileRole::Buyer,
        bio: None,
        website: None,
        avatar_url: None,
        is_verified: false,
        score: None,
        created_at: now,
    });
    let wallet = WalletRow::from(&LinkedWallet {
        id: WalletId::new(now, entropy.bytes()),
        profile: id,
        address: *payer,
        is_primary: true,
        // It signed the payment, and can sign for a key: with that, the profile is its owner's.
        capabilities: [Capability::Auth, Capability::Recovery, Capability::Payment].into_iter().collect(),
        status: WalletStatus::Active,
        created_at: now,
    });
    let made = conn.transaction(|conn| {
        profiles::insert(conn, &profile)?;
        if wallets::insert(conn, &wallet)? { Ok(()) } else { Err(DieselError::RollbackTransaction) }
    });
    match made {
        Ok(()) => Ok(id),
        Err(DieselError::RollbackTransaction) => Ok(owner(conn, payer)?.ok_or(DbError::Raced)?.into()),
        Err(error) => Err(error.into()),
    }
}

/// The beginning and the end of the address.
fn shown(payer: &WalletAddress) -> String {
    let address = payer.canonical();
    let (head, tail) = (address.get(..6).unwrap_or_default(), address.get(address.len() - 4..).unwrap_or_default());
    format!("{head}...{tail}")
}
