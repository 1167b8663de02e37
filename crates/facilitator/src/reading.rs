//! What answers of nodes are read with, for whoever tries to break it: the laws of `crochet-laws`.

use crochet_wallet::WalletAddress;
use serde_json::Value;

use crate::{abi, solana};

/// What a contract has logged.
#[derive(Debug)]
pub struct Log {
    /// Its address, its data, the transaction, and its topics.
    pub texts: Vec<String>,
    /// Its place in its block.
    pub index: u64,
    /// The block's number.
    pub block: u64,
}

/// What a transaction on Solana has done.
#[derive(Debug)]
pub struct Landed {
    /// The slot that it is in.
    pub slot: u64,
    /// Whether it failed.
    pub is_failed: bool,
    /// The hash of what was signed.
    pub message_hash: String,
    /// How much of a token came into an account, where that is said.
    pub arrived: Option<u64>,
}

/// Reads what a contract of an EVM chain has logged.
#[must_use]
pub fn log(value: &Value) -> Option<Log> {
    let log = abi::Log::read(value)?;
    let mut texts = vec![log.address, log.data, log.transaction];
    texts.extend(log.topics);
    Some(Log { texts, index: log.index, block: log.block })
}

/// A quantity of JSON-RPC.
#[must_use]
pub fn quantity(value: &Value) -> Option<u64> {
    abi::quantity(value)
}

/// A word of the ABI as a number.
#[must_use]
pub fn number(data: &str) -> Option<u64> {
    abi::number(data)
}

/// A word of the ABI as a truth value.
#[must_use]
pub fn truth(value: &Value) -> Option<bool> {
    abi::truth(value)
}

/// Reads what a node of Solana shows of a transaction: `None` where the answer is of another form, and `Some(None)` where
/// it is no payment.
#[must_use]
pub fn landed(answer: &Value, account: &WalletAddress, mint: &WalletAddress) -> Option<Option<Landed>> {
    solana::landed(answer, account, mint)
}
