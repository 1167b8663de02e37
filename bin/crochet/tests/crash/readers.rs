//! Who reads histories and ledgers in the end: those who registered, and those who had nothing but a wallet.

use std::ops::ControlFlow;

use crochet::demo::agent::{Agent, bytes};
use crochet::demo::client::{Answer, ApiClient};
use crochet_pow::{Difficulty, solve};
use crochet_wallet::EvmSigner;
use http::Method;
use serde_json::json;

/// Somebody with a key.
pub(crate) struct Reader {
    api: ApiClient,
    authorization: String,
}

impl Reader {
    pub(crate) fn of(api: &ApiClient, agent: &Agent) -> Self {
        Self::with(api, agent.key().expose())
    }

    fn with(api: &ApiClient, key: &str) -> Self {
        Self { api: api.clone(), authorization: format!("Bearer {key}") }
    }

    /// Whoever paid with this wallet and has no account: by the wallet it gets a key for what it bought.
    pub(crate) async fn recovered(api: &ApiClient, wallet: &EvmSigner) -> Self {
        let address = wallet.address().to_string();
        let asked = bytes(&json!({ "wallet_address": address, "purpose": "recover" }));
        let challenge = api.send(Method::POST, "/auth/challenge", &[], Some(asked)).await.unwrap().expect(200).unwrap();
        let difficulty = challenge.at("/data/pow/difficulty").as_u64().unwrap();
        let difficulty = Difficulty::new(u8::try_from(difficulty).unwrap()).unwrap();
        let work = challenge.text("/data/pow/challenge").unwrap();
        let answer = bytes(&json!({
            "wallet_address": address,
            "nonce": challenge.at("/data/nonce"),
            "signature": wallet.sign(challenge.text("/data/message").unwrap()),
            "pow_nonce": solve(work, difficulty, |_| ControlFlow::Continue(())).unwrap().pow_nonce,
        }));
        let recovered = api.send(Method::POST, "/auth/recover", &[], Some(answer)).await.unwrap();
        Self::with(api, recovered.expect(200).unwrap().text("/data/api_key").unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let headers = [("authorization", self.authorization.as_str())];
        self.api.send(Method::GET, path, &headers, None).await.unwrap()
    }

    /// All that it can read of the ledger.
    pub(crate) async fn ledger(&self) -> Vec<serde_json::Value> {
        let mut entries = Vec::new();
        let mut next = Some("/ledger?limit=100".to_owned());
        while let Some(path) = next {
            let page = self.get(&path).await.expect(200).unwrap();
            entries.extend(page.at("/data").as_array().unwrap().iter().cloned());
            let cursor = page.at("/pagination/next_cursor").as_str();
            next = cursor.map(|cursor| format!("/ledger?limit=100&cursor={cursor}"));
        }
        entries
    }
}
