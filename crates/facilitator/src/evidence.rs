//! What is kept with a payment from its verification on: who is to submit it, and where to look for it.

use crochet_relay::Terms;
use crochet_wallet::WalletAddress;
use crochet_x402::Version;
use serde_json::{Value, json};

use crate::chain::Wanted;

/// Who is to submit a payment, and from which block on it can have been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) facilitator: String,
    pub(crate) version: Version,
    pub(crate) from_block: u64,
}

impl Evidence {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "facilitator": self.facilitator,
            "x402_version": self.version.number(),
            "from_block": self.from_block,
        })
    }

    pub(crate) fn read(value: &Value) -> Option<Self> {
        Some(Self {
            facilitator: value.get("facilitator")?.as_str()?.to_owned(),
            version: Version::from_number(value.get("x402_version")?.as_u64()?)?,
            from_block: value.get("from_block")?.as_u64()?,
        })
    }
}

/// What to look for on the chain, by the terms of a payment that came in a header.
pub(crate) fn wanted(terms: &Terms) -> Option<Wanted> {
    let claimed = terms.claimed.as_ref()?;
    Some(Wanted {
        payer: WalletAddress::parse(&claimed.payer).ok()?,
        nonce: claimed.nonce.clone(),
        recipient: WalletAddress::parse(&terms.recipient).ok()?,
        valid_before: u64::try_from(claimed.valid_before.timestamp()).ok()?,
        from_block: Evidence::read(&terms.instructions)?.from_block,
    })
}
