//! Idempotency keys, and the limit on open quotes.

use crochet_primitives::{CallId, ProfileId, Timestamp};

use super::tables::{KeptKey, Tables};
use crate::policy::Policy;
use crate::ports::{Admission, Seen};
use crate::record::{NewCall, Record, State};
use crate::transition::after;

impl Tables {
    /// The answer to a call whose key was used before.
    pub(super) fn known(&self, call: &NewCall, now: Timestamp) -> Option<Admission> {
        let key = call.idempotency_key.clone()?;
        let kept = self.keys.get(&(call.buyer, call.listing, key))?;
        if kept.fingerprint != call.fingerprint() {
            return Some(Admission::KeyReused);
        }
        let record = self.resolve(kept.call)?.clone();
        Some(Admission::Known(Seen { record, now }))
    }

    pub(super) fn keep_key(&mut self, call: &NewCall) {
        if let Some(key) = call.idempotency_key.clone() {
            let kept = KeptKey { call: call.id, fingerprint: call.fingerprint() };
            self.keys.insert((call.buyer, call.listing, key), kept);
        }
    }

    pub(super) fn open_quotes(&self, buyer: ProfileId, now: Timestamp) -> u32 {
        let open = self.calls.values().filter(|record| record.buyer == buyer && record.is_open_quote(now));
        u32::try_from(open.count()).unwrap_or(u32::MAX)
    }

    /// Whether one of the two calls leads to the other.
    pub(super) fn are_of_one_chain(&self, one: CallId, other: CallId) -> bool {
        let leads = |from: CallId, to: CallId| self.chain(from).iter().any(|record| record.id == to);
        leads(one, other) || leads(other, one)
    }

    pub(super) fn newest(&self, first: CallId) -> Option<Record> {
        self.chain(first).last().copied().cloned()
    }

    /// Drops the keys whose calls ended long enough ago; answers how many.
    pub(super) fn drop_old_keys(&mut self, now: Timestamp, policy: &Policy) -> u64 {
        let old: Vec<_> = self
            .keys
            .iter()
            .filter(|(_, kept)| {
                self.resolve(kept.call)
                    .and_then(ended_at)
                    .is_some_and(|ended| after(ended, policy.idempotency_ttl) <= now)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in &old {
            self.keys.remove(key);
        }
        u64::try_from(old.len()).unwrap_or(u64::MAX)
    }
}

/// When nothing more could come of a call; `None` while it is payable, or paid and not delivered.
fn ended_at(record: &Record) -> Option<Timestamp> {
    match record.state {
        State::Delivered | State::QuoteRefused => Some(record.updated_at),
        // A late payment is honoured for as long as the sweeper asks for one.
        State::Expired | State::PaymentFailed | State::Mispaid => {
            record.next_check_at.is_none().then_some(record.updated_at)
        }
        State::SellerFailed => record.price.is_none().then_some(record.updated_at),
        State::Quoting | State::Quoted | State::Pending | State::Settled | State::Forwarding => None,
    }
}
