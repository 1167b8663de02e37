//! The books: three entries a settlement, which add up, and are never changed.

use crochet_pricing::{MicroUsd, Split};
use crochet_primitives::names;
use crochet_primitives::{
    CallId, Entropy, EntropyExt, LedgerEntryId, ListingId, OrphanId, ProfileId, SettlementId, Timestamp,
};

use crate::record::Record;
use crate::terms::{Payment, Terms};

names! {
    /// What an entry records.
    pub enum EntryType {
        /// What the buyer paid: the gross amount.
        GatewayPayment => "gateway_payment",
        /// The marketplace's part.
        MarketplaceFee => "marketplace_fee",
        /// The seller's part.
        SellerCredit => "seller_credit",
        /// A correction of one of the above.
        Adjustment => "adjustment",
    }
}

names! {
    /// Whether an entry takes from its profile or gives to it.
    pub enum Direction {
        /// The profile pays.
        Debit => "debit",
        /// The profile receives.
        Credit => "credit",
    }
}

names! {
    /// How the marketplace gets its fee.
    pub enum FeeStatus {
        /// The provider took it when the payment was made.
        AtSource => "at_source",
        /// It is owed, and collected later.
        Accrued => "accrued",
    }
}

/// One row of the ledger. Written once; corrections are new rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// UUIDv7.
    pub id: LedgerEntryId,
    /// Shared by the three entries of one settlement, and by their adjustments.
    pub settlement_id: SettlementId,
    /// What it records.
    pub entry_type: EntryType,
    /// For an adjustment, the type that it corrects.
    pub adjusts: Option<EntryType>,
    /// From the profile's point of view.
    pub direction: Direction,
    /// Whose entry it is: the buyer's for a payment, the seller's for fee and credit.
    pub profile: ProfileId,
    /// The call that was paid.
    pub call: CallId,
    /// What was bought.
    pub listing: ListingId,
    /// Never negative; the direction carries the sign.
    pub amount: MicroUsd,
    /// ISO 4217; always `USD`.
    pub currency: &'static str,
    /// How the fee is collected.
    pub fee_status: FeeStatus,
    /// What the provider really took as fee, on fee entries.
    pub fee_collected: Option<MicroUsd>,
    /// The payment provider.
    pub provider: String,
    /// The provider's reference of the payment.
    pub provider_reference: String,
    /// When it was written.
    pub created_at: Timestamp,
}

names! {
    /// Why a payment could not be matched.
    pub enum OrphanReason {
        /// The call was already paid by another payment.
        SecondPayment => "second_payment",
        /// Too little, the wrong asset, or the wrong recipient.
        Mismatch => "mismatch",
        /// The provider's reference had already paid for another call.
        ReferenceReused => "reference_reused",
    }
}

/// Money that arrived and bought nothing. Kept for ever, visible to buyer and operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanPayment {
    /// UUIDv7.
    pub id: OrphanId,
    /// The call for which it was reported.
    pub call: CallId,
    /// Who paid.
    pub buyer: ProfileId,
    /// The payment provider.
    pub provider: String,
    /// What arrived.
    pub payment: Payment,
    /// Why it bought nothing.
    pub reason: OrphanReason,
    /// When it was noticed.
    pub noticed_at: Timestamp,
}

/// The three entries of a settlement.
pub(crate) fn settlement_entries(
    record: &Record,
    split: &Split,
    terms: &Terms,
    settlement: SettlementId,
    reference: &str,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Vec<LedgerEntry> {
    let entry = |entry_type, direction, profile, amount| LedgerEntry {
        id: LedgerEntryId::new(now, entropy.bytes()),
        settlement_id: settlement,
        entry_type,
        adjusts: None,
        direction,
        profile,
        call: record.id,
        listing: record.listing,
        amount,
        currency: "USD",
        fee_status: terms.fee_status,
        fee_collected: (entry_type == EntryType::MarketplaceFee).then_some(match terms.fee_status {
            FeeStatus::AtSource => amount,
            FeeStatus::Accrued => MicroUsd::ZERO,
        }),
        provider: terms.provider.clone(),
        provider_reference: reference.to_owned(),
        created_at: now,
    };
    vec![
        entry(EntryType::GatewayPayment, Direction::Debit, record.buyer, split.gross),
        entry(EntryType::MarketplaceFee, Direction::Debit, record.seller, split.fee),
        entry(EntryType::SellerCredit, Direction::Credit, record.seller, split.seller_share),
    ]
}

/// The three adjustments that take a settlement back.
pub(crate) fn reversing_entries(originals: &[LedgerEntry], now: Timestamp, entropy: &dyn Entropy) -> Vec<LedgerEntry> {
    let reverse = |entry: &LedgerEntry| LedgerEntry {
        id: LedgerEntryId::new(now, entropy.bytes()),
        entry_type: EntryType::Adjustment,
        adjusts: Some(entry.entry_type),
        direction: match entry.direction {
            Direction::Debit => Direction::Credit,
            Direction::Credit => Direction::Debit,
        },
        created_at: now,
        ..entry.clone()
    };
    originals.iter().map(reverse).collect()
}
