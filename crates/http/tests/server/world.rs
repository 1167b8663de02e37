//! A server over ports in memory, with a buyer, a seller, and one paid and one free listing.

use std::net::{SocketAddr, TcpListener};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use crochet_http::{AppParts, BoundedComputing, ComputingLimits, Environment, HttpConfig, RateLimits, X402, serve};
use crochet_market::catalogue::{CatalogueConfig, CatalogueService};
use crochet_market::identity::{IdentityConfig, IdentityService};
use crochet_market::memory::{MemoryCatalogue, MemoryGuard, MemoryIdentities};
use crochet_market::ports::Identities;
use crochet_market::{ProfileRole, Scope, Scopes};
use crochet_pow::{ChallengeSealer, Difficulty, solve};
use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, Price};
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_primitives::{CallId, Clock, Computing, EntropyExt, ListingId, ProfileId, WalletId};
use crochet_relay::memory::{
    MemoryDirectory, MemoryJournal, MemoryPayers, ScriptedChain, ScriptedProvider, ScriptedUpstream,
};
use crochet_relay::ports::{Offer, PayoutWallets};
use crochet_relay::{Endpoint, Gateway, Observation, PayerWallet, Policy, Providers, WebhookIntake};
use crochet_signing::{SigningSecret, SigningSecrets};
use crochet_wallet::{Chain, EvmSigner};
use crochet_x402::{Asset, Network, TermsKey};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::client::{Answer, Request};
use crate::people::{Account, account, new_key};
use crate::surroundings::{PanickingSeller, Probe, Sealed, Till};

pub(crate) const PAID: &str = "/api/v1/gateway/paid";
pub(crate) const FREE: &str = "/api/v1/gateway/free";
/// Where the seller is paid.
pub(crate) const PAYOUT: &str = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
pub(crate) const BODY: &str = "{\"task\": \"run\",  \"n\": 1.50}";

pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) directory: Arc<MemoryDirectory>,
    pub(crate) provider: Arc<ScriptedProvider>,
    pub(crate) upstream: Arc<ScriptedUpstream>,
    pub(crate) handle: ServerHandle,
    pub(crate) tasks: TaskTracker,
    /// Where signatures are checked: one at a time, and one may wait.
    pub(crate) computing: Arc<dyn Computing>,
    /// How often readiness was looked into.
    pub(crate) looks: Arc<AtomicU32>,
    pub(crate) buyer: Account,
    pub(crate) seller: Account,
    identities: Arc<MemoryIdentities>,
    entropy: Arc<SeededEntropy>,
}

impl World {
    /// Rate limits are off: they are tested where they are on.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut HttpConfig)) -> Self {
        let clock = Arc::new(ManualClock::default());
        let entropy = Arc::new(SeededEntropy::new(1));
        let policy = Policy::default();
        let journal = Arc::new(MemoryJournal::new(clock.clone(), entropy.clone(), policy.clone()));
        let directory = Arc::new(MemoryDirectory::default());
        let provider = Arc::new(ScriptedProvider::new("mock"));
        let upstream = Arc::new(ScriptedUpstream::default());
        let chain = Arc::new(ScriptedChain::default());
        let seller = Arc::new(PanickingSeller { seller: upstream.clone() });
        let gateway = Gateway {
            journal: journal.clone(),
            directory: directory.clone(),
            provider: Arc::new(Providers { by_quote: provider.clone(), by_header: Some(chain.clone()) }),
            header_payments: Some(chain.clone()),
            payers: Arc::new(MemoryPayers::default()),
            upstream: seller.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            policy,
            fee_rate: MARKETPLACE_FEE,
        };
        let identities = Arc::new(MemoryIdentities::new(clock.clone()));
        let mut identity = IdentityConfig::new("crochet.test", "https://crochet.test");
        identity.difficulty = Difficulty::new(1).unwrap();
        let mut catalogue = CatalogueConfig::new("https://crochet.test");
        catalogue.difficulty = Difficulty::new(1).unwrap();
        let mut config = HttpConfig {
            public_url: "https://crochet.test".to_owned(),
            workers: Some(2),
            rate_limits: RateLimits { enabled: false, ..RateLimits::default() },
            shutdown_timeout: Duration::from_secs(10),
            ..HttpConfig::default()
        };
        change(&mut config);
        let as_port: Arc<dyn Clock> = clock.clone();
        let tasks = TaskTracker::new();
        let looks = Arc::<AtomicU32>::default();
        let computing: Arc<dyn Computing> = Arc::new(BoundedComputing::new(ComputingLimits { running: 1, waiting: 1 }));
        let parts = AppParts {
            gateway: Arc::new(gateway),
            books: journal.clone(),
            upstream: seller,
            identity: Arc::new(
                IdentityService::new(
                    identities.clone(),
                    clock.clone(),
                    entropy.clone(),
                    ChallengeSealer::new([3; 32]),
                    identity,
                )
                .computing(computing.clone()),
            ),
            catalogue: Arc::new(CatalogueService::new(
                Arc::new(MemoryCatalogue::new(clock.clone(), identities.clone())),
                Arc::new(MemoryGuard),
                clock.clone(),
                entropy.clone(),
                catalogue,
            )),
            mock: Some(Arc::new(Till { journal: journal.clone() })),
            relay_webhooks: Some(Arc::new(WebhookIntake { webhooks: Arc::new(Sealed), sweeps: journal.clone() })),
            x402: Some(Arc::new(X402::new(vec![Asset::usdc(Network::BASE).unwrap()], TermsKey::new([5; 32])))),
            readiness: Arc::new(Probe {
                is_ready: config.environment == Environment::Development,
                looks: looks.clone(),
            }),
            observer: Arc::new(()),
            limiter: config.rate_limits.in_process(&as_port),
            clock: clock.clone(),
            entropy: entropy.clone(),
            runtime: Handle::current(),
            tasks: tasks.clone(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (server, handle) = serve(&config, parts, listener).unwrap();
        tokio::spawn(server);
        let buyer = account(&identities, &*clock, &entropy, ProfileRole::Buyer, Scopes::all()).await;
        let seller = account(&identities, &*clock, &entropy, ProfileRole::Both, Scopes::all()).await;
        let world = Self {
            address,
            clock,
            journal,
            directory,
            provider,
            upstream,
            handle,
            tasks,
            computing,
            looks,
            buyer,
            seller,
            identities,
            entropy,
        };
        world.may_pay(world.buyer.id);
        world.offer("paid", Price::per_call(MicroUsd::from_micros(10_000)).unwrap());
        world.offer("free", Price::Free);
        world
    }

    /// A further buyer, whose key has these scopes alone.
    pub(crate) async fn account(&self, scopes: &[Scope]) -> Account {
        let scopes = scopes.iter().copied().collect();
        let account = account(&self.identities, &*self.clock, &self.entropy, ProfileRole::Both, scopes).await;
        self.may_pay(account.id);
        account
    }

    /// A further key of the buyer.
    pub(crate) async fn second_key(&self) -> String {
        self.further_key(self.buyer.id, &[Scope::Read, Scope::Write, Scope::Gateway]).await
    }

    /// A further key of somebody, with these scopes alone.
    pub(crate) async fn further_key(&self, profile: ProfileId, scopes: &[Scope]) -> String {
        let scopes = scopes.iter().copied().collect();
        let (key, stored) = new_key(profile, &*self.clock, &self.entropy, scopes);
        self.identities.issue_key(&stored, false, None).await.unwrap();
        key.expose().to_owned()
    }

    fn may_pay(&self, profile: ProfileId) {
        let id = WalletId::new(self.clock.now(), self.entropy.bytes());
        let wallet = PayerWallet { id, chain: Chain::Evm, address: "0x1".to_owned(), is_primary: true };
        self.directory.set_wallets(profile, vec![wallet]);
    }

    fn offer(&self, slug: &str, price: Price) {
        let offer = Offer {
            listing: ListingId::new(self.clock.now(), self.entropy.bytes()),
            seller: self.seller.id,
            name: "Weather by the hour".to_owned(),
            price,
            is_public: true,
            is_available: true,
            endpoint: Some(endpoint()),
            is_endpoint_disabled: false,
            payout_address: None,
            payout_wallets: PayoutWallets { evm: Some(PAYOUT.to_owned()), solana: None },
            former_price: None,
        };
        self.directory.set_offer(slug, offer);
    }

    pub(crate) fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.address, method, target)
    }

    pub(crate) fn get(&self, target: &str) -> Request {
        self.request("GET", target)
    }

    pub(crate) fn post(&self, target: &str) -> Request {
        self.request("POST", target)
    }

    /// The buyer's call of the paid listing.
    pub(crate) fn call(&self) -> Request {
        self.post(PAID).bearer(&self.buyer.key).json(BODY)
    }

    /// The same call again, by its id.
    pub(crate) fn retry(&self, id: &str) -> Request {
        self.call().header("X-Crochet-Relay-Request-Id", id)
    }

    /// Calls for the first time; the relay request id.
    pub(crate) async fn quote(&self) -> String {
        let answer = self.call().send().await;
        answer.refuses(402, "PAYMENT_REQUIRED")["data"]["relay_request_id"].as_str().unwrap().to_owned()
    }

    /// From now on the provider says that exactly what was asked for has arrived.
    pub(crate) fn pay(&self, id: &str) {
        self.pay_units(id, 10_000);
    }

    pub(crate) fn pay_units(&self, id: &str, base_units: u64) {
        let call = CallId::parse_relay_request_id(id).unwrap();
        let asks = self.provider.asks();
        let ask = asks.iter().find(|ask| ask.call == call).unwrap();
        let mut payment = ScriptedProvider::payment_for(&self.provider.terms_for(ask), &format!("pay-{id}"));
        payment.base_units = base_units;
        self.provider.sees_from_now_on(Observation::Arrived(vec![payment]));
    }

    /// Quotes, pays and delivers one call; its relay request id.
    pub(crate) async fn delivered(&self) -> String {
        let id = self.quote().await;
        self.pay(&id);
        self.retry(&id).send().await.data(200);
        self.provider.sees_from_now_on(Observation::Waiting);
        id
    }

    /// Pays for a call whose client hangs up once it is at the seller, who holds it; its relay request id.
    pub(crate) async fn hung_up_at_the_seller(&self) -> String {
        let id = self.quote().await;
        self.pay(&id);
        self.upstream.gate().close();
        let client = self.retry(&id).send_to_hang_up().await;
        self.upstream.gate().until_arrived(1).await;
        drop(client);
        id
    }

    /// A signed answer to a challenge of this purpose, to be completed with further fields.
    pub(crate) async fn signed_challenge(&self, signer: &EvmSigner, purpose: &str, key: Option<&str>) -> Value {
        let body = json!({ "wallet_address": signer.address().to_string(), "purpose": purpose });
        let request = self.post("/api/v1/auth/challenge").json(body.to_string());
        let request = match key {
            Some(key) => request.bearer(key),
            None => request,
        };
        let data = request.send().await.data(200);
        json!({
            "wallet_address": signer.address().to_string(),
            "signature": signer.sign(data["message"].as_str().unwrap()),
            "nonce": data["nonce"],
            "pow_nonce": solved(&data["pow"]),
        })
    }

    pub(crate) async fn register(&self, signer: &EvmSigner) -> Answer {
        let mut body = self.signed_challenge(signer, "register", None).await;
        body["display_name"] = json!("signal-bot");
        self.post("/api/v1/register").json(body.to_string()).send().await
    }
}

/// The nonce that solves `{"challenge","difficulty"}`.
pub(crate) fn solved(pow: &Value) -> String {
    let difficulty = Difficulty::new(u8::try_from(pow["difficulty"].as_u64().unwrap()).unwrap()).unwrap();
    solve(pow["challenge"].as_str().unwrap(), difficulty, |_| ControlFlow::Continue(())).unwrap().pow_nonce
}

pub(crate) fn endpoint() -> Arc<Endpoint> {
    Arc::new(Endpoint {
        url: "https://seller.example/private".into(),
        upstream_auth: None,
        signing_secrets: SigningSecrets { current: SigningSecret::generate([5; 32]), next: None },
        timeout: Duration::from_secs(30),
        max_request_bytes: 262_144,
        max_response_bytes: 1_048_576,
    })
}
