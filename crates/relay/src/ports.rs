//! What the relay needs of the outside. Adapters implement these; `features = ["testing"]` has in-memory ones.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use crochet_pricing::{MicroUsd, Price};
use crochet_primitives::{CallId, ListingId, Page, ProfileId, StorageError, Timestamp};
use crochet_wallet::WalletAddress;
use serde::{Deserialize, Serialize};

use crate::audit::AuditReport;
use crate::forwarding::{Arrival, Closing, Dispatch, Endpoint, Forwarding, SealedResponse};
pub use crate::header_payment::HeaderPayments;
use crate::ledger::{LedgerEntry, OrphanPayment};
pub use crate::lists::{HistoryQuery, LedgerQuery, Period, Role};
use crate::reconcile::UnknownPayment;
use crate::record::{Attempt, IdempotencyKey, NewCall, Record, State};
use crate::terms::{Observation, PayerWallet, QuoteAsk, QuoteOutcome, Terms};
use crate::transition::{Change, Closed};

/// A record, and the storage's clock when it was read: leases and waits are measured by that clock alone.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The call.
    pub record: Record,
    /// The storage's clock.
    pub now: Timestamp,
}

/// The right to ask the provider for a call's terms, fenced by a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteLease {
    /// The call.
    pub call: CallId,
    /// Which lease this is.
    pub fence: u32,
}

/// What became of a new call.
#[derive(Debug)]
pub enum Admission {
    /// A paid call was recorded: ask for its terms.
    Quote(Seen, QuoteLease),
    /// A free call was recorded: forward it.
    Forward(Seen, Forwarding),
    /// A call was recorded whose payment came with it, and that payment is claimed: submit it.
    Submit(Seen),
    /// Its idempotency key names an earlier call with the same fingerprint: this is where that one now stands (the
    /// paid call of its chain, else the newest). Or the payment that came with it was claimed by an earlier call: this
    /// is that call, whosever and whatever it is.
    Known(Seen),
    /// Its idempotency key was used for another body or other origin headers.
    KeyReused,
    /// The buyer has as many unpaid calls open as it may.
    TooManyOpenQuotes {
        /// The limit.
        limit: u32,
    },
}

/// Whether the provider may be asked about a call now.
#[derive(Debug)]
pub enum CheckClaim {
    /// Yes, by this caller alone.
    Claimed(Seen),
    /// It was asked a moment ago.
    TooSoon {
        /// The call.
        seen: Seen,
        /// How long until it may be asked again.
        wait: Duration,
    },
}

/// Where a call stands after it was moved on.
#[derive(Debug)]
pub struct Advanced {
    /// The call, and the clock.
    pub seen: Seen,
    /// The right to forward it, when it was asked for and granted; the transaction is committed.
    pub forwarding: Option<Forwarding>,
}

/// How many calls there may be in a chain before its newest: so many can be asked about before terms are shown.
pub const MOST_PREDECESSORS: usize = 8;

/// The successor of a dead call.
#[derive(Debug)]
pub struct Successor {
    /// The newest call of the chain.
    pub seen: Seen,
    /// The right to ask for its terms, when it was made by this caller.
    pub lease: Option<QuoteLease>,
}

/// The durable record of calls and of their money. One method is one transaction, by the storage's clock, and what
/// is decided in it is decided by [`crate::transition`].
///
/// Every method is safe to call again after [`StorageError::Unavailable`], when nobody knows whether it happened.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Records a new call, and its idempotency key with it: of two that race with one key, one is recorded and the
    /// other is answered [`Admission::Known`]. Counts the buyer's open unpaid calls first. Consumes the reference of a
    /// payment that came with the call, in the same transaction: of two that race with one payment, one is recorded.
    async fn admit(&self, call: &NewCall) -> Result<Admission, StorageError>;

    /// Takes over the asking for terms once the lease on it has ended; `None` while it has not, or when it is over.
    async fn retake_quote(&self, call: CallId) -> Result<Option<QuoteLease>, StorageError>;

    /// The call that consumed a reference at `provider`.
    async fn find_by_reference(&self, provider: &str, reference: &str) -> Result<Option<Seen>, StorageError>;

    /// Takes over the submitting of a payment that came with its call, once the lease on it has ended; `None` while it
    /// has not, or when the payment is decided.
    async fn retake_submission(&self, call: CallId) -> Result<Option<Seen>, StorageError>;

    /// Records what the provider answered. MUST NOT replace terms that are recorded. Answers what now stands.
    async fn issue(&self, lease: QuoteLease, outcome: &QuoteOutcome) -> Result<Seen, StorageError>;

    /// The call, if there is one.
    async fn find(&self, call: CallId) -> Result<Option<Seen>, StorageError>;

    /// The call that an idempotency key now stands for, and the fingerprint it was first used with: of its chain of
    /// successors the paid one, else the newest.
    async fn find_by_key(
        &self,
        buyer: ProfileId,
        listing: ListingId,
        key: &IdempotencyKey,
    ) -> Result<Option<(Seen, [u8; 32])>, StorageError>;

    /// Lets a further idempotency key stand for a call's chain, from the fingerprint on that it comes with. False when
    /// the key stands for another chain, or was used with another fingerprint; nothing is changed then.
    async fn bind_key(&self, call: CallId, key: &IdempotencyKey, fingerprint: [u8; 32]) -> Result<bool, StorageError>;

    /// The calls that `call` took the place of, the latest first: [`MOST_PREDECESSORS`] and one more, at most.
    async fn predecessors(&self, call: CallId) -> Result<Vec<Seen>, StorageError>;

    /// Asks for the right to ask the provider about a call: granted once in each interval, to one caller.
    async fn claim_check(&self, call: CallId, interval: Duration) -> Result<Option<CheckClaim>, StorageError>;

    /// Moves a call on, as [`crate::transition::advance`] decides: consumes the references of what arrived, records
    /// settlement and ledger entries, ends a lease that ran out, and takes a forwarding lease where one is wanted;
    /// all of it in one transaction. MUST consume a reference once, ever, over all calls.
    async fn advance(
        &self,
        call: CallId,
        observation: Option<&Observation>,
        lease: Option<Duration>,
    ) -> Result<Option<Advanced>, StorageError>;

    /// The same, for what the provider said when it was asked at `asked_at`: the moment of the claimed check. As
    /// [`crate::transition::still_news`] decides, an older look does not take back what a later one has found.
    async fn advance_after_check(
        &self,
        call: CallId,
        asked_at: Timestamp,
        observation: &Observation,
        lease: Option<Duration>,
    ) -> Result<Option<Advanced>, StorageError>;

    /// Records `successor` as the one successor of a dead call, unless it has one or is dead no longer; answers the
    /// newest call of the chain.
    async fn supersede(&self, dead: CallId, successor: &NewCall) -> Result<Option<Successor>, StorageError>;

    /// Records how a forward ended, as [`crate::transition::close`] decides, and its sealed response with it where
    /// the buyer's part of the vault has room.
    async fn close(&self, closing: &Closing) -> Result<Option<(Closed, Seen)>, StorageError>;

    /// The sealed response of a call, while the vault keeps it.
    async fn sealed_response(&self, call: CallId) -> Result<Option<SealedResponse>, StorageError>;
}

/// Is told of what a [`Journal`] has committed; for metrics, which decide nothing.
///
/// Told once for each change, after COMMIT was acknowledged, and not at all of one whose acknowledgement was lost: the
/// tables are the truth, and what is counted from here can be less than they hold, never more.
pub trait Witness: Send + Sync {
    /// A call is now as `change` says; `before` is the state that it was in, `None` for a new one. MUST return at once
    /// and MUST NOT panic.
    ///
    /// An orphan among the writes may be one that is kept already.
    fn committed(&self, before: Option<State>, change: &Change);
}

/// Nobody is told.
impl Witness for () {
    fn committed(&self, _: Option<State>, _: &Change) {}
}

/// What the sweeper needs of the storage.
#[async_trait]
pub trait Sweeps: Send + Sync {
    /// Claims up to `limit` calls whose next check is due, by moving that moment `hold` on: no lock is kept, and two
    /// sweepers never get the same call.
    async fn claim_due(&self, limit: u32, hold: Duration) -> Result<Vec<Seen>, StorageError>;

    /// Wants the call that this provider quoted under this id to be looked at soon, whenever it is due otherwise; says
    /// whether there is one. Changes nothing else: neither its state nor its waits.
    ///
    /// MUST be seen by the next [`claim_wanted`](Self::claim_wanted), also where the call is just being looked at: what
    /// somebody has to say of it may be newer than that look.
    async fn check_soon(&self, provider: &str, provider_request_id: &str) -> Result<bool, StorageError>;

    /// Claims up to `limit` calls that are wanted to be looked at, those first that have waited longest. Like
    /// [`claim_due`](Self::claim_due) it moves their next check `hold` on, so that a look which is never finished is
    /// made up for.
    async fn claim_wanted(&self, limit: u32, hold: Duration) -> Result<Vec<Seen>, StorageError>;

    /// Counts that a call was looked at, which doubles the wait until the next time.
    async fn count_check(&self, call: CallId) -> Result<(), StorageError>;

    /// Deletes what has outlived its time: sealed responses, idempotency keys of calls that ended, consumed
    /// challenges. Answers how many rows went.
    async fn purge(&self) -> Result<u64, StorageError>;
}

/// A call with its attempts and with the payments that bought nothing.
#[derive(Debug, Clone)]
pub struct HistoryItem {
    /// The call.
    pub record: Record,
    /// Its attempts, in order.
    pub attempts: Vec<Attempt>,
    /// Payments for it that bought nothing.
    pub orphans: Vec<OrphanPayment>,
}

/// What is read of the books. Lists are ordered by id, which is to say newest first, and totals are counted up to
/// 10,000. A cursor is a place in that order and nothing else: it goes with any filters, those of another page too.
///
/// Rows that come in meanwhile take nothing from whoever follows cursors: what was there at the first page and still
/// fits the filters comes exactly once.
#[async_trait]
pub trait Books: Send + Sync {
    /// Calls of a profile.
    async fn history(&self, query: &HistoryQuery) -> Result<Page<HistoryItem>, StorageError>;

    /// One call, whoever asks: the caller checks that it may.
    async fn history_item(&self, call: CallId) -> Result<Option<HistoryItem>, StorageError>;

    /// Ledger entries of a profile.
    async fn ledger(&self, query: &LedgerQuery) -> Result<Page<LedgerEntry>, StorageError>;

    /// Re-adds everything.
    async fn audit(&self) -> Result<AuditReport, StorageError>;
}

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
    pub endpoint: Option<Endpoint>,
    /// Whether there is one, and it is disabled.
    pub is_endpoint_disabled: bool,
    /// The payout address of the seller, where one is set.
    pub payout_address: Option<String>,
    /// The same on EVM chains, where payments by header are made; it may be another one.
    pub evm_payout_address: Option<String>,
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
/// who can be paid on EVM chains, where payments by header are made.
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
    /// Where its seller is paid.
    pub evm_payout_address: String,
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
    /// A listing by UUID or slug, whatever its status, its endpoint decrypted.
    async fn offer(&self, id_or_slug: &str) -> Result<Option<Offer>, StorageError>;

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

/// What a reconciliation reads of the storage besides the [`Books`], and writes besides the [`Journal`].
#[async_trait]
pub trait ReconcileStore: Send + Sync {
    /// The calls with terms that were made in the period, or settled in it, by the ledger: those with ids after `after`,
    /// in the order of ids, `limit` at most.
    async fn calls_to_compare(
        &self,
        period: Period,
        after: Option<CallId>,
        limit: u32,
    ) -> Result<Vec<CallId>, StorageError>;

    /// The call that this provider quoted under this id.
    async fn call_of_quote(&self, provider: &str, provider_request_id: &str) -> Result<Option<CallId>, StorageError>;

    /// Keeps a payment that nobody knows, for ever; false where it is kept already.
    async fn keep_unknown(&self, payment: &UnknownPayment) -> Result<bool, StorageError>;
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

/// A payment at the mock provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockPayment {
    /// `mock_…`.
    pub reference: String,
    /// The call that is paid.
    pub call: CallId,
    /// What becomes of it.
    pub outcome: MockOutcome,
    /// From when on the outcome shows; until then it is pending.
    pub settles_at: Timestamp,
    /// What arrives.
    pub amount: MicroUsd,
}

crochet_primitives::names! {
    /// What becomes of a mock payment.
    pub enum MockOutcome {
        /// It arrives.
        Success => "success",
        /// It stays under way.
        Pending => "pending",
        /// It fails.
        Failure => "failure",
        /// It is given back.
        Refund => "refund",
    }
}

/// A quote at the mock provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockQuote {
    /// The call.
    pub call: CallId,
    /// What is to arrive.
    pub amount: MicroUsd,
    /// Who is to receive it.
    pub recipient: String,
}

/// The mock provider's own memory: it survives a crash, and all replicas see it.
#[async_trait]
pub trait MockPayments: Send + Sync {
    /// Keeps a quote; asked again for the same call, keeps the first.
    async fn keep_quote(&self, quote: &MockQuote) -> Result<MockQuote, StorageError>;

    /// The quote of a call.
    async fn quote(&self, call: CallId) -> Result<Option<MockQuote>, StorageError>;

    /// Keeps a payment, or replaces the one with the same reference.
    async fn keep_payment(&self, payment: &MockPayment) -> Result<(), StorageError>;

    /// The payments for a call, oldest first.
    async fn payments(&self, call: CallId) -> Result<Vec<MockPayment>, StorageError>;

    /// The payments that settle in a period, by their references, those after `after`, `limit` at most.
    async fn settling(&self, period: Period, after: Option<&str>, limit: u32)
    -> Result<Vec<MockPayment>, StorageError>;
}
