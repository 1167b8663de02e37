//! What Solana says of a payment. It alone decides whether a payment was made.

use std::sync::Arc;
use std::time::Duration;

use crochet_primitives::Clock;
use crochet_wallet::WalletAddress;
use crochet_x402::Asset;
use tokio::time::Instant;

use super::rpc::{Commitment, Entry, Landed, PAGE, Rpc, Shown, Trial};
use crate::chain::Look;
use crate::http::Http;
use crate::node::Unreadable;

/// The network takes a transaction in the 150 blocks after the one that it names.
const LIFETIME: u64 = 150;
/// So many blocks later than that nothing is undone any more, and nodes have indexed what they know.
const MARGIN: u64 = 32;
/// Bounds a search: pages of what has touched an account, and transactions that could be the one.
const PAGES_A_SEARCH: usize = 8;
const READS_A_SEARCH: usize = 150;

/// One asset on Solana.
pub(crate) struct Chain {
    pub(crate) asset: Asset,
    pub(crate) caip19: String,
    pub(super) rpc: Rpc,
}

/// Which payment is looked for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) message_hash: String,
    pub(super) source: WalletAddress,
    pub(super) destination: WalletAddress,
    /// One of its memos.
    pub(super) memo: Option<String>,
    pub(super) after_slot: u64,
    pub(super) last_height: u64,
}

/// What is known of a payment before it is submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beforehand {
    /// It was not made up to the end of `after_slot`, and cannot be made above `last_height`.
    New { after_slot: u64, last_height: u64 },
    /// It was made.
    Made,
    /// It cannot be made any more, or names a block that the node does not know.
    TooLate,
}

/// What a search has found.
enum Found {
    Landed(Box<Landed>, String),
    /// It is not there.
    Nothing,
    /// Not all of it could be searched.
    Unsure,
}

impl Chain {
    pub(crate) fn new(asset: Asset, http: Http, url: String, attempt: Duration, clock: Arc<dyn Clock>) -> Self {
        let rpc = Rpc::new(http, url, asset.network(), attempt, clock);
        Self { caip19: asset.caip19(), asset, rpc }
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.rpc.is_answering()
    }

    /// Whether a payment (base64 of its transaction) can be made, and when.
    pub(super) async fn beforehand(&self, transaction: &str, deadline: Instant) -> Result<Beforehand, Unreadable> {
        let after_slot = match self.rpc.simulate(transaction, deadline).await? {
            (Trial::New, slot) => slot,
            (Trial::Processed, _) => return Ok(Beforehand::Made),
            (Trial::NoBlockhash, _) => return Ok(Beforehand::TooLate),
        };
        // The block that it names is no higher than the one that it was tried on, nor than this one.
        let epoch = self.rpc.epoch(Commitment::Processed, Some(after_slot), deadline).await?;
        Ok(Beforehand::New { after_slot, last_height: epoch.height.saturating_add(LIFETIME) })
    }

    /// Looks for the payment. `hint` is a transaction that somebody says has made it.
    pub(super) async fn look(
        &self,
        wanted: &Wanted,
        hint: Option<&str>,
        deadline: Instant,
    ) -> Result<Look, Unreadable> {
        if let Some(transaction) = hint
            && let Ok(Shown::Landed(landed)) = self.rpc.transaction(transaction, deadline).await
            && wanted.is(&landed)
            && !landed.is_failed
            && let Some(base_units) = self.arrived(&landed, wanted)
        {
            return Ok(Look::Paid { base_units, transaction: transaction.to_owned() });
        }
        // Read before the search, so that a node that answers the search knows everything up to here.
        let last = self.rpc.epoch(Commitment::Finalized, None, deadline).await?;
        let is_over = last.height > wanted.last_height.saturating_add(MARGIN);
        let least_slot = if is_over { last.slot.max(wanted.after_slot) } else { wanted.after_slot };
        match self.find(wanted, least_slot, deadline).await? {
            // A transaction that failed was taken all the same: the network never takes its message again.
            Found::Landed(landed, _) if landed.is_failed => {
                Ok(if landed.slot <= last.slot { Look::Lost("transaction_failed") } else { Look::Used })
            }
            Found::Landed(landed, transaction) => match self.arrived(&landed, wanted) {
                Some(base_units) => Ok(Look::Paid { base_units, transaction }),
                None => Ok(Look::Used),
            },
            Found::Unsure => Ok(Look::Used),
            Found::Nothing if is_over => Ok(Look::Lost("blockhash_expired")),
            Found::Nothing => Ok(Look::Unused),
        }
    }

    fn arrived(&self, landed: &Landed, wanted: &Wanted) -> Option<u64> {
        landed.arrived(&wanted.destination, self.asset.address())
    }

    /// Searches what has touched the account that the money leaves, back to when the payment was verified.
    async fn find(&self, wanted: &Wanted, least_slot: u64, deadline: Instant) -> Result<Found, Unreadable> {
        let mut before: Option<String> = None;
        let (mut reads, mut is_unsure) = (0, false);
        for _ in 0..PAGES_A_SEARCH {
            let page = self.rpc.entries(&wanted.source, before.as_deref(), least_slot, deadline).await?;
            for entry in page.iter().filter(|entry| wanted.could_be(entry)) {
                reads += 1;
                if reads > READS_A_SEARCH {
                    return Ok(Found::Unsure);
                }
                match self.rpc.transaction(&entry.signature, deadline).await? {
                    Shown::Landed(landed) if wanted.is(&landed) => {
                        return Ok(Found::Landed(landed, entry.signature.clone()));
                    }
                    Shown::Landed(_) | Shown::NoPayment => {}
                    // It is listed, so another node has it.
                    Shown::Nothing => is_unsure = true,
                }
            }
            let is_back = page.len() < PAGE || page.iter().any(|entry| entry.slot <= wanted.after_slot);
            if is_back {
                return Ok(if is_unsure { Found::Unsure } else { Found::Nothing });
            }
            before = page.last().map(|entry| entry.signature.clone());
        }
        Ok(Found::Unsure)
    }
}

impl Wanted {
    /// What was made before the payment was offered to us paid for something else.
    fn is(&self, landed: &Landed) -> bool {
        landed.slot > self.after_slot && landed.transaction.message_hash == self.message_hash
    }

    /// Clients put a memo of its own into each payment, and nodes list memos: most others need not be read.
    fn could_be(&self, entry: &Entry) -> bool {
        let has_memo = match (&entry.memo, &self.memo) {
            (Some(listed), Some(own)) => listed.contains(own.as_str()),
            _ => true,
        };
        entry.slot > self.after_slot && has_memo
    }
}
