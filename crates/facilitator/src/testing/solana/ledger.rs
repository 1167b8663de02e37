//! What has happened on a test's Solana.

use std::collections::HashMap;

use crochet_wallet::WalletAddress;
use crochet_x402::Asset;
use sha2::{Digest, Sha256};

use super::wire::{Key, Parsed};

/// For so many blocks a transaction can come after the one that it names.
const LIFETIME: u64 = 150;

/// Money that moved on a [`TestSolana`](super::TestSolana).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestSolanaTransfer {
    /// Who signed for it.
    pub from: WalletAddress,
    /// The token account that it reached.
    pub to: WalletAddress,
    /// How much, in base units.
    pub base_units: u64,
    /// The transaction that moved it.
    pub transaction: String,
}

/// A transaction in a block.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) signature: String,
    pub(super) slot: u64,
    pub(super) parsed: Parsed,
    pub(super) is_failed: bool,
    /// What its accounts hold before and after, where they hold the token.
    pub(super) before: HashMap<Key, u64>,
    pub(super) after: HashMap<Key, u64>,
}

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) asset: Asset,
    pub(super) genesis: String,
    /// By token account.
    pub(super) balances: HashMap<Key, u64>,
    /// The height of the block in each slot; slots without one have that of the block before.
    pub(super) heights: Vec<u64>,
    pub(super) landed: Vec<Landed>,
    pub(super) transfers: Vec<TestSolanaTransfer>,
    pub(super) is_down: bool,
    pub(super) is_broken: bool,
    /// How many slots the node is behind, and for how many calls more.
    pub(super) behind: (u64, u64),
    /// The calls of this method go to another node, which is so many slots behind.
    pub(super) split: Option<(String, u64)>,
    /// The methods that were called.
    pub(super) calls: Vec<String>,
}

impl Ledger {
    pub(super) fn new(asset: Asset) -> Self {
        let genesis = asset.network().to_string().trim_start_matches("solana:").to_owned() + "KpuFirstBlock";
        Self {
            asset,
            genesis,
            balances: HashMap::new(),
            // A slot in ten has no block.
            heights: (0..1000).map(|slot| slot - slot / 10).collect(),
            landed: Vec::new(),
            transfers: Vec::new(),
            is_down: false,
            is_broken: false,
            behind: (0, 0),
            split: None,
            calls: Vec::new(),
        }
    }

    pub(super) fn slot(&self) -> u64 {
        self.heights.len() as u64 - 1
    }

    pub(super) fn height(&self, slot: u64) -> u64 {
        usize::try_from(slot).ok().and_then(|slot| self.heights.get(slot).copied()).unwrap_or_default()
    }

    pub(super) fn mine(&mut self, blocks: u64) {
        for _ in 0..blocks {
            self.heights.push(self.height(self.slot()) + 1);
        }
    }

    pub(super) fn blockhash(height: u64) -> Key {
        Sha256::digest(format!("block {height}")).into()
    }

    /// Why the network would not take a transaction after this slot, whoever signs it: in its own words.
    pub(super) fn refusal(&self, parsed: &Parsed, slot: u64) -> Option<&'static str> {
        let height = self.height(slot);
        if self.landed.iter().any(|landed| landed.slot <= slot && landed.parsed.hash() == parsed.hash()) {
            return Some("AlreadyProcessed");
        }
        let good = (height.saturating_sub(LIFETIME)..=height).any(|one| Self::blockhash(one) == parsed.blockhash);
        (!good).then_some("BlockhashNotFound")
    }

    /// Whether its transfers can be made.
    pub(super) fn is_funded(&self, parsed: &Parsed) -> bool {
        let transfers = parsed.transfers();
        !transfers.is_empty()
            && transfers.iter().all(|([source, _, destination, _], amount)| {
                self.balances.get(source).is_some_and(|balance| balance >= amount)
                    && self.balances.contains_key(destination)
            })
    }

    /// Takes a transaction into the next block, where everybody has signed it; one that cannot be done fails there.
    pub(super) fn submit(&mut self, parsed: Parsed) -> Result<String, &'static str> {
        if !(0..parsed.signatures.len()).all(|place| parsed.is_signed(place)) {
            return Err("invalid_exact_svm_payload_signature_invalid");
        }
        if let Some(refusal) = self.refusal(&parsed, self.slot()) {
            return Err(refusal);
        }
        let signature = bs58::encode(parsed.signatures.first().copied().unwrap_or([0; 64])).into_string();
        let is_failed = !self.is_funded(&parsed);
        self.mine(1);
        let held = |ledger: &Self| {
            let held = parsed.accounts.iter().filter_map(|account| Some((*account, *ledger.balances.get(account)?)));
            held.collect()
        };
        let before = held(self);
        if !is_failed {
            for ([source, _, destination, authority], amount) in parsed.transfers() {
                *self.balances.entry(source).or_default() -= amount;
                *self.balances.entry(destination).or_default() += amount;
                self.transfers.push(TestSolanaTransfer {
                    from: WalletAddress::from_solana_bytes(authority),
                    to: WalletAddress::from_solana_bytes(destination),
                    base_units: amount,
                    transaction: signature.clone(),
                });
            }
        }
        let after = held(self);
        self.landed.push(Landed { signature: signature.clone(), slot: self.slot(), parsed, is_failed, before, after });
        if is_failed { Err("transaction_failed") } else { Ok(signature) }
    }
}
