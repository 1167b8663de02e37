//! The end of a forward.

use crochet_primitives::{Timestamp, format_timestamp};

use super::{Change, Write, after, schedule};
use crate::forwarding::{Closing, Ending};
use crate::policy::{Policy, doubling};
use crate::record::{AttemptOutcome, Delivery, Record, State};

/// What became of a closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// It is what the record now says.
    Recorded,
    /// It came too late: its lease had ended, and another attempt took over or had delivered. Nothing changed but
    /// that attempt's own row.
    Stale,
}

/// Records how a forward ended: a compare-and-set on the attempt. A stale delivery wins unless one is recorded; a
/// stale failure is dropped.
#[must_use]
pub fn close(mut record: Record, closing: &Closing, now: Timestamp, policy: &Policy) -> (Change, Closed) {
    let is_current = record.state == State::Forwarding && record.attempt == closing.attempt;
    match &closing.ending {
        Ending::Delivered(response) => {
            let ended = Write::AttemptEnded {
                attempt: closing.attempt,
                outcome: AttemptOutcome::Delivered,
                seller_status: Some(response.seller_status),
                latency_ms: Some(response.latency_ms),
            };
            if let Some(delivery) = &record.delivery {
                // The same closing again, after an acknowledgement that was lost.
                let is_ours =
                    delivery.attempt == closing.attempt && delivery.response_sha256 == response.sha256.to_string();
                let closed = if is_ours { Closed::Recorded } else { Closed::Stale };
                return (Change { record, writes: vec![ended] }, closed);
            }
            record.state = State::Delivered;
            record.delivery = Some(Delivery {
                seller_status: response.seller_status,
                response_sha256: response.sha256.to_string(),
                response_bytes: u64::try_from(response.body.len()).unwrap_or(u64::MAX),
                latency_ms: response.latency_ms,
                attempt: closing.attempt,
                vault_key_prefix: closing.sealed.as_ref().map(|sealed| sealed.key_prefix.clone()),
                delivered_at: now,
            });
            record.failures = 0;
            record.retry_not_before = None;
            record.lease_until = None;
            (finish(record, ended, now, policy), Closed::Recorded)
        }
        Ending::Failed(failure, outcome) => {
            let ended = Write::AttemptEnded {
                attempt: closing.attempt,
                outcome: *outcome,
                seller_status: failure.seller_status,
                latency_ms: Some(failure.latency_ms),
            };
            if !is_current {
                let is_ours = matches!(record.state, State::SellerFailed | State::PaymentFailed)
                    && record.attempt == closing.attempt
                    && record.last_failure.as_ref() == Some(failure);
                let closed = if is_ours { Closed::Recorded } else { Closed::Stale };
                return (Change { record, writes: vec![ended] }, closed);
            }
            let is_refunded = record.settlement.as_ref().is_some_and(|settlement| settlement.refunded);
            record.state = if is_refunded { State::PaymentFailed } else { State::SellerFailed };
            let wait = doubling(policy.retry_backoff, record.failures, policy.retry_backoff_max);
            record.retry_not_before = Some(after(now, wait));
            record.failures = record.failures.saturating_add(1);
            record.last_failure = Some(failure.clone());
            record.lease_until = None;
            tracing::debug!(call = %record.id.request_id(), until = %format_timestamp(after(now, wait)), "seller failed; free retry backed off");
            (finish(record, ended, now, policy), Closed::Recorded)
        }
    }
}

fn finish(mut record: Record, ended: Write, now: Timestamp, policy: &Policy) -> Change {
    record.updated_at = now;
    record.next_check_at = schedule::next_check(&record, now, policy);
    Change { record, writes: vec![ended] }
}
