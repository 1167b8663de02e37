//! A gateway over ports in memory: what is counted is the gateway, not a database.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use crochet_forwarder::guard::{Environment, GuardPolicy};
use crochet_forwarder::{Forwarder, ForwarderConfig};
use crochet_http::{AppParts, Condition, HttpConfig, Rate, RateLimits, Readiness, ReadinessReport};
use crochet_market::catalogue::{CatalogueConfig, CatalogueService};
use crochet_market::identity::{IdentityConfig, IdentityService};
use crochet_market::memory::{MemoryCatalogue, MemoryGuard, MemoryIdentities};
use crochet_market::ports::Identities;
use crochet_market::{
    AccountType, Capabilities, LinkedWallet, Profile, ProfileRole, Scopes, StoredApiKey, WalletStatus,
};
use crochet_pow::ChallengeSealer;
use crochet_pricing::{MARKETPLACE_FEE, Price};
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_primitives::{ApiKeyId, Clock, EntropyExt, ListingId, ProfileId, WalletId};
use crochet_relay::memory::{MemoryDirectory, MemoryJournal, MemoryPayers, ScriptedProvider};
use crochet_relay::ports::{Offer, PayoutWallets, Upstream};
use crochet_relay::{Arrival, Buyer, CallRequest, Dispatch, Endpoint, Gateway, Origin, Policy};
use crochet_secrets::{ApiKey, VaultSecret};
use crochet_signing::{SigningSecret, SigningSecrets};
use crochet_wallet::EvmSigner;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// What a buyer asks.
pub(crate) const BODY: &[u8] = br#"{"pair":"SOL/USDC","horizon_minutes":60,"risk":"low","notes":["a","b"]}"#;
/// What a seller answers.
pub(crate) const ANSWER: &[u8] = br#"{"signal":"buy","pair":"SOL/USDC","confidence":0.82,"horizon_minutes":60}"#;
/// Never reached: no count has so many calls.
const NO_LIMIT: u32 = 1_000_000;

/// A seller in the same process, who costs nothing.
struct AtOnce;

#[async_trait]
impl Upstream for AtOnce {
    async fn forward(&self, _: Dispatch) -> Arrival {
        Arrival::Answered { status: 200, body: Bytes::from_static(ANSWER), latency_ms: 1 }
    }
}

/// Nobody asks.
struct Well;

#[async_trait]
impl Readiness for Well {
    async fn look(&self) -> ReadinessReport {
        ReadinessReport {
            database: Condition::Ok,
            migrations: Condition::Ok,
            provider: "mock".to_owned(),
            provider_condition: Condition::Ok,
            x402: None,
        }
    }
}

/// A gateway with one free listing and one buyer.
pub(crate) struct World {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) clock: Arc<ManualClock>,
    entropy: Arc<SeededEntropy>,
    journal: Arc<MemoryJournal>,
    upstream: Arc<dyn Upstream>,
    identities: Arc<MemoryIdentities>,
    buyer: ProfileId,
    pub(crate) key: ApiKey,
}

impl World {
    /// Calls go to a seller there; to one in this process where there is none.
    pub(crate) async fn new(seller: Option<SocketAddr>) -> anyhow::Result<Self> {
        let clock = Arc::new(ManualClock::default());
        let entropy = Arc::new(SeededEntropy::new(1));
        let journal = Arc::new(MemoryJournal::new(clock.clone(), entropy.clone(), Policy::default()));
        let directory = Arc::new(MemoryDirectory::default());
        let upstream: Arc<dyn Upstream> = match seller {
            Some(_) => Arc::new(Forwarder::new(ForwarderConfig::new(GuardPolicy::new(Environment::Development)))?),
            None => Arc::new(AtOnce),
        };
        let gateway = Gateway {
            journal: journal.clone(),
            directory: directory.clone(),
            provider: Arc::new(ScriptedProvider::new("mock")),
            header_payments: None,
            payers: Arc::new(MemoryPayers::default()),
            upstream: upstream.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            policy: Policy::default(),
            fee_rate: MARKETPLACE_FEE,
        };
        let identities = Arc::new(MemoryIdentities::new(clock.clone()));
        let (buyer, key) = account(&identities, clock.as_ref(), &entropy).await?;
        let url = seller.map_or_else(|| "https://seller.example/run".to_owned(), |at| format!("http://{at}/run"));
        directory.set_offer("free", offer(url, clock.as_ref(), &entropy));
        Ok(Self { gateway: Arc::new(gateway), clock, entropy, journal, upstream, identities, buyer, key })
    }

    /// One call, its headers read.
    pub(crate) fn request(&self) -> CallRequest {
        CallRequest {
            buyer: Buyer { profile: self.buyer, vault: Some(VaultSecret::of_api_key(&self.key)) },
            listing: "free".to_owned(),
            body: Bytes::from_static(BODY),
            relay_request: None,
            idempotency_key: None,
            origin: Origin::default(),
            payment: None,
        }
    }

    /// What the HTTP side is configured with: one thread, and limits that count and are never reached.
    pub(crate) fn http_config() -> HttpConfig {
        let rate_limits = RateLimits { gateway: Rate::per_minute(NO_LIMIT), ..RateLimits::default() };
        HttpConfig { workers: Some(1), rate_limits, shutdown_timeout: Duration::from_secs(1), ..HttpConfig::default() }
    }

    /// What it serves from.
    pub(crate) fn parts(&self, config: &HttpConfig) -> anyhow::Result<AppParts> {
        let as_port: Arc<dyn Clock> = self.clock.clone();
        let catalogue = Arc::new(MemoryCatalogue::new(self.clock.clone(), self.identities.clone()));
        Ok(AppParts {
            gateway: Arc::clone(&self.gateway),
            books: self.journal.clone(),
            upstream: Arc::clone(&self.upstream),
            identity: Arc::new(IdentityService::new(
                self.identities.clone(),
                self.clock.clone(),
                self.entropy.clone(),
                ChallengeSealer::new([3; 32]),
                IdentityConfig::new("crochet.test", "https://crochet.test"),
            )),
            catalogue: Arc::new(CatalogueService::new(
                catalogue,
                Arc::new(MemoryGuard),
                self.clock.clone(),
                self.entropy.clone(),
                CatalogueConfig::new("https://crochet.test"),
            )),
            mock: None,
            relay_webhooks: None,
            x402: None,
            readiness: Arc::new(Well),
            observer: Arc::new(()),
            limiter: config.rate_limits.in_process(&as_port),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            runtime: Handle::try_current().context("outside of a runtime")?,
            tasks: TaskTracker::new(),
        })
    }
}

fn offer(url: String, clock: &dyn Clock, entropy: &SeededEntropy) -> Offer {
    Offer {
        listing: ListingId::new(clock.now(), entropy.bytes()),
        seller: ProfileId::new(clock.now(), entropy.bytes()),
        name: "Signals by the hour".to_owned(),
        price: Price::Free,
        is_public: true,
        is_available: true,
        endpoint: Some(Arc::new(Endpoint {
            url: url.into(),
            upstream_auth: None,
            signing_secrets: SigningSecrets { current: SigningSecret::generate([5; 32]), next: None },
            timeout: Duration::from_secs(30),
            max_request_bytes: 262_144,
            max_response_bytes: 1_048_576,
        })),
        is_endpoint_disabled: false,
        payout_address: None,
        payout_wallets: PayoutWallets::default(),
        former_price: None,
    }
}

async fn account(
    identities: &MemoryIdentities,
    clock: &dyn Clock,
    entropy: &SeededEntropy,
) -> anyhow::Result<(ProfileId, ApiKey)> {
    let now = clock.now();
    let id = ProfileId::new(now, entropy.bytes());
    let profile = Profile {
        id,
        display_name: "somebody".to_owned(),
        account_type: AccountType::Agent,
        role: ProfileRole::Buyer,
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
        address: EvmSigner::from_bytes(entropy.bytes()).context("no wallet came of this")?.address(),
        is_primary: true,
        capabilities: Capabilities::all(),
        status: WalletStatus::Active,
        created_at: now,
    };
    let key = ApiKey::generate(entropy.bytes());
    let stored = StoredApiKey {
        id: ApiKeyId::new(now, entropy.bytes()),
        profile: id,
        name: "test".to_owned(),
        prefix: key.prefix(),
        hash: key.hash(),
        scopes: Scopes::all(),
        created_at: now,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    identities.register(&profile, &wallet, &stored).await.context("the account cannot be made")?;
    Ok((id, key))
}
