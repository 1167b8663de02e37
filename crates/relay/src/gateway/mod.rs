//! One gateway call, from its request to its reply. Reads straight down.

mod by_header;
mod discovery;
mod forward;
mod payment;
mod predecessors;

pub use by_header::{HeaderTerms, PaidRequest};
pub use discovery::Discovered;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use crochet_pricing::{BasisPoints, Price, split};
use crochet_primitives::{CallId, Clock, Entropy, EntropyExt, ProfileId, Timestamp};
use crochet_secrets::VaultSecret;
use crochet_signing::BodyHash;

use crate::header_payment::HeaderPayment;
use crate::policy::Policy;
use crate::ports::{
    Admission, Advanced, Directory, HeaderPayments, Journal, Offer, Payers, PaymentProvider, Seen, Upstream,
};
use crate::record::{IdempotencyKey, NewCall, Record, State, fingerprint};
use crate::reply::{GatewayError, Mismatch, Progress, Reply, Unpaid, seconds_until};
use crate::terms::Origin;

/// How long a buyer waits before asking again about a payment that is not final.
const POLL_SECONDS: u32 = 2;
/// How often a step is taken again when another request moved the call in between.
const ROUNDS: u8 = 4;

/// Who calls.
#[derive(Debug, Clone)]
pub struct Buyer {
    /// The profile.
    pub profile: ProfileId,
    /// What its responses are sealed with; `None` where nothing that it sent can be used for that.
    pub vault: Option<VaultSecret>,
}

/// One request to the gateway, its headers read.
#[derive(Debug, Clone)]
pub struct CallRequest {
    /// Who calls.
    pub buyer: Buyer,
    /// What is called: a listing's UUID or slug.
    pub listing: String,
    /// The raw body: JSON, checked.
    pub body: Bytes,
    /// `X-Crochet-Relay-Request-Id`.
    pub relay_request: Option<CallId>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The `X-Crochet-Origin-…` headers.
    pub origin: Origin,
    /// The payment that came with it.
    pub payment: Option<Box<HeaderPayment>>,
}

/// The gateway's use case over its ports.
#[derive(Clone)]
pub struct Gateway {
    /// Where calls are recorded.
    pub journal: Arc<dyn Journal>,
    /// Listings and wallets.
    pub directory: Arc<dyn Directory>,
    /// Through whom buyers pay; it knows of payments by header, too.
    pub provider: Arc<dyn PaymentProvider>,
    /// Who takes payments that come in a header, where they are taken.
    pub header_payments: Option<Arc<dyn HeaderPayments>>,
    /// Whose the calls are that are paid so.
    pub payers: Arc<dyn Payers>,
    /// The way to sellers.
    pub upstream: Arc<dyn Upstream>,
    /// The clock; leases are measured by its monotonic side.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and nonces.
    pub entropy: Arc<dyn Entropy>,
    /// Times and limits.
    pub policy: Policy,
    /// The marketplace's fee.
    pub fee_rate: BasisPoints,
}

/// What all steps of one call share.
struct Turn<'a> {
    request: &'a CallRequest,
    offer: &'a Offer,
    body_sha256: BodyHash,
    /// The calls about which the provider was asked since the request came, and gave an answer that is recorded.
    asked: Mutex<Vec<CallId>>,
}

impl<'a> Turn<'a> {
    fn new(request: &'a CallRequest, offer: &'a Offer) -> Self {
        let body_sha256 = BodyHash::of(&request.body);
        Self { request, offer, body_sha256, asked: Mutex::default() }
    }

    fn was_asked(&self, call: CallId) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    fn has_asked(&self, call: CallId) -> bool {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).contains(&call)
    }
}

/// Where a look at the provider leads.
enum Checked {
    /// On, with this; and the monotonic clock from before its transaction, by which a lease is measured.
    Moved(Box<Advanced>, Duration),
    /// The provider was asked a moment ago by somebody else, and this is what it said.
    Recent(Box<Seen>),
}

impl Gateway {
    /// Handles one call. Run it in a task of its own: a client that hangs up must not cut it in half.
    ///
    /// # Errors
    /// When the storage fails. Nothing is lost then: the buyer sends the same request again.
    pub async fn call(&self, request: &CallRequest) -> Result<Reply, GatewayError> {
        let Some(offer) = self.directory.offer(&request.listing).await? else {
            return Ok(Reply::ListingNotFound);
        };
        let turn = Turn::new(request, &offer);
        match request.relay_request {
            // Boxed, as all that a new free call does not need: the whole would be as long as its longest way.
            Some(id) => Box::pin(self.retry(&turn, id)).await,
            None => self.first(&turn).await,
        }
    }

    /// A request that names no call: a new one, or one that its idempotency key names.
    async fn first(&self, turn: &Turn<'_>) -> Result<Reply, GatewayError> {
        if let Some(key) = &turn.request.idempotency_key {
            let known = self.journal.find_by_key(turn.request.buyer.profile, turn.offer.listing, key).await?;
            if let Some((seen, used_for)) = known {
                if used_for != fingerprint(turn.body_sha256, &turn.request.origin) {
                    return Ok(Reply::IdempotencyKeyReused);
                }
                return Box::pin(self.go_on(turn, seen)).await;
            }
        }
        if let Some(refusal) = refuse_new(turn.offer, &turn.request.body) {
            return Ok(refusal);
        }
        let call = self.new_call(turn);
        // Nobody can ask again for a free call without a key, whatever becomes of this process: its row is due before
        // the answer, and no sooner.
        if call.price.is_none() && call.idempotency_key.is_none() && self.journal.is_writing() {
            return self.forward_and_record(turn, call).await;
        }
        let started = self.clock.monotonic();
        match self.journal.admit(&call).await? {
            Admission::Quote(seen, lease) => match Box::pin(self.quote(turn, seen, lease, Unpaid::New)).await? {
                Answer::Reply(reply) => Ok(*reply),
                Answer::Again(seen) => Box::pin(self.go_on(turn, *seen)).await,
            },
            Admission::Forward(_, forwarding) => self.forward(turn, forwarding, started).await,
            Admission::Known(seen) => Box::pin(self.go_on(turn, seen)).await,
            Admission::Submit(seen) => {
                Err(GatewayError::Inconsistent { call: seen.record.id, what: "it was admitted with a payment" })
            }
            Admission::KeyReused => Ok(Reply::IdempotencyKeyReused),
            Admission::TooManyOpenQuotes { limit } => Ok(Reply::TooManyOpenQuotes { limit }),
            Admission::Exported => Ok(Reply::CallExported),
        }
    }

    /// A request that names its call.
    async fn retry(&self, turn: &Turn<'_>, id: CallId) -> Result<Reply, GatewayError> {
        let Some(seen) = self.journal.find(id).await? else {
            return Ok(Reply::CallNotFound);
        };
        // A free call has no relay request id: its id is not a way to name it here.
        if seen.record.buyer != turn.request.buyer.profile || seen.record.price.is_none() {
            return Ok(Reply::CallNotFound);
        }
        if seen.record.listing != turn.offer.listing {
            return Ok(Reply::Mismatch { call: id, what: Mismatch::Listing });
        }
        if seen.record.body_sha256 != turn.body_sha256 {
            return Ok(Reply::Mismatch { call: id, what: Mismatch::Body });
        }
        // A key that comes first with the retry stands for the call from now on, so that it alone is enough later.
        if let Some(key) = &turn.request.idempotency_key
            && seen.record.idempotency_key.as_ref() != Some(key)
            && !self.journal.bind_key(id, key, fingerprint(turn.body_sha256, &turn.request.origin)).await?
        {
            return Ok(Reply::IdempotencyKeyReused);
        }
        self.go_on(turn, seen).await
    }

    /// A call that is recorded: does what its state asks for. Each round either answers or has moved it on.
    async fn go_on(&self, turn: &Turn<'_>, mut seen: Seen) -> Result<Reply, GatewayError> {
        for _ in 0..ROUNDS {
            let call = seen.record.id;
            match seen.record.state {
                State::Quoting => match self.journal.retake_quote(call).await? {
                    None => return Ok(accepted(seen, Progress::Quoting)),
                    Some(lease) => match self.quote(turn, seen, lease, Unpaid::New).await? {
                        Answer::Reply(reply) => return Ok(*reply),
                        Answer::Again(now_seen) => seen = *now_seen,
                    },
                },
                State::QuoteRefused => return quote_refused(seen),
                State::Delivered => return self.replay(turn, seen).await,
                State::Forwarding if seen.record.lease_until.is_some_and(|until| until > seen.now) => {
                    return Ok(accepted(seen, Progress::Forwarding));
                }
                State::SellerFailed if seen.record.retry_not_before.is_some_and(|at| at > seen.now) => {
                    return backed_off(seen);
                }
                State::Forwarding | State::SellerFailed if seen.record.price.is_none() => {
                    let Some(lease) = self.lease(turn) else {
                        return Ok(unavailable(seen));
                    };
                    let started = self.clock.monotonic();
                    let advanced = self.journal.advance(call, None, Some(lease)).await?;
                    let Some(advanced) = advanced else {
                        return Ok(Reply::CallNotFound);
                    };
                    match advanced.forwarding {
                        Some(forwarding) => return self.forward(turn, forwarding, started).await,
                        None => seen = advanced.seen,
                    }
                }
                State::Quoted
                | State::Pending
                | State::Settled
                | State::Forwarding
                | State::SellerFailed
                | State::Mispaid
                | State::Expired
                | State::PaymentFailed => match self.check(turn, &seen).await? {
                    None => return Ok(Reply::CallNotFound),
                    Some(Checked::Recent(recent)) => return self.after_recent_check(turn, *recent).await,
                    Some(Checked::Moved(advanced, started)) => match (advanced.forwarding, advanced.seen) {
                        (Some(forwarding), _) => return self.forward(turn, forwarding, started).await,
                        (None, now_seen) => match self.answer(turn, now_seen).await? {
                            Answer::Reply(reply) => return Ok(*reply),
                            Answer::Again(now_seen) => seen = *now_seen,
                        },
                    },
                },
            }
        }
        Ok(accepted(seen, Progress::NotFinal))
    }

    /// How long a forward to this listing may hold its call; `None` where there is nowhere to forward to.
    fn lease(&self, turn: &Turn<'_>) -> Option<Duration> {
        turn.offer.endpoint.as_ref().map(|endpoint| endpoint.timeout.saturating_add(self.policy.lease_margin))
    }

    fn new_call(&self, turn: &Turn<'_>) -> NewCall {
        NewCall {
            id: CallId::new(self.clock.now(), self.entropy.bytes()),
            buyer: turn.request.buyer.profile,
            seller: turn.offer.seller,
            listing: turn.offer.listing,
            body_sha256: turn.body_sha256,
            idempotency_key: turn.request.idempotency_key.clone(),
            origin: turn.request.origin,
            price: match turn.offer.price {
                Price::Free => None,
                Price::PerCall(amount) => Some(split(amount, self.fee_rate)),
            },
            forward_lease: self.lease(turn).unwrap_or_default(),
            terms: None,
        }
    }
}

/// Either the reply, or another round with what is now known.
enum Answer {
    Reply(Box<Reply>),
    Again(Box<Seen>),
}

/// Availability gates new calls only.
fn refuse_new(offer: &Offer, body: &Bytes) -> Option<Reply> {
    // A draft is nobody's business, and what was deleted is gone: a new call learns no more than that.
    if !offer.is_public {
        return Some(Reply::ListingNotFound);
    }
    if !offer.is_available {
        return Some(Reply::ListingUnavailable { record: None });
    }
    let Some(endpoint) = &offer.endpoint else {
        return Some(match offer.price {
            Price::Free if !offer.is_endpoint_disabled => Reply::ListingHasNoEndpoint,
            Price::Free => Reply::ListingUnavailable { record: None },
            Price::PerCall(_) => Reply::ListingUnavailable { record: None },
        });
    };
    let limit = endpoint.max_request_bytes;
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    (length > limit).then_some(Reply::BodyTooLarge { limit })
}

/// A call whose state is sure but whose provider cannot be asked is answered as pending.
fn unknown_for_now(record: Record) -> Record {
    let state = match record.state {
        State::Forwarding => State::Forwarding,
        _ => State::Pending,
    };
    Record { state, payment_seen: false, ..record }
}

fn is_past_its_window(seen: &Seen) -> bool {
    seen.record.terms.as_ref().is_some_and(|terms| terms.expires_at <= seen.now)
}

fn accepted(seen: Seen, progress: Progress) -> Reply {
    let retry_after_seconds = match (progress, seen.record.lease_until) {
        (Progress::Forwarding, Some(until)) => seconds_until(until, seen.now),
        _ => POLL_SECONDS,
    };
    Reply::Accepted { record: Box::new(seen.record), progress, retry_after_seconds }
}

fn unavailable(seen: Seen) -> Reply {
    Reply::ListingUnavailable { record: Some(Box::new(seen.record)) }
}

fn quote_refused(seen: Seen) -> Result<Reply, GatewayError> {
    let Some(refusal) = seen.record.refusal.clone() else {
        return Err(GatewayError::Inconsistent { call: seen.record.id, what: "refused without a reason" });
    };
    Ok(Reply::QuoteRefused { record: Box::new(seen.record), refusal })
}

fn backed_off(seen: Seen) -> Result<Reply, GatewayError> {
    let Some(failure) = seen.record.last_failure.clone() else {
        return Err(GatewayError::Inconsistent { call: seen.record.id, what: "failed without a failure" });
    };
    Ok(seller_failed(seen, failure))
}

fn seller_failed(seen: Seen, failure: crate::record::Failure) -> Reply {
    let at: Timestamp = seen.record.retry_not_before.unwrap_or(seen.now);
    Reply::SellerFailed { retry_after_seconds: seconds_until(at, seen.now), record: Box::new(seen.record), failure }
}
