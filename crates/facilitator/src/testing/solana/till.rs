//! What a facilitator does on Solana: checks who has signed what, signs as the fee payer, and submits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::super::till::{Till, chosen};
use super::chain::TestSolana;
use super::wire::{Key, Parsed, key, token_account};

#[derive(Debug)]
pub(in super::super) struct SolanaTill {
    chain: TestSolana,
    fee_payer: SigningKey,
}

impl SolanaTill {
    pub(in super::super) fn new(chain: TestSolana, seed: u8) -> Self {
        Self { chain, fee_payer: SigningKey::from_bytes(&[seed; 32]) }
    }

    fn fee_payer(&self) -> Key {
        self.fee_payer.verifying_key().to_bytes()
    }

    /// The transaction of a body, held against its requirements.
    fn checked(&self, body: &Value) -> Result<Parsed, &'static str> {
        let asset = self.chain.asset();
        let amount = chosen(body, &asset.network().to_string(), asset.network().v1_name())?.clone();
        let wanted = &body["paymentRequirements"];
        let own = |value: &Value| key(value.as_str().unwrap_or_default());
        if own(&wanted["extra"]["feePayer"]) != self.fee_payer() {
            return Err("invalid_exact_svm_fee_payer_not_managed_by_facilitator");
        }
        let text = body["paymentPayload"]["payload"]["transaction"].as_str().unwrap_or_default();
        let parsed = STANDARD.decode(text).ok().and_then(|bytes| Parsed::read(&bytes));
        let parsed = parsed.ok_or("invalid_exact_svm_payload_transaction_could_not_be_decoded")?;
        if parsed.accounts.first() != Some(&self.fee_payer()) || parsed.signatures.len() != 2 {
            return Err("invalid_exact_svm_payload_excessive_signers");
        }
        if !parsed.is_signed(1) {
            return Err("invalid_exact_svm_payload_signature_invalid");
        }
        let transfers = parsed.transfers();
        let [([_, mint, destination, authority], base_units)] = transfers.as_slice() else {
            return Err("invalid_exact_svm_payload_no_transfer_instruction");
        };
        if *mint != own(&wanted["asset"]) {
            return Err("invalid_exact_svm_payload_mint_mismatch");
        }
        if *destination != token_account(&own(&wanted["payTo"]), mint) {
            return Err("invalid_exact_svm_payload_recipient_mismatch");
        }
        if amount.as_str() != Some(&base_units.to_string()) {
            return Err("invalid_exact_svm_payload_amount_mismatch");
        }
        if *authority == self.fee_payer() {
            return Err("invalid_exact_svm_payload_transaction_fee_payer_transferring_funds");
        }
        Ok(parsed)
    }

    fn would_fail(&self, parsed: &Parsed) -> bool {
        self.chain.with(|ledger| ledger.refusal(parsed, ledger.slot()).is_some() || !ledger.is_funded(parsed))
    }
}

impl Till for SolanaTill {
    fn supported(&self) -> (Vec<Value>, Value) {
        let network = self.chain.asset().network();
        let fee_payer = bs58::encode(self.fee_payer()).into_string();
        let kind = |version: u64, network: &str| {
            json!({
                "x402Version": version, "scheme": "exact", "network": network, "extra": { "feePayer": fee_payer },
            })
        };
        let mut kinds = vec![kind(2, &network.to_string())];
        kinds.extend(network.v1_name().map(|name| kind(1, name)));
        (kinds, json!({ "solana:*": [fee_payer] }))
    }

    fn verdict(&self, body: &Value) -> Result<String, &'static str> {
        let parsed = self.checked(body)?;
        if self.would_fail(&parsed) {
            return Err("invalid_exact_svm_transaction_simulation_failed");
        }
        Ok(parsed.accounts.get(1).map(|payer| bs58::encode(payer).into_string()).unwrap_or_default())
    }

    /// Does not look beforehand whether it works: the network says so.
    fn settle(&self, body: &Value, repeats: bool) -> Result<String, &'static str> {
        let mut parsed = self.checked(body)?;
        let hash = parsed.hash();
        let bytes = parsed.signed_by_fee_payer(&self.fee_payer);
        match self.chain.submit(&bytes) {
            Err("AlreadyProcessed") if repeats => self.chain.with(|ledger| {
                let made = ledger.landed.iter().find(|landed| landed.parsed.hash() == hash && !landed.is_failed);
                made.map(|made| made.signature.clone()).ok_or("duplicate_settlement")
            }),
            Err("AlreadyProcessed") => Err("duplicate_settlement"),
            outcome => outcome,
        }
    }

    fn settle_and_fail(&self, body: &Value) -> Result<String, &'static str> {
        self.settle(body, false)?;
        Ok(self.nowhere())
    }

    fn last_transaction(&self) -> Option<String> {
        self.chain.last_transaction()
    }

    fn nowhere(&self) -> String {
        bs58::encode([9; 64]).into_string()
    }
}
