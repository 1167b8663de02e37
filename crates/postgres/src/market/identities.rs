//! Profiles, wallets and keys on PostgreSQL.

use async_trait::async_trait;
use crochet_market::ports::{Identities, Issuing, Linking, Registration, WalletChange};
use crochet_market::{LinkedWallet, Profile, ProfileChange, StoredApiKey, WalletPatch};
use crochet_primitives::{ApiKeyId, ProfileId, StorageError, Timestamp, WalletId};
use crochet_secrets::ApiKeyHash;
use crochet_wallet::WalletAddress;
use diesel::prelude::*;
use diesel::result::Error as DieselError;

use super::api_keys::{self, KeyRow};
use super::challenges;
use super::profiles::{self, ProfileRow, ProfileWords};
use super::wallets::{self, WalletRow};
use crate::Db;
use crate::error::DbError;

/// [`Identities`] on PostgreSQL. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PgIdentities {
    db: Db,
}

impl PgIdentities {
    /// On this database.
    #[must_use]
    pub const fn new(db: Db) -> Self {
        Self { db }
    }
}

#[async_trait]
impl Identities for PgIdentities {
    async fn consume_challenge(&self, id: [u8; 32], expires_at: Timestamp) -> Result<bool, StorageError> {
        self.db.run(move |conn| Ok(challenges::consume(conn, &id, expires_at)?)).await
    }

    async fn register(
        &self,
        profile: &Profile,
        wallet: &LinkedWallet,
        key: &StoredApiKey,
    ) -> Result<Registration, StorageError> {
        let rows = (ProfileRow::from(profile), WalletRow::from(wallet), KeyRow::from(key));
        self.db.run(move |conn| register(conn, &rows)).await
    }

    async fn owner(&self, address: &WalletAddress) -> Result<Option<(Profile, LinkedWallet)>, StorageError> {
        let address = *address;
        self.db.read(move |conn| wallets::owner(conn, &address)).await
    }

    async fn issue_key(
        &self,
        key: &StoredApiKey,
        revoke_others: bool,
        minted_by: Option<ApiKeyId>,
    ) -> Result<Issuing, StorageError> {
        let (key, minter) = (KeyRow::from(key), minted_by.map(|minter| minter.uuid()));
        self.db.transaction(move |conn| api_keys::issue(conn, &key, revoke_others, minter)).await
    }

    async fn authenticate(&self, hash: &ApiKeyHash) -> Result<Option<(StoredApiKey, Profile)>, StorageError> {
        let hash = *hash;
        self.db
            .run(move |conn| {
                let Some((key, profile, unnoted)) = api_keys::authenticate(conn, &hash)? else {
                    return Ok(None);
                };
                if unnoted {
                    note_use(conn, &key);
                }
                Ok(Some((key, profile)))
            })
            .await
    }

    async fn keys(&self, profile: ProfileId) -> Result<Vec<StoredApiKey>, StorageError> {
        self.db.read(move |conn| api_keys::of_profile(conn, profile.uuid())).await
    }

    async fn revoke_key(&self, profile: ProfileId, key: ApiKeyId) -> Result<bool, StorageError> {
        self.db.transaction(move |conn| Ok(api_keys::revoke(conn, profile.uuid(), key.uuid())?)).await
    }

    async fn profile(&self, id: ProfileId) -> Result<Option<Profile>, StorageError> {
        self.db.read(move |conn| profiles::find(conn, id.uuid())).await
    }

    async fn update_profile(&self, id: ProfileId, change: &ProfileChange) -> Result<Option<Profile>, StorageError> {
        let words = ProfileWords::from(change);
        self.db.run(move |conn| profiles::update(conn, id.uuid(), &words)).await
    }

    async fn wallets(&self, profile: ProfileId) -> Result<Vec<LinkedWallet>, StorageError> {
        self.db.read(move |conn| wallets::of_profile(conn, profile.uuid())).await
    }

    async fn link_wallet(&self, wallet: &LinkedWallet) -> Result<Linking, StorageError> {
        let wallet = WalletRow::from(wallet);
        self.db.transaction(move |conn| wallets::link(conn, &wallet)).await
    }

    async fn update_wallet(
        &self,
        profile: ProfileId,
        wallet: WalletId,
        patch: WalletPatch,
    ) -> Result<WalletChange, StorageError> {
        self.db.transaction(move |conn| wallets::change(conn, profile.uuid(), wallet, patch)).await
    }
}

/// All three, or nothing.
fn register(
    conn: &mut PgConnection,
    (profile, wallet, key): &(ProfileRow, WalletRow, KeyRow),
) -> Result<Registration, DbError> {
    let recorded = conn.transaction(|conn| {
        profiles::insert(conn, profile)?;
        if !wallets::insert(conn, wallet)? {
            return Err(DieselError::RollbackTransaction);
        }
        api_keys::insert(conn, key)
    });
    match recorded {
        Ok(_) => Ok(Registration::Done),
        Err(DieselError::RollbackTransaction) => Ok(Registration::WalletTaken),
        Err(error) => Err(error.into()),
    }
}

/// After the key was found valid, and in a transaction of its own: whatever goes wrong here, the caller is let in.
fn note_use(conn: &mut PgConnection, key: &StoredApiKey) {
    let noted = conn.transaction(|conn| api_keys::touch(conn, key.id.uuid()));
    if noted.is_err() {
        tracing::debug!(key = %key.id, "when this key was last used could not be noted");
    }
}
