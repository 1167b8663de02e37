//! The one door to the database: bounded in how many enter, and in how long anybody waits.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crochet_primitives::StorageError;
use diesel::prelude::*;
use diesel::r2d2::Pool;
use diesel::sql_types::Text;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use crate::clock::DatabaseClock;
use crate::config::DbConfig;
use crate::error::DbError;
use crate::retry::retried;
use crate::seat::{Hanging, Seat, Sign};
use crate::sessions::{Epoch, Quiet, Sessions, Statements};

/// Connections that were idle this long are closed, so that a quiet gateway holds few.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Connections are renewed after this long: the server's memory of one grows.
const LIFETIME: Duration = Duration::from_secs(1800);

/// A pool of connections. Cheap to clone.
///
/// Work runs on blocking threads, at most as many as there are connections. A caller that goes away leaves its work
/// to finish by itself. Work that hangs beyond its deadline keeps its thread and its connection, and gives its place in
/// the pool to others.
#[derive(Clone)]
pub struct Db {
    pool: Pool<Sessions>,
    turns: Arc<Semaphore>,
    hanging: Hanging,
    clock: DatabaseClock,
    config: Arc<DbConfig>,
    waiting: Arc<AtomicU32>,
    finished: Arc<AtomicU64>,
    statements: Statements,
    observer: Arc<dyn WaitObserver>,
}

/// How busy the pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// How many may use the database at once.
    pub size: u32,
    /// How many do.
    pub in_use: u32,
    /// How many wait for their turn.
    pub waiting: u32,
    /// How many connections are open.
    pub open: u32,
    /// How many of them nobody uses.
    pub idle: u32,
}

/// Is told how long uses of the database waited for their turn; for metrics.
pub trait WaitObserver: Send + Sync {
    /// Somebody waited for so long, and had its turn or, after [`DbConfig::acquire_timeout`], not. MUST return at
    /// once and MUST NOT panic.
    fn waited(&self, wait: Duration, had_its_turn: bool);
}

/// Nobody is told.
impl WaitObserver for () {
    fn waited(&self, _: Duration, _: bool) {}
}

impl Db {
    /// Prepares the pool. Connections are made when they are needed: a database that is down now is
    /// [`StorageError::Unavailable`] to those who ask, until it is back.
    #[must_use]
    pub fn connect(config: &DbConfig) -> Self {
        let size = config.pool_size.max(1);
        let (epoch, statements) = (Epoch::default(), Statements::default());
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            .connection_timeout(config.connect_timeout.max(Duration::from_millis(500)))
            .idle_timeout(Some(IDLE_TIMEOUT))
            .max_lifetime(Some(LIFETIME))
            .test_on_check_out(false)
            .error_handler(Box::new(Quiet(config.url.clone())))
            .build_unchecked(Sessions::new(config, epoch.clone(), statements.clone()));
        Self {
            pool,
            turns: Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1))),
            hanging: Hanging::new(epoch),
            clock: DatabaseClock::default(),
            config: Arc::new(config.clone()),
            waiting: Arc::default(),
            finished: Arc::default(),
            statements,
            observer: Arc::new(()),
        }
    }

    /// The same pool; `observer` is told of the waits of those who use this `Db` and its clones.
    #[must_use]
    pub fn observed(self, observer: Arc<dyn WaitObserver>) -> Self {
        Self { observer, ..self }
    }

    /// Runs `work` on a connection that has just answered, outside of any transaction.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.enter(self.config.deadline, |seat, pool| seat.run(&pool, Sign::Ping, work)).await
    }

    /// Runs `work` on a connection, outside of any transaction. It MUST only read, or write what is the same written
    /// twice: where the connection turns out to be closed, it is run again on another one. So a connection in use is not
    /// asked whether it answers.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnMut(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.enter(self.config.deadline, |seat, pool| seat.read(&pool, work)).await
    }

    /// Runs `work` in a READ COMMITTED transaction that has begun, which [`retried`] goes on with: `work` MUST call it,
    /// first of all and once.
    pub(crate) async fn begun<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.enter(self.config.deadline, |seat, pool| seat.run(&pool, Sign::Begin, work)).await
    }

    /// Runs `work` in a READ COMMITTED transaction, and again after a deadlock or a serialization failure: it MUST
    /// begin from nothing each time. An `Err` rolls back.
    pub(crate) async fn transaction<T, F>(&self, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnMut(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.begun(move |conn| retried(conn, work)).await
    }

    /// Runs `work` on one unchanging view of the database, reading only, for as long as `limit`: for reports.
    pub(crate) async fn report<T, F>(&self, limit: Duration, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> Result<T, DbError> + Send + 'static,
    {
        let millis = limit.as_millis().to_string();
        let work = move |conn: &mut PgConnection| {
            conn.build_transaction().repeatable_read().read_only().run(|conn| {
                diesel::sql_query("SELECT set_config('statement_timeout', $1, true)")
                    .bind::<Text, _>(millis)
                    .execute(conn)?;
                work(conn)
            })
        };
        self.enter(limit.saturating_add(self.config.deadline), |seat, pool| seat.run(&pool, Sign::Ping, work)).await
    }

    /// The clock that every transaction reads.
    pub(crate) fn clock(&self) -> &DatabaseClock {
        &self.clock
    }

    /// Moves the clock of this `Db` and its clones on, as if time had passed. For tests only: it exists so that
    /// leases can end without waiting.
    pub fn skew_clock(&self, by: Duration) {
        self.clock.skew(by);
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StorageError::Busy`] and [`StorageError::Unavailable`], like any other use of it.
    pub async fn ping(&self) -> Result<(), StorageError> {
        self.run(|conn| Ok(diesel::sql_query("SELECT 1").execute(conn).map(|_| ())?)).await
    }

    /// How busy the pool is, for metrics.
    #[must_use]
    pub fn pool_state(&self) -> PoolState {
        let size = self.pool.max_size();
        let free = u32::try_from(self.turns.available_permits()).unwrap_or(size);
        let connections = self.pool.state();
        PoolState {
            size,
            in_use: size.saturating_sub(free),
            waiting: self.waiting.load(Ordering::Relaxed),
            open: connections.connections,
            idle: connections.idle_connections,
        }
    }

    /// How long somebody waits for a turn, at most.
    pub(crate) fn acquire_timeout(&self) -> Duration {
        self.config.acquire_timeout
    }

    /// How many uses of the database have come to a good end. While this grows, the database answers.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.finished.load(Ordering::Relaxed)
    }

    /// How many statements were sent, BEGIN and COMMIT among them: each is a round trip.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.sent()
    }

    /// Has a thread do the work, and waits for it only so long.
    async fn enter<T, F>(&self, deadline: Duration, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(Seat, Pool<Sessions>) -> Result<T, StorageError> + Send + 'static,
    {
        let seat = Seat::new(self.turn().await?);
        let (pool, seated) = (self.pool.clone(), seat.clone());
        let task = tokio::task::spawn_blocking(move || work(seated, pool));
        let attendance = Attendance {
            seat,
            entered: Instant::now(),
            checkout: self.config.checkout_timeout.min(deadline),
            deadline,
            hanging: self.hanging.clone(),
        };
        let outcome = Attended { task: Some((task, attendance)) }.outcome().await?;
        self.finished.fetch_add(1, Ordering::Relaxed);
        Ok(outcome)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, StorageError> {
        let began = Instant::now();
        let waiting = Waiting::begin(&self.waiting);
        let turn = tokio::time::timeout(self.config.acquire_timeout, Arc::clone(&self.turns).acquire_owned()).await;
        drop(waiting);
        // The semaphore is never closed: what is left is the timeout.
        let turn = turn.ok().and_then(Result::ok);
        self.observer.waited(began.elapsed(), turn.is_some());
        turn.ok_or(StorageError::Busy)
    }
}

/// What is known of work on a thread of its own, and for how long it is waited for.
struct Attendance {
    seat: Seat,
    entered: Instant,
    checkout: Duration,
    deadline: Duration,
    hanging: Hanging,
}

impl Attendance {
    /// How the work ended; `None` when its time is over, and then what it held is given up. May be asked again.
    async fn end<T>(&self, task: &mut JoinHandle<T>) -> Option<Result<T, JoinError>> {
        if let Ok(ended) = tokio::time::timeout_at(self.entered + self.checkout, &mut *task).await {
            return Some(ended);
        }
        let begun = self.seat.begun()?;
        tokio::time::timeout_at(begun + self.deadline, task).await.ok()
    }

    /// The same, to the end of the work: what hangs is counted until then.
    async fn attend<T: Send + 'static>(self, mut task: JoinHandle<T>) {
        if self.end(&mut task).await.is_none() {
            self.leave(task);
        }
    }

    fn leave<T: Send + 'static>(&self, task: JoinHandle<T>) {
        if let Some(hangs) = self.hanging.give_up(&self.seat) {
            // Its outcome is nobody's business any more; that it has ended is.
            tokio::spawn(async move { drop((task.await.is_ok(), hangs)) });
        }
    }
}

/// Work that is waited for. Where the caller goes away, somebody else notices that it hangs.
struct Attended<T: Send + 'static> {
    task: Option<(JoinHandle<Result<T, StorageError>>, Attendance)>,
}

impl<T: Send + 'static> Attended<T> {
    async fn outcome(mut self) -> Result<T, StorageError> {
        let Some((task, attendance)) = &mut self.task else { return Err(unfinished()) };
        let end = attendance.end(task).await;
        let left = self.task.take();
        match (end, left) {
            (Some(ended), _) => ended.map_err(|_| unfinished())?,
            (None, Some((task, attendance))) => {
                attendance.leave(task);
                Err(StorageError::Unavailable("the database did not answer in time".to_owned()))
            }
            (None, None) => Err(unfinished()),
        }
    }
}

fn unfinished() -> StorageError {
    StorageError::Unavailable("the database task did not finish".to_owned())
}

impl<T: Send + 'static> Drop for Attended<T> {
    fn drop(&mut self) {
        if let Some((task, attendance)) = self.task.take()
            && let Ok(runtime) = Handle::try_current()
        {
            drop(runtime.spawn(attendance.attend(task)));
        }
    }
}

/// Somebody who waits; no longer when this is dropped, also where it gave up by itself.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("pool", &self.pool_state()).finish_non_exhaustive()
    }
}
