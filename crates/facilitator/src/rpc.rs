//! The few questions that a node of a chain is asked, by JSON-RPC.

use std::sync::Arc;
use std::time::Duration;

use crochet_primitives::Clock;
use crochet_wallet::WalletAddress;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::abi::{self, Log, to_quantity};
use crate::http::Http;
use crate::node::{Node, Unreadable};

/// A block's place in the chain and in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) number: u64,
    /// Seconds since 1970.
    pub(crate) timestamp: u64,
}

/// What a transaction has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) is_successful: bool,
    /// In order.
    pub(crate) logs: Vec<Log>,
}

pub(crate) struct Rpc {
    node: Node,
    chain_id: u64,
    is_right_chain: OnceCell<()>,
}

impl Rpc {
    pub(crate) fn new(http: Http, url: String, chain_id: u64, attempt: Duration, clock: Arc<dyn Clock>) -> Self {
        let node = Node::new(http, url, &format!("eip155:{chain_id}"), attempt, clock);
        Self { node, chain_id, is_right_chain: OnceCell::new() }
    }

    /// Whether it has answered lately, as far as anybody has asked.
    pub(crate) fn is_answering(&self) -> bool {
        self.node.is_answering()
    }

    /// The latest block.
    pub(crate) async fn latest(&self, deadline: Instant) -> Result<Block, Unreadable> {
        self.check_chain(deadline).await?;
        self.block("latest", deadline).await
    }

    /// The block with this number.
    pub(crate) async fn block_at(&self, number: u64, deadline: Instant) -> Result<Block, Unreadable> {
        self.block(&to_quantity(number), deadline).await
    }

    async fn block(&self, tag: &str, deadline: Instant) -> Result<Block, Unreadable> {
        let block = self.node.call("eth_getBlockByNumber", &json!([tag, false]), deadline).await?;
        let field = |key: &str| block.get(key).and_then(abi::quantity).ok_or(Unreadable);
        Ok(Block { number: field("number")?, timestamp: field("timestamp")? })
    }

    /// Whether an authorization was used or canceled, by the state after block `at`, or the latest one. A node that has
    /// not got that block yet says so, and nothing else.
    pub(crate) async fn is_used(
        &self,
        asset: &WalletAddress,
        payer: &WalletAddress,
        nonce: &str,
        at: Option<u64>,
        deadline: Instant,
    ) -> Result<bool, Unreadable> {
        self.check_chain(deadline).await?;
        let call = json!({ "to": asset.canonical(), "data": abi::authorization_state(payer, nonce) });
        let at = at.map_or_else(|| "latest".to_owned(), to_quantity);
        abi::truth(&self.node.call("eth_call", &json!([call, at]), deadline).await?).ok_or(Unreadable)
    }

    /// What `asset` has logged of an authorization, in these blocks, both ends included.
    pub(crate) async fn logs_of(
        &self,
        asset: &WalletAddress,
        payer: &WalletAddress,
        nonce: &str,
        (from, to): (u64, u64),
        deadline: Instant,
    ) -> Result<Vec<Log>, Unreadable> {
        let filter = json!({
            "address": asset.canonical(),
            "topics": [[abi::AUTHORIZATION_USED, abi::AUTHORIZATION_CANCELED], abi::topic(payer), nonce],
            "fromBlock": to_quantity(from),
            "toBlock": to_quantity(to),
        });
        let logs = self.node.call("eth_getLogs", &json!([filter]), deadline).await?;
        Ok(logs.as_array().ok_or(Unreadable)?.iter().filter_map(Log::read).collect())
    }

    /// What a transaction has done; `None` while it is in no block that the node knows.
    pub(crate) async fn receipt(&self, transaction: &str, deadline: Instant) -> Result<Option<Receipt>, Unreadable> {
        self.check_chain(deadline).await?;
        let receipt = self.node.call("eth_getTransactionReceipt", &json!([transaction]), deadline).await?;
        if receipt.is_null() {
            return Ok(None);
        }
        let status = receipt.get("status").and_then(abi::quantity).ok_or(Unreadable)?;
        let logs = receipt.get("logs").and_then(Value::as_array).ok_or(Unreadable)?.iter();
        let mut logs: Vec<Log> = logs.map(|log| Log::read(log).ok_or(Unreadable)).collect::<Result<_, _>>()?;
        logs.sort_by_key(|log| log.index);
        Ok(Some(Receipt { is_successful: status == 1, logs }))
    }

    /// A node of another chain would show every authorization as unused, for ever.
    async fn check_chain(&self, deadline: Instant) -> Result<(), Unreadable> {
        let check = || async {
            let found = self.node.call("eth_chainId", &json!([]), deadline).await?;
            match abi::quantity(&found) {
                Some(chain_id) if chain_id == self.chain_id => Ok(()),
                found => {
                    tracing::error!(expected = self.chain_id, ?found, "a configured RPC URL is of another chain");
                    Err(Unreadable)
                }
            }
        };
        self.is_right_chain.get_or_try_init(check).await.map(|&()| ())
    }
}
