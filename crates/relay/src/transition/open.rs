//! The first moment of a call.

use crochet_primitives::Timestamp;

use super::{Change, Write, after};
use crate::policy::Policy;
use crate::record::{NewCall, Record, State};

/// A new call. A paid one begins as `quoting`, under a lease, before the provider is asked; a free one is forwarded
/// at once, so it begins with its first attempt's lease. One whose payment came with it begins as `pending`, under the
/// lease to submit that payment: from here on it may happen, whatever becomes of this process.
#[must_use]
pub fn open(call: &NewCall, now: Timestamp, policy: &Policy) -> Change {
    let is_free = call.price.is_none();
    let came_paid = !is_free && call.terms.is_some();
    let (state, lease) = match (is_free, came_paid) {
        (true, _) => (State::Forwarding, call.forward_lease),
        (false, true) => (State::Pending, policy.submission_lease),
        (false, false) => (State::Quoting, policy.quote_lease),
    };
    let lease_until = after(now, lease);
    let record = Record {
        id: call.id,
        buyer: call.buyer,
        seller: call.seller,
        listing: call.listing,
        body_sha256: call.body_sha256,
        idempotency_key: call.idempotency_key.clone(),
        origin: call.origin,
        price: call.price,
        state,
        quote_fence: u32::from(!is_free),
        attempt: u32::from(is_free),
        lease_until: Some(lease_until),
        terms: call.terms.as_deref().filter(|_| came_paid).cloned(),
        refusal: None,
        payment_seen: came_paid,
        payment_failure: None,
        last_checked_at: came_paid.then_some(now),
        settlement: None,
        failures: 0,
        retry_not_before: None,
        last_failure: None,
        delivery: None,
        superseded_by: None,
        next_check_at: Some(lease_until),
        checks: 0,
        created_at: now,
        updated_at: now,
    };
    let writes = if is_free { vec![Write::AttemptStarted { attempt: 1, at: now }] } else { Vec::new() };
    Change { record, writes }
}
