//! A gateway over ports in memory, with one paid or free listing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, Price};
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_primitives::{Clock, EntropyExt, ListingId, PageRequest, ProfileId, WalletId};
use crochet_relay::memory::{
    MemoryDirectory, MemoryJournal, MemoryPayers, ScriptedChain, ScriptedProvider, ScriptedUpstream,
};
use crochet_relay::ports::{
    Books, Claimant, Directory, Journal, LedgerQuery, Offer, PayableQuery, PayoutWallets, ProviderReports,
};
use crochet_relay::{
    BY_HEADER, Buyer, CallRequest, Endpoint, Gateway, GatewayError, HeaderPayment, HeaderTerms, Observation, Origin,
    PaidRequest, PayerWallet, Payment, Policy, Providers, Reconciler, Record, Reply, Sweeper, Terms,
};
use crochet_secrets::{ApiKey, VaultSecret};
use crochet_signing::{SigningSecret, SigningSecrets};
use crochet_wallet::Chain;

/// Where the seller is paid.
pub(crate) const PAYOUT: &str = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) directory: Arc<MemoryDirectory>,
    pub(crate) provider: Arc<ScriptedProvider>,
    pub(crate) upstream: Arc<ScriptedUpstream>,
    pub(crate) chain: Arc<ScriptedChain>,
    gateway: Gateway,
    entropy: Arc<SeededEntropy>,
    buyer: Buyer,
    seller: ProfileId,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Price::per_call(MicroUsd::from_micros(10_000)).unwrap())
    }

    pub(crate) fn free() -> Self {
        Self::with(Price::Free)
    }

    fn with(price: Price) -> Self {
        let clock = Arc::new(ManualClock::default());
        let entropy = Arc::new(SeededEntropy::new(1));
        let policy = Policy::default();
        let journal = Arc::new(MemoryJournal::new(clock.clone(), entropy.clone(), policy.clone()));
        let directory = Arc::new(MemoryDirectory::default());
        let provider = Arc::new(ScriptedProvider::default());
        let upstream = Arc::new(ScriptedUpstream::default());
        let chain = Arc::new(ScriptedChain::default());
        let gateway = Gateway {
            journal: journal.clone(),
            directory: directory.clone(),
            provider: Arc::new(Providers { by_quote: provider.clone(), by_header: Some(chain.clone()) }),
            header_payments: Some(chain.clone()),
            payers: Arc::new(MemoryPayers::default()),
            upstream: upstream.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            policy,
            fee_rate: MARKETPLACE_FEE,
        };
        let now = clock.now();
        let buyer = Buyer {
            profile: ProfileId::new(now, entropy.bytes()),
            vault: Some(VaultSecret::of_api_key(&ApiKey::generate(entropy.bytes()))),
        };
        let seller = ProfileId::new(now, entropy.bytes());
        let wallet = PayerWallet {
            id: WalletId::new(now, entropy.bytes()),
            chain: Chain::Evm,
            address: "0x2c7536e3605d9c16a7a3d7b1898e529396a65c23".to_owned(),
            is_primary: true,
        };
        directory.set_wallets(buyer.profile, vec![wallet]);
        let world = Self { clock, journal, directory, provider, upstream, chain, gateway, entropy, buyer, seller };
        world.add_listing("first", price);
        world.add_listing("second", price);
        world
    }

    fn add_listing(&self, slug: &str, price: Price) {
        let offer = Offer {
            listing: ListingId::new(self.clock.now(), self.entropy.bytes()),
            seller: self.seller,
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

    pub(crate) fn listing(&self) -> String {
        "first".to_owned()
    }

    pub(crate) fn second_listing(&self) -> String {
        "second".to_owned()
    }

    pub(crate) fn give_endpoint_back(&self) {
        self.directory.change_offer("first", |offer| offer.endpoint = Some(endpoint()));
    }

    pub(crate) fn another_buyer(&self) -> Buyer {
        Buyer { profile: ProfileId::new(self.clock.now(), self.entropy.bytes()), ..self.buyer.clone() }
    }

    pub(crate) fn request(&self) -> CallRequest {
        CallRequest {
            buyer: self.buyer.clone(),
            listing: self.listing(),
            body: Bytes::from_static(b"{\"task\": 1}"),
            relay_request: None,
            idempotency_key: None,
            origin: Origin::default(),
            payment: None,
        }
    }

    pub(crate) fn retry(&self, record: &Record) -> CallRequest {
        CallRequest { relay_request: Some(record.id), ..self.request() }
    }

    /// The same gateway by another clock, over the same storage.
    pub(crate) fn by_clock(&self, clock: Arc<dyn Clock>) -> Gateway {
        Gateway { clock, ..self.gateway.clone() }
    }

    pub(crate) async fn call(&self, request: CallRequest) -> Reply {
        self.try_call(request).await.unwrap()
    }

    pub(crate) async fn try_call(&self, request: CallRequest) -> Result<Reply, GatewayError> {
        self.gateway.call(&request).await
    }

    pub(crate) async fn pay_by_header(&self, request: PaidRequest) -> Reply {
        self.gateway.call_paid_by_header(&request).await.unwrap()
    }

    pub(crate) async fn header_terms(&self, listing: &str) -> HeaderTerms {
        self.gateway.header_terms(listing).await.unwrap()
    }

    /// The listings that anybody can find, and how many there are.
    pub(crate) async fn discovered(&self) -> (Vec<ListingId>, u64) {
        let found = self.gateway.discover(PayableQuery { limit: 10, offset: 0, is_brief: false }).await.unwrap();
        assert!(
            found.items.iter().all(|(payable, ways)| Some(&ways[0].recipient) == payable.payout_wallets.evm.as_ref())
        );
        (found.items.into_iter().map(|(payable, _)| payable.listing).collect(), found.total)
    }

    pub(crate) async fn listing_id(&self, slug: &str) -> ListingId {
        self.directory.offer(slug).await.unwrap().unwrap().listing
    }

    /// The use case that compares our books with the scripted provider, and with what these report.
    pub(crate) fn reconciler(&self, reports: Vec<Arc<dyn ProviderReports>>, repairs: bool) -> Reconciler {
        Reconciler {
            store: self.journal.clone(),
            books: self.journal.clone(),
            journal: self.journal.clone(),
            provider: self.provider.clone(),
            reports,
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            pause: Duration::ZERO,
            repairs,
        }
    }

    /// The call that a payment was claimed for.
    pub(crate) async fn seen(&self, payment: &HeaderPayment) -> Record {
        match self.journal.find_by_reference(BY_HEADER, &payment.reference()).await.unwrap() {
            Claimant::Call(seen) => seen.record,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn terms_of(&self, payment: &HeaderPayment) -> Terms {
        self.seen(payment).await.terms.unwrap()
    }

    pub(crate) fn payment(&self, record: &Record, reference: &str) -> Payment {
        ScriptedProvider::payment_for(record.terms.as_ref().unwrap(), reference)
    }

    pub(crate) fn pay(&self, record: &Record, reference: &str) {
        self.provider.sees_from_now_on(Observation::Arrived(vec![self.payment(record, reference)]));
    }

    pub(crate) fn pay_less(&self, record: &Record, reference: &str) {
        let payment = Payment { base_units: 9_999, ..self.payment(record, reference) };
        self.provider.sees_from_now_on(Observation::Arrived(vec![payment]));
    }

    pub(crate) fn sweeper(&self) -> Sweeper {
        Sweeper {
            journal: self.journal.clone(),
            sweeps: self.journal.clone(),
            provider: Arc::new(Providers { by_quote: self.provider.clone(), by_header: Some(self.chain.clone()) }),
            check_interval: Policy::default().check_interval,
        }
    }

    pub(crate) async fn ledger_rows(&self) -> usize {
        let mut rows = 0;
        for profile in [self.buyer.profile, self.seller] {
            let page = PageRequest::Numbered { page: 1, limit: 100 };
            rows += self.journal.ledger(&LedgerQuery::of(profile, page)).await.unwrap().items.len();
        }
        rows
    }
}

fn endpoint() -> Arc<Endpoint> {
    Arc::new(Endpoint {
        url: "https://seller.example/private".into(),
        upstream_auth: None,
        signing_secrets: SigningSecrets { current: SigningSecret::generate([5; 32]), next: None },
        timeout: Duration::from_secs(30),
        max_request_bytes: 262_144,
        max_response_bytes: 1_048_576,
    })
}

/// The call that a reply asks to pay for.
pub(crate) fn required(reply: Reply) -> Record {
    match reply {
        Reply::PaymentRequired { record, .. } => *record,
        other => panic!("not a 402: {other:?}"),
    }
}

/// The call, the body, and whether it is a replay.
pub(crate) fn delivered(reply: Reply) -> (Record, Bytes, bool) {
    match reply {
        Reply::Delivered { record, body: Some(body), replayed, .. } => (*record, body, replayed),
        other => panic!("not delivered: {other:?}"),
    }
}
