//! A payer on Solana: signs what a 402 asks for, as the protocol's clients do.

use std::sync::atomic::{AtomicU64, Ordering};

use crochet_wallet::WalletAddress;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::chain::TestSolana;
use super::wire::{Key, TestInstruction, TestTransaction, key, memo, token, token_account};

/// The key of a wallet on Solana. Its memos are a sequence of its own: two payers of one seed sign the same.
#[derive(Debug)]
pub struct TestSolanaPayer {
    key: SigningKey,
    memos: AtomicU64,
}

impl TestSolanaPayer {
    /// The payer with this seed.
    #[must_use]
    pub fn new(seed: u8) -> Self {
        Self { key: SigningKey::from_bytes(&[seed; 32]), memos: AtomicU64::new(0) }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> WalletAddress {
        WalletAddress::from_solana_bytes(self.key.verifying_key().to_bytes())
    }

    /// What it would sign to pay `base_units` of the chain's token to `pay_to`, with a memo of its own, soon after the
    /// chain's latest block.
    #[must_use]
    pub fn draft(
        &self,
        chain: &TestSolana,
        fee_payer: &WalletAddress,
        pay_to: &WalletAddress,
        base_units: u64,
    ) -> TestTransaction {
        let bytes = |address: &WalletAddress| Key::try_from(address.as_bytes()).unwrap_or_default();
        let (own, mint) = (bytes(&self.address()), bytes(chain.asset().address()));
        let count = self.memos.fetch_add(1, Ordering::Relaxed);
        let budget = key("ComputeBudget111111111111111111111111111111");
        let transfer = TestInstruction {
            program: token(),
            accounts: vec![
                (token_account(&own, &mint), false, true),
                (mint, false, false),
                (token_account(&bytes(pay_to), &mint), false, true),
                (own, true, false),
            ],
            data: [&[12][..], &base_units.to_le_bytes(), &[chain.asset().decimals()]].concat(),
        };
        let plain = |program: Key, data: Vec<u8>| TestInstruction { program, accounts: Vec::new(), data };
        TestTransaction {
            fee_payer: bytes(fee_payer),
            instructions: vec![
                plain(budget, [&[2][..], &20_000_u32.to_le_bytes()].concat()),
                plain(budget, [&[3][..], &1_u64.to_le_bytes()].concat()),
                transfer,
                plain(memo(), format!("payment {count}").into_bytes()),
            ],
            blockhash: chain.latest_blockhash(),
            is_legacy: false,
            has_lookup: false,
        }
    }

    /// The scheme's payload: the transaction with this payer's signature alone.
    #[must_use]
    pub fn sign(&self, draft: &TestTransaction) -> Value {
        use base64::Engine;
        let bytes = draft.signed_by(&[&self.key]);
        json!({ "transaction": base64::engine::general_purpose::STANDARD.encode(bytes) })
    }

    /// The payment of v2 of the offer on Solana of `required` (`PaymentRequired` as JSON), which is what `payload` pays.
    #[must_use]
    pub fn v2(required: &Value, payload: &Value) -> Value {
        let accepts = required["accepts"].as_array().map_or(&[][..], Vec::as_slice);
        let is_here = |way: &&Value| way["network"].as_str().is_some_and(|network| network.starts_with("solana:"));
        json!({
            "x402Version": 2,
            "resource": required["resource"],
            "accepted": accepts.iter().find(is_here),
            "payload": payload,
            "extensions": required["extensions"],
        })
    }

    /// The payment of v1, for the network's name.
    #[must_use]
    pub fn v1(network: &str, payload: &Value) -> Value {
        json!({ "x402Version": 1, "scheme": "exact", "network": network, "payload": payload })
    }
}
