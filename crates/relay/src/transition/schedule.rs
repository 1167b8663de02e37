//! When the sweeper looks at a call again.

use crochet_primitives::Timestamp;

use super::after;
use crate::policy::{Policy, doubling};
use crate::record::{Record, State};

/// The next moment at which something may have to be done without a buyer's retry; `None` when never.
pub(super) fn next_check(record: &Record, now: Timestamp, policy: &Policy) -> Option<Timestamp> {
    let backed_off = || after(now, doubling(policy.sweep_backoff, record.checks, policy.sweep_backoff_max));
    match record.state {
        // A quote nobody came back for: its terms were never shown, so it only has to be closed.
        State::Quoting => Some(record.lease_until.unwrap_or(now).max(after(now, policy.late_payment_grace))),
        State::Forwarding => Some(record.lease_until.unwrap_or(now)),
        // While the window is open the buyer's own retries do the asking; the sweeper makes sure of its end.
        State::Quoted => {
            let closes = record.terms.as_ref().map_or(now, |terms| after(terms.expires_at, policy.late_payment_grace));
            Some(backed_off().min(closes.max(after(now, policy.sweep_backoff))))
        }
        State::Pending => Some(backed_off()),
        State::Expired | State::PaymentFailed | State::Mispaid => {
            (now < after(record.created_at, policy.sweep_horizon)).then(backed_off)
        }
        // Paid: the buyer's retry moves it on. A refund is noticed on that retry.
        State::Settled | State::SellerFailed | State::Delivered | State::QuoteRefused => None,
    }
}
