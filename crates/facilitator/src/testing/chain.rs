//! A chain that a test moves, with one token of EIP-3009 on it.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crochet_wallet::WalletAddress;
use crochet_x402::{Asset, Authorization};
use serde_json::{Value, json};
use sha3::{Digest, Keccak256};

use super::{eip712, rpc, server};
use crate::abi;

/// Money that moved on a [`TestChain`] by an authorization.
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
    balances: HashMap<WalletAddress, u128>,
    /// Payer and nonce, and the block in which they were used up.
    pub(super) used: HashMap<(WalletAddress, String), u64>,
    /// The timestamps of the blocks, by number.
    pub(super) blocks: Vec<u64>,
    pub(super) transactions: Vec<Transaction>,
    transfers: Vec<TestTransfer>,
    pub(super) is_down: bool,
    pub(super) is_broken: bool,
    /// How many blocks the node is behind, and for how many calls more.
    pub(super) behind: (u64, u64),
    /// The methods that were called.
    pub(super) calls: Vec<String>,
}

/// A chain with one token of EIP-3009, its JSON-RPC on loopback. Clones are the same chain. Blocks are made when
/// something happens, and when the test says so; their time is what the test says. Every transaction that moves money
/// has logs of another contract around the token's, with a larger transfer in them.
#[derive(Debug, Clone)]
pub struct TestChain {
    url: String,
    ledger: Arc<Mutex<Ledger>>,
}

impl TestChain {
    /// A chain on which `asset` is the token; its first blocks are as old as `timestamp` (seconds since 1970).
    ///
    /// # Errors
    /// When no port of loopback is free.
    pub async fn start(asset: Asset, timestamp: u64) -> io::Result<Self> {
        let ledger = Ledger {
            chain_id: asset.network().evm_chain_id().unwrap_or_default(),
            asset,
            balances: HashMap::new(),
            used: HashMap::new(),
            blocks: vec![timestamp; 100],
            transactions: Vec::new(),
            transfers: Vec::new(),
            is_down: false,
            is_broken: false,
            behind: (0, 0),
            calls: Vec::new(),
        };
        let ledger = Arc::new(Mutex::new(ledger));
        let served = Arc::clone(&ledger);
        let url = server::serve(move |_, body| {
            let reply = rpc::answer(&mut served.lock().unwrap_or_else(PoisonError::into_inner), &body);
            async move { reply }
        })
        .await?;
        Ok(Self { url, ledger })
    }

    /// Its JSON-RPC.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its token.
    #[must_use]
    pub fn asset(&self) -> Asset {
        self.ledger().asset.clone()
    }

    /// Gives somebody money.
    pub fn mint(&self, to: &WalletAddress, base_units: u64) {
        *self.ledger().balances.entry(*to).or_default() += u128::from(base_units);
    }

    /// How much somebody has.
    #[must_use]
    pub fn balance(&self, of: &WalletAddress) -> u128 {
        self.ledger().balances.get(of).copied().unwrap_or_default()
    }

    /// All money that moved by authorizations, in order.
    #[must_use]
    pub fn transfers(&self) -> Vec<TestTransfer> {
        self.ledger().transfers.clone()
    }

    /// The time of the latest block, in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.ledger().now()
    }

    /// Makes a block, so many seconds after the latest one.
    pub fn mine(&self, seconds: u64) {
        let mut ledger = self.ledger();
        let at = ledger.now() + seconds;
        ledger.blocks.push(at);
    }

    /// Makes so many blocks, all as old as the latest one.
    pub fn mine_many(&self, blocks: usize) {
        let mut ledger = self.ledger();
        let (at, length) = (ledger.now(), ledger.blocks.len());
        ledger.blocks.resize(length + blocks, at);
    }

    /// Submits an authorization, as anybody may: in the next block, with a receipt that says that it was reverted where
    /// the token refuses it. Answers the transaction, and the token's reason for a no.
    pub fn submit(&self, authorization: &Authorization) -> (String, Result<(), &'static str>) {
        self.ledger().submit(authorization)
    }

    /// Why the token would refuse an authorization in the next block.
    #[must_use]
    pub fn refusal(&self, authorization: &Authorization) -> Option<&'static str> {
        self.ledger().refusal(authorization)
    }

    /// The payer cancels an authorization that is unused.
    pub fn cancel(&self, payer: &WalletAddress, nonce: &str) {
        let mut ledger = self.ledger();
        let block = ledger.next_block();
        ledger.used.insert((*payer, nonce.to_owned()), block);
        let topics = [abi::AUTHORIZATION_CANCELED.to_owned(), abi::topic(payer), nonce.to_owned()];
        let log = (ledger.asset.address().canonical(), topics.to_vec(), "0x".to_owned());
        ledger.record(block, true, vec![log]);
    }

    /// From now on every call is hung up on, or no longer.
    pub fn go_down(&self, is_down: bool) {
        self.ledger().is_down = is_down;
    }

    /// From now on every answer is broken JSON, or no longer.
    pub fn break_answers(&self, is_broken: bool) {
        self.ledger().is_broken = is_broken;
    }

    /// The node does not know the latest `blocks`, for the next `calls`.
    pub fn lag(&self, blocks: u64, calls: u64) {
        self.ledger().behind = (blocks, calls);
    }

    /// The node says that it is of another chain.
    pub fn pretend_to_be(&self, chain_id: u64) {
        self.ledger().chain_id = chain_id;
    }

    /// How often a method was called.
    #[must_use]
    pub fn calls(&self, method: &str) -> usize {
        self.ledger().calls.iter().filter(|called| *called == method).count()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Address, topics, data.
type NewLog = (String, Vec<String>, String);

impl Ledger {
    pub(super) fn now(&self) -> u64 {
        self.blocks.last().copied().unwrap_or_default()
    }

    /// A block at the time of the latest one.
    fn next_block(&mut self) -> u64 {
        self.blocks.push(self.now());
        self.blocks.len() as u64 - 1
    }

    fn refusal(&self, authorization: &Authorization) -> Option<&'static str> {
        let signer = eip712::digest(&self.asset, authorization)
            .and_then(|digest| eip712::signer(&digest, &authorization.signature));
        let second = |at: crochet_primitives::Timestamp| u64::try_from(at.timestamp()).unwrap_or_default();
        let key = (authorization.from, authorization.nonce.clone());
        if self.now() <= second(authorization.valid_after) {
            Some("invalid_exact_evm_payload_authorization_valid_after")
        } else if self.now() >= second(authorization.valid_before) {
            Some("invalid_exact_evm_payload_authorization_valid_before")
        } else if self.used.contains_key(&key) {
            Some("invalid_transaction_state")
        } else if signer != Some(authorization.from) {
            Some("invalid_exact_evm_payload_signature")
        } else if self.balances.get(&authorization.from).copied().unwrap_or_default() < authorization.value.into() {
            Some("insufficient_funds")
        } else {
            None
        }
    }

    fn submit(&mut self, authorization: &Authorization) -> (String, Result<(), &'static str>) {
        let refusal = self.refusal(authorization);
        let block = self.next_block();
        if let Some(reason) = refusal {
            return (self.record(block, false, Vec::new()), Err(reason));
        }
        let (from, to, value) = (authorization.from, authorization.to, authorization.value);
        self.used.insert((from, authorization.nonce.clone()), block);
        *self.balances.entry(from).or_default() -= u128::from(value);
        *self.balances.entry(to).or_default() += u128::from(value);
        let token = self.asset.address().canonical();
        let transfer = |value: u64| {
            (vec![abi::TRANSFER.to_owned(), abi::topic(&from), abi::topic(&to)], format!("0x{value:064x}"))
        };
        let noise = || {
            let (topics, data) = transfer(u64::MAX);
            (format!("0x{}", "ee".repeat(20)), topics, data)
        };
        let used = vec![abi::AUTHORIZATION_USED.to_owned(), abi::topic(&from), authorization.nonce.clone()];
        let (topics, data) = transfer(value);
        let logs = vec![noise(), (token.clone(), used, "0x".to_owned()), (token, topics, data), noise()];
        let transaction = self.record(block, true, logs);
        let nonce = authorization.nonce.clone();
        self.transfers.push(TestTransfer { from, to, base_units: value, nonce, transaction: transaction.clone() });
        (transaction, Ok(()))
    }

    fn record(&mut self, block: u64, is_successful: bool, logs: Vec<NewLog>) -> String {
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
