//! A chain, its facilitators, a payer, and the adapter over them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use crochet_facilitator::testing::{TestChain, TestFacilitator, TestPayer};
use crochet_facilitator::{
    FacilitatorConfig, FacilitatorEndpoint, FacilitatorTimes, Facilitators, PaidNetwork, VerificationLimits,
};
use crochet_primitives::testing::ManualClock;
use crochet_primitives::{Clock, Computing, Timestamp, TooMuchToCompute};
use crochet_relay::ports::HeaderPayments;
use crochet_relay::{
    BY_HEADER, Claimed, FeeStatus, HeaderOffer, HeaderPayment, Observation, OriginCurrency, Terms, Verification,
};
use crochet_wallet::WalletAddress;
use crochet_x402::{Asset, Authorization, DecodedPayment, Network, Offer, PaymentRequired, Resource, decode, encode};
use secrecy::SecretString;
use serde_json::Value;

pub(crate) const PRICE: u64 = 10_000;
pub(crate) const FINALITY: u64 = 20;
pub(crate) const URL: &str = "https://gateway.example/api/v1/gateway";

/// Where nothing is computed: there is no room.
pub(crate) struct NoRoom;

#[async_trait]
impl Computing for NoRoom {
    async fn run(&self, _: Box<dyn FnOnce() + Send>) -> Result<(), TooMuchToCompute> {
        Err(TooMuchToCompute)
    }
}

/// Everything that one test needs.
pub(crate) struct Scene {
    pub(crate) chain: TestChain,
    pub(crate) first: TestFacilitator,
    pub(crate) second: TestFacilitator,
    pub(crate) payer: TestPayer,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) payments: Facilitators,
}

pub(crate) fn usdc() -> Asset {
    Asset::usdc(Network::BASE_SEPOLIA).unwrap()
}

pub(crate) fn seller() -> WalletAddress {
    WalletAddress::from_evm_bytes([0x5e; 20])
}

pub(crate) fn config(chain: &TestChain, facilitators: &[&TestFacilitator]) -> FacilitatorConfig {
    let endpoint = |facilitator: &&TestFacilitator| FacilitatorEndpoint {
        url: facilitator.url().to_owned(),
        bearer_token: Some(SecretString::from("a-token-nobody-may-see")),
    };
    FacilitatorConfig {
        facilitators: facilitators.iter().map(endpoint).collect(),
        networks: vec![PaidNetwork {
            asset: chain.asset(),
            rpc_url: SecretString::from(chain.url()),
            finality_seconds: FINALITY.try_into().unwrap(),
        }],
        resource_url: URL.to_owned(),
        times: FacilitatorTimes {
            verify_attempt: Duration::from_millis(700),
            settle: Duration::from_millis(700),
            rpc_attempt: Duration::from_millis(700),
            ..FacilitatorTimes::default()
        },
        verifications: VerificationLimits::default(),
    }
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With a configuration that is changed first.
    pub(crate) async fn with(change: impl FnOnce(&mut FacilitatorConfig)) -> Self {
        let clock = Arc::new(ManualClock::default());
        let chain = TestChain::start(usdc(), clock.now().timestamp().try_into().unwrap()).await.unwrap();
        let (first, second) =
            (TestFacilitator::start(&chain).await.unwrap(), TestFacilitator::start(&chain).await.unwrap());
        let payer = TestPayer::new(7).unwrap();
        chain.mint(&payer.address(), 1_000_000);
        let mut config = config(&chain, &[&first, &second]);
        change(&mut config);
        let payments = Facilitators::new(config, clock.clone()).unwrap();
        Self { chain, first, second, payer, clock, payments }
    }

    /// In so many seconds, by the gateway's clock, which the chain's follows.
    pub(crate) fn after(&self, seconds: i64) -> Timestamp {
        self.clock.now() + TimeDelta::seconds(seconds)
    }

    /// Time goes by, for the gateway and on the chain.
    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.chain.mine(seconds);
    }

    /// What a payer signs who wants to pay the price to the seller within a minute.
    pub(crate) fn authorization(&self) -> Authorization {
        self.payer.authorize(&usdc(), &seller(), PRICE, self.after(60))
    }

    /// The same, as a payment of v2.
    pub(crate) fn payment(&self) -> HeaderPayment {
        v2(&self.authorization())
    }

    pub(crate) async fn verify(&self, payment: &HeaderPayment) -> Verification {
        self.payments.verify(payment, &way(payment)).await
    }

    /// Verifies a payment that is good, and makes the terms of its call as the relay does.
    pub(crate) async fn verified(&self, payment: &HeaderPayment) -> Terms {
        match self.verify(payment).await {
            Verification::Valid { evidence } => terms(payment, evidence),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn check(&self, terms: &Terms) -> Observation {
        self.payments.check(terms).await
    }

    pub(crate) async fn submit(&self, payment: &HeaderPayment, terms: &Terms) -> Observation {
        self.payments.submit(payment, terms).await
    }

    /// Once it can never be used any more, and the chain will not take that back.
    pub(crate) fn let_it_expire(&self) {
        self.pass(60 + FINALITY);
    }

    /// Money moved exactly once, at the price, to the seller.
    pub(crate) fn assert_paid_once(&self, observation: &Observation, payment: &HeaderPayment) {
        let transfers = self.chain.transfers();
        assert_eq!(transfers.len(), 1, "{transfers:?}");
        assert_eq!((transfers[0].to, transfers[0].base_units), (seller(), PRICE));
        assert_eq!(self.chain.balance(&seller()), u128::from(PRICE));
        let Observation::Arrived(arrived) = observation else { panic!("{observation:?}") };
        let terms = terms(payment, Value::Null);
        assert_eq!(arrived.len(), 1);
        assert!(terms.is_covered_by(&arrived[0]), "{arrived:?}");
        assert_eq!(arrived[0].reference, payment.reference());
        assert_eq!(arrived[0].base_units, PRICE);
        assert_eq!(arrived[0].transaction.as_deref(), Some(transfers[0].transaction.as_str()));
    }
}

/// The offer of the price in the payment's own asset.
pub(crate) fn way(payment: &HeaderPayment) -> HeaderOffer {
    HeaderOffer {
        scheme: "exact",
        network: payment.network.clone(),
        asset: payment.asset.clone(),
        recipient: seller().canonical(),
        pays_into: seller().canonical(),
        fee_payer: None,
        base_units: PRICE,
    }
}

/// The payment that a client of v2 makes of an authorization, as the gateway reads it.
pub(crate) fn v2(authorization: &Authorization) -> HeaderPayment {
    let offer = Offer { asset: usdc(), pay_to: seller(), fee_payer: None, base_units: PRICE, max_timeout_seconds: 60 };
    let required = PaymentRequired::new(&Resource::new(URL, "Weather"), &[offer], "Pay.")
        .with_extension("crochet", serde_json::json!({ "info": { "terms": "t1.secret.token" } }));
    read(&TestPayer::v2(&required.v2(), authorization), &usdc(), None)
}

/// The same of v1.
pub(crate) fn v1(authorization: &Authorization) -> HeaderPayment {
    read(&TestPayer::v1("base-sepolia", authorization), &usdc(), None)
}

/// A payment as the gateway reads it from its header; `until` when it is good where it does not say so itself.
pub(crate) fn read(payment: &Value, asset: &Asset, until: Option<Timestamp>) -> HeaderPayment {
    let payment: DecodedPayment = decode(&encode(payment), std::slice::from_ref(asset)).unwrap();
    HeaderPayment {
        scheme: payment.scheme,
        network: payment.network.to_string(),
        asset: payment.asset,
        payer: payment.payer,
        recipient: payment.recipient,
        base_units: payment.base_units,
        nonce: payment.nonce,
        valid_after: payment.valid_after,
        valid_before: payment.valid_before.or(until).unwrap(),
        promised: None,
        secret_sha256: None,
        payload: payment.payload,
    }
}

/// The terms of a call that was admitted with this payment.
pub(crate) fn terms(payment: &HeaderPayment, evidence: Value) -> Terms {
    Terms {
        provider: BY_HEADER.to_owned(),
        provider_request_id: payment.reference(),
        scheme: payment.scheme.clone(),
        network: payment.network.clone(),
        origin_currency: OriginCurrency::Usdc,
        origin_chain_id: 84532,
        instructions: evidence,
        asset: payment.asset.clone(),
        recipient: seller().canonical(),
        expected_base_units: PRICE,
        fee_status: FeeStatus::Accrued,
        expires_at: payment.valid_before,
        claimed: Some(Claimed {
            payer: payment.payer.canonical(),
            nonce: payment.nonce.clone(),
            valid_before: payment.valid_before,
            secret_sha256: None,
        }),
    }
}
