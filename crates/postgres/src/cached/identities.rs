//! API keys and their profiles, kept in memory.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use crochet_market::ports::{Identities, Issuing, Linking, Registration, WalletChange};
use crochet_market::{LinkedWallet, Profile, ProfileChange, StoredApiKey, WalletPatch};
use crochet_primitives::{ApiKeyId, ProfileId, StorageError, Timestamp, WalletId};
use crochet_secrets::ApiKeyHash;
use crochet_wallet::WalletAddress;
use tokio::sync::Semaphore;

use super::kept::{Generation, Kept};
use super::{CacheCounts, Counts};
use crate::invalidation::freshness::Moment;
use crate::invalidation::{Change, Invalidations, Keeper};

/// How many keys are kept; each is about 400 bytes.
const MOST_KEYS: u16 = 16_384;

/// How much profiles may take, in bytes, and how many that is about.
const MOST_PROFILES: (u16, u64) = (16_384, 8 << 20);

/// How often the use of a key is noted, at most.
const NOTED: Duration = Duration::from_secs(60);

/// How many uses are noted at once; a use that finds none free is noted at the next.
const NOTING: usize = 2;

/// [`Identities`] that answers [`Identities::authenticate`] from memory where it can, and hands everything else on.
/// Keys that nobody has are not kept: a new key works at once, everywhere.
///
/// Kept are hashes of keys, as in the database, and never a key.
pub struct CachedIdentities {
    inner: Arc<dyn Identities>,
    invalidations: Arc<Invalidations>,
    kept: Arc<KeptKeys>,
    noting: Arc<Semaphore>,
}

struct KeptKeys {
    keys: Kept<ApiKeyHash, Arc<KeptKey>>,
    profiles: Kept<ProfileId, Arc<Profile>, Bytes>,
    counts: Counts,
}

struct KeptKey {
    key: StoredApiKey,
    good_until: Moment,
    /// From when on a use is to be noted, as a [`Moment`].
    note_at: AtomicI64,
}

impl KeptKey {
    fn new(key: &StoredApiKey, now: Moment) -> Self {
        Self {
            key: key.clone(),
            good_until: key.expires_at.map_or(Moment::NEVER, Moment::from),
            note_at: AtomicI64::new(next_note(key, now).0),
        }
    }
}

/// The use at `now` was noted, unless one was within the last minute.
fn next_note(key: &StoredApiKey, now: Moment) -> Moment {
    let after_last = key.last_used_at.map(|at| Moment::from(at).after(NOTED));
    after_last.filter(|next| *next > now).unwrap_or_else(|| now.after(NOTED))
}

/// About how much memory a profile takes.
#[derive(Clone)]
struct Bytes;

impl quick_cache::Weighter<ProfileId, Arc<Profile>> for Bytes {
    fn weight(&self, _: &ProfileId, profile: &Arc<Profile>) -> u64 {
        let texts = [&profile.bio, &profile.website, &profile.avatar_url].into_iter().flatten().map(String::len);
        let length = texts.sum::<usize>() + profile.display_name.len() + size_of::<Profile>() + 64;
        u64::try_from(length).unwrap_or(u64::MAX)
    }
}

impl CachedIdentities {
    /// In front of `inner`, and told of changes by `invalidations`.
    #[must_use]
    pub fn new(inner: Arc<dyn Identities>, invalidations: &Arc<Invalidations>) -> Self {
        let kept = Arc::new(KeptKeys {
            keys: Kept::of(MOST_KEYS),
            profiles: Kept::weighed(MOST_PROFILES.0, MOST_PROFILES.1, Bytes),
            counts: Counts::default(),
        });
        let keeper: Weak<KeptKeys> = Arc::downgrade(&kept);
        invalidations.add(keeper);
        let noting = Arc::new(Semaphore::new(NOTING));
        Self { inner, invalidations: Arc::clone(invalidations), kept, noting }
    }

    /// How look-ups went.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        self.kept.counts.read(self.kept.keys.len())
    }

    /// Beside the call, and by somebody who was free: looks the key up again, by which its use is noted. What no
    /// notification told of is mended by this, too.
    fn note_use(&self, hash: ApiKeyHash, kept: Arc<KeptKey>, now: Moment) {
        let Ok(turn) = Arc::clone(&self.noting).try_acquire_owned() else { return };
        let due = kept.note_at.load(Ordering::Relaxed);
        let is_mine = due <= now.0
            && kept.note_at.compare_exchange(due, now.after(NOTED).0, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if !is_mine {
            return;
        }
        let (inner, keeper) = (Arc::clone(&self.inner), Arc::clone(&self.kept));
        tokio::spawn(async move {
            match inner.authenticate(&hash).await {
                Ok(Some((key, _))) => kept.note_at.store(next_note(&key, now).0, Ordering::Relaxed),
                Ok(None) => keeper.keys.forget(&hash),
                Err(error) => tracing::debug!(%error, "when a key was last used could not be noted"),
            }
            drop(turn);
        });
    }
}

impl KeptKeys {
    fn get(&self, hash: &ApiKeyHash, now: Moment) -> Option<(Arc<KeptKey>, Arc<Profile>)> {
        let kept = self.keys.get(hash).filter(|kept| now < kept.good_until)?;
        let profile = self.profiles.get(&kept.key.profile)?;
        Some((kept, profile))
    }

    fn generations(&self) -> (Generation, Generation) {
        (self.keys.generation(), self.profiles.generation())
    }

    fn keep(&self, generations: (Generation, Generation), key: &StoredApiKey, profile: &Profile, now: Moment) {
        self.profiles.keep(generations.1, profile.id, Arc::new(profile.clone()));
        self.keys.keep(generations.0, key.hash, Arc::new(KeptKey::new(key, now)));
    }
}

impl Keeper for KeptKeys {
    fn forget(&self, change: &Change) {
        match change {
            Change::Key(hash) => self.keys.forget(hash),
            Change::Profile(id) => self.profiles.forget(id),
            Change::Listing(_) | Change::Seller(_) => {}
            Change::Everything => {
                self.keys.forget_all();
                self.profiles.forget_all();
            }
        }
    }
}

#[async_trait]
impl Identities for CachedIdentities {
    async fn authenticate(&self, hash: &ApiKeyHash) -> Result<Option<(StoredApiKey, Profile)>, StorageError> {
        let Some(now) = self.invalidations.now() else {
            self.kept.counts.bypassed();
            return self.inner.authenticate(hash).await;
        };
        if let Some((kept, profile)) = self.kept.get(hash, now) {
            self.kept.counts.hit();
            let found = (kept.key.clone(), Profile::clone(&profile));
            if kept.note_at.load(Ordering::Relaxed) <= now.0 {
                self.note_use(*hash, kept, now);
            }
            return Ok(Some(found));
        }
        self.kept.counts.missed();
        let generations = self.kept.generations();
        let found = self.inner.authenticate(hash).await?;
        if let Some((key, profile)) = &found {
            self.kept.keep(generations, key, profile, now);
        }
        Ok(found)
    }

    async fn issue_key(
        &self,
        key: &StoredApiKey,
        revoke_others: bool,
        minted_by: Option<ApiKeyId>,
    ) -> Result<Issuing, StorageError> {
        let issued = self.inner.issue_key(key, revoke_others, minted_by).await;
        if revoke_others {
            // Also where nobody knows whether it was done.
            self.kept.keys.forget_those(|kept| kept.key.profile == key.profile);
        }
        issued
    }

    async fn revoke_key(&self, profile: ProfileId, key: ApiKeyId) -> Result<bool, StorageError> {
        let revoked = self.inner.revoke_key(profile, key).await;
        self.kept.keys.forget_those(|kept| kept.key.id == key);
        revoked
    }

    async fn update_profile(&self, id: ProfileId, change: &ProfileChange) -> Result<Option<Profile>, StorageError> {
        let updated = self.inner.update_profile(id, change).await;
        self.invalidations.tell(&Change::Profile(id));
        updated
    }

    async fn link_wallet(&self, wallet: &LinkedWallet) -> Result<Linking, StorageError> {
        let linked = self.inner.link_wallet(wallet).await;
        self.invalidations.tell(&Change::Seller(wallet.profile));
        linked
    }

    async fn update_wallet(
        &self,
        profile: ProfileId,
        wallet: WalletId,
        patch: WalletPatch,
    ) -> Result<WalletChange, StorageError> {
        let changed = self.inner.update_wallet(profile, wallet, patch).await;
        self.invalidations.tell(&Change::Seller(profile));
        changed
    }

    async fn register(
        &self,
        profile: &Profile,
        wallet: &LinkedWallet,
        key: &StoredApiKey,
    ) -> Result<Registration, StorageError> {
        self.inner.register(profile, wallet, key).await
    }

    async fn consume_challenge(&self, id: [u8; 32], expires_at: Timestamp) -> Result<bool, StorageError> {
        self.inner.consume_challenge(id, expires_at).await
    }

    async fn owner(&self, address: &WalletAddress) -> Result<Option<(Profile, LinkedWallet)>, StorageError> {
        self.inner.owner(address).await
    }

    async fn keys(&self, profile: ProfileId) -> Result<Vec<StoredApiKey>, StorageError> {
        self.inner.keys(profile).await
    }

    async fn profile(&self, id: ProfileId) -> Result<Option<Profile>, StorageError> {
        self.inner.profile(id).await
    }

    async fn wallets(&self, profile: ProfileId) -> Result<Vec<LinkedWallet>, StorageError> {
        self.inner.wallets(profile).await
    }
}

impl fmt::Debug for CachedIdentities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedIdentities").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
