//! A look-up that began before a change and ends after it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use crochet_market::ports::{Identities, Issuing, Linking, Registration, WalletChange};
use crochet_market::{LinkedWallet, Profile, ProfileChange, StoredApiKey, WalletPatch};
use crochet_postgres::Invalidations;
use crochet_postgres::cached::CachedIdentities;
use crochet_postgres::market::PgIdentities;
use crochet_primitives::{ApiKeyId, ProfileId, StorageError, Timestamp, WalletId};
use crochet_secrets::ApiKeyHash;
use crochet_wallet::WalletAddress;
use tokio::sync::Semaphore;

use super::support::Market;

/// Reads a key, and then takes its time to say so.
struct Slow {
    inner: PgIdentities,
    has_read: Semaphore,
    may_answer: Semaphore,
}

#[async_trait]
impl Identities for Slow {
    async fn authenticate(&self, hash: &ApiKeyHash) -> Result<Option<(StoredApiKey, Profile)>, StorageError> {
        let found = self.inner.authenticate(hash).await;
        self.has_read.add_permits(1);
        self.may_answer.acquire().await.unwrap().forget();
        found
    }

    async fn consume_challenge(&self, _: [u8; 32], _: Timestamp) -> Result<bool, StorageError> {
        unreachable!("it is not asked for that")
    }

    async fn register(&self, _: &Profile, _: &LinkedWallet, _: &StoredApiKey) -> Result<Registration, StorageError> {
        unreachable!("it is not asked for that")
    }

    async fn owner(&self, _: &WalletAddress) -> Result<Option<(Profile, LinkedWallet)>, StorageError> {
        unreachable!("it is not asked for that")
    }

    async fn issue_key(&self, _: &StoredApiKey, _: bool, _: Option<ApiKeyId>) -> Result<Issuing, StorageError> {
        unreachable!("it is not asked for that")
    }

    async fn keys(&self, _: ProfileId) -> Result<Vec<StoredApiKey>, StorageError> {
        unreachable!("it is not asked for that")
    }

    async fn revoke_key(&self, _: ProfileId, _: ApiKeyId) -> Result<bool, StorageError> {
        unreachable!("it is not asked for that")
    }

    async fn profile(&self, _: ProfileId) -> Result<Option<Profile>, StorageError> {
        unreachable!("it is not asked for that")
    }

    async fn update_profile(&self, _: ProfileId, _: &ProfileChange) -> Result<Option<Profile>, StorageError> {
        unreachable!("it is not asked for that")
    }

    async fn wallets(&self, _: ProfileId) -> Result<Vec<LinkedWallet>, StorageError> {
        unreachable!("it is not asked for that")
    }

    async fn link_wallet(&self, _: &LinkedWallet) -> Result<Linking, StorageError> {
        unreachable!("it is not asked for that")
    }

    async fn update_wallet(&self, _: ProfileId, _: WalletId, _: WalletPatch) -> Result<WalletChange, StorageError> {
        unreachable!("it is not asked for that")
    }
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "it did not come true");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_was_read_before_a_change_is_not_kept_after_it() {
    let market = Market::new().await;
    let (_, _, key) = market.register().await;
    let slow = Arc::new(Slow {
        inner: PgIdentities::new(market.database.db().clone()),
        has_read: Semaphore::new(0),
        may_answer: Semaphore::new(0),
    });
    let invalidations = Invalidations::listen(&market.database.url());
    let cached = Arc::new(CachedIdentities::new(slow.clone(), &invalidations));
    until(|| invalidations.state().is_fresh).await;

    let looking_up = tokio::spawn({
        let (cached, hash) = (Arc::clone(&cached), key.hash());
        async move { cached.authenticate(&hash).await.unwrap() }
    });
    slow.has_read.acquire().await.unwrap().forget();
    let changes = invalidations.state().changes;
    market.execute("UPDATE api_keys SET revoked_at = now()");
    until(|| invalidations.state().changes > changes).await;
    slow.may_answer.add_permits(1);
    // This one came before the change, and is answered as of then.
    assert!(looking_up.await.unwrap().is_some());
    assert_eq!(cached.counts().entries, 0, "it is kept");

    slow.may_answer.add_permits(1);
    assert!(cached.authenticate(&key.hash()).await.unwrap().is_none());
    assert_eq!((cached.counts().hits, cached.counts().misses), (0, 2));
}
