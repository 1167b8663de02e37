//! Load: as much as can be done, or so much a second whatever comes of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use hdrhistogram::Histogram;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Semaphore;

use super::connection::Connection;
use super::market::Market;
use super::workload::{Ended, Workload};

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// How long it was measured.
    pub(crate) took: Duration,
    /// How many ended as they should.
    pub(crate) done: u64,
    /// How many were refused since there was too much to do.
    pub(crate) refused: u64,
    /// Microseconds from when each was due to its end.
    pub(crate) micros: Histogram<u64>,
}

impl Outcome {
    /// How many a second.
    pub(crate) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let done = self.done as f64;
        done / self.took.as_secs_f64()
    }

    /// The latency at a quantile, in milliseconds.
    pub(crate) fn millis(&self, quantile: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a measurement")]
        let micros = self.micros.value_at_quantile(quantile) as f64;
        micros / 1000.0
    }
}

/// Gives each use of a workload its number: none is used twice in a run, so that no two calls are alike.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// As much as `connections` agents can do, one thing after the other, for so long.
pub(crate) async fn closed(
    workload: Workload,
    market: &Arc<Market>,
    to: SocketAddr,
    connections: usize,
    length: Duration,
) -> anyhow::Result<Outcome> {
    let ends = Arc::new(AtomicBool::new(false));
    let mut agents = tokio::task::JoinSet::new();
    let began = Instant::now();
    for _ in 0..connections {
        let (market, ends) = (Arc::clone(market), Arc::clone(&ends));
        agents.spawn(async move {
            let mut connection = Connection::open(to).await?;
            let (mut micros, mut done, mut refused) = (histogram()?, 0_u64, 0_u64);
            while !ends.load(Ordering::Relaxed) {
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                let due = Instant::now();
                match workload.once(&market, &mut connection, number).await? {
                    Ended::Done => {
                        done += 1;
                        micros.saturating_record(since(due));
                    }
                    Ended::Refused => refused += 1,
                }
            }
            Ok::<_, anyhow::Error>((micros, done, refused))
        });
    }
    tokio::time::sleep(length).await;
    ends.store(true, Ordering::Relaxed);
    let took = began.elapsed();
    let mut outcome = Outcome { took, done: 0, refused: 0, micros: histogram()? };
    while let Some(agent) = agents.join_next().await {
        let (micros, done, refused) = agent?.with_context(|| workload.name())?;
        outcome.micros.add(&micros)?;
        outcome.done += done;
        outcome.refused += refused;
    }
    Ok(outcome)
}

/// Connections that nobody uses at the moment, and who counts.
struct Crowd {
    workload: Workload,
    market: Arc<Market>,
    to: SocketAddr,
    idle: Mutex<Vec<Connection>>,
    /// At most so many connections.
    places: Semaphore,
    micros: Mutex<Histogram<u64>>,
    refused: AtomicU64,
    failure: Mutex<Option<anyhow::Error>>,
}

/// `rate` a second, whether earlier ones have ended or not: they come as independent agents do (a Poisson process), over
/// as many as `connections` connections. A request's time begins when it was due, so that one which has to wait for a
/// connection, or for this program, waits at the gateway's expense and not unseen.
pub(crate) async fn open(
    workload: Workload,
    market: &Arc<Market>,
    to: SocketAddr,
    connections: usize,
    rate: f64,
    length: Duration,
) -> anyhow::Result<Outcome> {
    let crowd = Arc::new(Crowd {
        workload,
        market: Arc::clone(market),
        to,
        idle: Mutex::default(),
        places: Semaphore::new(connections),
        micros: Mutex::new(histogram()?),
        refused: AtomicU64::new(0),
        failure: Mutex::default(),
    });
    let (runtime, waiting) = (tokio::runtime::Handle::current(), Arc::clone(&crowd));
    let began = Instant::now();
    // A thread of its own wakes more precisely than a timer of the runtime.
    let tasks = tokio::task::spawn_blocking(move || {
        let mut tasks = Vec::new();
        // The same gaps in each run.
        let (mut due, mut rng) = (began, StdRng::seed_from_u64(20_260_503));
        loop {
            let gap = -(1.0 - rng.random::<f64>()).ln() / rate;
            // Of no rate at all there is no request within the time.
            due += Duration::try_from_secs_f64(gap).unwrap_or(length).min(length);
            if due.duration_since(began) >= length {
                return tasks;
            }
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                std::thread::sleep(early);
            }
            tasks.push(runtime.spawn(Arc::clone(&waiting).serve(due)));
        }
    });
    let tasks = tasks.await?;
    let done = tasks.len();
    for task in tasks {
        task.await?;
    }
    let took = began.elapsed();
    if let Some(failure) = crowd.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(failure.context(workload.name()));
    }
    let refused = crowd.refused.load(Ordering::Relaxed);
    let micros = crowd.micros.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Outcome { took, done: u64::try_from(done)?.saturating_sub(refused), refused, micros })
}

impl Crowd {
    async fn serve(self: Arc<Self>, due: Instant) {
        let Ok(_place) = self.places.acquire().await else { return };
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let once = async {
            let mut connection = match idle {
                Some(connection) => connection,
                None => Connection::open(self.to).await?,
            };
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let ended = self.workload.once(&self.market, &mut connection, number).await?;
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok::<_, anyhow::Error>(ended)
        };
        match once.await {
            Ok(Ended::Done) => {
                self.micros.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(since(due));
            }
            Ok(Ended::Refused) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    }
}

/// Up to a minute, to three digits.
fn histogram() -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 60_000_000, 3).context("no histogram")
}

fn since(due: Instant) -> u64 {
    u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX)
}
