//! The journal: one method, one lock, the same transitions as everywhere.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::{CallId, Clock, Entropy, ListingId, ProfileId, StorageError, Timestamp};

use super::faults::Faults;
use super::lock;
use super::tables::{Kept, KeptKey, Tables};
use crate::forwarding::{Closing, Forwarding, SealedResponse};
use crate::policy::Policy;
use crate::ports::{
    Admission, Advanced, CheckClaim, Claimant, Journal, MOST_PREDECESSORS, QuoteLease, Seen, Successor,
};
use crate::record::{IdempotencyKey, NewCall};
use crate::terms::{Observation, QuoteOutcome};
use crate::transition::{self, Change, Closed, after};

/// [`Journal`], [`Sweeps`](crate::ports::Sweeps) and [`Books`](crate::ports::Books) over one state behind one lock.
/// The clock that it is made with is the storage's clock.
pub struct MemoryJournal {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(super) policy: Policy,
    faults: Faults,
    tables: Mutex<Tables>,
}

impl fmt::Debug for MemoryJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryJournal").finish_non_exhaustive()
    }
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, policy: Policy) -> Self {
        Self { clock, entropy, policy, faults: Faults::default(), tables: Mutex::default() }
    }

    /// Which of its next operations fail.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// One transaction.
    pub(super) fn transact<T>(
        &self,
        work: impl FnOnce(&mut Tables, Timestamp) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        self.faults.around(|| {
            let mut tables = lock(&self.tables);
            work(&mut tables, self.clock.now())
        })
    }

    fn open(&self, tables: &mut Tables, call: &NewCall, now: Timestamp) -> Result<Seen, StorageError> {
        let change = transition::open(call, now, &self.policy);
        write(tables, change, now)
    }

    fn move_on(
        &self,
        call: CallId,
        asked_at: Option<Timestamp>,
        observation: Option<&Observation>,
        lease: Option<Duration>,
    ) -> Result<Option<Advanced>, StorageError> {
        self.transact(|tables, now| {
            let Some(record) = tables.call(call) else { return Ok(None) };
            let observation = observation.map(|observation| match asked_at {
                Some(asked_at) => transition::still_news(&record, asked_at, observation),
                None => observation.clone(),
            });
            let claims = match (&observation, &record.terms) {
                (Some(observation), Some(terms)) => tables.consume(call, &terms.provider, observation.payments()),
                _ => Vec::new(),
            };
            let observed = observation.as_ref().map(|observation| (observation, claims.as_slice()));
            let step = transition::advance(record, observed, lease, now, &self.policy, self.entropy.as_ref());
            let seen = write(tables, step.change, now)?;
            Ok(Some(Advanced { seen, forwarding: step.forwarding }))
        })
    }

    fn keep_response(&self, tables: &mut Tables, closing: &Closing, seen: &Seen) {
        let is_kept = seen.record.delivery.as_ref().is_some_and(|delivery| delivery.vault_key_prefix.is_some());
        if let Some(response) = closing.sealed.clone().filter(|_| is_kept) {
            tables.vault.entry(closing.call).or_insert(Kept {
                buyer: closing.buyer,
                response,
                expires_at: after(seen.now, self.policy.vault_ttl),
            });
        }
    }
}

/// Writes a change; answers the record as it now stands.
fn write(tables: &mut Tables, change: Change, now: Timestamp) -> Result<Seen, StorageError> {
    let record = change.record.clone();
    tables.apply(change)?;
    Ok(Seen { record, now })
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn admit(&self, call: &NewCall) -> Result<Admission, StorageError> {
        self.transact(|tables, now| {
            // The same id again: the first time happened, and its acknowledgement was lost.
            if let Some(record) = tables.call(call.id) {
                return Ok(Admission::Known(Seen { record, now }));
            }
            if let Some(answer) = tables.known(call, now) {
                return Ok(answer);
            }
            let is_free = call.price.is_none();
            let limit = self.policy.max_open_quotes;
            if !is_free && tables.open_quotes(call.buyer, now) >= limit {
                return Ok(Admission::TooManyOpenQuotes { limit });
            }
            if let Some(owner) = tables.claim(call) {
                let owner = tables.call(owner).ok_or_else(|| StorageError::Corrupt(format!("no call {owner}")))?;
                return Ok(Admission::Known(Seen { record: owner, now }));
            }
            let seen = self.open(tables, call, now)?;
            tables.keep_key(call);
            Ok(match Forwarding::of_new_free_call(&seen.record) {
                Some(forwarding) => Admission::Forward(seen, forwarding),
                None if seen.record.terms.is_some() => Admission::Submit(seen),
                None => {
                    let lease = first_lease(&seen);
                    Admission::Quote(seen, lease)
                }
            })
        })
    }

    async fn retake_quote(&self, call: CallId) -> Result<Option<QuoteLease>, StorageError> {
        self.transact(|tables, now| {
            let change = tables.call(call).and_then(|record| transition::retake_quote(record, now, &self.policy));
            let Some(change) = change else { return Ok(None) };
            let fence = change.record.quote_fence;
            tables.apply(change)?;
            Ok(Some(QuoteLease { call, fence }))
        })
    }

    async fn find_by_reference(&self, provider: &str, reference: &str) -> Result<Claimant, StorageError> {
        self.transact(|tables, now| {
            let owner = tables.references.get(&(provider.to_owned(), reference.to_owned())).copied();
            let Some(owner) = owner else { return Ok(Claimant::Nobody) };
            // Nothing is ever taken out of this history.
            let record = tables.call(owner);
            let record = record.ok_or_else(|| {
                StorageError::Corrupt(format!("a payment is claimed for {owner}, which there is not"))
            })?;
            Ok(Claimant::Call(Box::new(Seen { record, now })))
        })
    }

    async fn retake_submission(&self, call: CallId) -> Result<Option<Seen>, StorageError> {
        self.transact(|tables, now| {
            let change = tables.call(call).and_then(|record| transition::retake_submission(record, now, &self.policy));
            change.map(|change| write(tables, change, now)).transpose()
        })
    }

    async fn issue(&self, lease: QuoteLease, outcome: &QuoteOutcome) -> Result<Seen, StorageError> {
        self.transact(|tables, now| {
            let record = tables
                .call(lease.call)
                .ok_or_else(|| StorageError::Corrupt(format!("terms for {}, which there is not", lease.call)))?;
            let change = transition::issue(record, lease.fence, outcome, now, &self.policy);
            write(tables, change, now)
        })
    }

    async fn find(&self, call: CallId) -> Result<Option<Seen>, StorageError> {
        self.transact(|tables, now| Ok(tables.call(call).map(|record| Seen { record, now })))
    }

    async fn find_by_key(
        &self,
        buyer: ProfileId,
        listing: ListingId,
        key: &IdempotencyKey,
    ) -> Result<Option<(Seen, [u8; 32])>, StorageError> {
        self.transact(|tables, now| {
            let Some(kept) = tables.keys.get(&(buyer, listing, key.clone())) else { return Ok(None) };
            let record = tables.resolve(kept.call).cloned();
            Ok(record.map(|record| (Seen { record, now }, kept.fingerprint)))
        })
    }

    async fn bind_key(&self, call: CallId, key: &IdempotencyKey, fingerprint: [u8; 32]) -> Result<bool, StorageError> {
        self.transact(|tables, _| {
            let Some(record) = tables.call(call) else { return Ok(false) };
            let place = (record.buyer, record.listing, key.clone());
            let Some(kept) = tables.keys.get(&place) else {
                tables.keys.insert(place, KeptKey { call, fingerprint });
                return Ok(true);
            };
            Ok(kept.fingerprint == fingerprint && tables.are_of_one_chain(kept.call, call))
        })
    }

    async fn predecessors(&self, call: CallId) -> Result<Vec<Seen>, StorageError> {
        self.transact(|tables, now| {
            let before = |id: CallId| tables.calls.values().find(|record| record.superseded_by == Some(id)).cloned();
            let chain = std::iter::successors(before(call), |record| before(record.id));
            Ok(chain.take(MOST_PREDECESSORS + 1).map(|record| Seen { record, now }).collect())
        })
    }

    async fn claim_check(&self, call: CallId, interval: Duration) -> Result<Option<CheckClaim>, StorageError> {
        self.transact(|tables, now| {
            let Some(record) = tables.calls.get_mut(&call) else { return Ok(None) };
            let allowed_from = record.last_checked_at.map(|last| after(last, interval));
            let wait = allowed_from.and_then(|from| (from - now).to_std().ok()).filter(|wait| !wait.is_zero());
            if wait.is_none() {
                record.last_checked_at = Some(now);
            }
            let record = record.clone();
            let seen = Seen { record, now };
            Ok(Some(match wait {
                Some(wait) => CheckClaim::TooSoon { seen, wait },
                None => CheckClaim::Claimed(seen),
            }))
        })
    }

    async fn advance(
        &self,
        call: CallId,
        observation: Option<&Observation>,
        lease: Option<Duration>,
    ) -> Result<Option<Advanced>, StorageError> {
        self.move_on(call, None, observation, lease)
    }

    async fn advance_after_check(
        &self,
        call: CallId,
        asked_at: Timestamp,
        observation: &Observation,
        lease: Option<Duration>,
    ) -> Result<Option<Advanced>, StorageError> {
        self.move_on(call, Some(asked_at), Some(observation), lease)
    }

    async fn supersede(&self, dead: CallId, successor: &NewCall) -> Result<Option<Successor>, StorageError> {
        self.transact(|tables, now| {
            let Some(mut record) = tables.call(dead) else { return Ok(None) };
            if record.superseded_by.is_some() || !record.state.is_dead() {
                let seen = tables.newest(dead).map(|record| Seen { record, now });
                return Ok(seen.map(|seen| Successor { seen, lease: None }));
            }
            let seen = self.open(tables, successor, now)?;
            record.superseded_by = Some(successor.id);
            record.updated_at = now;
            tables.calls.insert(dead, record);
            let lease = Some(first_lease(&seen));
            Ok(Some(Successor { seen, lease }))
        })
    }

    async fn close(&self, closing: &Closing) -> Result<Option<(Closed, Seen)>, StorageError> {
        self.transact(|tables, now| {
            let Some(record) = tables.call(closing.call) else { return Ok(None) };
            let mut closing = closing.clone();
            let used = tables.vault_use(record.buyer, now);
            closing.sealed = closing.sealed.filter(|sealed| {
                let length = u64::try_from(sealed.bytes.len()).unwrap_or(u64::MAX);
                used.saturating_add(length) <= self.policy.vault_max_buyer
            });
            let (change, closed) = transition::close(record, &closing, now, &self.policy);
            let seen = write(tables, change, now)?;
            if closed == Closed::Recorded {
                self.keep_response(tables, &closing, &seen);
            }
            Ok(Some((closed, seen)))
        })
    }

    fn is_writing(&self) -> bool {
        !self.faults.came_last()
    }

    async fn record_ended(&self, call: &NewCall, closing: &Closing, took: Duration) -> Result<Seen, StorageError> {
        self.transact(|tables, now| {
            if let Some(record) = tables.call(call.id) {
                return Ok(Seen { record, now });
            }
            let ended = transition::ended(call, closing, took, now, &self.policy);
            tables.apply(ended.opened)?;
            write(tables, ended.closed, now)
        })
    }

    async fn sealed_response(&self, call: CallId) -> Result<Option<SealedResponse>, StorageError> {
        self.transact(|tables, now| {
            let kept = tables.vault.get(&call).filter(|kept| kept.expires_at > now);
            Ok(kept.map(|kept| kept.response.clone()))
        })
    }
}

/// The lease that a new paid call begins with.
fn first_lease(seen: &Seen) -> QuoteLease {
    QuoteLease { call: seen.record.id, fence: seen.record.quote_fence }
}
