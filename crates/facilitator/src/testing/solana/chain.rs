//! A Solana that a test moves, with one token on it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crochet_wallet::WalletAddress;
use crochet_x402::Asset;

use super::super::server;
use super::ledger::{Ledger, TestSolanaTransfer};
use super::rpc;
use super::wire::{Key, Parsed, token_account};

/// A chain with one token, its JSON-RPC on loopback. Clones are the same chain. Blocks are made when something happens,
/// and when the test says so; what is older than 32 slots is final.
#[derive(Debug, Clone)]
pub struct TestSolana {
    url: String,
    ledger: Arc<Mutex<Ledger>>,
}

impl TestSolana {
    /// A chain on which `asset` is the token.
    ///
    /// # Errors
    /// When no port of loopback is free.
    pub async fn start(asset: Asset) -> io::Result<Self> {
        let ledger = Arc::new(Mutex::new(Ledger::new(asset)));
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

    /// Gives a wallet money, and with it an account that holds the token.
    pub fn mint(&self, to: &WalletAddress, base_units: u64) {
        let account = self.account_of(to);
        *self.ledger().balances.entry(account).or_default() += base_units;
    }

    /// How much a wallet has.
    #[must_use]
    pub fn balance(&self, of: &WalletAddress) -> u64 {
        let account = self.account_of(of);
        self.ledger().balances.get(&account).copied().unwrap_or_default()
    }

    /// The account that holds a wallet's tokens.
    #[must_use]
    pub fn token_account(&self, of: &WalletAddress) -> WalletAddress {
        WalletAddress::from_solana_bytes(self.account_of(of))
    }

    fn account_of(&self, wallet: &WalletAddress) -> Key {
        let bytes = |address: &WalletAddress| Key::try_from(address.as_bytes()).unwrap_or_default();
        token_account(&bytes(wallet), &bytes(self.asset().address()))
    }

    /// All money that moved, in order.
    #[must_use]
    pub fn transfers(&self) -> Vec<TestSolanaTransfer> {
        self.ledger().transfers.clone()
    }

    /// Makes so many blocks.
    pub fn mine(&self, blocks: u64) {
        self.ledger().mine(blocks);
    }

    /// Makes so many slots without a block: time goes by, and no blockhash gets older.
    pub fn skip(&self, slots: u64) {
        let mut ledger = self.ledger();
        let height = ledger.height(ledger.slot());
        for _ in 0..slots {
            ledger.heights.push(height);
        }
    }

    /// The hash of the latest block.
    #[must_use]
    pub fn latest_blockhash(&self) -> [u8; 32] {
        let ledger = self.ledger();
        Ledger::blockhash(ledger.height(ledger.slot()))
    }

    /// Submits a transaction that everybody has signed, as anybody may. Answers its signature, and why it was not taken,
    /// or `transaction_failed` where it was, and has moved nothing.
    ///
    /// # Errors
    /// Why it moved nothing.
    pub fn submit(&self, transaction: &[u8]) -> Result<String, &'static str> {
        let parsed = Parsed::read(transaction).ok_or("invalid_exact_svm_payload_transaction")?;
        self.ledger().submit(parsed)
    }

    /// The signature of the last transaction in a block.
    #[must_use]
    pub fn last_transaction(&self) -> Option<String> {
        self.ledger().landed.last().map(|landed| landed.signature.clone())
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&self.ledger())
    }

    /// From now on every call is hung up on, or no longer.
    pub fn go_down(&self, is_down: bool) {
        self.ledger().is_down = is_down;
    }

    /// From now on every answer is broken JSON, or no longer.
    pub fn break_answers(&self, is_broken: bool) {
        self.ledger().is_broken = is_broken;
    }

    /// The node does not know the latest `slots`, for the next `calls`.
    pub fn lag(&self, slots: u64, calls: u64) {
        self.ledger().behind = (slots, calls);
    }

    /// From now on the calls of `method` go to another node behind the same URL, which does not know the latest
    /// `slots`.
    pub fn lag_in(&self, method: &str, slots: u64) {
        self.ledger().split = Some((method.to_owned(), slots));
    }

    /// The node says that it is of another chain.
    pub fn pretend_to_be(&self, genesis: &str) {
        genesis.clone_into(&mut self.ledger().genesis);
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
