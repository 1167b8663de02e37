//! A market whose listing can be paid by x402: a chain, a facilitator that checks, and a payer without an account.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use crochet::config::Settings;
use crochet::demo::agent::bytes;
use crochet::demo::client::Answer;
use crochet_facilitator::testing::{TestChain, TestFacilitator, TestPayer};
use crochet_wallet::WalletAddress;
use crochet_x402::{Asset, Authorization, Network, encode};
use http::Method;
use serde_json::{Value, json};

use super::relay::now;
use super::{Market, TestGateway, TestSeller, publish, register};

/// What a call costs, in base units of USDC.
pub(crate) const PRICE: u64 = 10_000;
/// What the payer begins with.
pub(crate) const FUNDS: u64 = 1_000_000;

/// On an EVM chain, unless said otherwise.
pub(crate) struct X402Market<Chain = TestChain, Payer = TestPayer> {
    pub(crate) market: Market,
    pub(crate) chain: Chain,
    pub(crate) facilitator: TestFacilitator,
    pub(crate) payer: Payer,
}

impl X402Market {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let chain = TestChain::start(Asset::usdc(Network::BASE_SEPOLIA).unwrap(), now() / 1000).await.unwrap();
        let facilitator = TestFacilitator::start(&chain).await.unwrap();
        let payer = TestPayer::new(7).unwrap();
        chain.mint(&payer.address(), FUNDS);
        let gateway = TestGateway::with(|settings| {
            paid_on(settings, Network::BASE_SEPOLIA, chain.url(), &facilitator);
            change(settings);
        })
        .await;
        let seller = TestSeller::start();
        let provider = register(&gateway.api, "provider", false).await;
        let buyer = register(&gateway.api, "buyer", false).await;
        let fields = json!({ "pricing_model": "per_call", "pricing_amount": 0.01 });
        let listing = publish(&provider, seller.url(), fields).await;
        Self { market: Market { gateway, seller, provider, buyer, listing }, chain, facilitator, payer }
    }

    /// An authorization of what the terms ask for, good for a minute.
    pub(crate) fn authorize(&self, terms: &Value) -> Authorization {
        let accepted = &terms["accepts"][0];
        let value = accepted["amount"].as_str().unwrap().parse().unwrap();
        let to = accepted["payTo"].as_str().unwrap().parse().unwrap();
        self.payer.authorize(&self.chain.asset(), &to, value, self.in_seconds(60))
    }

    /// So many seconds from the chain's now.
    pub(crate) fn in_seconds(&self, seconds: i64) -> DateTime<Utc> {
        let now = DateTime::from_timestamp(i64::try_from(self.chain.now()).unwrap(), 0).unwrap();
        now + TimeDelta::seconds(seconds)
    }

    /// A new payment of the terms, as `PAYMENT-SIGNATURE`.
    pub(crate) async fn payment(&self) -> String {
        let terms = self.terms().await;
        encode(&TestPayer::v2(&terms, &self.authorize(&terms)))
    }

    /// What the payer has paid, as the chain has it.
    pub(crate) fn paid(&self) -> u64 {
        let transfers = self.chain.transfers();
        transfers
            .iter()
            .filter(|transfer| transfer.from == self.payer.address())
            .map(|transfer| transfer.base_units)
            .sum()
    }
}

impl<Chain, Payer> X402Market<Chain, Payer> {
    /// Sends to the listing without an API key.
    pub(crate) async fn send(&self, headers: &[(&str, &str)], body: Option<Bytes>) -> Answer {
        self.send_to(self.market.listing_id(), headers, body).await
    }

    pub(crate) async fn send_to(&self, listing: &str, headers: &[(&str, &str)], body: Option<Bytes>) -> Answer {
        self.market.gateway.api.send(Method::POST, &format!("/gateway/{listing}"), headers, body).await.unwrap()
    }

    /// The terms of a 402, as v2 clients read them.
    pub(crate) async fn terms(&self) -> Value {
        required(&self.send(&[], None).await.expect(402).unwrap())
    }

    /// Where the seller is paid.
    pub(crate) async fn seller_address(&self) -> WalletAddress {
        let me = self.market.provider.send(Method::GET, "/me", &[], None).await.unwrap().expect(200).unwrap();
        me.text("/data/wallets/0/address").unwrap().parse().unwrap()
    }

    /// Calls with a payment of v2.
    pub(crate) async fn pay(&self, payment: &str, body: &Bytes) -> Answer {
        self.send(&[("payment-signature", payment)], Some(body.clone())).await
    }

    /// The same until it is answered with anything but 202.
    pub(crate) async fn settle(&self, payment: &str, body: &Bytes) -> Answer {
        for _ in 0..100 {
            let answer = self.pay(payment, body).await;
            if answer.status != 202 {
                return answer;
            }
        }
        panic!("still answered with 202")
    }

    /// What the URL of a 202 says, to whoever asks.
    pub(crate) async fn status(&self, accepted: &Answer) -> Value {
        let path = accepted.text("/data/status_url").unwrap().strip_prefix("/api/v1").unwrap().to_owned();
        let answer = self.market.gateway.api.send(Method::GET, &path, &[], None).await.unwrap().expect(200).unwrap();
        answer.at("/data").clone()
    }

    /// Every entry of the ledger: what the books say was paid, in micro-dollars, and how many rows there are.
    pub(crate) fn booked(&self) -> (String, String) {
        let gross =
            "SELECT coalesce(sum(amount_micros), 0)::bigint FROM ledger_entries WHERE entry_type = 'gateway_payment'";
        (self.market.gateway.sql(gross), self.market.gateway.sql("SELECT count(*) FROM ledger_entries"))
    }
}

/// Lets a gateway be paid on this network, and look at every payment whenever it is asked.
pub(crate) fn paid_on(settings: &mut Settings, network: Network, rpc_url: &str, facilitator: &TestFacilitator) {
    settings.x402_facilitator_urls = Some(vec![facilitator.url().to_owned()]);
    settings.x402_networks = Some(vec![network.to_string()]);
    settings.x402_rpc_urls = Some(rpc_url.to_owned());
    settings.check_interval_millis = Some(0);
    // The sweeper looks once, when there is nothing to see.
    settings.sweep_interval_millis = Some(3_600_000);
}

/// What `PAYMENT-REQUIRED` says.
pub(crate) fn required(answer: &Answer) -> Value {
    header(answer, "payment-required").unwrap()
}

/// What `PAYMENT-RESPONSE` says, where there is one.
pub(crate) fn receipt(answer: &Answer) -> Option<Value> {
    header(answer, "payment-response")
}

pub(crate) fn header(answer: &Answer, name: &str) -> Option<Value> {
    use base64::Engine;
    let value = answer.headers.get(name)?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_bytes()).unwrap();
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// A body of its own.
pub(crate) fn body(task: &str) -> Bytes {
    bytes(&json!({ "task": task }))
}
