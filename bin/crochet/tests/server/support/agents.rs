//! Agents that are registered, listings that are published, and calls that are paid for.

use bytes::Bytes;
use crochet::demo::agent::{Agent, Wallet, bytes};
use crochet::demo::client::{Answer, ApiClient};
use crochet::demo::screen::Screen;
use http::Method;
use serde_json::{Value, json};

use super::{TestGateway, TestSeller};

/// Registers an agent with a new EVM wallet, or a Solana wallet.
pub(crate) async fn register(api: &ApiClient, name: &str, is_solana: bool) -> Agent {
    let wallet = if is_solana { Wallet::new_solana() } else { Wallet::new_evm().unwrap() };
    Agent::register(api, &wallet, name, &Screen::default()).await.unwrap()
}

/// A gateway with a seller, its listing, and a buyer.
pub(crate) struct Market {
    pub(crate) gateway: TestGateway,
    pub(crate) seller: TestSeller,
    pub(crate) provider: Agent,
    pub(crate) buyer: Agent,
    /// The listing as it was created.
    pub(crate) listing: Value,
}

/// A call that is paid for and not delivered yet.
pub(crate) struct Paid {
    pub(crate) relay_id: String,
    pub(crate) body: Bytes,
}

impl Market {
    /// With a listing at $0.01 a call.
    pub(crate) async fn open() -> Self {
        Self::with(TestGateway::start().await, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await
    }

    /// With a free listing that has an endpoint.
    pub(crate) async fn open_free() -> Self {
        Self::with(TestGateway::start().await, json!({ "pricing_model": "free" })).await
    }

    /// With a listing that has these fields besides the usual ones.
    pub(crate) async fn with(gateway: TestGateway, fields: Value) -> Self {
        let seller = TestSeller::start();
        let provider = register(&gateway.api, "provider", true).await;
        let buyer = register(&gateway.api, "buyer", false).await;
        let listing = publish(&provider, seller.url(), fields).await;
        Self { gateway, seller, provider, buyer, listing }
    }

    pub(crate) fn listing_id(&self) -> &str {
        self.listing["id"].as_str().unwrap()
    }

    pub(crate) fn signing_secret(&self) -> &str {
        self.listing["gateway_endpoint"]["signing_secret"].as_str().unwrap()
    }

    /// Calls the listing as the buyer.
    pub(crate) async fn call(&self, relay_id: Option<&str>, body: &Bytes) -> Answer {
        let headers: Vec<_> = relay_id.map(|id| ("x-crochet-relay-request-id", id)).into_iter().collect();
        self.call_with(&headers, body).await
    }

    /// The same, with these headers.
    pub(crate) async fn call_with(&self, headers: &[(&str, &str)], body: &Bytes) -> Answer {
        let path = format!("/gateway/{}", self.listing_id());
        self.buyer.send(Method::POST, &path, headers, Some(body.clone())).await.unwrap()
    }

    /// A new call with a body of its own, as far as its terms; answers its relay request id.
    pub(crate) async fn quoted(&self, task: &str) -> Paid {
        let body = bytes(&json!({ "task": task }));
        let answer = self.call(None, &body).await.expect(402).unwrap();
        Paid { relay_id: answer.text("/data/relay_request_id").unwrap().to_owned(), body }
    }

    /// A new call that is quoted and paid.
    pub(crate) async fn paid(&self, task: &str) -> Paid {
        let call = self.quoted(task).await;
        pay(&self.gateway.api, &call.relay_id, json!({})).await.expect(200).unwrap();
        call
    }

    /// Retries a call until it is answered with anything but 202.
    pub(crate) async fn settle(&self, call: &Paid) -> Answer {
        for _ in 0..100 {
            let answer = self.call(Some(&call.relay_id), &call.body).await;
            if answer.status != 202 {
                return answer;
            }
        }
        panic!("{} is still answered with 202", call.relay_id)
    }

    /// The ledger rows of both sides.
    pub(crate) async fn ledger(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        for agent in [&self.buyer, &self.provider] {
            let page = agent.send(Method::GET, "/ledger?limit=100", &[], None).await.unwrap().expect(200).unwrap();
            rows.extend(page.at("/data").as_array().unwrap().iter().cloned());
        }
        rows
    }
}

/// Publishes a listing with these fields besides the usual ones, and answers it.
pub(crate) async fn publish(provider: &Agent, url: &str, fields: Value) -> Value {
    let mut body = json!({
        "name": "Test Capability",
        "description": "Answers whatever a test tells it to answer.",
        "private_endpoint_url": url,
    });
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    provider.publish(body, &Screen::default()).await.unwrap().at("/data").clone()
}

/// Pays at the mock provider.
pub(crate) async fn pay(api: &ApiClient, relay_id: &str, body: Value) -> Answer {
    api.send(Method::POST, &format!("/mock-provider/payments/{relay_id}/pay"), &[], Some(bytes(&body))).await.unwrap()
}
