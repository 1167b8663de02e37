//! Payments that come in a header of the call that they pay for: x402.
//!
//! Nobody was asked for terms, and the payer needs no account. What identifies such a payment is claimed for its call
//! before it is submitted, so that it pays for one call, whoever sends it again; and what became of it is read from the
//! chain, since anybody may submit it, and a submission that failed may have paid all the same.

use async_trait::async_trait;
use crochet_pricing::MicroUsd;
use crochet_primitives::{ListingId, Timestamp, rfc3339_millis};
use crochet_wallet::WalletAddress;
use serde::{Deserialize, Serialize};

use crate::terms::{Observation, Terms};

/// What [`Terms::provider`] says of a payment that came in a header.
pub const BY_HEADER: &str = "x402";

/// A payment as its header has it, read and put into the one spelling of everything; nothing of it is proved yet.
#[derive(Debug, Clone)]
pub struct HeaderPayment {
    /// How it is made: `exact`.
    pub scheme: String,
    /// Where: CAIP-2.
    pub network: String,
    /// In what: CAIP-19, the address in its canonical form.
    pub asset: String,
    /// Who pays.
    pub payer: WalletAddress,
    /// Who is to receive it, as the payment itself names it, in canonical form: on EVM chains a wallet, on Solana a token
    /// account, see [`HeaderOffer::pays_into`].
    pub recipient: String,
    /// How much, in the asset's base units.
    pub base_units: u64,
    /// What the payer's authorization can be used once by: lower-case hexadecimal with `0x`. On EVM chains its nonce, on
    /// Solana the hash of the message that the payer signed.
    pub nonce: String,
    /// Before this moment it cannot be made.
    pub valid_after: Timestamp,
    /// From this moment on it cannot be made.
    pub valid_before: Timestamp,
    /// What our own signed terms within the payment promise, where there are such terms and they still hold.
    pub promised: Option<Promised>,
    /// What payer and gateway alone know of the payment, hashed: whoever sends it again has to know it, too. Everything
    /// else of a payment can be read on the chain.
    pub secret_sha256: Option<[u8; 32]>,
    /// The payment as the payer sent it, for who submits it.
    pub payload: serde_json::Value,
}

impl HeaderPayment {
    /// What is claimed for one call: network and asset, payer, nonce.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}:{}:{}", self.asset, self.payer.canonical(), self.nonce)
    }
}

/// A price that was promised to the payer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promised {
    /// For a call of what.
    pub listing: ListingId,
    /// What it costs.
    pub gross: MicroUsd,
}

/// The part of [`Terms`] of a payment that came with its call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// Who pays, in canonical form.
    pub payer: String,
    /// What the authorization can be used once by.
    pub nonce: String,
    /// From this moment on it cannot be used.
    #[serde(with = "rfc3339_millis")]
    pub valid_before: Timestamp,
    /// See [`HeaderPayment::secret_sha256`]; lower-case hexadecimal.
    pub secret_sha256: Option<String>,
}

/// What is known of a payment before it is submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// It is good, as far as can be known.
    Valid {
        /// Where to look for it later, and who is to submit it; its form is the adapter's. Becomes
        /// [`Terms::instructions`].
        evidence: serde_json::Value,
    },
    /// It cannot be made, or is not one that is taken. Nothing was submitted, so other terms may be offered.
    Invalid {
        /// Why, as one word of the protocol: `invalid_exact_evm_payload_signature`, `insufficient_funds`.
        reason: String,
    },
    /// Its authorization has been used already, and not for a call of ours.
    Used,
    /// Nobody could be asked. Nothing was submitted.
    Unavailable {
        /// When to ask again, where that is known.
        retry_after_seconds: Option<u32>,
    },
}

/// One way in which a price can be paid by a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderOffer {
    /// How: `exact`.
    pub scheme: &'static str,
    /// Where: CAIP-2.
    pub network: String,
    /// In what: CAIP-19, the address in its canonical form.
    pub asset: String,
    /// Who has to receive it, in canonical form.
    pub recipient: String,
    /// What a payment names as its recipient, in canonical form: on EVM chains the recipient itself, on Solana the token
    /// account that it has for the asset.
    pub pays_into: String,
    /// Who pays the chain's own fees, in canonical form, where the payment has to name somebody.
    pub fee_payer: Option<String>,
    /// How much has to arrive, in the asset's base units.
    pub base_units: u64,
}

/// Where a seller is paid by a header: one wallet for each family of chains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PayoutWallets {
    /// On EVM chains.
    pub evm: Option<String>,
    /// On Solana.
    pub solana: Option<String>,
}

/// Who takes payments that come in a header: verifies them, submits them, and reads the chain.
#[async_trait]
pub trait HeaderPayments: Send + Sync {
    /// The ways in which `gross` can be paid to a seller with these wallets, the preferred one first. None where they are
    /// of chains that are not taken, or the price is no whole number of base units. Asks at most who pays the chains' fees,
    /// and remembers it. MUST answer within 3 s.
    async fn offers(&self, gross: MicroUsd, wallets: &PayoutWallets) -> Vec<HeaderOffer>;

    /// Whether the payment is good. Moves nothing. MUST answer within 10 s.
    ///
    /// `way` is one of the [`offers`](Self::offers) that it pays: what has to arrive, and where.
    async fn verify(&self, payment: &HeaderPayment, way: &HeaderOffer) -> Verification;

    /// Submits a payment whose claim is committed, and answers what became of it. MUST answer within 40 s. As
    /// [`check`](Self::check), it says [`Observation::Arrived`] and [`Observation::Failed`] only where the chain shows
    /// it, whatever the one who submits says; else it is [`Observation::InProgress`]. Submitting twice moves nothing
    /// twice, since the chain takes an authorization once.
    async fn submit(&self, payment: &HeaderPayment, terms: &Terms) -> Observation;

    /// What the chain says: [`Observation::Arrived`] with the terms' claim as reference; [`Observation::Waiting`] while
    /// the authorization is unused and can still be used; [`Observation::Failed`] once it never can be used, or was
    /// used for something else; [`Observation::Unknown`] where the chain cannot be read. MUST answer within 10 s.
    async fn check(&self, terms: &Terms) -> Observation;
}
