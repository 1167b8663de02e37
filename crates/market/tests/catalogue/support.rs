//! A marketplace with sellers.

use std::ops::ControlFlow;
use std::sync::Arc;

use crochet_market::catalogue::{CatalogueConfig, CatalogueService, EndpointBody, ListingBody, Published};
use crochet_market::memory::{MemoryCatalogue, MemoryGuard, MemoryIdentities};
use crochet_market::ports::{Identities, Registration};
use crochet_market::{
    AccountType, Capabilities, FieldProblem, LinkedWallet, MarketError, Payouts, Profile, ProfileRole, Scopes,
    StoredApiKey, WalletStatus,
};
use crochet_pow::{Difficulty, solve};
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_primitives::{ApiKeyId, Clock, EntropyExt, ProfileId, WalletId};
use crochet_secrets::ApiKey;
use crochet_wallet::WalletAddress;

pub(crate) const DESCRIPTION: &str = "Routes buyer JSON requests to a specialist agent.";
pub(crate) const URL: &str = "https://seller.example/api/crochet";

pub(crate) struct Bench {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) identities: Arc<MemoryIdentities>,
    pub(crate) store: Arc<MemoryCatalogue>,
    pub(crate) service: Arc<CatalogueService>,
    entropy: Arc<SeededEntropy>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::paying(Payouts::Anywhere)
    }

    /// Where sellers can be paid there alone.
    pub(crate) fn paying(payouts: Payouts) -> Self {
        let clock = Arc::new(ManualClock::default());
        let entropy = Arc::new(SeededEntropy::new(3));
        let identities = Arc::new(MemoryIdentities::new(clock.clone()));
        let store = Arc::new(MemoryCatalogue::new(clock.clone(), identities.clone()));
        let config = CatalogueConfig {
            difficulty: Difficulty::new(1).unwrap(),
            payouts,
            ..CatalogueConfig::new("https://crochet.example/")
        };
        let service =
            CatalogueService::new(store.clone(), Arc::new(MemoryGuard), clock.clone(), entropy.clone(), config);
        Self { clock, identities, store, service: Arc::new(service), entropy }
    }

    pub(crate) async fn profile(&self, account_type: AccountType, role: ProfileRole) -> Profile {
        let now = self.clock.now();
        let profile = Profile {
            id: ProfileId::new(now, self.entropy.bytes()),
            display_name: "seller".to_owned(),
            account_type,
            role,
            bio: None,
            website: None,
            avatar_url: None,
            is_verified: false,
            score: None,
            created_at: now,
        };
        let wallet = LinkedWallet {
            id: WalletId::new(now, self.entropy.bytes()),
            profile: profile.id,
            address: WalletAddress::from_evm_bytes(self.entropy.bytes()),
            is_primary: true,
            capabilities: Capabilities::all(),
            status: WalletStatus::Active,
            created_at: now,
        };
        let raw = ApiKey::generate(self.entropy.bytes());
        let key = StoredApiKey {
            id: ApiKeyId::new(now, self.entropy.bytes()),
            profile: profile.id,
            name: "x".to_owned(),
            prefix: raw.prefix(),
            hash: raw.hash(),
            scopes: Scopes::all(),
            created_at: now,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        };
        assert_eq!(self.identities.register(&profile, &wallet, &key).await.unwrap(), Registration::Done);
        profile
    }

    pub(crate) async fn seller(&self) -> Profile {
        self.profile(AccountType::Agent, ProfileRole::Provider).await
    }

    /// The body with a fresh challenge's work.
    pub(crate) async fn worked(&self, seller: &Profile, body: ListingBody) -> ListingBody {
        let challenge = self.service.listing_challenge(seller).await.unwrap();
        let difficulty = Difficulty::new(challenge.difficulty).unwrap();
        let solution = solve(&challenge.challenge, difficulty, |_| ControlFlow::Continue(())).unwrap();
        ListingBody { pow_nonce: Some(solution.pow_nonce), pow_challenge: Some(challenge.challenge), ..body }
    }

    /// Creates a listing of this JSON, beside what is always needed.
    pub(crate) async fn create(&self, seller: &Profile, json: &str) -> Result<Published, MarketError> {
        let body = self.worked(seller, listing(json)).await;
        self.service.create(seller, &body).await
    }

    pub(crate) async fn free(&self, seller: &Profile) -> Published {
        self.create(seller, r#"{"name":"Free Signals"}"#).await.unwrap()
    }

    pub(crate) async fn paid(&self, seller: &Profile) -> Published {
        self.create(seller, &paid_json()).await.unwrap()
    }

    pub(crate) async fn update(&self, seller: &Profile, of: &Published, json: &str) -> Result<Published, MarketError> {
        self.service.update(seller.id, &of.view.listing.id.to_string(), &body(json)).await
    }
}

pub(crate) fn paid_json() -> String {
    format!(
        r#"{{"name":"Signal Router","pricing_model":"per_call","pricing_amount":0.01,"pricing_currency":"USD","private_endpoint_url":"{URL}"}}"#
    )
}

pub(crate) fn body(json: &str) -> ListingBody {
    serde_json::from_str(json).unwrap()
}

/// A body with a name and a description, unless it says otherwise.
pub(crate) fn listing(json: &str) -> ListingBody {
    let said = body(json);
    ListingBody {
        name: Some(said.name.unwrap_or_else(|| "Signal Router".to_owned())),
        description: Some(said.description.unwrap_or_else(|| DESCRIPTION.to_owned())),
        ..said
    }
}

pub(crate) fn endpoint(json: &str) -> EndpointBody {
    serde_json::from_str(json).unwrap()
}

pub(crate) fn id(published: &Published) -> String {
    published.view.listing.id.to_string()
}

/// The fields that were refused.
pub(crate) fn fields<T: std::fmt::Debug>(result: Result<T, MarketError>) -> Vec<String> {
    match result {
        Err(MarketError::Invalid(problems)) => problems.into_iter().map(|FieldProblem { field, .. }| field).collect(),
        other => panic!("not refused for its fields: {other:?}"),
    }
}

macro_rules! assert_refused {
    ($result:expr, $pattern:pat) => {
        match $result {
            Err($pattern) => {}
            other => panic!("not refused as {}: {other:?}", stringify!($pattern)),
        }
    };
}
pub(crate) use assert_refused;
