//! The few questions that a node of Solana is asked.

use std::sync::Arc;
use std::time::Duration;

use crochet_primitives::Clock;
use crochet_wallet::WalletAddress;
use crochet_x402::Network;
use crochet_x402::solana::LandedTransaction;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::http::Http;
use crate::node::{Node, Refusal, Unreadable};

/// Entries of one page.
pub(super) const PAGE: usize = 500;
/// A node's error for a transaction of a version that was not asked for.
const UNSUPPORTED_VERSION: i64 = -32_015;

/// How sure a node is to be of what it says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Commitment {
    /// It has seen it.
    Processed,
    /// Two thirds of the stake have voted for it.
    Confirmed,
    /// Nothing undoes it.
    Finalized,
}

/// A moment of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch {
    /// Counts time, with blocks or without.
    pub(super) slot: u64,
    /// Counts blocks.
    pub(super) height: u64,
}

/// What a transaction would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trial {
    /// It is new, and its blockhash is good: it would work, or fail for another reason.
    New,
    /// The network has taken it before this slot was over.
    Processed,
    /// Its blockhash is too old, or is of no block that the node knows.
    NoBlockhash,
}

/// A transaction that has touched an account.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) signature: String,
    pub(super) slot: u64,
    /// All its memos; `None` where the node names none.
    pub(super) memo: Option<String>,
}

/// What a node shows of a transaction.
#[derive(Debug, Clone)]
pub(super) enum Shown {
    /// It is in no block that two thirds of the stake have voted for.
    Nothing,
    /// It cannot be a payment.
    NoPayment,
    Landed(Box<Landed>),
}

/// What a transaction has done.
#[derive(Debug, Clone)]
pub(super) struct Landed {
    pub(super) slot: u64,
    pub(super) is_failed: bool,
    pub(super) transaction: LandedTransaction,
    meta: Value,
}

pub(super) struct Rpc {
    node: Node,
    /// The reference of CAIP-2: how the hash of the chain's first block begins.
    genesis: String,
    is_right_chain: OnceCell<()>,
}

impl Commitment {
    const fn name(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Confirmed => "confirmed",
            Self::Finalized => "finalized",
        }
    }
}

impl Rpc {
    pub(super) fn new(http: Http, url: String, network: Network, attempt: Duration, clock: Arc<dyn Clock>) -> Self {
        let name = network.to_string();
        let genesis = name.split_once(':').map_or("", |(_, reference)| reference).to_owned();
        Self { node: Node::new(http, url, &name, attempt, clock), genesis, is_right_chain: OnceCell::new() }
    }

    /// Whether it has answered lately, as far as anybody has asked.
    pub(super) fn is_answering(&self) -> bool {
        self.node.is_answering()
    }

    /// What would become of a transaction (base64) now, and in which slot that was asked.
    pub(super) async fn simulate(&self, transaction: &str, deadline: Instant) -> Result<(Trial, u64), Unreadable> {
        self.check_chain(deadline).await?;
        let commitment = Commitment::Processed.name();
        let options = json!({
            "encoding": "base64", "sigVerify": false, "replaceRecentBlockhash": false, "commitment": commitment,
        });
        let answer = self.node.call("simulateTransaction", &json!([transaction, options]), deadline).await?;
        let slot = answer.get("context").and_then(|context| context.get("slot")).and_then(Value::as_u64);
        let error = answer.get("value").and_then(|value| value.get("err")).ok_or(Unreadable)?;
        let trial = match error.as_str() {
            Some("AlreadyProcessed") => Trial::Processed,
            Some("BlockhashNotFound") => Trial::NoBlockhash,
            _ => Trial::New,
        };
        Ok((trial, slot.ok_or(Unreadable)?))
    }

    /// Where the chain is. A node that has not got to `least_slot` says so, and nothing else.
    pub(super) async fn epoch(
        &self,
        commitment: Commitment,
        least_slot: Option<u64>,
        deadline: Instant,
    ) -> Result<Epoch, Unreadable> {
        self.check_chain(deadline).await?;
        let mut options = json!({ "commitment": commitment.name() });
        if let Some(slot) = least_slot {
            options["minContextSlot"] = slot.into();
        }
        let epoch = self.node.call("getEpochInfo", &json!([options]), deadline).await?;
        let field = |key: &str| epoch.get(key).and_then(Value::as_u64).ok_or(Unreadable);
        let epoch = Epoch { slot: field("absoluteSlot")?, height: field("blockHeight")? };
        // Not every node in front of a node hands the option on.
        if least_slot.is_some_and(|least| epoch.slot < least) { Err(Unreadable) } else { Ok(epoch) }
    }

    /// What has touched an account, the newest first, [`PAGE`] of them, before the transaction `before`. A node that has
    /// not got to `least_slot` says so, and nothing else.
    pub(super) async fn entries(
        &self,
        account: &WalletAddress,
        before: Option<&str>,
        least_slot: u64,
        deadline: Instant,
    ) -> Result<Vec<Entry>, Unreadable> {
        let mut options =
            json!({ "limit": PAGE, "commitment": Commitment::Confirmed.name(), "minContextSlot": least_slot });
        if let Some(before) = before {
            options["before"] = before.into();
        }
        let params = json!([account.canonical(), options]);
        let entries = self.node.call("getSignaturesForAddress", &params, deadline).await?;
        entries.as_array().ok_or(Unreadable)?.iter().map(|entry| Entry::read(entry).ok_or(Unreadable)).collect()
    }

    /// What a transaction has done.
    pub(super) async fn transaction(&self, signature: &str, deadline: Instant) -> Result<Shown, Unreadable> {
        self.check_chain(deadline).await?;
        let commitment = Commitment::Confirmed.name();
        let options = json!({ "encoding": "base64", "commitment": commitment, "maxSupportedTransactionVersion": 0 });
        match self.node.ask("getTransaction", &json!([signature, options]), deadline).await? {
            Ok(answer) if answer.is_null() => Ok(Shown::Nothing),
            Ok(answer) => Landed::read(answer).ok_or(Unreadable),
            Err(Refusal(Some(UNSUPPORTED_VERSION))) => Ok(Shown::NoPayment),
            Err(_) => Err(Unreadable),
        }
    }

    /// A node of another chain would show nothing of any payment, for ever.
    async fn check_chain(&self, deadline: Instant) -> Result<(), Unreadable> {
        let check = || async {
            let found = self.node.call("getGenesisHash", &json!([]), deadline).await?;
            if found.as_str().is_some_and(|hash| hash.starts_with(&self.genesis)) {
                return Ok(());
            }
            tracing::error!(expected = self.genesis, "a configured RPC URL is of another chain");
            Err(Unreadable)
        };
        self.is_right_chain.get_or_try_init(check).await.map(|&()| ())
    }
}

impl Entry {
    fn read(entry: &Value) -> Option<Self> {
        let memo = entry.get("memo").and_then(Value::as_str).filter(|memo| !memo.is_empty());
        Some(Self {
            signature: entry.get("signature")?.as_str()?.to_owned(),
            slot: entry.get("slot")?.as_u64()?,
            memo: memo.map(str::to_owned),
        })
    }
}

impl Landed {
    /// `None` where the answer is not of the form that was asked for.
    pub(super) fn read(mut answer: Value) -> Option<Shown> {
        let slot = answer.get("slot")?.as_u64()?;
        let meta = answer.get_mut("meta").map(Value::take).filter(Value::is_object)?;
        let is_failed = !meta.get("err")?.is_null();
        let text = answer.get("transaction")?.get(0)?.as_str()?;
        let Some(transaction) = LandedTransaction::read(text) else { return Some(Shown::NoPayment) };
        Some(Shown::Landed(Box::new(Self { slot, is_failed, transaction, meta })))
    }

    /// How much of a token has come into an account; `None` where that is not said.
    pub(super) fn arrived(&self, account: &WalletAddress, mint: &WalletAddress) -> Option<u64> {
        let place = self.transaction.accounts.iter().position(|one| one == account)?;
        let (place, mint) = (u64::try_from(place).ok()?, mint.canonical());
        let balance = |key: &str| -> Option<u64> {
            let is_of = |one: &&Value| {
                one.get("accountIndex").and_then(Value::as_u64) == Some(place)
                    && one.get("mint").and_then(Value::as_str) == Some(&mint)
            };
            let balance = self.meta.get(key)?.as_array()?.iter().find(is_of)?;
            balance.get("uiTokenAmount")?.get("amount")?.as_str()?.parse().ok()
        };
        balance("postTokenBalances")?.checked_sub(balance("preTokenBalances")?)
    }
}
