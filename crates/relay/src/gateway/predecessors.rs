//! 402: only when no call before may have been paid.

use std::time::Duration;

use crate::ports::{CheckClaim, MOST_PREDECESSORS, Seen};
use crate::reply::{GatewayError, Mismatch, Progress, Reply, Unpaid};
use crate::terms::Observation;

use super::{Answer, Gateway, Turn, accepted, unknown_for_now};

/// For how long one request asks about one call after the other; each answer may take ten seconds more.
const LONGEST: Duration = Duration::from_secs(20);

impl Gateway {
    /// The terms of a call. Those whose place it took may be paid late after all, so each of them is asked about first,
    /// once for this request: as long as nobody can say that nothing was paid for it, there is no 402.
    pub(super) async fn require_payment(
        &self,
        turn: &Turn<'_>,
        seen: Seen,
        why: Unpaid,
    ) -> Result<Answer, GatewayError> {
        let reply = |reply| Ok(Answer::Reply(Box::new(reply)));
        let required = |seen: Seen, why| Reply::PaymentRequired { record: Box::new(seen.record), why };
        // A call that was admitted a moment ago took nobody's place.
        if why == Unpaid::New && seen.record.quote_fence == 1 {
            return reply(required(seen, why));
        }
        let before = self.journal.predecessors(seen.record.id).await?;
        // No chain gets so long any more. None of it that was not asked about counts as unpaid.
        if before.len() > MOST_PREDECESSORS {
            return reply(Reply::Mismatch { call: seen.record.id, what: Mismatch::TooManyTerms });
        }
        let started = self.clock.monotonic();
        for dead in before {
            let call = dead.record.id;
            if !dead.record.state.is_dead() {
                return Ok(Answer::Again(Box::new(dead)));
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
                        return Ok(Answer::Again(Box::new(advanced.seen)));
                    }
                    if observation == Observation::Unknown {
                        let record = unknown_for_now(advanced.seen.record);
                        return reply(accepted(Seen { record, ..advanced.seen }, Progress::Unknown));
                    }
                    turn.was_asked(call);
                }
                Some(CheckClaim::TooSoon { seen: recent, .. }) if !recent.record.state.is_dead() => {
                    return Ok(Answer::Again(Box::new(recent)));
                }
                // Somebody else asked after this request came, and may know what is not recorded yet.
                Some(CheckClaim::TooSoon { seen: recent, .. }) => return reply(late_payment_check(recent)),
                None => return reply(Reply::CallNotFound),
            }
        }
        reply(required(seen, why))
    }
}

/// A payment for this call, which is dead as far as the record says, is being looked for.
fn late_payment_check(dead: Seen) -> Reply {
    accepted(Seen { record: unknown_for_now(dead.record), ..dead }, Progress::LatePayment)
}
