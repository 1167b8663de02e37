//! What a buyer is asked to pay, and how.

use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, ListingId, Timestamp, WalletId, rfc3339_millis};
use crochet_wallet::Chain;
use serde::{Deserialize, Serialize};

use crate::header_payment::Claimed;
use crate::ledger::FeeStatus;

/// What the buyer's `X-Crochet-Origin-…` headers ask for. Bound to the call, and part of an idempotency key's
/// fingerprint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `X-Crochet-Origin-Wallet-Id`: one of the buyer's own wallets.
    pub wallet_id: Option<WalletId>,
    /// `X-Crochet-Origin-Currency`.
    pub currency: Option<OriginCurrency>,
    /// `X-Crochet-Origin-Chain-Id`.
    pub chain_id: Option<u64>,
}

/// What a buyer can pay with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum OriginCurrency {
    /// USD Coin, on an EVM chain or on Solana.
    Usdc,
    /// Ether, on an EVM chain.
    Eth,
    /// SOL, on Solana.
    Sol,
}

impl OriginCurrency {
    /// The name in headers and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usdc => "USDC",
            Self::Eth => "ETH",
            Self::Sol => "SOL",
        }
    }

    /// Reads the name, in any letter case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Usdc, Self::Eth, Self::Sol].into_iter().find(|currency| currency.as_str().eq_ignore_ascii_case(text))
    }
}

/// A buyer's wallet that may pay: active, with the `payment` capability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayerWallet {
    /// Its id.
    pub id: WalletId,
    /// Where it lives.
    pub chain: Chain,
    /// Its address, canonical.
    pub address: String,
    /// Whether it is the profile's first choice.
    pub is_primary: bool,
}

/// From where, and in what, a call is going to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The currency.
    pub currency: OriginCurrency,
    /// The chain, by the payment provider's number: 8453 is Base, 792703809 is Solana.
    pub chain_id: u64,
    /// The same chain as a CAIP-2 name.
    pub network: &'static str,
    /// The wallet that pays, where one is known.
    pub wallet: Option<PayerWallet>,
    /// Whether the buyer asked for this currency. A default is chosen so that it works at any price.
    pub chosen_by_buyer: bool,
}

/// What a payment provider is asked to quote.
#[derive(Debug, Clone)]
pub struct QuoteAsk {
    /// The call that is to be paid. Asking again for the same call is safe.
    pub call: CallId,
    /// What is bought.
    pub listing: ListingId,
    /// What the call costs.
    pub gross: MicroUsd,
    /// The marketplace's part of it.
    pub fee: MicroUsd,
    /// The seller's part of it.
    pub seller_share: MicroUsd,
    /// Where the money comes from.
    pub route: Route,
    /// Who is to receive it: a payout address, or the seller's profile id where none is set.
    pub recipient: String,
    /// The latest moment at which the quote may end.
    pub expires_at: Timestamp,
}

/// The terms of payment for one call. Written once, never changed: a later change of price does not touch them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The payment provider: `mock`, `relay`.
    pub provider: String,
    /// The provider's own id for this quote. What arrives MUST name it.
    pub provider_request_id: String,
    /// `mock`, `relay`, `exact`.
    pub scheme: String,
    /// CAIP-2.
    pub network: String,
    /// What the buyer pays with.
    pub origin_currency: OriginCurrency,
    /// Where from, by the provider's number.
    pub origin_chain_id: u64,
    /// What to do to pay, for the buyer's eyes; its form is the provider's.
    pub instructions: serde_json::Value,
    /// The asset that has to arrive.
    pub asset: String,
    /// Who has to receive it.
    pub recipient: String,
    /// How much has to arrive, in the asset's base units.
    pub expected_base_units: u64,
    /// Whether the marketplace's fee is taken when the payment is made, or owed afterwards.
    pub fee_status: FeeStatus,
    /// Until when the provider takes the payment.
    #[serde(with = "rfc3339_millis")]
    pub expires_at: Timestamp,
    /// For a payment that came with its call: what is known of it. Its claim is [`provider_request_id`], and consumed
    /// since the call was admitted.
    ///
    /// [`provider_request_id`]: Self::provider_request_id
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Claimed>,
}

/// Why there are no terms. An outcome, kept with its call: asking again with the same idempotency key repeats it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum QuoteRefusal {
    /// The price is below what the route takes.
    RouteMinimumNotMet {
        /// What the route takes at least.
        #[serde(with = "crochet_pricing::wire::micros")]
        minimum: MicroUsd,
    },
    /// No such route: an unknown chain, or a currency that does not live there.
    RouteUnavailable {
        /// What is wrong with it.
        detail: String,
    },
    /// The wallet asked for is not the buyer's, not active, or may not pay.
    OriginWalletInvalid {
        /// What is wrong with it.
        detail: String,
        /// Whether linking a Solana wallet would help.
        needs_solana_wallet: bool,
    },
}

/// What a provider answers when asked for a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuoteOutcome {
    /// Terms.
    Issued(Box<Terms>),
    /// A final no.
    Refused(QuoteRefusal),
    /// It could not be asked, or did not answer in time. Nothing was promised, so asking again is safe.
    Unavailable {
        /// When to ask again, where the provider said so.
        retry_after_seconds: Option<u32>,
    },
}

impl Terms {
    /// Whether `payment` is what these terms ask for. "Success" alone is no proof.
    #[must_use]
    pub fn is_covered_by(&self, payment: &Payment) -> bool {
        payment.provider_request_id == self.provider_request_id
            && payment.asset == self.asset
            && payment.recipient == self.recipient
            && payment.base_units >= self.expected_base_units
    }
}

/// Money that arrived, as the provider reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The provider's reference of this payment. Consumed once, ever.
    pub reference: String,
    /// The quote it was made for.
    pub provider_request_id: String,
    /// The asset that arrived.
    pub asset: String,
    /// Who received it.
    pub recipient: String,
    /// How much arrived, in the asset's base units.
    pub base_units: u64,
    /// The transaction that it arrived by, where the provider names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
}

/// What a provider says of a quote at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// Nothing has arrived.
    Waiting,
    /// A payment was seen and is not final.
    InProgress,
    /// Final: this is what arrived.
    Arrived(Vec<Payment>),
    /// Final: the payment failed, and nothing was kept.
    Failed {
        /// Why, in the provider's words.
        reason: String,
    },
    /// Final: what had arrived was given back.
    Refunded {
        /// The references of the payments that were given back; empty when none had been reported.
        references: Vec<String>,
        /// Why, in the provider's words.
        reason: String,
    },
    /// Several payments were made, and they stand differently.
    Several {
        /// Final: these arrived.
        arrived: Vec<Payment>,
        /// Final: the references of those that were given back.
        refunded: Vec<String>,
        /// Whether a further one was seen and is not final.
        is_under_way: bool,
        /// Why payments were given back, in the provider's words; empty where none was.
        reason: String,
    },
    /// The provider could not be asked.
    Unknown,
}

impl Observation {
    /// What arrived, as far as this says so: the references that have to be consumed.
    #[must_use]
    pub fn payments(&self) -> &[Payment] {
        match self {
            Self::Arrived(payments) | Self::Several { arrived: payments, .. } => payments,
            Self::Waiting | Self::InProgress | Self::Failed { .. } | Self::Refunded { .. } | Self::Unknown => &[],
        }
    }

    /// Whether it says that this payment arrived and was kept.
    #[must_use]
    pub fn confirms(&self, reference: &str) -> bool {
        self.payments().iter().any(|payment| payment.reference == reference)
    }
}
