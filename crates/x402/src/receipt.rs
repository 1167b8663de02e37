//! What a client is told of its payment.

use serde_json::{Value, json};

use crate::base64;
use crate::network::Network;

/// What became of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whether it was made.
    pub success: bool,
    /// Who paid: canonical.
    pub payer: String,
    /// By which transaction; empty where there was none.
    pub transaction: String,
    /// Where.
    pub network: Network,
    /// Why it was not made, as one word of the protocol.
    pub error_reason: Option<String>,
}

impl Receipt {
    /// The value of `PAYMENT-RESPONSE`, for v2 clients.
    #[must_use]
    pub fn v2_header(&self) -> String {
        base64::encode(self.json(&self.network.to_string()).to_string())
    }

    /// The value of `X-PAYMENT-RESPONSE`, for v1 clients: it has the network's name.
    #[must_use]
    pub fn v1_header(&self) -> String {
        let caip2 = self.network.to_string();
        base64::encode(self.json(self.network.v1_name().unwrap_or(&caip2)).to_string())
    }

    /// The receipt with CAIP-2, for a body.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.json(&self.network.to_string())
    }

    fn json(&self, network: &str) -> Value {
        let mut receipt = json!({
            "success": self.success,
            "payer": self.payer,
            "transaction": self.transaction,
            "network": network,
        });
        if let Some(reason) = &self.error_reason {
            receipt["errorReason"] = reason.as_str().into();
        }
        receipt
    }
}
