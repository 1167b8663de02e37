//! A marketplace with one seller and one listing, and what becomes of a body there.

use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use crochet_market::catalogue::{CatalogueConfig, CatalogueService, ListingBody};
use crochet_market::identity::{Caller, IdentityConfig, IdentityService};
use crochet_market::memory::{MemoryCatalogue, MemoryGuard, MemoryIdentities};
use crochet_market::ports::Identities;
use crochet_market::{
    AccountType, Capabilities, LinkedWallet, MarketError, Profile, ProfileRole, Scopes, StoredApiKey, WalletStatus,
};
use crochet_pow::{ChallengeSealer, Difficulty, solve};
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_primitives::{ApiKeyId, Clock, ProfileId, WalletId};
use crochet_secrets::ApiKey;
use crochet_wallet::WalletAddress;
use jsonschema::Validator;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) struct World {
    pub(crate) catalogue: CatalogueService,
    pub(crate) identities: IdentityService,
    pub(crate) caller: Caller,
    pub(crate) wallet: WalletId,
    /// The id of a free listing of the caller's.
    pub(crate) listing: String,
}

pub(crate) static WORLD: LazyLock<World> = LazyLock::new(|| block_on(World::new()));

impl World {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let now = clock.now();
        let profile = Profile {
            id: ProfileId::new(now, [1; 10]),
            display_name: "seller".to_owned(),
            account_type: AccountType::Agent,
            role: ProfileRole::Both,
            bio: None,
            website: None,
            avatar_url: None,
            is_verified: false,
            score: None,
            created_at: now,
        };
        let wallet = LinkedWallet {
            id: WalletId::new(now, [2; 10]),
            profile: profile.id,
            address: WalletAddress::from_evm_bytes([3; 20]),
            is_primary: true,
            capabilities: Capabilities::all(),
            status: WalletStatus::Active,
            created_at: now,
        };
        let raw = ApiKey::generate([4; 32]);
        let key = StoredApiKey {
            id: ApiKeyId::new(now, [5; 10]),
            profile: profile.id,
            name: "registration".to_owned(),
            prefix: raw.prefix(),
            hash: raw.hash(),
            scopes: Scopes::all(),
            created_at: now,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        };
        let store = Arc::new(MemoryIdentities::new(clock.clone()));
        store.register(&profile, &wallet, &key).await.unwrap();
        let catalogue = CatalogueService::new(
            Arc::new(MemoryCatalogue::new(clock.clone(), store.clone())),
            Arc::new(MemoryGuard),
            clock.clone(),
            Arc::new(SeededEntropy::new(3)),
            CatalogueConfig {
                difficulty: Difficulty::new(1).unwrap(),
                ..CatalogueConfig::new("https://crochet.example")
            },
        );
        let challenge = catalogue.listing_challenge(&profile).await.unwrap().challenge;
        let work = solve(&challenge, Difficulty::new(1).unwrap(), |_| ControlFlow::Continue(())).unwrap();
        let free = ListingBody {
            pow_nonce: Some(work.pow_nonce),
            name: Some("Signals".to_owned()),
            description: Some("A description.".to_owned()),
            ..ListingBody::default()
        };
        let listing = catalogue.create(&profile, &free).await.unwrap().view.listing.id.to_string();
        let identities = IdentityService::new(
            store,
            clock,
            Arc::new(SeededEntropy::new(4)),
            ChallengeSealer::new([7; 32]),
            IdentityConfig::new("crochet.example", "https://crochet.example"),
        );
        Self { catalogue, identities, caller: Caller { profile, key }, wallet: wallet.id, listing }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// What became of a body.
#[derive(Debug, PartialEq)]
pub(crate) enum Fate {
    /// 400 for what it says.
    Refused(String),
    /// Another answer of 400 and above, or none.
    Read,
    /// 422 for the endpoint.
    EndpointRefused,
}

pub(crate) fn fate<B: DeserializeOwned, T>(
    body: &Value,
    take: impl AsyncFnOnce(&'static World, B) -> Result<T, MarketError>,
) -> Fate {
    let body = match serde_json::from_str(&body.to_string()) {
        Ok(body) => body,
        Err(error) => return Fate::Refused(error.to_string()),
    };
    match block_on(take(&WORLD, body)) {
        Err(error @ (MarketError::Invalid(_) | MarketError::PricingModelUnavailable { .. })) => {
            Fate::Refused(format!("{error:?}"))
        }
        Err(MarketError::EndpointNotAllowed { .. }) => Fate::EndpointRefused,
        _ => Fate::Read,
    }
}

pub(crate) fn agree(validator: &Validator, body: &Value, fate: &Fate) -> Result<(), TestCaseError> {
    if let Err(error) = validator.validate(body) {
        let path = error.instance_path().to_string();
        prop_assert!(*fate != Fate::Read, "does not fit at {path}, and was read: {body:.400}");
    } else {
        prop_assert!(!matches!(fate, Fate::Refused(_)), "fits, and was refused: {fate:?} {body:.400}");
    }
    Ok(())
}
