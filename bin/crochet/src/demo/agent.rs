//! An agent: a wallet, an API key, and the patience for proofs of work.

use std::ops::ControlFlow;

use anyhow::Context;
use bytes::Bytes;
use crochet_pow::{Difficulty, expected_attempts, solve};
use crochet_primitives::EntropyExt;
use crochet_secrets::ApiKey;
use crochet_wallet::{EvmSigner, SolanaSigner, WalletAddress};
use http::Method;
use serde_json::{Value, json};

use super::client::{Answer, ApiClient};
use super::screen::Screen;
use crate::system::SystemEntropy;

/// A wallet that signs.
#[derive(Debug)]
pub enum Wallet {
    /// Ethereum and its kind.
    Evm(EvmSigner),
    /// Solana.
    Solana(SolanaSigner),
}

impl Wallet {
    /// A new wallet on Ethereum and its kind.
    ///
    /// # Errors
    /// When what was drawn is no key: for one draw in 2^128.
    pub fn new_evm() -> anyhow::Result<Self> {
        EvmSigner::from_bytes(SystemEntropy.bytes()).map(Self::Evm).context("no EVM key could be made")
    }

    /// A new wallet on Solana.
    #[must_use]
    pub fn new_solana() -> Self {
        Self::Solana(SolanaSigner::from_bytes(SystemEntropy.bytes()))
    }

    fn address(&self) -> WalletAddress {
        match self {
            Self::Evm(signer) => signer.address(),
            Self::Solana(signer) => signer.address(),
        }
    }

    fn sign(&self, message: &str) -> String {
        match self {
            Self::Evm(signer) => signer.sign(message),
            Self::Solana(signer) => signer.sign(message),
        }
    }
}

/// A registered agent.
#[derive(Debug)]
pub struct Agent {
    api: ApiClient,
    key: ApiKey,
    /// Its profile.
    pub profile_id: String,
}

impl Agent {
    /// Registers a wallet: asks for a challenge, does the work, signs, and gets a key.
    ///
    /// # Errors
    /// When any step is answered otherwise than documented.
    pub async fn register(api: &ApiClient, wallet: &Wallet, name: &str, screen: &Screen) -> anyhow::Result<Self> {
        let address = wallet.address().to_string();
        let body = json!({ "wallet_address": address, "purpose": "register" });
        let challenge = api.send(Method::POST, "/auth/challenge", &[], Some(bytes(&body))).await?.expect(200)?;
        let pow_nonce =
            work(challenge.text("/data/pow/challenge")?.to_owned(), challenge.at("/data/pow/difficulty"), screen)
                .await?;
        let body = json!({
            "wallet_address": address,
            "signature": wallet.sign(challenge.text("/data/message")?),
            "nonce": challenge.text("/data/nonce")?,
            "pow_nonce": pow_nonce,
            "display_name": name,
        });
        let registered = api.send(Method::POST, "/register", &[], Some(bytes(&body))).await?.expect(201)?;
        let key = ApiKey::parse(registered.text("/data/api_key")?).context("the answer holds no API key")?;
        Ok(Self { api: api.clone(), key, profile_id: registered.text("/data/user_id")?.to_owned() })
    }

    /// Its API key.
    #[must_use]
    pub const fn key(&self) -> &ApiKey {
        &self.key
    }

    /// Calls the API with the agent's key.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> anyhow::Result<Answer> {
        let authorization = format!("Bearer {}", self.key.expose());
        let mut all = vec![("authorization", authorization.as_str())];
        all.extend_from_slice(headers);
        self.api.send(method, path, &all, body).await
    }

    /// Lists a capability: asks for a challenge, does the work, and publishes.
    ///
    /// # Errors
    /// When any step is answered otherwise than documented.
    pub async fn publish(&self, mut listing: Value, screen: &Screen) -> anyhow::Result<Answer> {
        let challenge = self.send(Method::POST, "/listings/challenge", &[], None).await?.expect(200)?;
        let pow_nonce =
            work(challenge.text("/data/challenge")?.to_owned(), challenge.at("/data/difficulty"), screen).await?;
        if let Some(fields) = listing.as_object_mut() {
            fields.insert("pow_nonce".to_owned(), Value::String(pow_nonce));
        }
        self.send(Method::POST, "/listings", &[], Some(bytes(&listing))).await?.expect(201)
    }
}

/// A value as the bytes of a body.
#[must_use]
pub fn bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

async fn work(challenge: String, difficulty: &Value, screen: &Screen) -> anyhow::Result<String> {
    let difficulty = difficulty
        .as_u64()
        .and_then(|zeros| u8::try_from(zeros).ok())
        .and_then(Difficulty::new)
        .context("the challenge has no difficulty")?;
    let bar = screen.progress(expected_attempts(difficulty), "proof of work");
    let searching = bar.clone();
    let solution = tokio::task::spawn_blocking(move || {
        solve(&challenge, difficulty, |attempts| {
            searching.set_position(attempts);
            ControlFlow::Continue(())
        })
    })
    .await
    .context("the proof of work was interrupted")?;
    bar.finish_and_clear();
    Ok(solution.context("the proof of work has no solution")?.pow_nonce)
}
