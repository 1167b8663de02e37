//! What has happened on a test's chain.

use std::collections::HashMap;

use crochet_wallet::WalletAddress;
use crochet_x402::{Asset, Authorization, SignedBy};
use serde_json::{Value, json};
use sha3::{Digest, Keccak256};

use crate::abi;

/// Money that moved on a [`TestChain`](super::TestChain) by an authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestTransfer {
    /// Who paid.
    pub from: WalletAddress,
    /// Who was paid.
    pub to: WalletAddress,
    /// How much, in base units.
    pub base_units: u64,
    /// The authorization's nonce.
    pub nonce: String,
    /// The transaction that moved it.
    pub transaction: String,
}

/// What the chain takes for the signature of a contract wallet at this address.
pub(super) fn contract_signature(wallet: &WalletAddress) -> String {
    format!("0x{}", hex::encode(wallet.as_bytes().repeat(5)))
}

/// A transaction in a block.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) hash: String,
    pub(super) block: u64,
    pub(super) is_successful: bool,
    pub(super) logs: Vec<Value>,
}

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) asset: Asset,
    /// What `eth_chainId` says.
    pub(super) chain_id: u64,
    pub(super) balances: HashMap<WalletAddress, u128>,
    /// Payer and nonce, and the block in which they were used up.
    pub(super) used: HashMap<(WalletAddress, String), u64>,
    /// The timestamps of the blocks, by number.
    pub(super) blocks: Vec<u64>,
    pub(super) transactions: Vec<Transaction>,
    pub(super) transfers: Vec<TestTransfer>,
    /// Whether the token moves money before it notes the use of an authorization.
    pub(super) moves_first: bool,
    pub(super) is_down: bool,
    pub(super) is_broken: bool,
    /// How many blocks the node is behind, and for how many calls more.
    pub(super) behind: (u64, u64),
    /// The calls of this method go to another node, which is so many blocks behind.
    pub(super) split: Option<(String, u64)>,
    /// The methods that were called.
    pub(super) calls: Vec<String>,
}

/// Address, topics, data.
type NewLog = (String, Vec<String>, String);

impl Ledger {
    pub(super) fn new(asset: Asset, timestamp: u64) -> Self {
        Self {
            chain_id: asset.network().evm_chain_id().unwrap_or_default(),
            asset,
            balances: HashMap::new(),
            used: HashMap::new(),
            blocks: vec![timestamp; 100],
            transactions: Vec::new(),
            transfers: Vec::new(),
            moves_first: false,
            is_down: false,
            is_broken: false,
            behind: (0, 0),
            split: None,
            calls: Vec::new(),
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.blocks.last().copied().unwrap_or_default()
    }

    /// A block at the time of the latest one.
    pub(super) fn next_block(&mut self) -> u64 {
        self.blocks.push(self.now());
        self.blocks.len() as u64 - 1
    }

    pub(super) fn refusal(&self, authorization: &Authorization) -> Option<&'static str> {
        let is_signed = match authorization.signed_by(&self.asset) {
            SignedBy::Payer => true,
            SignedBy::Contract => authorization.signature == contract_signature(&authorization.from),
            SignedBy::Nobody => false,
        };
        let second = |at: crochet_primitives::Timestamp| u64::try_from(at.timestamp()).unwrap_or_default();
        let key = (authorization.from, authorization.nonce.clone());
        if self.now() <= second(authorization.valid_after) {
            Some("invalid_exact_evm_payload_authorization_valid_after")
        } else if self.now() >= second(authorization.valid_before) {
            Some("invalid_exact_evm_payload_authorization_valid_before")
        } else if self.used.contains_key(&key) {
            Some("invalid_transaction_state")
        } else if !is_signed {
            Some("invalid_exact_evm_payload_signature")
        } else if self.balances.get(&authorization.from).copied().unwrap_or_default() < authorization.value.into() {
            Some("insufficient_funds")
        } else {
            None
        }
    }

    /// All of them in one transaction, or none.
    pub(super) fn submit(&mut self, authorizations: &[&Authorization]) -> (String, Result<(), &'static str>) {
        let refusal = authorizations.iter().find_map(|authorization| self.refusal(authorization));
        let block = self.next_block();
        if let Some(reason) = refusal {
            return (self.record(block, false, Vec::new()), Err(reason));
        }
        let logs = authorizations.iter().flat_map(|authorization| self.execute(authorization, block)).collect();
        let transaction = self.record(block, true, logs);
        self.transfers.extend(authorizations.iter().map(|authorization| TestTransfer {
            from: authorization.from,
            to: authorization.to,
            base_units: authorization.value,
            nonce: authorization.nonce.clone(),
            transaction: transaction.clone(),
        }));
        (transaction, Ok(()))
    }

    /// Moves the money, and answers what is logged: between a larger transfer of another contract before and after it.
    fn execute(&mut self, authorization: &Authorization, block: u64) -> Vec<NewLog> {
        let (from, to, value) = (authorization.from, authorization.to, authorization.value);
        self.used.insert((from, authorization.nonce.clone()), block);
        *self.balances.entry(from).or_default() -= u128::from(value);
        *self.balances.entry(to).or_default() += u128::from(value);
        let transfer = |by: String, value: u64| {
            let topics = vec![abi::TRANSFER.to_owned(), abi::topic(&from), abi::topic(&to)];
            (by, topics, format!("0x{value:064x}"))
        };
        let noise = || transfer(format!("0x{}", "ee".repeat(20)), u64::MAX);
        let token = self.asset.address().canonical();
        let topics = vec![abi::AUTHORIZATION_USED.to_owned(), abi::topic(&from), authorization.nonce.clone()];
        let used = (token.clone(), topics, "0x".to_owned());
        let moved = transfer(token, value);
        let (one, two) = if self.moves_first { (moved, used) } else { (used, moved) };
        vec![noise(), one, two, noise()]
    }

    pub(super) fn record(&mut self, block: u64, is_successful: bool, logs: Vec<NewLog>) -> String {
        let hash = format!("0x{}", hex::encode(Keccak256::digest(self.transactions.len().to_string())));
        // Other transactions of the block have logged before it.
        let logs = logs.into_iter().zip(3_u64..).map(|((address, topics, data), index)| {
            json!({
                "address": address,
                "topics": topics,
                "data": data,
                "blockNumber": abi::to_quantity(block),
                "transactionHash": hash,
                "logIndex": abi::to_quantity(index),
                "removed": false,
            })
        });
        let logs = logs.collect();
        self.transactions.push(Transaction { hash: hash.clone(), block, is_successful, logs });
        hash
    }
}
