//! Work on a connection that may hang: what it held is given up after a while, and others go on.
//!
//! libpq waits for ever for a server that is reached and says nothing: a proxy that has lost the other side, say. No
//! timeout of the server's ends that, and none of TCP's as long as somebody acknowledges.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crochet_primitives::StorageError;
use diesel::prelude::*;
use diesel::r2d2::{Pool, PooledConnection, R2D2Connection};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::error::DbError;
use crate::retry;
use crate::sessions::{Epoch, Sessions};

/// How much work may hang at once. Each holds a thread and a socket until somebody ends it; beyond that, places in the
/// pool are not given up.
const MOST_HANGING: u32 = 128;

/// How a connection shows that it answers, before work begins on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It answers a question of no meaning.
    Ping,
    /// It begins the transaction that the work goes on with: no round trip is spent on the sign alone.
    Begin,
    /// It was used a moment ago and nothing shows that it was closed since. Work that finds out otherwise is done again
    /// on another one, so it MUST only read.
    Recent,
}

/// The right to use the database, and a place in the pool; of one piece of work at a time.
#[derive(Default)]
struct Held {
    place: Option<PooledConnection<Sessions>>,
    begun: Option<Instant>,
    // Dropped last: who has the next turn finds a place.
    turn: Option<OwnedSemaphorePermit>,
}

/// What work holds while it runs. Whoever empties it first, the work or those who gave it up, gives back what it held.
#[derive(Clone, Default)]
pub(crate) struct Seat(Arc<Mutex<Held>>);

impl Seat {
    pub(crate) fn new(turn: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Mutex::new(Held { turn: Some(turn), ..Held::default() })))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when there is a connection that answers.
    pub(crate) fn begun(&self) -> Option<Instant> {
        self.held().begun
    }

    /// A connection that answers, and whether it just did. Everything here but the sign of life is bounded by the pool.
    fn sit_down(&self, pool: &Pool<Sessions>, sign: Sign) -> Result<(PgConnection, bool), StorageError> {
        // Those that have died are as many as the pool is large, at most.
        for _ in 0..=pool.max_size() {
            let mut place = checkout(pool)?;
            if place.is_stale() {
                continue;
            }
            let was_used = place.was_used_just_now();
            let Some(mut conn) = place.take() else { continue };
            {
                let mut held = self.held();
                if held.turn.is_none() {
                    return Err(given_up());
                }
                held.place = Some(place);
            }
            let answers = match sign {
                Sign::Recent if was_used && !is_closed(&mut conn) => Some(false),
                Sign::Ping | Sign::Recent => conn.ping().is_ok().then_some(true),
                Sign::Begin => retry::begin(&mut conn).is_ok().then_some(true),
            };
            if let Some(is_tested) = answers {
                let mut held = self.held();
                // Then it is too late to begin.
                if held.turn.is_none() {
                    return Err(given_up());
                }
                held.begun.get_or_insert_with(Instant::now);
                return Ok((conn, is_tested));
            }
            // Without its connection it is not used again.
            drop(self.held().place.take());
        }
        Err(StorageError::Unavailable("no connection answers".to_owned()))
    }

    /// Gives everything back. `conn` goes to the pool, unless its place was given up meanwhile.
    fn stand_up(&self, conn: PgConnection) {
        let mut held = std::mem::take(&mut *self.held());
        if let Some(place) = &mut held.place {
            place.put_back(conn);
        }
    }

    /// Runs `work` here and now, on a thread that may wait.
    pub(crate) fn run<T>(
        self,
        pool: &Pool<Sessions>,
        sign: Sign,
        work: impl FnOnce(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<T, StorageError> {
        let (mut conn, _) = self.sit_down(pool, sign)?;
        let outcome = work(&mut conn);
        self.stand_up(conn);
        Ok(outcome?)
    }

    /// Runs `work`, which only reads, here and now, on a thread that may wait; once more where the connection turns out
    /// to have been closed.
    pub(crate) fn read<T>(
        self,
        pool: &Pool<Sessions>,
        mut work: impl FnMut(&mut PgConnection) -> Result<T, DbError>,
    ) -> Result<T, StorageError> {
        let (mut conn, is_tested) = self.sit_down(pool, Sign::Recent)?;
        let outcome = work(&mut conn);
        if outcome.is_err() && !is_tested && conn.ping().is_err() {
            drop(self.held().place.take());
            return self.run(pool, Sign::Ping, work);
        }
        self.stand_up(conn);
        Ok(outcome?)
    }
}

fn given_up() -> StorageError {
    StorageError::Unavailable("it was given up".to_owned())
}

/// Whether the other side is known to have closed it. Asks the kernel, and nobody else.
fn is_closed(conn: &mut PgConnection) -> bool {
    // What the server says last comes before the end: the first look finds that, the second one the end.
    (0..2).any(|_| conn.notifications_iter().any(|said| said.is_err()))
}

/// How much work hangs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hanging {
    count: Arc<AtomicU32>,
    epoch: Epoch,
}

impl Hanging {
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self { count: Arc::default(), epoch }
    }

    /// Gives up what `seat` holds, unless too much hangs already; answers what is to be kept until the work ends.
    pub(crate) fn give_up(&self, seat: &Seat) -> Option<Hangs> {
        let counted =
            self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < MOST_HANGING).then_some(n + 1));
        let mut held = seat.held();
        // Without a place it waits for a connection to be made, which is not one that hangs.
        if held.place.is_some() {
            tracing::warn!(others = counted.unwrap_or_else(|n| n), "a connection to the database hangs, and is left");
            // Also where the place is not given up: the pool's other connections may hang as well.
            self.epoch.end();
        }
        counted.ok()?;
        drop(std::mem::take(&mut *held));
        Some(Hangs(Arc::clone(&self.count)))
    }
}

/// Something that hangs; no longer when this is dropped.
#[derive(Debug)]
pub(crate) struct Hangs(Arc<AtomicU32>);

impl Drop for Hangs {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// There is a place for every turn, so waiting here means that no connection can be made.
#[expect(clippy::disallowed_methods, reason = "this is the one door")]
fn checkout(pool: &Pool<Sessions>) -> Result<PooledConnection<Sessions>, StorageError> {
    pool.get().map_err(|_| StorageError::Unavailable("no connection can be made".to_owned()))
}
