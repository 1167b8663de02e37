//! What is kept with a payment on Solana from its verification on: who is to submit it, and where to look for it.

use crochet_relay::Terms;
use crochet_wallet::WalletAddress;
use crochet_x402::Version;
use crochet_x402::solana::SolanaPayment;
use serde_json::{Value, json};

use super::chain::Wanted;

/// Who is to submit a payment, and between which moments of the chain it can have been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) facilitator: String,
    pub(super) version: Version,
    /// It was not made up to the end of this slot.
    pub(super) after_slot: u64,
    /// It cannot be made in a higher block.
    pub(super) last_height: u64,
    /// The account that the money leaves.
    pub(super) source: String,
    /// The account that it reaches.
    pub(super) destination: String,
    pub(super) memo: Option<String>,
}

impl Evidence {
    pub(super) fn of(payment: &SolanaPayment, by: (String, Version), after_slot: u64, last_height: u64) -> Self {
        let (facilitator, version) = by;
        Self {
            facilitator,
            version,
            after_slot,
            last_height,
            source: payment.source().canonical(),
            destination: payment.destination().canonical(),
            memo: payment.memos().find(|memo| !memo.is_empty()).map(str::to_owned),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "facilitator": self.facilitator,
            "x402_version": self.version.number(),
            "after_slot": self.after_slot,
            "last_height": self.last_height,
            "source": self.source,
            "destination": self.destination,
            "memo": self.memo,
        })
    }

    pub(super) fn read(value: &Value) -> Option<Self> {
        let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
        Some(Self {
            facilitator: text("facilitator")?,
            version: Version::from_number(value.get("x402_version")?.as_u64()?)?,
            after_slot: value.get("after_slot")?.as_u64()?,
            last_height: value.get("last_height")?.as_u64()?,
            source: text("source")?,
            destination: text("destination")?,
            memo: text("memo"),
        })
    }
}

/// What to look for on the chain, by the terms of a payment that came in a header.
pub(super) fn wanted(terms: &Terms) -> Option<Wanted> {
    let evidence = Evidence::read(&terms.instructions)?;
    Some(Wanted {
        message_hash: terms.claimed.as_ref()?.nonce.clone(),
        source: WalletAddress::parse(&evidence.source).ok()?,
        destination: WalletAddress::parse(&evidence.destination).ok()?,
        memo: evidence.memo,
        after_slot: evidence.after_slot,
        last_height: evidence.last_height,
    })
}
