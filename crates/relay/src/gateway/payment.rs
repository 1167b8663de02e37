//! Terms, and what became of their payment.

use crochet_primitives::CallId;

use crate::ports::{CheckClaim, MOST_PREDECESSORS, QuoteLease, Seen};
use crate::record::{NewCall, State};
use crate::reply::{GatewayError, Mismatch, Progress, Reply, Unpaid};
use crate::route::choose_route;
use crate::terms::{Observation, QuoteAsk, QuoteOutcome};
use crate::transition::after;

use super::by_header::{came_paid, can_never_be_paid};
use super::{
    Answer, Checked, Gateway, POLL_SECONDS, Turn, accepted, backed_off, is_past_its_window, quote_refused, refuse_new,
    unavailable, unknown_for_now,
};

impl Gateway {
    /// Asks the provider, at most once in each interval for one call, and moves the call on with what it says.
    ///
    /// A call that was asked about a moment ago waits for the next turn where the answer decides about money: a 402
    /// from a stale look could make a buyer pay twice, and a free retry has to know that its payment still stands.
    pub(super) async fn check(&self, turn: &Turn<'_>, seen: &Seen) -> Result<Option<Checked>, GatewayError> {
        let call = seen.record.id;
        let seen = match self.claim_turn(call).await? {
            None => return Ok(None),
            Some(CheckClaim::TooSoon { seen, .. }) => return Ok(Some(Checked::Recent(Box::new(seen)))),
            Some(CheckClaim::Claimed(seen)) => seen,
        };
        let observation = match &seen.record.terms {
            Some(terms) => self.look(turn, call, terms).await?,
            None => Observation::Waiting,
        };
        // A settlement that is not confirmed is not forwarded: it may have been given back.
        let stands = seen
            .record
            .settlement
            .as_ref()
            .is_none_or(|settlement| settlement.refunded || observation.confirms(&settlement.reference));
        let lease = if stands && observation != Observation::Unknown { self.lease(turn) } else { None };
        let started = self.clock.monotonic();
        let advanced = self.journal.advance_after_check(call, seen.now, &observation, lease).await?;
        let is_unknown = observation == Observation::Unknown;
        if !is_unknown {
            turn.was_asked(call);
        }
        Ok(advanced.map(|mut advanced| {
            if is_unknown && advanced.forwarding.is_none() && advanced.seen.record.state != State::Delivered {
                advanced.seen.record = unknown_for_now(advanced.seen.record);
            }
            Checked::Moved(Box::new(advanced), started)
        }))
    }

    /// The right to ask the provider, waited for where the answer decides about money. Who does not get it after the
    /// wait knows that somebody else has asked in the meantime.
    pub(super) async fn claim_turn(&self, call: CallId) -> Result<Option<CheckClaim>, GatewayError> {
        let interval = self.policy.check_interval;
        let claim = self.journal.claim_check(call, interval).await?;
        let wait = match &claim {
            Some(CheckClaim::TooSoon { seen, wait })
                if !matches!(seen.record.state, State::Pending | State::Forwarding | State::Delivered) =>
            {
                (*wait).min(interval)
            }
            _ => return Ok(claim),
        };
        self.clock.sleep(wait).await;
        Ok(self.journal.claim_check(call, interval).await?)
    }

    /// Somebody else asked the provider within the interval: what the record says is what is known.
    pub(super) async fn after_recent_check(&self, turn: &Turn<'_>, seen: Seen) -> Result<Reply, GatewayError> {
        match seen.record.state {
            State::Delivered => self.replay(turn, seen).await,
            State::Forwarding => Ok(accepted(seen, Progress::Forwarding)),
            State::SellerFailed if seen.record.retry_not_before.is_some_and(|at| at > seen.now) => backed_off(seen),
            _ => Ok(accepted(seen, Progress::NotFinal)),
        }
    }

    /// What a call that is not to be forwarded now is answered with.
    pub(super) async fn answer(&self, turn: &Turn<'_>, seen: Seen) -> Result<Answer, GatewayError> {
        let state = seen.record.state;
        let reply = match state {
            State::Quoted if is_past_its_window(&seen) => accepted(seen, Progress::LatePayment),
            State::Quoted => return self.require_payment(turn, seen, Unpaid::NothingArrived).await,
            State::Pending if seen.record.payment_seen => accepted(seen, Progress::NotFinal),
            State::Pending => accepted(seen, Progress::Unknown),
            State::Forwarding => accepted(seen, Progress::Forwarding),
            State::Settled | State::SellerFailed if self.lease(turn).is_none() => unavailable(seen),
            State::SellerFailed if seen.record.retry_not_before.is_some_and(|at| at > seen.now) => backed_off(seen)?,
            State::Settled | State::SellerFailed => accepted(seen, Progress::Unknown),
            State::Mispaid | State::Expired | State::PaymentFailed if came_paid(&seen.record) => {
                can_never_be_paid(seen)
            }
            State::Mispaid | State::Expired | State::PaymentFailed => return self.supersede(turn, seen).await,
            State::Quoting | State::QuoteRefused | State::Delivered => return Ok(Answer::Again(Box::new(seen))),
        };
        Ok(Answer::Reply(Box::new(reply)))
    }

    /// A dead call is answered with its successor's terms: one successor, however many retries race.
    pub(super) async fn supersede(&self, turn: &Turn<'_>, dead: Seen) -> Result<Answer, GatewayError> {
        let id = dead.record.id;
        if dead.record.superseded_by.is_none()
            && let Some(refusal) = refuse_new(turn.offer, &turn.request.body)
        {
            return Ok(Answer::Reply(Box::new(refusal)));
        }
        if dead.record.superseded_by.is_none() && turn.offer.price.is_free() {
            return Ok(Answer::Reply(Box::new(Reply::Mismatch { call: id, what: Mismatch::NowFree })));
        }
        if dead.record.superseded_by.is_none() && self.journal.predecessors(id).await?.len() >= MOST_PREDECESSORS {
            return Ok(Answer::Reply(Box::new(Reply::Mismatch { call: id, what: Mismatch::TooManyTerms })));
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
            (Some(lease), _) => return self.quote(turn, seen, lease, why).await,
            // It was made before, and nothing is known of a payment for it: the same terms again, for the same reason.
            (None, State::Quoted) if !is_past_its_window(&seen) => match self.check(turn, &seen).await? {
                None => Reply::CallNotFound,
                Some(Checked::Recent(recent)) => self.after_recent_check(turn, *recent).await?,
                Some(Checked::Moved(advanced, started)) => match (advanced.forwarding, advanced.seen) {
                    (Some(forwarding), _) => self.forward(turn, forwarding, started).await?,
                    (None, now_seen) if now_seen.record.state == State::Quoted => {
                        return self.require_payment(turn, now_seen, why).await;
                    }
                    (None, now_seen) => return Ok(Answer::Again(Box::new(now_seen))),
                },
            },
            (None, _) => return Ok(Answer::Again(Box::new(seen))),
        };
        Ok(Answer::Reply(Box::new(reply)))
    }

    /// Asks the provider for terms, under the quote's lease.
    pub(super) async fn quote(
        &self,
        turn: &Turn<'_>,
        seen: Seen,
        lease: QuoteLease,
        why: Unpaid,
    ) -> Result<Answer, GatewayError> {
        let outcome = self.ask_for_terms(turn, &seen).await?;
        let seen = self.journal.issue(lease, &outcome).await?;
        let reply = match (seen.record.state, outcome) {
            // Only of one's own terms is it sure that nobody can have paid them yet.
            (State::Quoted, QuoteOutcome::Issued(_)) if seen.record.quote_fence == lease.fence => {
                return self.require_payment(turn, seen, why).await;
            }
            (State::QuoteRefused, _) => quote_refused(seen)?,
            (State::Quoting, QuoteOutcome::Unavailable { retry_after_seconds }) => Reply::ProviderUnavailable {
                retry_after_seconds: retry_after_seconds.unwrap_or(POLL_SECONDS).max(1),
                record: Box::new(seen.record),
            },
            // Another worker took over, and its answer stands.
            _ => accepted(seen, Progress::Quoting),
        };
        Ok(Answer::Reply(Box::new(reply)))
    }

    pub(super) async fn ask_for_terms(&self, turn: &Turn<'_>, seen: &Seen) -> Result<QuoteOutcome, GatewayError> {
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
}
