//! One gateway call, from its request to its reply. Reads straight down.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crochet_pricing::{BasisPoints, Price, split};
use crochet_primitives::{ApiKeyId, CallId, Clock, Entropy, EntropyExt, ProfileId, StorageError, Timestamp};
use crochet_secrets::{ApiKey, open_response, seal_response};
use crochet_signing::BodyHash;

use crate::forwarding::{Arrival, Cause, Closing, Ending, Forwarding, SealedResponse};
use crate::policy::Policy;
use crate::ports::{
    Admission, Advanced, CheckClaim, Directory, Journal, Offer, PaymentProvider, QuoteLease, Seen, Upstream,
};
use crate::record::{IdempotencyKey, NewCall, Record, State, fingerprint};
use crate::reply::{GatewayError, Mismatch, Progress, Reply, Unpaid, seconds_until};
use crate::route::choose_route;
use crate::terms::{Observation, Origin, QuoteAsk, QuoteOutcome};
use crate::transition::{Closed, after};

/// How long a buyer waits before asking again about a payment that is not final.
const POLL_SECONDS: u32 = 2;
/// The pause between two tries to record how a forward ended.
const CLOSE_RETRY: Duration = Duration::from_millis(200);
/// How often a step is taken again when another request moved the call in between.
const ROUNDS: u8 = 4;

/// Who calls.
#[derive(Debug, Clone)]
pub struct Buyer {
    /// The profile.
    pub profile: ProfileId,
    /// The API key's id.
    pub key_id: ApiKeyId,
    /// The key itself: what the replay vault is sealed with.
    pub key: ApiKey,
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
}

/// The gateway's use case over its ports.
pub struct Gateway {
    /// Where calls are recorded.
    pub journal: Arc<dyn Journal>,
    /// Listings and wallets.
    pub directory: Arc<dyn Directory>,
    /// Through whom buyers pay.
    pub provider: Arc<dyn PaymentProvider>,
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
        let body_sha256 = BodyHash::of(&request.body);
        let turn = Turn { request, offer: &offer, body_sha256 };
        match request.relay_request {
            Some(id) => self.retry(&turn, id).await,
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
                return self.go_on(turn, seen).await;
            }
        }
        if let Some(refusal) = refuse_new(turn) {
            return Ok(refusal);
        }
        let started = self.clock.monotonic();
        match self.journal.admit(&self.new_call(turn)).await? {
            Admission::Quote(seen, lease) => self.quote(turn, seen, lease, Unpaid::New).await,
            Admission::Forward(_, forwarding) => self.forward(turn, forwarding, started).await,
            Admission::Known(seen) => self.go_on(turn, seen).await,
            Admission::KeyReused => Ok(Reply::IdempotencyKeyReused),
            Admission::TooManyOpenQuotes { limit } => Ok(Reply::TooManyOpenQuotes { limit }),
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
        if let Some(key) = &turn.request.idempotency_key
            && seen.record.idempotency_key.as_ref() != Some(key)
            && self.journal.find_by_key(turn.request.buyer.profile, turn.offer.listing, key).await?.is_some()
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
                State::Quoting => {
                    return match self.journal.retake_quote(call).await? {
                        Some(lease) => self.quote(turn, seen, lease, Unpaid::New).await,
                        None => Ok(accepted(seen, Progress::Quoting)),
                    };
                }
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

    /// Asks the provider, at most once in each interval for one call, and moves the call on with what it says.
    ///
    /// A call that was asked about a moment ago waits for the next turn where the answer decides about money: a 402
    /// from a stale look could make a buyer pay twice, and a free retry has to know that its payment still stands.
    async fn check(&self, turn: &Turn<'_>, seen: &Seen) -> Result<Option<Checked>, GatewayError> {
        let call = seen.record.id;
        let interval = self.policy.check_interval;
        let mut claim = self.journal.claim_check(call, interval).await?;
        if let Some(CheckClaim::TooSoon { seen, wait }) = &claim
            && !matches!(seen.record.state, State::Pending | State::Forwarding | State::Delivered)
        {
            self.clock.sleep((*wait).min(interval)).await;
            claim = self.journal.claim_check(call, interval).await?;
        }
        let seen = match claim {
            None => return Ok(None),
            Some(CheckClaim::TooSoon { seen, .. }) => return Ok(Some(Checked::Recent(Box::new(seen)))),
            Some(CheckClaim::Claimed(seen)) => seen,
        };
        let observation = match &seen.record.terms {
            Some(terms) => self.provider.check(call, terms).await,
            None => Observation::Waiting,
        };
        // A settlement that cannot be re-checked is not forwarded: it may have been given back.
        let lease = if observation == Observation::Unknown { None } else { self.lease(turn) };
        let started = self.clock.monotonic();
        let advanced = self.journal.advance(call, Some(&observation), lease).await?;
        let is_unknown = observation == Observation::Unknown;
        Ok(advanced.map(|mut advanced| {
            if is_unknown && advanced.forwarding.is_none() && advanced.seen.record.state != State::Delivered {
                advanced.seen.record = unknown_for_now(advanced.seen.record);
            }
            Checked::Moved(Box::new(advanced), started)
        }))
    }

    /// Somebody else asked the provider within the interval: what the record says is what is known.
    async fn after_recent_check(&self, turn: &Turn<'_>, seen: Seen) -> Result<Reply, GatewayError> {
        match seen.record.state {
            State::Delivered => self.replay(turn, seen).await,
            State::Forwarding => Ok(accepted(seen, Progress::Forwarding)),
            State::SellerFailed if seen.record.retry_not_before.is_some_and(|at| at > seen.now) => backed_off(seen),
            _ => Ok(accepted(seen, Progress::NotFinal)),
        }
    }

    /// What a call that is not to be forwarded now is answered with.
    async fn answer(&self, turn: &Turn<'_>, seen: Seen) -> Result<Answer, GatewayError> {
        let state = seen.record.state;
        let reply = match state {
            State::Quoted if is_past_its_window(&seen) => accepted(seen, Progress::LatePayment),
            State::Quoted => Reply::PaymentRequired { record: Box::new(seen.record), why: Unpaid::NothingArrived },
            State::Pending if seen.record.payment_seen => accepted(seen, Progress::NotFinal),
            State::Pending => accepted(seen, Progress::Unknown),
            State::Forwarding => accepted(seen, Progress::Forwarding),
            State::Settled | State::SellerFailed if self.lease(turn).is_none() => unavailable(seen),
            State::SellerFailed if seen.record.retry_not_before.is_some_and(|at| at > seen.now) => backed_off(seen)?,
            State::Settled | State::SellerFailed => accepted(seen, Progress::Unknown),
            State::Mispaid | State::Expired | State::PaymentFailed => return self.supersede(turn, seen).await,
            State::Quoting | State::QuoteRefused | State::Delivered => return Ok(Answer::Again(Box::new(seen))),
        };
        Ok(Answer::Reply(Box::new(reply)))
    }

    /// A dead call is answered with its successor's terms: one successor, however many retries race.
    async fn supersede(&self, turn: &Turn<'_>, dead: Seen) -> Result<Answer, GatewayError> {
        let id = dead.record.id;
        if dead.record.superseded_by.is_none()
            && let Some(refusal) = refuse_new(turn)
        {
            return Ok(Answer::Reply(Box::new(refusal)));
        }
        let why = match dead.record.state {
            State::Mispaid => Unpaid::Mispaid { predecessor: id },
            State::PaymentFailed => Unpaid::Failed {
                predecessor: id,
                reason: dead.record.payment_failure.clone().unwrap_or_else(|| "the payment failed".to_owned()),
            },
            _ => Unpaid::Expired { predecessor: id },
        };
        // The successor is bound to what its predecessor was bound to; a retry need not repeat its headers.
        let new_call = NewCall {
            idempotency_key: dead.record.idempotency_key.clone(),
            origin: dead.record.origin,
            ..self.new_call(turn)
        };
        let Some(successor) = self.journal.supersede(id, &new_call).await? else {
            return Ok(Answer::Reply(Box::new(Reply::CallNotFound)));
        };
        let seen = successor.seen;
        let reply = match (successor.lease, seen.record.state) {
            (Some(lease), _) => self.quote(turn, seen, lease, why).await?,
            // It was made before, and nothing is known of a payment for it: the same terms again, for the same reason.
            (None, State::Quoted) if !is_past_its_window(&seen) => match self.check(turn, &seen).await? {
                None => Reply::CallNotFound,
                Some(Checked::Recent(recent)) => self.after_recent_check(turn, *recent).await?,
                Some(Checked::Moved(advanced, started)) => match (advanced.forwarding, advanced.seen) {
                    (Some(forwarding), _) => self.forward(turn, forwarding, started).await?,
                    (None, now_seen) if now_seen.record.state == State::Quoted => {
                        Reply::PaymentRequired { record: Box::new(now_seen.record), why }
                    }
                    (None, now_seen) => return Ok(Answer::Again(Box::new(now_seen))),
                },
            },
            (None, _) => return Ok(Answer::Again(Box::new(seen))),
        };
        Ok(Answer::Reply(Box::new(reply)))
    }

    /// Asks the provider for terms, under the quote's lease.
    async fn quote(&self, turn: &Turn<'_>, seen: Seen, lease: QuoteLease, why: Unpaid) -> Result<Reply, GatewayError> {
        let outcome = self.ask_for_terms(turn, &seen).await?;
        let seen = self.journal.issue(lease, &outcome).await?;
        match (seen.record.state, outcome) {
            (State::Quoted | State::Pending, QuoteOutcome::Issued(_)) => {
                Ok(Reply::PaymentRequired { record: Box::new(seen.record), why })
            }
            (State::QuoteRefused, _) => quote_refused(seen),
            (State::Quoting, QuoteOutcome::Unavailable { retry_after_seconds }) => Ok(Reply::ProviderUnavailable {
                retry_after_seconds: retry_after_seconds.unwrap_or(POLL_SECONDS).max(1),
            }),
            // Another worker took over, and its answer stands.
            _ => Ok(accepted(seen, Progress::Quoting)),
        }
    }

    async fn ask_for_terms(&self, turn: &Turn<'_>, seen: &Seen) -> Result<QuoteOutcome, GatewayError> {
        let record = &seen.record;
        let Some(price) = record.price else {
            return Err(GatewayError::Inconsistent { call: record.id, what: "a free call is being quoted" });
        };
        let wallets = self.directory.payment_wallets(record.buyer).await?;
        let route = match choose_route(&record.origin, &wallets) {
            Ok(route) => route,
            Err(refusal) => return Ok(QuoteOutcome::Refused(refusal)),
        };
        let ask = QuoteAsk {
            call: record.id,
            listing: record.listing,
            gross: price.gross,
            fee: price.fee,
            seller_share: price.seller_share,
            route,
            recipient: turn.offer.payout_address.clone().unwrap_or_else(|| record.seller.to_string()),
            expires_at: after(seen.now, self.policy.quote_ttl),
        };
        Ok(self.provider.quote(&ask).await)
    }

    /// Seals, sends, concludes, records, replies. `started` is the monotonic clock from before the lease was asked
    /// for, so the deadline is inside the lease whatever the database took.
    async fn forward(&self, turn: &Turn<'_>, forwarding: Forwarding, started: Duration) -> Result<Reply, GatewayError> {
        let Some(lease) = self.lease(turn) else {
            return Err(GatewayError::Inconsistent { call: forwarding.call(), what: "forwarded without an endpoint" });
        };
        let arrival = self.send(turn, &forwarding, started, lease).await;
        let call = forwarding.call();
        let is_paid = forwarding.record().price.is_some();
        let mut closing = forwarding.conclude(arrival);
        if is_paid {
            closing.sealed = self.seal_for_vault(turn, &closing);
        }
        let give_up = started.saturating_add(lease);
        let Some((closed, seen)) = self.record_closing(&closing, give_up).await else {
            return Ok(Reply::Unrecorded { call, retry_after_seconds: POLL_SECONDS });
        };
        match (closing.ending, closed, seen.record.delivery.clone()) {
            (Ending::Delivered(response), Closed::Recorded, Some(delivery)) => Ok(Reply::Delivered {
                record: Box::new(seen.record),
                delivery,
                body: Some(response.body),
                replayed: false,
            }),
            (Ending::Failed(failure, _), Closed::Recorded, _) => Ok(seller_failed(seen, failure)),
            // Too late: what another attempt recorded is the answer.
            (_, _, Some(_)) => self.replay(turn, seen).await,
            (_, _, None) => Ok(accepted(seen, Progress::Forwarding)),
        }
    }

    async fn send(&self, turn: &Turn<'_>, forwarding: &Forwarding, started: Duration, lease: Duration) -> Arrival {
        let elapsed = self.clock.monotonic().saturating_sub(started);
        let left = lease.saturating_sub(self.policy.close_margin).saturating_sub(elapsed);
        let Some(endpoint) = turn.offer.endpoint.clone() else {
            return Arrival::NeverSent { cause: Cause::Connection, latency_ms: 0 };
        };
        if left.is_zero() {
            return Arrival::NeverSent { cause: Cause::Timeout, latency_ms: 0 };
        }
        let budget = left.min(endpoint.timeout);
        let dispatch = forwarding.dispatch(endpoint, turn.request.body.clone(), budget, self.clock.now());
        self.upstream.forward(dispatch).await
    }

    /// Tries until the lease ends: a delivered answer that is not recorded is not given out.
    async fn record_closing(&self, closing: &Closing, give_up: Duration) -> Option<(Closed, Seen)> {
        loop {
            match self.journal.close(closing).await {
                Ok(closed) => return closed,
                Err(StorageError::Corrupt(what)) => {
                    tracing::error!(call = %closing.call.request_id(), what, "the end of a forward cannot be recorded");
                    return None;
                }
                Err(error @ (StorageError::Busy | StorageError::Unavailable(_))) => {
                    if self.clock.monotonic().saturating_add(CLOSE_RETRY) >= give_up {
                        tracing::error!(call = %closing.call.request_id(), %error, "the end of a forward was not recorded");
                        return None;
                    }
                    tracing::warn!(call = %closing.call.request_id(), %error, "recording the end of a forward again");
                    self.clock.sleep(CLOSE_RETRY).await;
                }
            }
        }
    }

    /// Paid responses up to the vault's limit are sealed for the key that called.
    fn seal_for_vault(&self, turn: &Turn<'_>, closing: &Closing) -> Option<SealedResponse> {
        let Ending::Delivered(response) = &closing.ending else {
            return None;
        };
        let length = u64::try_from(response.body.len()).unwrap_or(u64::MAX);
        if length > self.policy.vault_max_response {
            return None;
        }
        let key = &turn.request.buyer.key;
        let bytes = seal_response(key, closing.call, &response.body, self.entropy.bytes()).ok()?;
        Some(SealedResponse { bytes, key_prefix: key.prefix() })
    }

    /// A delivered call again: from the vault, for the key that paid. Of a free call only status and hash are kept.
    async fn replay(&self, turn: &Turn<'_>, seen: Seen) -> Result<Reply, GatewayError> {
        let record = Box::new(seen.record);
        let Some(delivery) = record.delivery.clone() else {
            return Err(GatewayError::Inconsistent { call: record.id, what: "delivered without a delivery" });
        };
        if record.price.is_none() {
            return Ok(Reply::Delivered { record, delivery, body: None, replayed: true });
        }
        let sealed = self.journal.sealed_response(record.id).await?;
        let body = sealed.and_then(|sealed| open_response(&turn.request.buyer.key, record.id, &sealed.bytes).ok());
        Ok(match body {
            Some(body) => Reply::Delivered { record, delivery, body: Some(Bytes::from(body)), replayed: true },
            None => Reply::ResponseNoLongerAvailable { record, delivery },
        })
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
        }
    }
}

/// Either the reply, or another round with what is now known.
enum Answer {
    Reply(Box<Reply>),
    Again(Box<Seen>),
}

/// Availability gates new calls only.
fn refuse_new(turn: &Turn<'_>) -> Option<Reply> {
    if !turn.offer.is_available {
        return Some(Reply::ListingUnavailable { record: None });
    }
    let Some(endpoint) = &turn.offer.endpoint else {
        return Some(match turn.offer.price {
            Price::Free => Reply::ListingHasNoEndpoint,
            Price::PerCall(_) => Reply::ListingUnavailable { record: None },
        });
    };
    let limit = endpoint.max_request_bytes;
    let length = u64::try_from(turn.request.body.len()).unwrap_or(u64::MAX);
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
