//! Profiles that are there before a test begins.

use crochet_market::memory::MemoryIdentities;
use crochet_market::ports::Identities;
use crochet_market::{
    AccountType, Capabilities, LinkedWallet, Profile, ProfileRole, Scopes, StoredApiKey, WalletStatus,
};
use crochet_primitives::testing::SeededEntropy;
use crochet_primitives::{ApiKeyId, Clock, EntropyExt, ProfileId, WalletId};
use crochet_secrets::ApiKey;
use crochet_wallet::EvmSigner;

/// A profile with a key of all scopes.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) id: ProfileId,
    pub(crate) key: String,
}

/// A key of a profile, and what is stored of it.
pub(crate) fn new_key(
    profile: ProfileId,
    clock: &dyn Clock,
    entropy: &SeededEntropy,
    scopes: Scopes,
) -> (ApiKey, StoredApiKey) {
    let key = ApiKey::generate(entropy.bytes());
    let stored = StoredApiKey {
        id: ApiKeyId::new(clock.now(), entropy.bytes()),
        profile,
        name: "test".to_owned(),
        prefix: key.prefix(),
        hash: key.hash(),
        scopes,
        created_at: clock.now(),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    (key, stored)
}

/// Records a profile with a wallet and a key.
pub(crate) async fn account(
    identities: &MemoryIdentities,
    clock: &dyn Clock,
    entropy: &SeededEntropy,
    role: ProfileRole,
    scopes: Scopes,
) -> Account {
    let now = clock.now();
    let id = ProfileId::new(now, entropy.bytes());
    let profile = Profile {
        id,
        display_name: "somebody".to_owned(),
        account_type: AccountType::Agent,
        role,
        bio: None,
        website: None,
        avatar_url: None,
        is_verified: false,
        score: None,
        created_at: now,
    };
    let wallet = LinkedWallet {
        id: WalletId::new(now, entropy.bytes()),
        profile: id,
        address: EvmSigner::from_bytes(entropy.bytes()).unwrap().address(),
        is_primary: true,
        capabilities: Capabilities::all(),
        status: WalletStatus::Active,
        created_at: now,
    };
    let (key, stored) = new_key(id, clock, entropy, scopes);
    identities.register(&profile, &wallet, &stored).await.unwrap();
    Account { id, key: key.expose().to_owned() }
}
