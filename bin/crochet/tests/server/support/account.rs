//! An agent whose every step can be taken apart: challenge, work, signature, key.

use std::ops::ControlFlow;

use crochet::demo::client::ApiClient;
use crochet::system::SystemEntropy;
use crochet_pow::{Difficulty, solve, verify};
use crochet_primitives::EntropyExt;
use crochet_wallet::{EvmSigner, SolanaSigner};
use serde_json::{Value, json};

use super::raw::{RawAnswer, RawRequest};

/// A wallet of either chain.
pub(crate) enum Signer {
    Evm(EvmSigner),
    Solana(SolanaSigner),
}

impl Signer {
    pub(crate) fn evm() -> Self {
        Self::Evm(EvmSigner::from_bytes(SystemEntropy.bytes()).unwrap())
    }

    pub(crate) fn solana() -> Self {
        Self::Solana(SolanaSigner::from_bytes(SystemEntropy.bytes()))
    }

    pub(crate) fn address(&self) -> String {
        match self {
            Self::Evm(signer) => signer.address().to_string(),
            Self::Solana(signer) => signer.address().to_string(),
        }
    }

    pub(crate) fn sign(&self, message: &str) -> String {
        match self {
            Self::Evm(signer) => signer.sign(message),
            Self::Solana(signer) => signer.sign(message),
        }
    }
}

/// A challenge as it was answered.
pub(crate) struct Challenge(pub(crate) Value);

impl Challenge {
    /// Asks for one, without a key.
    pub(crate) async fn ask(api: &ApiClient, wallet: &Signer, purpose: &str) -> Self {
        let body = json!({ "wallet_address": wallet.address(), "purpose": purpose });
        Self(RawRequest::new(api, "POST", "/auth/challenge").json(body.to_string()).send().await.data(200))
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    pub(crate) fn solved(&self) -> String {
        let (challenge, difficulty) = work(&self.0["pow"]);
        solve(challenge, difficulty, |_| ControlFlow::Continue(())).unwrap().pow_nonce
    }

    pub(crate) fn unsolved(&self) -> String {
        let (challenge, difficulty) = work(&self.0["pow"]);
        (0_u32..).map(|nonce| nonce.to_string()).find(|nonce| !verify(challenge, nonce, difficulty)).unwrap()
    }

    /// Wallet, nonce, signature and work, as registration and recovery take them.
    pub(crate) fn answered_by(&self, wallet: &Signer) -> Value {
        json!({
            "wallet_address": wallet.address(),
            "nonce": self.0["nonce"],
            "signature": wallet.sign(self.text("message")),
            "pow_nonce": self.solved(),
        })
    }

    /// The proof of a wallet, as linking and changing wallets take it.
    pub(crate) fn proof(&self, wallet: &Signer) -> Value {
        json!({
            "address": wallet.address(),
            "nonce": self.0["nonce"],
            "signature": wallet.sign(self.text("message")),
        })
    }
}

fn work(pow: &Value) -> (&str, Difficulty) {
    let difficulty = u8::try_from(pow["difficulty"].as_u64().unwrap()).unwrap();
    (pow["challenge"].as_str().unwrap(), Difficulty::new(difficulty).unwrap())
}

/// A registered agent with its key.
pub(crate) struct Account {
    pub(crate) api: ApiClient,
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) wallet: Signer,
}

impl Account {
    /// Registers a new EVM wallet.
    pub(crate) async fn register(api: &ApiClient, name: &str) -> Self {
        Self::with(api, name, Signer::evm()).await
    }

    /// Registers this wallet.
    pub(crate) async fn with(api: &ApiClient, name: &str, wallet: Signer) -> Self {
        let mut body = Challenge::ask(api, &wallet, "register").await.answered_by(&wallet);
        body["display_name"] = json!(name);
        let data = RawRequest::new(api, "POST", "/register").json(body.to_string()).send().await.data(201);
        Self {
            api: api.clone(),
            key: data["api_key"].as_str().unwrap().to_owned(),
            id: data["user_id"].as_str().unwrap().to_owned(),
            wallet,
        }
    }

    /// A request with this account's key.
    pub(crate) fn request(&self, method: &str, path: &str) -> RawRequest {
        RawRequest::new(&self.api, method, path).bearer(&self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> RawAnswer {
        self.request("GET", path).send().await
    }

    pub(crate) async fn delete(&self, path: &str) -> RawAnswer {
        self.request("DELETE", path).send().await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> RawAnswer {
        self.request("POST", path).json(body.to_string()).send().await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> RawAnswer {
        self.request("PUT", path).json(body.to_string()).send().await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> RawAnswer {
        self.request("PATCH", path).json(body.to_string()).send().await
    }

    /// A challenge to link or change wallets.
    pub(crate) async fn link_challenge(&self, wallet: &Signer, more: Value) -> Challenge {
        let mut body = json!({ "wallet_address": wallet.address(), "purpose": "link_wallet" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Challenge(self.post("/auth/challenge", &body).await.data(200))
    }

    /// An open listing challenge, and its solution.
    pub(crate) async fn listing_challenge(&self) -> (String, String) {
        let data = self.request("POST", "/listings/challenge").send().await.data(200);
        let (challenge, difficulty) = work(&data);
        let nonce = solve(challenge, difficulty, |_| ControlFlow::Continue(())).unwrap().pow_nonce;
        (challenge.to_owned(), nonce)
    }

    /// Sends a listing with the work it takes.
    pub(crate) async fn list(&self, mut listing: Value) -> RawAnswer {
        let (challenge, nonce) = self.listing_challenge().await;
        listing["pow_challenge"] = json!(challenge);
        listing["pow_nonce"] = json!(nonce);
        self.post("/listings", &listing).await
    }

    /// Another key of this profile, with these scopes.
    pub(crate) async fn with_scopes(&self, scopes: &[&str]) -> String {
        let data = self.post("/api-keys", &json!({ "name": "another", "scopes": scopes })).await.data(201);
        data["api_key"].as_str().unwrap().to_owned()
    }
}
