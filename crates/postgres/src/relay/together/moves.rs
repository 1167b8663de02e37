//! Calls that are admitted, and calls that are moved on: many in one transaction.
//!
//! Every transaction takes its locks in this order, and those of one kind sorted: calls, idempotency keys, references,
//! buyers whose open quotes are counted, buyers whose part of the vault is filled.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::{CallId, Entropy, ProfileId, Timestamp};
use crochet_relay::ports::{Admission, Advanced, CheckClaim, QuoteLease, Seen, Witness};
use crochet_relay::transition::{self, Change, Claim, Closed};
use crochet_relay::{Closing, NewCall, Observation, Policy, QuoteOutcome, Record, State};
use diesel::prelude::*;
use uuid::Uuid;

use super::is_of_connection;
use crate::Db;
use crate::clock::DatabaseClock;
use crate::error::DbError;
use crate::group::{Together, Wanted, fail, parted};
use crate::relay::references::{self, Arrived};
use crate::relay::step::claim_of;
use crate::relay::vault::VaultRows;
use crate::relay::{admit, keys, locks, persist, vault};
use crate::retry::retried;
use crate::schema::gateway_requests;

/// One step of one call.
#[derive(Debug)]
pub(in crate::relay) enum Move {
    /// A new call, without a payment that came with it.
    Admit(NewCall),
    Issue(QuoteLease, QuoteOutcome),
    ClaimCheck(CallId, Duration),
    Advance {
        call: CallId,
        asked_at: Option<Timestamp>,
        observation: Option<Observation>,
        lease: Option<Duration>,
    },
    Close(Closing),
}

impl Move {
    const fn call(&self) -> CallId {
        match self {
            Self::Admit(call) => call.id,
            Self::Issue(lease, _) => lease.call,
            Self::ClaimCheck(call, _) | Self::Advance { call, .. } => *call,
            Self::Close(closing) => closing.call,
        }
    }

    const fn new_call(&self) -> Option<&NewCall> {
        match self {
            Self::Admit(call) => Some(call),
            _ => None,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(in crate::relay) enum Moved {
    Admitted(Admission),
    Issued(Seen),
    Claimed(CheckClaim),
    Advanced(Advanced),
    Closed(Closed, Seen),
    /// Nothing: the caller does it alone.
    Alone,
}

/// Moves calls, many in one transaction.
pub(in crate::relay) struct Moves {
    pub(in crate::relay) context: Context,
    pub(in crate::relay) is_writing: Arc<AtomicBool>,
}

/// What a transaction works with.
#[derive(Clone)]
pub(in crate::relay) struct Context {
    pub(in crate::relay) clock: DatabaseClock,
    pub(in crate::relay) policy: Arc<Policy>,
    pub(in crate::relay) entropy: Arc<dyn Entropy>,
    pub(in crate::relay) witness: Arc<dyn Witness>,
}

#[async_trait]
impl Together for Moves {
    type What = Move;
    type Answer = Moved;

    /// A call moves once in a transaction, and an idempotency key is kept for one call.
    fn is_apart(&self, one: &Move, other: &Move) -> bool {
        let key = |wanted: &Move| {
            let call = wanted.new_call()?;
            Some((call.buyer, call.listing, call.idempotency_key.clone()?))
        };
        one.call() != other.call() && (key(one).is_none() || key(one) != key(other))
    }

    async fn run(&self, db: &Db, group: Vec<Wanted<Move, Moved>>) {
        let (moves, waiting) = parted(group);
        let context = self.context.clone();
        let moved = db.begun(move |conn| transact(conn, &context, &moves)).await;
        self.is_writing.store(moved.is_ok(), Ordering::Relaxed);
        match moved {
            Ok(Some(moved)) => waiting.into_iter().zip(moved).for_each(|(one, moved)| one.answer(Ok(moved))),
            Ok(None) => waiting.into_iter().for_each(|one| one.answer(Ok(Moved::Alone))),
            Err(error) => fail(waiting, &error),
        }
    }
}

/// All of them in one transaction, in their order; `None` when that failed, and each may be done alone.
fn transact(conn: &mut PgConnection, context: &Context, moves: &[Move]) -> Result<Option<Vec<Moved>>, DbError> {
    let outcome = retried(conn, |conn| {
        let mut turn = Turn::new(conn, context, moves)?;
        let decided: Vec<Decided> = moves.iter().map(|one| turn.decide(conn, one)).collect::<Result<_, _>>()?;
        write(conn, decided, turn.now)
    });
    match outcome {
        Ok((moved, changes)) => {
            for (before, change) in changes {
                context.witness.committed(before, &change);
            }
            Ok(Some(moved))
        }
        Err(error) if is_of_connection(&error) => Err(error),
        Err(error) => {
            tracing::debug!(%error, calls = moves.len(), "calls are moved one by one, since they cannot be together");
            Ok(None)
        }
    }
}

/// What is to be written for one move, and what its caller is answered then.
enum Decided {
    Open(Change),
    Update(Box<Updated>),
    /// Of the row, the moment of the last check alone.
    Check(CheckClaim),
    Alone,
}

/// A locked call, and what becomes of it.
struct Updated {
    before: Record,
    change: Change,
    sealed: Option<vault::VaultRow>,
    answer: Answer,
}

/// What goes with the record as it is once it is written.
enum Answer {
    Issued,
    Advanced(Option<crochet_relay::Forwarding>),
    Closed(Closed),
}

/// What the decisions of one transaction share: all that is locked, counted and consumed for them.
struct Turn<'a> {
    context: &'a Context,
    now: Timestamp,
    records: HashMap<CallId, Record>,
    /// The calls whose idempotency keys were free.
    kept_keys: HashSet<Uuid>,
    open_quotes: HashMap<ProfileId, u32>,
    /// What is news of what was observed, and whose the references in it are.
    observed: HashMap<CallId, (Observation, Vec<Claim>)>,
    /// The buyers whose part of the vault has room for all that is delivered to them here.
    have_room: HashSet<Uuid>,
}

impl<'a> Turn<'a> {
    fn new(conn: &mut PgConnection, context: &'a Context, moves: &[Move]) -> Result<Self, DbError> {
        let existing: BTreeSet<Uuid> =
            moves.iter().filter(|one| one.new_call().is_none()).map(|one| one.call().uuid()).collect();
        let records = match existing.is_empty() {
            true => Vec::new(),
            false => persist::lock_all(conn, &existing.into_iter().collect::<Vec<_>>())?,
        };
        let readable = records.into_iter().filter_map(Result::ok);
        let records: HashMap<CallId, Record> = readable.map(|record| (record.id, record)).collect();
        let new = || moves.iter().filter_map(Move::new_call);
        let kept_keys = keep_keys(conn, context, new())?;
        let observed = consume(conn, context, moves, &records)?;
        let buyers: BTreeSet<ProfileId> = new().filter(|call| call.price.is_some()).map(|call| call.buyer).collect();
        locks::count_alone(conn, buyers.iter().copied())?;
        // Any of these may have been waited for.
        let now = context.clock.read(conn)?;
        let open_quotes = admit::open_quotes(conn, buyers.into_iter(), now)?;
        let mut wanted = BTreeMap::new();
        for closing in moves.iter().filter_map(|one| vault_bound(one, &records)) {
            if let Some(sealed) = &closing.sealed {
                *wanted.entry(closing.buyer.uuid()).or_insert(0_i64) += vault::length(sealed)?;
            }
        }
        let have_room = vault::reserve(conn, &context.policy, &wanted)?;
        Ok(Self { context, now, records, kept_keys, open_quotes, observed, have_room })
    }

    fn decide(&mut self, conn: &mut PgConnection, one: &Move) -> Result<Decided, DbError> {
        let (now, policy) = (self.now, &self.context.policy);
        if let Move::Admit(call) = one {
            return self.admit(conn, call);
        }
        let Some(before) = self.records.get(&one.call()).cloned() else { return Ok(Decided::Alone) };
        let (change, sealed, answer) = match one {
            Move::Admit(_) => return Ok(Decided::Alone),
            Move::ClaimCheck(_, interval) => return Ok(Decided::Check(claim_of(before, *interval, now))),
            Move::Issue(lease, outcome) => {
                (transition::issue(before.clone(), lease.fence, outcome, now, policy), None, Answer::Issued)
            }
            Move::Advance { lease, .. } => {
                let observed = self.observed.get(&before.id);
                let observed = observed.map(|(observation, claims)| (observation, claims.as_slice()));
                let entropy = self.context.entropy.as_ref();
                let advance = transition::advance(before.clone(), observed, *lease, now, policy, entropy);
                (advance.change, None, Answer::Advanced(advance.forwarding))
            }
            Move::Close(closing) => {
                let sealed = vault_bound(one, &self.records).and_then(|closing| closing.sealed.as_ref());
                if sealed.is_some() && !self.have_room.contains(&closing.buyer.uuid()) {
                    return Ok(Decided::Alone);
                }
                let unsealed = Closing { sealed: None, ..closing.clone() };
                let closing = if sealed.is_some() { closing } else { &unsealed };
                let (change, closed) = transition::close(before.clone(), closing, now, policy);
                let sealed = sealed
                    .filter(|_| closed == Closed::Recorded)
                    .map(|sealed| vault::row(before.id, before.buyer, sealed, now, policy));
                (change, sealed.transpose()?, Answer::Closed(closed))
            }
        };
        Ok(Decided::Update(Box::new(Updated { before, change, sealed, answer })))
    }

    fn admit(&mut self, conn: &mut PgConnection, call: &NewCall) -> Result<Decided, DbError> {
        if call.idempotency_key.is_some() && !self.kept_keys.contains(&call.id.uuid()) {
            return Ok(Decided::Alone);
        }
        if call.price.is_some() {
            let open = self.open_quotes.entry(call.buyer).or_default();
            if *open >= self.context.policy.max_open_quotes {
                if let Some(key) = &call.idempotency_key {
                    keys::give_back(conn, key, call)?;
                }
                return Ok(Decided::Alone);
            }
            *open = open.saturating_add(1);
        }
        Ok(Decided::Open(transition::open(call, self.now, &self.context.policy)))
    }
}

/// Keeps the keys of new calls, in their order; answers the calls whose keys were free.
fn keep_keys<'a>(
    conn: &mut PgConnection,
    context: &Context,
    calls: impl Iterator<Item = &'a NewCall>,
) -> Result<HashSet<Uuid>, DbError> {
    let mut keyed: Vec<_> =
        calls.filter_map(|call| Some((call.buyer, call.listing, call.idempotency_key.as_ref()?, call))).collect();
    if keyed.is_empty() {
        return Ok(HashSet::new());
    }
    keyed.sort_by(|a, b| (a.0, a.1, a.2.as_str()).cmp(&(b.0, b.1, b.2.as_str())));
    let now = context.clock.read(conn)?;
    let mut rows = keys::KeyRows::default();
    for (buyer, listing, key, call) in keyed {
        rows.push(keys::KeyRow::new(key, (buyer, listing), call.id, &call.fingerprint(), now));
    }
    Ok(keys::keep_all(conn, rows)?)
}

/// Consumes the references of all that was observed and is news.
fn consume(
    conn: &mut PgConnection,
    context: &Context,
    moves: &[Move],
    records: &HashMap<CallId, Record>,
) -> Result<HashMap<CallId, (Observation, Vec<Claim>)>, DbError> {
    let mut observed = HashMap::new();
    for one in moves {
        let Move::Advance { call, asked_at, observation: Some(observation), .. } = one else { continue };
        let Some(record) = records.get(call) else { continue };
        let news = match asked_at {
            Some(asked_at) => transition::still_news(record, *asked_at, observation),
            None => observation.clone(),
        };
        observed.insert(*call, (news, Vec::new()));
    }
    let arrived: Vec<Arrived<'_>> = observed
        .iter()
        .filter_map(|(call, (news, _))| {
            let provider = &records.get(call)?.terms.as_ref()?.provider;
            let payments = news.payments();
            (!payments.is_empty()).then_some(Arrived { call: *call, provider, payments })
        })
        .collect();
    if arrived.is_empty() {
        return Ok(observed);
    }
    let now = context.clock.read(conn)?;
    let claims = references::consume(conn, &arrived, now)?;
    let calls: Vec<CallId> = arrived.iter().map(|arrived| arrived.call).collect();
    for (call, claims) in calls.into_iter().zip(claims) {
        if let Some((_, of_call)) = observed.get_mut(&call) {
            *of_call = claims;
        }
    }
    Ok(observed)
}

/// A delivery whose sealed response is to be kept.
fn vault_bound<'a>(one: &'a Move, records: &HashMap<CallId, Record>) -> Option<&'a Closing> {
    let Move::Close(closing) = one else { return None };
    let is_first = records.get(&closing.call).is_some_and(|record| record.delivery.is_none());
    (is_first && closing.seals_a_delivery()).then_some(closing)
}

type Changes = Vec<(Option<State>, Change)>;

/// Writes what was decided, a statement for each kind of row.
fn write(conn: &mut PgConnection, decided: Vec<Decided>, now: Timestamp) -> Result<(Vec<Moved>, Changes), DbError> {
    let opened = decided.iter().filter_map(|one| match one {
        Decided::Open(change) => Some(change),
        _ => None,
    });
    let inserted = persist::insert(conn, opened)?;
    let updated = decided.iter().filter_map(|one| match one {
        Decided::Update(updated) => Some((&updated.before, &updated.change)),
        _ => None,
    });
    persist::update(conn, updated)?;
    let checked: Vec<Uuid> = decided
        .iter()
        .filter_map(|one| match one {
            Decided::Check(CheckClaim::Claimed(seen)) => Some(seen.record.id.uuid()),
            _ => None,
        })
        .collect();
    if !checked.is_empty() {
        diesel::update(gateway_requests::table.filter(gateway_requests::id.eq_any(checked)))
            .set(gateway_requests::last_checked_at.eq(now))
            .execute(conn)?;
    }
    let (mut moved, mut changes, mut kept) = (Vec::new(), Vec::new(), VaultRows::default());
    for one in decided {
        moved.push(match one {
            Decided::Alone => Moved::Alone,
            Decided::Check(claim) => Moved::Claimed(claim),
            // Its id is taken: the first time happened, and its acknowledgement was lost.
            Decided::Open(change) if !inserted.contains(&change.record.id) => Moved::Alone,
            Decided::Open(change) => {
                let seen = Seen { record: change.record.clone(), now };
                changes.push((None, change));
                Moved::Admitted(admit::admitted(seen))
            }
            Decided::Update(updated) => {
                let Updated { before, change, sealed, answer } = *updated;
                let seen = Seen { record: change.record.clone(), now };
                changes.push((Some(before.state), change));
                if let Some(row) = sealed {
                    kept.push(row);
                }
                match answer {
                    Answer::Issued => Moved::Issued(seen),
                    Answer::Advanced(forwarding) => Moved::Advanced(Advanced { seen, forwarding }),
                    Answer::Closed(closed) => Moved::Closed(closed, seen),
                }
            }
        });
    }
    vault::keep(conn, kept)?;
    Ok((moved, changes))
}
