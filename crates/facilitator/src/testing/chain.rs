//! A chain that a test moves, with one token of EIP-3009 on it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crochet_wallet::WalletAddress;
use crochet_x402::{Asset, Authorization};

use super::ledger::{Ledger, TestTransfer};
use super::{rpc, server};
use crate::abi;

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
        let ledger = Arc::new(Mutex::new(Ledger::new(asset, timestamp)));
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
        self.ledger().submit(&[authorization])
    }

    /// The same of several authorizations in one transaction, which is reverted where one of them is refused.
    pub fn submit_together(&self, authorizations: &[&Authorization]) -> (String, Result<(), &'static str>) {
        self.ledger().submit(authorizations)
    }

    /// From now on the token moves money before it notes the use of an authorization, as no known token does.
    pub fn move_money_first(&self) {
        self.ledger().moves_first = true;
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

    /// The blocks with all that was done are dropped, and what they moved is back.
    pub fn forget_transfers(&self) {
        let mut ledger = self.ledger();
        ledger.used.clear();
        ledger.transactions.clear();
        for transfer in std::mem::take(&mut ledger.transfers) {
            *ledger.balances.entry(transfer.to).or_default() -= u128::from(transfer.base_units);
            *ledger.balances.entry(transfer.from).or_default() += u128::from(transfer.base_units);
        }
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

    /// From now on the calls of `method` go to another node behind the same URL, which does not know the latest
    /// `blocks`.
    pub fn lag_in(&self, method: &str, blocks: u64) {
        self.ledger().split = Some((method.to_owned(), blocks));
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

    /// How often its node was asked anything.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.ledger().calls.len()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
