//! What the chain says of an authorization. It alone decides whether a payment was made.

use crochet_wallet::WalletAddress;
use crochet_x402::Asset;
use tokio::time::Instant;

use crate::abi;
use crate::node::Unreadable;
use crate::rpc::{Receipt, Rpc};

/// Many nodes look through no more blocks in one call.
const BLOCKS_A_CALL: u64 = 2000;
/// Bounds a search. An authorization is good for an hour at most, which is fewer blocks on every chain.
const CALLS_A_SEARCH: u64 = 16;

/// One asset's chain.
pub(crate) struct Chain {
    pub(crate) asset: Asset,
    pub(crate) caip19: String,
    pub(crate) rpc: Rpc,
    pub(crate) finality_seconds: u64,
}

/// Which authorization is looked for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) payer: WalletAddress,
    pub(crate) nonce: String,
    pub(crate) recipient: WalletAddress,
    /// Seconds since 1970.
    pub(crate) valid_before: u64,
    /// It was unused before this block.
    pub(crate) from_block: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    /// The payment was made.
    Paid { base_units: u64, transaction: String },
    /// Final: it never will be.
    Lost(&'static str),
    /// The authorization is used up, and what for cannot be said yet.
    Used,
    /// It is unused, and can still be used as far as can be known.
    Unused,
}

/// What an authorization was used for, by one receipt.
#[derive(Debug, PartialEq, Eq)]
enum Use {
    Payment(u64),
    Otherwise(&'static str),
}

impl Chain {
    /// Looks for the payment. `hint` is a transaction that somebody says has made it.
    pub(crate) async fn look(
        &self,
        wanted: &Wanted,
        hint: Option<&str>,
        deadline: Instant,
    ) -> Result<Look, Unreadable> {
        if let Some(transaction) = hint
            && let Ok(Some(receipt)) = self.rpc.receipt(transaction, deadline).await
            && let Some(Use::Payment(base_units)) = self.use_in(&receipt, wanted)
        {
            return Ok(Look::Paid { base_units, transaction: transaction.to_owned() });
        }
        let (asset, nonce) = (self.asset.address(), &wanted.nonce);
        let latest = self.rpc.latest(deadline).await?;
        // Asked of that very block: of several nodes behind one URL, one that is behind cannot answer.
        let is_used = self.rpc.is_used(asset, &wanted.payer, nonce, Some(latest.number), deadline).await?;
        let is_final = |second: u64| latest.timestamp >= second.saturating_add(self.finality_seconds);
        if !is_used {
            let is_over = is_final(wanted.valid_before);
            return Ok(if is_over { Look::Lost("authorization_expired") } else { Look::Unused });
        }
        let Some((transaction, block)) = self.find(wanted, latest.number, deadline).await? else {
            return Ok(Look::Used);
        };
        let receipt = self.rpc.receipt(&transaction, deadline).await?;
        match receipt.and_then(|receipt| self.use_in(&receipt, wanted)) {
            Some(Use::Payment(base_units)) => Ok(Look::Paid { base_units, transaction }),
            Some(Use::Otherwise(reason)) => {
                let block = self.rpc.block_at(block, deadline).await?;
                Ok(if is_final(block.timestamp) { Look::Lost(reason) } else { Look::Used })
            }
            None => Ok(Look::Used),
        }
    }

    /// The transaction that used the authorization, and its block.
    async fn find(&self, wanted: &Wanted, latest: u64, deadline: Instant) -> Result<Option<(String, u64)>, Unreadable> {
        let mut from = wanted.from_block;
        for _ in 0..CALLS_A_SEARCH {
            if from > latest {
                break;
            }
            let to = from.saturating_add(BLOCKS_A_CALL - 1).min(latest);
            let (asset, nonce) = (self.asset.address(), &wanted.nonce);
            let logs = self.rpc.logs_of(asset, &wanted.payer, nonce, (from, to), deadline).await?;
            if let Some(log) = logs.into_iter().find(|log| self.is_of(log, wanted)) {
                return Ok(Some((log.transaction, log.block)));
            }
            from = to.saturating_add(1);
        }
        Ok(None)
    }

    /// Whether the asset itself says in this log that the authorization is used up. Nodes are not trusted to filter.
    fn is_of(&self, log: &abi::Log, wanted: &Wanted) -> bool {
        let (payer, nonce) = (abi::topic(&wanted.payer), wanted.nonce.as_str());
        log.address == self.asset.address().canonical()
            && (log.is([abi::AUTHORIZATION_USED, &payer, nonce])
                || log.is([abi::AUTHORIZATION_CANCELED, &payer, nonce]))
    }

    /// What the authorization was used for: the asset moves the money right after it has noted the use, so the very
    /// next log is that transfer. `None` where this receipt does not show it.
    fn use_in(&self, receipt: &Receipt, wanted: &Wanted) -> Option<Use> {
        if !receipt.is_successful {
            return None;
        }
        let mut logs = receipt.logs.iter().skip_while(|log| !self.is_of(log, wanted));
        // What was used before the payment was offered to us paid for something else.
        let used = logs.next().filter(|used| used.block >= wanted.from_block)?;
        if used.topics.first().is_some_and(|topic| topic == abi::AUTHORIZATION_CANCELED) {
            return Some(Use::Otherwise("authorization_canceled"));
        }
        let moved = logs.next().filter(|next| next.address == used.address && next.index == used.index + 1)?;
        let [transfer, from, to] = moved.topics.as_slice() else { return None };
        if transfer != abi::TRANSFER || *from != abi::topic(&wanted.payer) {
            return None;
        }
        if *to != abi::topic(&wanted.recipient) {
            return Some(Use::Otherwise("authorization_used_otherwise"));
        }
        abi::number(&moved.data).map(Use::Payment)
    }
}
