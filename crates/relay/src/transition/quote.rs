//! From asking for terms to having them.

use crochet_primitives::Timestamp;

use super::{Change, after, schedule};
use crate::policy::Policy;
use crate::record::{Record, State};
use crate::terms::QuoteOutcome;

/// Records what the provider answered, when `fence` still holds the lease. A worker that comes too late changes
/// nothing: the terms that were recorded first are the terms.
#[must_use]
pub fn issue(mut record: Record, fence: u32, outcome: &QuoteOutcome, now: Timestamp, policy: &Policy) -> Change {
    if record.state != State::Quoting || record.quote_fence != fence {
        return Change::none(record);
    }
    match outcome {
        QuoteOutcome::Issued(terms) => {
            record.state = State::Quoted;
            record.terms = Some((**terms).clone());
            record.lease_until = None;
        }
        QuoteOutcome::Refused(refusal) => {
            record.state = State::QuoteRefused;
            record.refusal = Some(refusal.clone());
            record.lease_until = None;
        }
        // The lease ends now, so that the buyer's next retry may ask again.
        QuoteOutcome::Unavailable { .. } => record.lease_until = Some(now),
    }
    record.updated_at = now;
    record.next_check_at = schedule::next_check(&record, now, policy);
    Change::none(record)
}

/// Takes over the asking from a worker whose lease has ended. `None` while it has not, or when terms were issued.
#[must_use]
pub fn retake_quote(mut record: Record, now: Timestamp, policy: &Policy) -> Option<Change> {
    let has_ended = record.lease_until.is_none_or(|until| until <= now);
    if record.state != State::Quoting || !has_ended {
        return None;
    }
    record.quote_fence = record.quote_fence.saturating_add(1);
    record.lease_until = Some(after(now, policy.quote_lease));
    record.updated_at = now;
    record.next_check_at = record.lease_until;
    Some(Change::none(record))
}

/// Takes over the submitting of a payment that came with its call, from a worker whose lease has ended. `None` while it
/// has not, or when the payment is decided.
#[must_use]
pub fn retake_submission(mut record: Record, now: Timestamp, policy: &Policy) -> Option<Change> {
    let has_ended = record.lease_until.is_none_or(|until| until <= now);
    let came_paid = record.terms.as_ref().is_some_and(|terms| terms.claimed.is_some());
    if record.state != State::Pending || !came_paid || !has_ended {
        return None;
    }
    record.lease_until = Some(after(now, policy.submission_lease));
    record.updated_at = now;
    Some(Change::none(record))
}
