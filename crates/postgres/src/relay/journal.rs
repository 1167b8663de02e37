//! The journal: one method, one transaction, the same transitions as everywhere.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use crochet_primitives::{CallId, Entropy, ListingId, ProfileId, StorageError, Timestamp};
use crochet_relay::ports::{Admission, Advanced, CheckClaim, Journal, QuoteLease, Seen, Successor, Witness};
use crochet_relay::transition::{self, Closed};
use crochet_relay::{
    Closing, Ending, IdempotencyKey, NewCall, Observation, Policy, QuoteOutcome, Record, SealedResponse,
};
use diesel::prelude::*;

use super::step::Step;
use super::{admit, chain, keys, persist, references, vault};
use crate::Db;
use crate::error::DbError;
use crate::retry::retried;
use crate::schema::gateway_requests;

/// [`Journal`] on PostgreSQL.
#[derive(Clone)]
pub struct PgJournal {
    db: Db,
    policy: Arc<Policy>,
    entropy: Arc<dyn Entropy>,
    witness: Arc<dyn Witness>,
}

impl fmt::Debug for PgJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgJournal").field("db", &self.db).finish_non_exhaustive()
    }
}

impl PgJournal {
    /// A journal in `db`, by the waits and limits of `policy`. Ids of settlements, entries and orphans are drawn from
    /// `entropy`.
    #[must_use]
    pub fn new(db: Db, policy: Policy, entropy: Arc<dyn Entropy>) -> Self {
        Self { db, policy: Arc::new(policy), entropy, witness: Arc::new(()) }
    }

    /// The same journal; `witness` is told of what it commits, on the thread that committed it.
    #[must_use]
    pub fn witnessed(self, witness: Arc<dyn Witness>) -> Self {
        Self { witness, ..self }
    }

    /// One transaction, with all that a step needs; then the witness is told.
    async fn transact<T, F>(&self, mut work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnMut(&mut PgConnection, &Step) -> Result<T, DbError> + Send + 'static,
    {
        let step = Step::new(self.db.clock().clone(), Arc::clone(&self.policy), Arc::clone(&self.entropy));
        let witness = Arc::clone(&self.witness);
        self.db
            .begun(move |conn| {
                let outcome = retried(conn, |conn| {
                    // What an earlier run noted was rolled back with it.
                    step.begin();
                    work(conn, &step)
                })?;
                for (before, change) in step.into_changes() {
                    witness.committed(before, &change);
                }
                Ok(outcome)
            })
            .await
    }

    async fn move_on(
        &self,
        call: CallId,
        asked_at: Option<Timestamp>,
        observation: Option<Observation>,
        lease: Option<Duration>,
    ) -> Result<Option<Advanced>, StorageError> {
        self.transact(move |conn, step| {
            let Some((record, now)) = step.lock(conn, call)? else { return Ok(None) };
            let observation = observation.clone().map(|observation| match asked_at {
                Some(asked_at) => transition::still_news(&record, asked_at, &observation),
                None => observation,
            });
            let claims = match (&observation, &record.terms) {
                (Some(observation), Some(terms)) if !observation.payments().is_empty() => {
                    references::consume(conn, call, &terms.provider, observation.payments(), now)?
                }
                _ => Vec::new(),
            };
            let observed = observation.as_ref().map(|observation| (observation, claims.as_slice()));
            let entropy = step.entropy.as_ref();
            let advance = transition::advance(record.clone(), observed, lease, now, &step.policy, entropy);
            let record = step.update(conn, &record, advance.change)?;
            Ok(Some(Advanced { seen: Seen { record, now }, forwarding: advance.forwarding }))
        })
        .await
    }

    /// A record and the clock, as they are now.
    async fn see<F>(&self, mut read: F) -> Result<Option<Seen>, StorageError>
    where
        F: FnMut(&mut PgConnection) -> Result<Option<Record>, DbError> + Send + 'static,
    {
        let clock = self.db.clock().clone();
        self.db
            .read(move |conn| {
                let Some(record) = read(conn)? else { return Ok(None) };
                let now = clock.read(conn)?;
                Ok(Some(Seen { record, now }))
            })
            .await
    }
}

#[async_trait]
impl Journal for PgJournal {
    async fn admit(&self, call: &NewCall) -> Result<Admission, StorageError> {
        let call = call.clone();
        self.transact(move |conn, step| admit::admit(conn, step, &call)).await
    }

    async fn retake_quote(&self, call: CallId) -> Result<Option<QuoteLease>, StorageError> {
        self.transact(move |conn, step| {
            let Some((record, now)) = step.lock(conn, call)? else { return Ok(None) };
            let Some(change) = transition::retake_quote(record.clone(), now, &step.policy) else { return Ok(None) };
            let fence = step.update(conn, &record, change)?.quote_fence;
            Ok(Some(QuoteLease { call, fence }))
        })
        .await
    }

    async fn find_by_reference(&self, provider: &str, reference: &str) -> Result<Option<Seen>, StorageError> {
        // No text column holds a NUL, and PostgreSQL refuses to compare with one.
        if provider.contains('\0') || reference.contains('\0') {
            return Ok(None);
        }
        let (provider, reference) = (provider.to_owned(), reference.to_owned());
        self.see(move |conn| match references::owner(conn, &provider, &reference)? {
            Some(call) => persist::read(conn, call),
            None => Ok(None),
        })
        .await
    }

    async fn retake_submission(&self, call: CallId) -> Result<Option<Seen>, StorageError> {
        self.transact(move |conn, step| {
            let Some((record, now)) = step.lock(conn, call)? else { return Ok(None) };
            let change = transition::retake_submission(record.clone(), now, &step.policy);
            let Some(change) = change else { return Ok(None) };
            Ok(Some(Seen { record: step.update(conn, &record, change)?, now }))
        })
        .await
    }

    async fn issue(&self, lease: QuoteLease, outcome: &QuoteOutcome) -> Result<Seen, StorageError> {
        let outcome = outcome.clone();
        self.transact(move |conn, step| {
            let (record, now) = step
                .lock(conn, lease.call)?
                .ok_or_else(|| DbError::corrupt(format!("terms for {}, which there is not", lease.call)))?;
            let change = transition::issue(record.clone(), lease.fence, &outcome, now, &step.policy);
            Ok(Seen { record: step.update(conn, &record, change)?, now })
        })
        .await
    }

    async fn find(&self, call: CallId) -> Result<Option<Seen>, StorageError> {
        self.see(move |conn| persist::read(conn, call)).await
    }

    async fn find_by_key(
        &self,
        buyer: ProfileId,
        listing: ListingId,
        key: &IdempotencyKey,
    ) -> Result<Option<(Seen, [u8; 32])>, StorageError> {
        let key = key.clone();
        let clock = self.db.clock().clone();
        self.db
            .read(move |conn| {
                let Some(kept) = keys::find(conn, buyer, listing, &key)? else { return Ok(None) };
                let Some(record) = chain::resolve(conn, kept.call)? else { return Ok(None) };
                let now = clock.read(conn)?;
                Ok(Some((Seen { record, now }, kept.fingerprint)))
            })
            .await
    }

    async fn bind_key(&self, call: CallId, key: &IdempotencyKey, fingerprint: [u8; 32]) -> Result<bool, StorageError> {
        let key = key.clone();
        self.transact(move |conn, step| {
            let Some((record, now)) = step.lock(conn, call)? else { return Ok(false) };
            let owner = (record.buyer, record.listing);
            if keys::keep(conn, &key, owner, call, &fingerprint, now)? {
                return Ok(true);
            }
            let kept = keys::find(conn, owner.0, owner.1, &key)?.ok_or(DbError::Raced)?;
            Ok(kept.fingerprint == fingerprint && chain::are_one(conn, kept.call, call)?)
        })
        .await
    }

    async fn predecessors(&self, call: CallId) -> Result<Vec<Seen>, StorageError> {
        let clock = self.db.clock().clone();
        self.db
            .read(move |conn| {
                let records = chain::before(conn, call)?;
                let now = clock.read(conn)?;
                Ok(records.into_iter().map(|record| Seen { record, now }).collect())
            })
            .await
    }

    async fn claim_check(&self, call: CallId, interval: Duration) -> Result<Option<CheckClaim>, StorageError> {
        self.transact(move |conn, step| {
            let Some((mut record, now)) = step.lock(conn, call)? else { return Ok(None) };
            let longest = interval;
            let interval = TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX);
            let wait = record
                .last_checked_at
                .map(|last| (last - now).checked_add(&interval).unwrap_or(TimeDelta::MAX))
                .and_then(|wait| wait.to_std().ok())
                // Longer than the interval it is only when the clock went back: then it means nothing.
                .filter(|wait| !wait.is_zero() && *wait <= longest);
            if let Some(wait) = wait {
                let seen = Seen { record, now };
                return Ok(Some(CheckClaim::TooSoon { seen, wait }));
            }
            diesel::update(gateway_requests::table.find(call.uuid()))
                .set(gateway_requests::last_checked_at.eq(now))
                .execute(conn)?;
            record.last_checked_at = Some(now);
            Ok(Some(CheckClaim::Claimed(Seen { record, now })))
        })
        .await
    }

    async fn advance(
        &self,
        call: CallId,
        observation: Option<&Observation>,
        lease: Option<Duration>,
    ) -> Result<Option<Advanced>, StorageError> {
        self.move_on(call, None, observation.cloned(), lease).await
    }

    async fn advance_after_check(
        &self,
        call: CallId,
        asked_at: Timestamp,
        observation: &Observation,
        lease: Option<Duration>,
    ) -> Result<Option<Advanced>, StorageError> {
        self.move_on(call, Some(asked_at), Some(observation.clone()), lease).await
    }

    async fn supersede(&self, dead: CallId, successor: &NewCall) -> Result<Option<Successor>, StorageError> {
        let successor = successor.clone();
        self.transact(move |conn, step| {
            let Some((record, now)) = step.lock(conn, dead)? else { return Ok(None) };
            if record.superseded_by.is_some() || !record.state.is_dead() {
                let newest = chain::newest(conn, dead)?;
                return Ok(newest.map(|record| Successor { seen: Seen { record, now }, lease: None }));
            }
            let seen = step
                .open(conn, &successor, now)?
                .ok_or_else(|| DbError::corrupt(format!("the successor's id {} is taken", successor.id)))?;
            diesel::update(gateway_requests::table.find(dead.uuid()))
                .set((gateway_requests::superseded_by.eq(successor.id.uuid()), gateway_requests::updated_at.eq(now)))
                .execute(conn)?;
            let lease = Some(admit::first_lease(&seen));
            Ok(Some(Successor { seen, lease }))
        })
        .await
    }

    async fn close(&self, closing: &Closing) -> Result<Option<(Closed, Seen)>, StorageError> {
        let closing = closing.clone();
        self.transact(move |conn, step| {
            let Some((record, now)) = step.lock(conn, closing.call)? else { return Ok(None) };
            let sealed = match &closing.sealed {
                Some(sealed) if matches!(closing.ending, Ending::Delivered(_)) && record.delivery.is_none() => {
                    vault::has_room(conn, &step.policy, record.buyer, sealed, now)?.then_some(sealed)
                }
                _ => None,
            };
            // Without room there is no vault, and the delivery must not name a key that opens it.
            let (change, closed) = match sealed {
                Some(_) => transition::close(record.clone(), &closing, now, &step.policy),
                None => {
                    let unsealed = Closing { sealed: None, ending: closing.ending.clone(), ..closing };
                    transition::close(record.clone(), &unsealed, now, &step.policy)
                }
            };
            let closed_record = step.update(conn, &record, change)?;
            if let Some(sealed) = sealed.filter(|_| closed == Closed::Recorded) {
                let expires_at = TimeDelta::from_std(step.policy.vault_ttl)
                    .ok()
                    .and_then(|ttl| now.checked_add_signed(ttl))
                    .unwrap_or(Timestamp::MAX_UTC);
                vault::keep(conn, record.id, record.buyer, sealed, (now, expires_at))?;
            }
            Ok(Some((closed, Seen { record: closed_record, now })))
        })
        .await
    }

    async fn sealed_response(&self, call: CallId) -> Result<Option<SealedResponse>, StorageError> {
        let clock = self.db.clock().clone();
        self.db
            .read(move |conn| {
                let now = clock.read(conn)?;
                vault::find(conn, call, now)
            })
            .await
    }
}
