//! What buyers remember of their calls.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::road::Noticed;

/// How a call was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// On terms of the mock provider.
    Quoted,
    /// By x402, in its header.
    ByHeader,
    /// Not at all, and named by an idempotency key.
    FreeWithKey,
    /// Not at all, and nobody can name it again.
    Free,
}

impl Kind {
    pub(crate) fn is_free(self) -> bool {
        matches!(self, Self::FreeWithKey | Self::Free)
    }
}

/// What was paid for one call of the mock provider's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Payments {
    /// How often a payment was acknowledged that arrives.
    pub(crate) acknowledged: u32,
    /// How often one was sent of which nobody said what became of it.
    pub(crate) unclear: u32,
    /// How often it was acknowledged that one was given back.
    pub(crate) given_back: u32,
    /// How often that was asked for, and nobody said what became of it.
    pub(crate) unclear_refunds: u32,
}

/// A call that was delivered, as its buyer remembers it.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) kind: Kind,
    /// Who can read it in its history: the number of the reader.
    pub(crate) reader: usize,
    /// Under which id the seller knows it.
    pub(crate) request_id: String,
    /// What the seller answered; null where only its hash was kept.
    pub(crate) response: Value,
    pub(crate) response_sha256: String,
    pub(crate) attempt: u32,
    /// By relay request id: of the call that was delivered, and of those whose place it took.
    pub(crate) payments: BTreeMap<String, Payments>,
    /// How often terms had ended unpaid, and new ones were given.
    pub(crate) expired: u32,
    pub(crate) noticed: Noticed,
    /// Whether a gateway delivered it that had broken off none of its requests, while another had.
    pub(crate) is_taken_over: bool,
}

impl Delivered {
    pub(crate) fn from(kind: Kind, reader: usize, data: &Value, noticed: Noticed) -> Self {
        let text = |name: &str| data[name].as_str().unwrap_or_else(|| panic!("no {name}: {data}")).to_owned();
        let is_other = noticed.answered_by.is_some_and(|by| !noticed.cut_at.contains(&by));
        Self {
            kind,
            reader,
            request_id: text("request_id"),
            response: data["seller_response"].clone(),
            response_sha256: text("response_sha256"),
            attempt: u32::try_from(data["attempt"].as_u64().unwrap()).unwrap(),
            payments: BTreeMap::new(),
            expired: 0,
            is_taken_over: is_other && !noticed.cut_at.is_empty() && data["replayed"] == false,
            noticed,
        }
    }

    pub(crate) fn relay_id(&self) -> String {
        self.request_id.replace("gw_req_", "relay_")
    }
}
