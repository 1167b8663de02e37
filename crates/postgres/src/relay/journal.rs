//! The journal: one method, one transaction, the same transitions as everywhere.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::{CallId, Entropy, ListingId, ProfileId, StorageError, Timestamp};
use crochet_relay::ports::{Admission, Advanced, CheckClaim, Claimant, Journal, QuoteLease, Seen, Successor, Witness};
use crochet_relay::transition::{self, Closed};
use crochet_relay::{Closing, IdempotencyKey, NewCall, Observation, Policy, QuoteOutcome, SealedResponse};
use diesel::prelude::*;

use super::references::Arrived;
use super::step::{Step, claim_of};
use super::together::{Context, EndedCall, EndedCalls, FoundCalls, Move, Moved, Moves};
use super::vault::VaultRows;
use super::{admit, chain, keys, references, vault};
use crate::Db;
use crate::error::DbError;
use crate::group::Group;
use crate::retry::retried;
use crate::schema::gateway_requests;

/// [`Journal`] on PostgreSQL.
#[derive(Clone)]
pub struct PgJournal {
    db: Db,
    policy: Arc<Policy>,
    entropy: Arc<dyn Entropy>,
    witness: Arc<dyn Witness>,
    /// What several callers want at the same time is done together.
    moves: Group<Moves>,
    ended: Group<EndedCalls>,
    found: Group<FoundCalls>,
    is_writing: Arc<AtomicBool>,
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
        Self::with(db, Arc::new(policy), entropy, Arc::new(()))
    }

    fn with(db: Db, policy: Arc<Policy>, entropy: Arc<dyn Entropy>, witness: Arc<dyn Witness>) -> Self {
        let is_writing = Arc::new(AtomicBool::new(false));
        let context = Context {
            clock: db.clock().clone(),
            policy: Arc::clone(&policy),
            entropy: Arc::clone(&entropy),
            witness: Arc::clone(&witness),
        };
        let moves = Group::new(db.clone(), Moves { context, is_writing: Arc::clone(&is_writing) });
        let ended = EndedCalls {
            policy: Arc::clone(&policy),
            witness: Arc::clone(&witness),
            is_writing: Arc::clone(&is_writing),
        };
        let (ended, found) = (Group::new(db.clone(), ended), Group::new(db.clone(), FoundCalls(db.clock().clone())));
        Self { db, policy, entropy, witness, moves, ended, found, is_writing }
    }

    /// The same journal; `witness` is told of what it commits, on the thread that committed it.
    #[must_use]
    pub fn witnessed(self, witness: Arc<dyn Witness>) -> Self {
        Self::with(self.db, self.policy, self.entropy, witness)
    }

    /// One transaction, with all that a step needs; then the witness is told.
    async fn transact<T, F>(&self, mut work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnMut(&mut PgConnection, &Step) -> Result<T, DbError> + Send + 'static,
    {
        let step = Step::new(self.db.clock().clone(), Arc::clone(&self.policy), Arc::clone(&self.entropy));
        let witness = Arc::clone(&self.witness);
        let outcome = self
            .db
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
            .await;
        self.is_writing.store(outcome.is_ok(), Ordering::Relaxed);
        outcome
    }

    async fn move_on(
        &self,
        call: CallId,
        asked_at: Option<Timestamp>,
        observation: Option<Observation>,
        lease: Option<Duration>,
    ) -> Result<Option<Advanced>, StorageError> {
        let wanted = Move::Advance { call, asked_at, observation: observation.clone(), lease };
        if let Moved::Advanced(advanced) = self.moves.submit(wanted).await? {
            return Ok(Some(advanced));
        }
        self.transact(move |conn, step| {
            let Some((record, now)) = step.lock(conn, call)? else { return Ok(None) };
            let observation = observation.clone().map(|observation| match asked_at {
                Some(asked_at) => transition::still_news(&record, asked_at, &observation),
                None => observation,
            });
            let claims = match (&observation, &record.terms) {
                (Some(observation), Some(terms)) => {
                    let arrived = Arrived { call, provider: &terms.provider, payments: observation.payments() };
                    references::consume(conn, &[arrived], now)?.pop().unwrap_or_default()
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
}

#[async_trait]
impl Journal for PgJournal {
    async fn admit(&self, call: &NewCall) -> Result<Admission, StorageError> {
        // One that its payment came with may meet another's claim to it, and be answered with that one's call.
        if call.terms.is_none()
            && let Moved::Admitted(admission) = self.moves.submit(Move::Admit(call.clone())).await?
        {
            return Ok(admission);
        }
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

    async fn find_by_reference(&self, provider: &str, reference: &str) -> Result<Claimant, StorageError> {
        // No text column holds a NUL, and PostgreSQL refuses to compare with one.
        if provider.contains('\0') || reference.contains('\0') {
            return Ok(Claimant::Nobody);
        }
        let (provider, reference) = (provider.to_owned(), reference.to_owned());
        let clock = self.db.clock().clone();
        self.db
            .read(move |conn| {
                let Some(owner) = references::owner(conn, &provider, &reference)? else { return Ok(Claimant::Nobody) };
                let Some(record) = references::claimed_for(conn, owner)? else { return Ok(Claimant::Exported) };
                Ok(Claimant::Call(Box::new(Seen { record, now: clock.read(conn)? })))
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
        if let Moved::Issued(seen) = self.moves.submit(Move::Issue(lease, outcome.clone())).await? {
            return Ok(seen);
        }
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
        self.found.submit(call).await
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
        if let Moved::Claimed(claim) = self.moves.submit(Move::ClaimCheck(call, interval)).await? {
            return Ok(Some(claim));
        }
        self.transact(move |conn, step| {
            let Some((record, now)) = step.lock(conn, call)? else { return Ok(None) };
            let claim = claim_of(record, interval, now);
            if let CheckClaim::Claimed(_) = &claim {
                diesel::update(gateway_requests::table.find(call.uuid()))
                    .set(gateway_requests::last_checked_at.eq(now))
                    .execute(conn)?;
            }
            Ok(Some(claim))
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
        if let Moved::Closed(closed, seen) = self.moves.submit(Move::Close(closing.clone())).await? {
            return Ok(Some((closed, seen)));
        }
        let closing = closing.clone();
        self.transact(move |conn, step| {
            let Some((record, now)) = step.lock(conn, closing.call)? else { return Ok(None) };
            let sealed = match &closing.sealed {
                Some(sealed) if closing.seals_a_delivery() && record.delivery.is_none() => {
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
                let mut rows = VaultRows::default();
                rows.push(vault::row(record.id, record.buyer, sealed, now, &step.policy)?);
                vault::keep(conn, rows)?;
            }
            Ok(Some((closed, Seen { record: closed_record, now })))
        })
        .await
    }

    fn is_writing(&self) -> bool {
        self.is_writing.load(Ordering::Relaxed)
    }

    async fn record_ended(&self, call: &NewCall, closing: &Closing, took: Duration) -> Result<Seen, StorageError> {
        self.ended.submit(EndedCall { call: call.clone(), closing: closing.clone(), took }).await
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
