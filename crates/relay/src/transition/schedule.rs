//! When the sweeper looks at a call again.

use crochet_primitives::Timestamp;

use super::after;
use crate::policy::{Policy, doubling};
use crate::record::{Record, State};

/// The next moment at which something may have to be done without a buyer's retry; `None` when never.
pub(super) fn next_check(record: &Record, now: Timestamp, policy: &Policy) -> Option<Timestamp> {
    let backed_off = || backed_off(record, now, policy);
    match record.state {
        // A quote nobody came back for: its terms were never shown, so it only has to be closed.
        State::Quoting => Some(record.lease_until.unwrap_or(now).max(after(now, policy.late_payment_grace))),
        State::Forwarding => Some(record.lease_until.unwrap_or(now)),
        // While the window is open the buyer's own retries do the asking; the sweeper makes sure of its end.
        State::Quoted => {
            let closes = closes(record, policy).unwrap_or(now);
            Some(backed_off().min(closes.max(after(now, policy.sweep_backoff))))
        }
        State::Pending => Some(backed_off()),
        State::Expired | State::PaymentFailed | State::Mispaid => {
            (now < after(record.created_at, policy.sweep_horizon)).then(backed_off)
        }
        // The buyer's retry moves it on. A second payment, or a refund, is to be noticed all the same: when the window
        // has closed, and then less and less often.
        State::Settled | State::SellerFailed | State::Delivered => {
            let closes = closes(record, policy)?;
            let waited = doubling(policy.late_payment_grace, record.checks, policy.sweep_horizon);
            let next = if now < closes { closes } else { after(now, waited) };
            (next <= after(record.created_at, policy.sweep_horizon)).then_some(next)
        }
        State::QuoteRefused => None,
    }
}

/// The next moment for a call about which the provider could not be asked.
pub(super) fn backed_off(record: &Record, now: Timestamp, policy: &Policy) -> Timestamp {
    after(now, doubling(policy.sweep_backoff, record.checks, policy.sweep_backoff_max))
}

/// The end of the quote's window and of its grace; `None` without terms.
fn closes(record: &Record, policy: &Policy) -> Option<Timestamp> {
    record.terms.as_ref().map(|terms| after(terms.expires_at, policy.late_payment_grace))
}
