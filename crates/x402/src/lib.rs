//! The x402 payment protocol over HTTP, v2 and v1: what a 402 offers, what a payment header says, and what a
//! facilitator is asked and answers.
//!
//! **Invariant:** what comes out of [`decode`] is in the one spelling of everything, so two headers that mean one
//! payment are equal in what they claim; nothing of it is proved, and the amount is never rounded. No I/O, no clock, no
//! randomness.
//!
//! ```
//! use crochet_pricing::MicroUsd;
//! use crochet_x402::{Asset, Network, Offer, PaymentRequired, Resource};
//!
//! let usdc = Asset::usdc(Network::BASE).unwrap();
//! assert_eq!(usdc.caip19(), "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913");
//! let price = MicroUsd::from_micros(10_000);
//! let offer = Offer {
//!     base_units: usdc.base_units(price).unwrap(),
//!     asset: usdc,
//!     pay_to: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".parse()?,
//!     fee_payer: None,
//!     max_timeout_seconds: 60,
//! };
//! let resource = Resource::new("https://gateway.example/api/v1/gateway/weather", "Weather by the hour");
//! let required = PaymentRequired::new(&resource, &[offer], "Payment is required.");
//! assert_eq!(required.v2()["accepts"][0]["amount"], "10000");
//! assert_eq!(required.v1().unwrap()["accepts"][0]["network"], "base");
//! assert!(required.header().len() < 4096);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod asset;
mod base64;
mod decode;
mod eip712;
pub mod extensions;
pub mod facilitator;
mod json;
mod network;
mod payload;
mod receipt;
mod required;
pub mod solana;
mod terms;

pub use asset::{Asset, AssetError, TokenProgram, find_asset};
pub use decode::{DecodeError, DecodedPayment, MAX_HEADER_BYTES, decode, encode};
pub use eip712::SignedBy;
pub use network::{Network, UnknownNetwork};
pub use payload::Authorization;
pub use receipt::Receipt;
pub use required::{MAX_REQUIRED_BYTES, Offer, PaymentRequired, Resource};
pub use terms::{SignedOffer, SignedTerms, TermsKey, secret_sha256};

/// The header of a 402 for v2 clients.
pub const PAYMENT_REQUIRED: &str = "payment-required";
/// The header with which v2 clients pay.
pub const PAYMENT_SIGNATURE: &str = "payment-signature";
/// The header of a receipt for v2 clients.
pub const PAYMENT_RESPONSE: &str = "payment-response";
/// The header with which v1 clients pay.
pub const X_PAYMENT: &str = "x-payment";
/// The header of a receipt for v1 clients.
pub const X_PAYMENT_RESPONSE: &str = "x-payment-response";
/// The scheme that is spoken: an amount that is known beforehand.
pub const EXACT: &str = "exact";

/// Which version of the protocol a client or a facilitator speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Terms in the body, networks by name.
    V1,
    /// Terms in a header, networks by CAIP-2.
    V2,
}

impl Version {
    /// What `x402Version` says.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// Reads `x402Version`.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            _ => None,
        }
    }
}
