//! A payer: signs what a 402 asks for, as the protocol's clients do.

use std::sync::atomic::{AtomicU64, Ordering};

use crochet_primitives::{Timestamp, timestamp_from_millis};
use crochet_wallet::{EvmSigner, WalletAddress};
use crochet_x402::{Asset, Authorization};
use serde_json::{Value, json};
use sha3::{Digest, Keccak256};

use super::ledger::contract_signature;

/// The key of an EVM wallet. Its nonces are a sequence of its own: two payers of one seed sign the same.
#[derive(Debug)]
pub struct TestPayer {
    key: EvmSigner,
    nonces: AtomicU64,
}

impl TestPayer {
    /// The payer with this seed; `None` for zero, which is no key.
    #[must_use]
    pub fn new(seed: u8) -> Option<Self> {
        Some(Self { key: EvmSigner::from_bytes([seed; 32]).ok()?, nonces: AtomicU64::new(0) })
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> WalletAddress {
        self.key.address()
    }

    /// A signed authorization with a new nonce, good from 1970 until `valid_before`, which is cut to seconds.
    #[must_use]
    pub fn authorize(&self, asset: &Asset, to: &WalletAddress, value: u64, valid_before: Timestamp) -> Authorization {
        let count = self.nonces.fetch_add(1, Ordering::Relaxed);
        let nonce = Keccak256::digest([self.address().as_bytes(), &count.to_be_bytes()].concat());
        self.sign(
            asset,
            Authorization {
                from: self.address(),
                to: *to,
                value,
                valid_after: Timestamp::default(),
                valid_before: timestamp_from_millis(valid_before.timestamp() * 1000).unwrap_or(valid_before),
                nonce: format!("0x{}", hex::encode(nonce)),
                signature: String::new(),
            },
        )
    }

    /// The authorization with a signature by this payer, whoever it is from.
    #[must_use]
    pub fn sign(&self, asset: &Asset, mut authorization: Authorization) -> Authorization {
        if let Some(hash) = authorization.signing_hash(asset) {
            authorization.signature = self.key.sign_hash(&hash);
        }
        authorization
    }

    /// The authorization with a signature that a contract wallet at its payer's address would make; the test's chain
    /// takes it.
    #[must_use]
    pub fn sign_as_contract(mut authorization: Authorization) -> Authorization {
        authorization.signature = contract_signature(&authorization.from);
        authorization
    }

    /// The payment of v2 by this authorization: the first of what `required` (`PaymentRequired` as JSON) accepts is
    /// chosen, and its resource and extensions are sent back.
    #[must_use]
    pub fn v2(required: &Value, authorization: &Authorization) -> Value {
        json!({
            "x402Version": 2,
            "resource": required["resource"],
            "accepted": required["accepts"][0],
            "payload": authorization.to_json(),
            "extensions": required["extensions"],
        })
    }

    /// The payment of v1 by this authorization, for the network's name.
    #[must_use]
    pub fn v1(network: &str, authorization: &Authorization) -> Value {
        json!({ "x402Version": 1, "scheme": "exact", "network": network, "payload": authorization.to_json() })
    }
}
