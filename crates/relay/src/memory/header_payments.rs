//! A chain, and who submits to it, as a test tells them to behave; and the profiles of payers.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use crochet_pricing::MicroUsd;
use crochet_primitives::{ProfileId, StorageError, timestamp_from_millis};
use crochet_wallet::WalletAddress;

use super::gate::Gate;
use super::lock;
use crate::header_payment::{HeaderOffer, HeaderPayment, HeaderPayments, Verification};
use crate::ports::{Payers, PayoutWallets};
use crate::terms::{Observation, Payment, Terms};

/// USDC on Base, as every payment here is made in.
const ASSET: &str = "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913";

/// [`HeaderPayments`] by a script. Without one, what is submitted arrives, and what was not is waited for.
#[derive(Debug, Default)]
pub struct ScriptedChain {
    submit_gate: Gate,
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    verifications: VecDeque<Verification>,
    /// What becomes of the next submissions: what is answered, and what the chain then shows.
    submissions: VecDeque<(Observation, Option<Observation>)>,
    /// What the chain shows, by reference.
    chain: HashMap<String, Observation>,
    is_down: bool,
    submitted: Vec<String>,
}

impl ScriptedChain {
    /// What is said of the next payment that is to be verified.
    pub fn will_verify(&self, verification: Verification) {
        lock(&self.script).verifications.push_back(verification);
    }

    /// What the next submission is answered, and what the chain shows from then on.
    pub fn will_answer(&self, answer: Observation, chain: Option<Observation>) {
        lock(&self.script).submissions.push_back((answer, chain));
    }

    /// What the chain shows of a payment from now on.
    pub fn shows(&self, reference: &str, observation: Observation) {
        lock(&self.script).chain.insert(reference.to_owned(), observation);
    }

    /// Whether the chain can be asked.
    pub fn is_down(&self, is_down: bool) {
        lock(&self.script).is_down = is_down;
    }

    /// The references of what was submitted, in order.
    #[must_use]
    pub fn submitted(&self) -> Vec<String> {
        lock(&self.script).submitted.clone()
    }

    /// Holds submissions while it is closed.
    #[must_use]
    pub const fn submit_gate(&self) -> &Gate {
        &self.submit_gate
    }

    /// A payment of `base_units` to `recipient`, with this nonce.
    #[must_use]
    pub fn payment(payer: WalletAddress, recipient: &str, base_units: u64, nonce: &str) -> HeaderPayment {
        HeaderPayment {
            scheme: "exact".to_owned(),
            network: "eip155:8453".to_owned(),
            asset: ASSET.to_owned(),
            payer,
            recipient: recipient.to_owned(),
            base_units,
            nonce: nonce.to_owned(),
            valid_after: timestamp_from_millis(0).unwrap_or_default(),
            valid_before: timestamp_from_millis(253_402_300_799_000).unwrap_or_default(),
            promised: None,
            secret_sha256: None,
            payload: serde_json::Value::Null,
        }
    }

    /// What the chain shows of a payment that was made as `terms` ask.
    #[must_use]
    pub fn arrival(terms: &Terms) -> Observation {
        Observation::Arrived(vec![Payment {
            reference: terms.provider_request_id.clone(),
            provider_request_id: terms.provider_request_id.clone(),
            asset: terms.asset.clone(),
            recipient: terms.recipient.clone(),
            base_units: terms.expected_base_units,
            transaction: Some("0xabc".to_owned()),
        }])
    }
}

#[async_trait]
impl HeaderPayments for ScriptedChain {
    async fn offers(&self, gross: MicroUsd, wallets: &PayoutWallets) -> Vec<HeaderOffer> {
        let offer = |address: &String| HeaderOffer {
            scheme: "exact",
            network: "eip155:8453".to_owned(),
            asset: ASSET.to_owned(),
            recipient: address.clone(),
            pays_into: address.clone(),
            fee_payer: None,
            base_units: gross.micros(),
        };
        wallets.evm.iter().map(offer).collect()
    }

    async fn verify(&self, _: &HeaderPayment, _: &HeaderOffer) -> Verification {
        let scripted = lock(&self.script).verifications.pop_front();
        scripted.unwrap_or_else(|| Verification::Valid { evidence: serde_json::json!({ "from_block": 1 }) })
    }

    async fn submit(&self, payment: &HeaderPayment, terms: &Terms) -> Observation {
        lock(&self.script).submitted.push(payment.reference());
        self.submit_gate.pass().await;
        let mut script = lock(&self.script);
        let (answer, chain) = script.submissions.pop_front().unwrap_or_else(|| {
            let arrived = Self::arrival(terms);
            (arrived.clone(), Some(arrived))
        });
        if let Some(chain) = chain {
            script.chain.insert(payment.reference(), chain);
        }
        answer
    }

    async fn check(&self, terms: &Terms) -> Observation {
        let script = lock(&self.script);
        if script.is_down {
            return Observation::Unknown;
        }
        script.chain.get(&terms.provider_request_id).cloned().unwrap_or(Observation::Waiting)
    }
}

/// [`Payers`] in memory: a profile for every wallet that asks.
#[derive(Debug, Default)]
pub struct MemoryPayers(Mutex<HashMap<WalletAddress, ProfileId>>);

impl MemoryPayers {
    /// Says whose a wallet is.
    pub fn belongs_to(&self, wallet: WalletAddress, profile: ProfileId) {
        lock(&self.0).insert(wallet, profile);
    }
}

#[async_trait]
impl Payers for MemoryPayers {
    async fn profile_of(&self, payer: &WalletAddress) -> Result<ProfileId, StorageError> {
        let mut profiles = lock(&self.0);
        let seed = u8::try_from(profiles.len()).unwrap_or(u8::MAX);
        let made = || ProfileId::new(timestamp_from_millis(1).unwrap_or_default(), [seed; 10]);
        Ok(*profiles.entry(*payer).or_insert_with(made))
    }
}
