//! What the relay needs of the outside. Adapters implement these; `features = ["testing"]` has in-memory ones.

mod books;
mod journal;
mod mock;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use crochet_pricing::{MicroUsd, Price};
use crochet_primitives::{CallId, ListingId, ProfileId, StorageError, Timestamp};
use crochet_wallet::WalletAddress;
use serde::{Deserialize, Serialize};

use crate::forwarding::{Arrival, Dispatch, Endpoint};
pub use crate::header_payment::{HeaderPayments, PayoutWallets};
pub use crate::lists::{HistoryQuery, LedgerQuery, Period, Role};
use crate::terms::{Observation, PayerWallet, QuoteAsk, QuoteOutcome, Terms};
pub use books::{Books, HistoryItem, ReconcileStore};
pub use journal::{
    Admission, Advanced, CheckClaim, Claimant, Journal, MOST_PREDECESSORS, QuoteLease, Seen, Successor, Sweeps, Witness,
};
pub use mock::{MockOutcome, MockPayment, MockPayments, MockQuote};

/// A listing as the gateway sees it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Its id.
    pub listing: ListingId,
    /// Whose it is.
    pub seller: ProfileId,
    /// What it is called.
    pub name: String,
    /// What a call costs now.
    pub price: Price,
    /// Whether others than its owner may know of it: neither a draft nor deleted.
    pub is_public: bool,
    /// Whether new calls are taken: active, and not deleted.
    pub is_available: bool,
    /// Where to forward; `None` when there is none or it is disabled.
    pub endpoint: Option<Arc<Endpoint>>,
    /// Whether there is one, and it is disabled.
    pub is_endpoint_disabled: bool,
    /// The payout address of the seller, where one is set.
    pub payout_address: Option<String>,
    /// Where the seller is paid by a header: the same wallet, or others.
    pub payout_wallets: PayoutWallets,
    /// What a call cost before its price was changed, where that was in the last five minutes: who pays by a header may
    /// have read that price.
    pub former_price: Option<MicroUsd>,
}

/// What a seller says of the request that a listing takes, for who has not read its documentation. Never evaluated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input {
    /// A JSON Schema of the body, whose references stay within it.
    pub schema: Option<serde_json::Value>,
    /// An example of the body.
    pub example: Option<serde_json::Value>,
}

impl Input {
    /// Whether nothing is said.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.schema.is_none() && self.example.is_none()
    }
}

/// A listing that can be called by who never heard of it: active, paid by the call, with an endpoint, and with a seller
/// who has a payout wallet on any chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payable {
    /// Its id.
    pub listing: ListingId,
    /// What it is called.
    pub name: String,
    /// What it offers; empty in brief.
    pub description: String,
    /// What a call costs.
    pub price: MicroUsd,
    /// Where its seller is paid; at least one.
    pub payout_wallets: PayoutWallets,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What it takes; nothing in brief.
    pub input: Input,
}

/// Which part of the [`Payable`] listings is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayableQuery {
    /// How many.
    pub limit: u32,
    /// After how many.
    pub offset: u32,
    /// Without their long texts.
    pub is_brief: bool,
}

/// A part of the [`Payable`] listings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PayablePage {
    /// In the order in which they were made, newest first; of one moment, those with the greater id.
    pub items: Vec<Payable>,
    /// How many there are, counted up to [`MAX_PAYABLE`].
    pub total: u64,
}

/// How many [`Payable`] listings can be seen one page after the other.
pub const MAX_PAYABLE: u32 = 10_000;

/// Whose calls those are that are paid by a header, with no account.
#[async_trait]
pub trait Payers: Send + Sync {
    /// The profile that a wallet belongs to; one is made for it where there is none, which that wallet can recover.
    async fn profile_of(&self, payer: &WalletAddress) -> Result<ProfileId, StorageError>;
}

/// What the gateway needs to know of listings and wallets.
#[async_trait]
pub trait Directory: Send + Sync {
    /// A listing by UUID or slug, whatever its status, its endpoint decrypted. It may be kept in memory between calls, and
    /// then it is what the listing was at some moment of the last second.
    async fn offer(&self, id_or_slug: &str) -> Result<Option<Arc<Offer>>, StorageError>;

    /// What is said of the request that a listing takes. Apart from [`offer`](Self::offer), which every call asks for.
    async fn input(&self, listing: ListingId) -> Result<Input, StorageError>;

    /// The listings that anybody can find, and pay for by a header: one page, whole, from one look.
    async fn payable(&self, query: PayableQuery) -> Result<PayablePage, StorageError>;

    /// The active wallets of a profile that have the `payment` capability.
    async fn payment_wallets(&self, profile: ProfileId) -> Result<Vec<PayerWallet>, StorageError>;
}

/// Someone through whom buyers pay sellers.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// `mock`, `relay`: what terms and ledger call it.
    fn name(&self) -> &'static str;

    /// The terms for one call. MUST answer within 20 s, and MUST be safe to ask again.
    async fn quote(&self, ask: &QuoteAsk) -> QuoteOutcome;

    /// What has become of terms that were issued. MUST answer within 10 s; when it cannot know, that is
    /// [`Observation::Unknown`], never a guess. MUST report `Failed` and `Refunded` only once they are final.
    async fn check(&self, call: CallId, terms: &Terms) -> Observation;
}

/// A payment that a provider reports of its own accord: made to us and final, as far as it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The quote that it was made for, by the provider's id.
    pub provider_request_id: String,
    /// The provider's reference of the payment.
    pub reference: String,
    /// The asset that arrived, where it says so.
    pub asset: Option<String>,
    /// Who received it, where it says so.
    pub recipient: Option<String>,
    /// How much arrived, in the asset's base units, where it says so.
    pub base_units: Option<u64>,
}

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &Option<String>| text.as_deref().unwrap_or("?").to_owned();
        let units = self.base_units.map_or_else(|| "?".to_owned(), |units| units.to_string());
        write!(f, "arrived {units} of {} for {}", text(&self.asset), text(&self.recipient))
    }
}

/// A part of a provider's report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportPage {
    /// The payments.
    pub items: Vec<Reported>,
    /// What to ask the next part by; none at the end.
    pub next: Option<String>,
}

/// A report could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportError {
    /// Why, in fixed words: nothing that the provider wrote.
    pub why: String,
}

/// A provider that can say which payments were made through it for us, whether we remember them or not.
#[async_trait]
pub trait ProviderReports: Send + Sync {
    /// What the provider is called in terms.
    fn provider(&self) -> &'static str;

    /// The payments of a period that were made to us and are final; `page` is the `next` of the part before. MUST NOT
    /// report what was made to somebody else. MUST answer within 20 s.
    ///
    /// # Errors
    /// When nobody can say.
    async fn payments(&self, period: Period, page: Option<&str>) -> Result<ReportPage, ReportError>;
}

/// Who can tell a provider's webhooks from anybody's.
pub trait Webhooks: Send + Sync {
    /// What the provider is called in terms.
    fn provider(&self) -> &'static str;

    /// Verifies one webhook: `header` gives the value of the header of that name, where it came exactly once; `body` is
    /// what came over the wire, byte for byte. Answers the provider's id of the quote that something is new about.
    ///
    /// MUST refuse what the provider did not sign, or signed too long ago. MUST NOT say anything of the payment: what a
    /// webhook says of one is not believed.
    ///
    /// # Errors
    /// When it is not the provider's, or names no quote.
    fn verify(&self, header: &dyn Fn(&str) -> Option<String>, body: &[u8]) -> Result<String, WebhookRefused>;
}

/// Why a webhook is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookRefused {
    /// Nobody knows who sent it, or when.
    Unsigned,
    /// The provider sent it, and it is not about a quote.
    NotAboutAQuote,
}

/// The way to sellers.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// Sends one signed request and waits for its answer, for `dispatch.budget` at most. MUST say truthfully whether
    /// anything was sent. MUST refuse addresses that the gateway may not talk to.
    async fn forward(&self, dispatch: Dispatch) -> Arrival;
}
