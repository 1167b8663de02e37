//! The durable record of calls and of their money.

use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::{CallId, ListingId, ProfileId, StorageError, Timestamp};

use crate::forwarding::{Closing, Forwarding, SealedResponse};
use crate::record::{IdempotencyKey, NewCall, Record, State};
use crate::terms::{Observation, QuoteOutcome};
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
    /// The payment that came with it was claimed by an earlier call, which was taken out of history since it is over.
    Exported,
    /// The buyer has as many unpaid calls open as it may.
    TooManyOpenQuotes {
        /// The limit.
        limit: u32,
    },
}

/// Whose a payment's reference is.
#[derive(Debug)]
pub enum Claimant {
    /// It was never consumed.
    Nobody,
    /// It was consumed for this call.
    Call(Box<Seen>),
    /// It was consumed for a call that is over and was taken out of history since.
    Exported,
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

    /// The call that consumed a reference at `provider`. MUST NOT answer that nobody did where the call was taken out of
    /// history: the reference is consumed all the same.
    async fn find_by_reference(&self, provider: &str, reference: &str) -> Result<Claimant, StorageError>;

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

    /// Whether what was written last came through. Only then a free call that nobody can name may be forwarded first
    /// and recorded when it is over, by [`record_ended`](Self::record_ended): where the storage is away, such a call is
    /// refused before it reaches its seller.
    fn is_writing(&self) -> bool;

    /// Records a free call without an idempotency key that is over, with its one attempt, as if it had been admitted
    /// `took` ago and closed now: as [`crate::transition::open`] and [`crate::transition::close`] decide. The same call
    /// again is left as it is.
    async fn record_ended(&self, call: &NewCall, closing: &Closing, took: Duration) -> Result<Seen, StorageError>;

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
