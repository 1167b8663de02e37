//! 402: only when no call before may have been paid.

use std::time::Duration;

use crate::ports::{CheckClaim, MOST_PREDECESSORS, Seen};
use crate::record::State;
use crate::reply::{GatewayError, Mismatch, Progress, Reply, Unpaid};
use crate::terms::Observation;

use super::{Answer, Checked, Gateway, Turn, accepted, unknown_for_now};

/// For how long one request asks about one call after the other; each answer may take ten seconds more.
const LONGEST: Duration = Duration::from_secs(20);

impl Gateway {
    /// The terms of a call, where nothing was paid for those whose place it took.
    pub(super) async fn require_payment(
        &self,
        turn: &Turn<'_>,
        seen: Seen,
        why: Unpaid,
    ) -> Result<Answer, GatewayError> {
        // A call that was admitted a moment ago took nobody's place.
        let is_new = why == Unpaid::New && seen.record.quote_fence == 1;
        if !is_new && let Some(answer) = self.paid_before(turn, &seen).await? {
            return Ok(answer);
        }
        Ok(Answer::Reply(Box::new(Reply::PaymentRequired { record: Box::new(seen.record), why })))
    }

    /// A new payment came with a request that names a dead call: it is taken only where nobody has paid for that call
    /// after all, nor for another of its chain. `None` when each was asked about, and none was paid.
    pub(super) async fn paid_after_all(&self, turn: &Turn<'_>, dead: Seen) -> Result<Option<Reply>, GatewayError> {
        let mut newest = dead;
        for _ in 0..=MOST_PREDECESSORS {
            let Some(next) = newest.record.superseded_by else { break };
            let Some(next) = self.journal.find(next).await? else { break };
            newest = next;
        }
        let may_be_unpaid = |state: State| state.is_dead() || state == State::Quoted;
        let answer = match newest.record.state {
            // Nobody was offered its terms yet.
            State::Quoting | State::QuoteRefused => self.paid_before(turn, &newest).await?,
            state if state == State::Pending || may_be_unpaid(state) => match self.check(turn, &newest).await? {
                None => return Ok(Some(Reply::CallNotFound)),
                Some(Checked::Recent(recent)) => return Ok(Some(self.after_recent_check(turn, *recent).await?)),
                Some(Checked::Moved(advanced, started)) => match (advanced.forwarding, advanced.seen) {
                    (Some(forwarding), _) => return Ok(Some(self.forward(turn, forwarding, started).await?)),
                    (None, seen) if may_be_unpaid(seen.record.state) => self.paid_before(turn, &seen).await?,
                    (None, seen) => Some(self.answer(turn, seen).await?),
                },
            },
            _ => Some(Answer::Again(Box::new(newest))),
        };
        Ok(match answer {
            None => None,
            Some(Answer::Reply(reply)) => Some(*reply),
            Some(Answer::Again(seen)) => Some(self.go_on(turn, *seen).await?),
        })
    }

    /// Those whose place a call took may be paid late after all, so each of them is asked about, once for this request:
    /// `None` when nothing was paid for any. As long as nobody can say that, there is no 402.
    async fn paid_before(&self, turn: &Turn<'_>, seen: &Seen) -> Result<Option<Answer>, GatewayError> {
        let reply = |reply| Ok(Some(Answer::Reply(Box::new(reply))));
        let before = self.journal.predecessors(seen.record.id).await?;
        // No chain gets so long any more. None of it that was not asked about counts as unpaid.
        if before.len() > MOST_PREDECESSORS {
            return reply(Reply::Mismatch { call: seen.record.id, what: Mismatch::TooManyTerms });
        }
        let started = self.clock.monotonic();
        for dead in before {
            let call = dead.record.id;
            if !dead.record.state.is_dead() {
                return Ok(Some(Answer::Again(Box::new(dead))));
            }
            // What was never offered was not paid.
            let Some(terms) = &dead.record.terms else { continue };
            if turn.has_asked(call) {
                continue;
            }
            if self.clock.monotonic().saturating_sub(started) >= LONGEST {
                return reply(late_payment_check(dead));
            }
            match self.claim_turn(call).await? {
                Some(CheckClaim::Claimed(claimed)) => {
                    let observation = self.provider.check(call, terms).await;
                    let advanced = self.journal.advance_after_check(call, claimed.now, &observation, None).await?;
                    let Some(advanced) = advanced else { return reply(Reply::CallNotFound) };
                    if !advanced.seen.record.state.is_dead() {
                        return Ok(Some(Answer::Again(Box::new(advanced.seen))));
                    }
                    if observation == Observation::Unknown {
                        let record = unknown_for_now(advanced.seen.record);
                        return reply(accepted(Seen { record, ..advanced.seen }, Progress::Unknown));
                    }
                    turn.was_asked(call);
                }
                Some(CheckClaim::TooSoon { seen: recent, .. }) if !recent.record.state.is_dead() => {
                    return Ok(Some(Answer::Again(Box::new(recent))));
                }
                // Somebody else asked after this request came, and may know what is not recorded yet.
                Some(CheckClaim::TooSoon { seen: recent, .. }) => return reply(late_payment_check(recent)),
                None => return reply(Reply::CallNotFound),
            }
        }
        Ok(None)
    }
}

/// A payment for this call, which is dead as far as the record says, is being looked for.
fn late_payment_check(dead: Seen) -> Reply {
    accepted(Seen { record: unknown_for_now(dead.record), ..dead }, Progress::LatePayment)
}
