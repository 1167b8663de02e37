//! Profiles, wallets and keys in memory.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use crochet_primitives::{ApiKeyId, Clock, ProfileId, StorageError, Timestamp, WalletId};
use crochet_secrets::ApiKeyHash;
use crochet_wallet::WalletAddress;

use super::{lock, yield_once};
use crate::api_key::{MAX_API_KEYS, StoredApiKey};
use crate::linked_wallet::{LinkedWallet, WalletPatch, apply_wallet_patch};
use crate::ports::{Identities, Issuing, Linking, Registration, WalletChange};
use crate::profile::{Profile, ProfileChange};

/// [`Identities`] in memory; its clock is the one that it is given.
pub struct MemoryIdentities {
    clock: Arc<dyn Clock>,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    consumed: HashSet<[u8; 32]>,
    profiles: BTreeMap<ProfileId, Profile>,
    wallets: BTreeMap<WalletId, LinkedWallet>,
    keys: BTreeMap<ApiKeyId, StoredApiKey>,
}

impl MemoryIdentities {
    /// Empty, judging by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, tables: Mutex::default() }
    }

    pub(super) fn find_profile(&self, id: ProfileId) -> Option<Profile> {
        lock(&self.tables).profiles.get(&id).cloned()
    }
}

impl fmt::Debug for MemoryIdentities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryIdentities")
    }
}

impl Tables {
    fn wallet_of(&self, address: &WalletAddress) -> Option<&LinkedWallet> {
        self.wallets.values().find(|wallet| wallet.address == *address)
    }

    fn valid_keys(&self, profile: ProfileId, now: Timestamp) -> impl Iterator<Item = &StoredApiKey> {
        self.keys.values().filter(move |key| key.profile == profile && is_valid(key, now))
    }

    fn wallets_of(&self, profile: ProfileId) -> Vec<LinkedWallet> {
        self.wallets.values().filter(|wallet| wallet.profile == profile).cloned().collect()
    }
}

fn is_valid(key: &StoredApiKey, now: Timestamp) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|expires_at| now < expires_at)
}

#[async_trait]
impl Identities for MemoryIdentities {
    async fn consume_challenge(&self, id: [u8; 32], _expires_at: Timestamp) -> Result<bool, StorageError> {
        yield_once().await;
        Ok(lock(&self.tables).consumed.insert(id))
    }

    async fn register(
        &self,
        profile: &Profile,
        wallet: &LinkedWallet,
        key: &StoredApiKey,
    ) -> Result<Registration, StorageError> {
        yield_once().await;
        let mut tables = lock(&self.tables);
        if tables.wallet_of(&wallet.address).is_some() {
            return Ok(Registration::WalletTaken);
        }
        tables.profiles.insert(profile.id, profile.clone());
        tables.wallets.insert(wallet.id, wallet.clone());
        tables.keys.insert(key.id, key.clone());
        Ok(Registration::Done)
    }

    async fn owner(&self, address: &WalletAddress) -> Result<Option<(Profile, LinkedWallet)>, StorageError> {
        yield_once().await;
        let tables = lock(&self.tables);
        let found = tables.wallet_of(address).cloned();
        Ok(found.and_then(|wallet| Some((tables.profiles.get(&wallet.profile)?.clone(), wallet))))
    }

    async fn issue_key(
        &self,
        key: &StoredApiKey,
        revoke_others: bool,
        minted_by: Option<ApiKeyId>,
    ) -> Result<Issuing, StorageError> {
        yield_once().await;
        let now = self.clock.now();
        let mut tables = lock(&self.tables);
        if minted_by.is_some_and(|minter| !tables.valid_keys(key.profile, now).any(|own| own.id == minter)) {
            return Ok(Issuing::MinterInvalid);
        }
        if revoke_others {
            for other in tables.keys.values_mut().filter(|other| other.profile == key.profile) {
                other.revoked_at.get_or_insert(now);
            }
        }
        if tables.valid_keys(key.profile, now).count() >= MAX_API_KEYS {
            return Ok(Issuing::TooMany);
        }
        tables.keys.insert(key.id, key.clone());
        Ok(Issuing::Done)
    }

    async fn authenticate(&self, hash: &ApiKeyHash) -> Result<Option<(StoredApiKey, Profile)>, StorageError> {
        yield_once().await;
        let now = self.clock.now();
        let mut tables = lock(&self.tables);
        let Some(key) = tables.keys.values_mut().find(|key| key.hash == *hash && is_valid(key, now)) else {
            return Ok(None);
        };
        if key.last_used_at.is_none_or(|used_at| now - used_at >= TimeDelta::minutes(1)) {
            key.last_used_at = Some(now);
        }
        let key = key.clone();
        Ok(tables.profiles.get(&key.profile).cloned().map(|profile| (key, profile)))
    }

    async fn keys(&self, profile: ProfileId) -> Result<Vec<StoredApiKey>, StorageError> {
        yield_once().await;
        let tables = lock(&self.tables);
        let keys = tables.keys.values().rev();
        Ok(keys.filter(|key| key.profile == profile && key.revoked_at.is_none()).cloned().collect())
    }

    async fn revoke_key(&self, profile: ProfileId, key: ApiKeyId) -> Result<bool, StorageError> {
        yield_once().await;
        let now = self.clock.now();
        let mut tables = lock(&self.tables);
        let key = tables.keys.get_mut(&key).filter(|key| key.profile == profile && key.revoked_at.is_none());
        Ok(key.map(|key| key.revoked_at = Some(now)).is_some())
    }

    async fn profile(&self, id: ProfileId) -> Result<Option<Profile>, StorageError> {
        yield_once().await;
        Ok(self.find_profile(id))
    }

    async fn update_profile(&self, id: ProfileId, change: &ProfileChange) -> Result<Option<Profile>, StorageError> {
        yield_once().await;
        let mut tables = lock(&self.tables);
        let Some(stored) = tables.profiles.get_mut(&id) else { return Ok(None) };
        change.apply(stored);
        Ok(Some(stored.clone()))
    }

    async fn wallets(&self, profile: ProfileId) -> Result<Vec<LinkedWallet>, StorageError> {
        yield_once().await;
        Ok(lock(&self.tables).wallets_of(profile))
    }

    async fn link_wallet(&self, wallet: &LinkedWallet) -> Result<Linking, StorageError> {
        yield_once().await;
        let mut tables = lock(&self.tables);
        if tables.wallet_of(&wallet.address).is_some() {
            return Ok(Linking::WalletTaken);
        }
        if wallet.is_primary {
            let chain = wallet.address.chain();
            for other in tables.wallets.values_mut() {
                if other.profile == wallet.profile && other.address.chain() == chain {
                    other.is_primary = false;
                }
            }
        }
        tables.wallets.insert(wallet.id, wallet.clone());
        Ok(Linking::Done)
    }

    async fn update_wallet(
        &self,
        profile: ProfileId,
        wallet: WalletId,
        patch: WalletPatch,
    ) -> Result<WalletChange, StorageError> {
        yield_once().await;
        let mut tables = lock(&self.tables);
        let wallets = tables.wallets_of(profile);
        if !wallets.iter().any(|own| own.id == wallet) {
            return Ok(WalletChange::NotFound);
        }
        let Some(patched) = apply_wallet_patch(&wallets, wallet, patch) else {
            return Ok(WalletChange::LastRecoveryWallet);
        };
        let mut changed = WalletChange::NotFound;
        for own in patched {
            if own.id == wallet {
                changed = WalletChange::Done(own.clone());
            }
            tables.wallets.insert(own.id, own);
        }
        Ok(changed)
    }
}
