//! How what happens reaches the metrics, and how they are shown.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use anyhow::Context;
use async_trait::async_trait;
use crochet_http::{Answered, Exposed, Exposition, Observer, serve_metrics};
use crochet_metrics::{CacheSample, LookUps, Metrics, PoolSample, Sample, WorkSample, encode_for};
use crochet_postgres::cached::CacheCounts;
use crochet_postgres::{Db, WaitObserver, WorkInHand};
use crochet_primitives::{Clock, StorageError};
use crochet_relay::Reply;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use super::alone::Alone;
use super::caches::Caches;

/// How long one statement of a look at the tables may run.
const STATEMENT: Duration = Duration::from_secs(1);
/// How long a scrape waits for the look before it, and for its own.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hands on what the HTTP side does.
pub(super) struct Requests(pub(super) crochet_metrics::Http);

impl Observer for Requests {
    fn request_started(&self) {
        self.0.started();
    }

    fn request_ended(&self) {
        self.0.ended();
    }

    fn answered(&self, answered: &Answered<'_>) {
        let code = answered.code.map(crochet_http::Code::as_str);
        self.0.answered(answered.method, answered.route, answered.status, code, answered.took);
    }

    fn rate_limited(&self, class: &'static str) {
        self.0.rate_limited(class);
    }

    fn replied(&self, reply: Option<&Reply>) {
        self.0.replied(reply);
    }
}

/// Hands on how long uses of the database wait.
pub(super) struct Waits(pub(super) crochet_metrics::Pool);

impl WaitObserver for Waits {
    fn waited(&self, wait: Duration, had_its_turn: bool) {
        self.0.waited(wait, had_its_turn);
    }
}

/// What the metrics' server shows: what was counted, and a look at the tables that is not older than `sample_every`.
pub(super) struct Scrape {
    pub(super) metrics: Arc<Metrics>,
    pub(super) db: Db,
    pub(super) caches: Option<Caches>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tasks: TaskTracker,
    pub(super) calls_limit: usize,
    pub(super) sample_every: Duration,
    /// So that a database that hangs is asked by one scrape, not by each.
    pub(super) alone: Alone,
    /// With the time of the look. Held while somebody looks, so that the others take what is found.
    pub(super) last: Mutex<Option<(Duration, Look)>>,
}

/// What a look at the database found.
#[derive(Clone)]
pub(super) struct Look {
    is_up: bool,
    work: Option<WorkSample>,
}

impl Scrape {
    async fn look(&self) -> Look {
        let mut last = self.last.lock().await;
        if let Some((at, look)) = &*last
            && self.clock.monotonic().saturating_sub(*at) < self.sample_every
        {
            return look.clone();
        }
        let (db, before) = (self.db.clone(), self.db.finished());
        let found = self.alone.run(PATIENCE, async move { db.work_in_hand(STATEMENT).await }).await;
        let look = match found {
            Some(Ok(work)) => Look { is_up: true, work: Some(sample_of(work)) },
            // A full pool whose work goes on is busy, and not down.
            Some(Err(StorageError::Busy)) => Look { is_up: self.db.finished() != before, work: None },
            Some(Err(error)) => {
                tracing::debug!(%error, "the metrics cannot look at the tables");
                Look { is_up: false, work: None }
            }
            None => Look { is_up: false, work: None },
        };
        *last = Some((self.clock.monotonic(), look.clone()));
        look
    }
}

#[async_trait]
impl Exposition for Scrape {
    async fn expose(&self, accept: &[&str]) -> Exposed {
        let format = encode_for(accept.iter().copied());
        let look = self.look().await;
        let pool = self.db.pool_state();
        let sample = Sample {
            database_up: look.is_up,
            pool: PoolSample {
                limit: pool.size,
                in_use: pool.in_use,
                waiting: pool.waiting,
                open: pool.open,
                idle: pool.idle,
            },
            cache: self.caches.as_ref().map(cache_sample),
            calls_in_flight: u64::try_from(self.tasks.len()).unwrap_or(u64::MAX),
            calls_limit: u64::try_from(self.calls_limit).unwrap_or(u64::MAX),
            work: look.work,
        };
        Exposed { content_type: format.content_type(), text: self.metrics.encode(format, &sample) }
    }
}

fn cache_sample(caches: &Caches) -> CacheSample {
    let listener = caches.invalidations.state();
    let look_ups = |counts: CacheCounts| {
        let CacheCounts { hits, misses, bypasses, entries } = counts;
        LookUps { hits, misses, bypasses, entries }
    };
    CacheSample {
        is_believed: listener.is_fresh,
        changes: listener.changes,
        connections: listener.connections,
        keys: look_ups(caches.identities.counts()),
        offers: look_ups(caches.directory.counts()),
    }
}

fn sample_of(work: WorkInHand) -> WorkSample {
    let WorkInHand { calls, leases_held, leases_ended, overdue, orphans } = work;
    WorkSample { calls, leases_held, leases_ended, overdue, orphans }
}

/// Where metrics are shown.
#[derive(Debug)]
pub(super) struct MetricsServer {
    url: String,
    server: ServerHandle,
}

impl MetricsServer {
    pub(super) fn start(scrape: Scrape, listener: TcpListener) -> anyhow::Result<Self> {
        let url = format!("http://{}/metrics", listener.local_addr().context("the metrics' address is unknown")?);
        let (running, server) =
            serve_metrics(Arc::new(scrape), listener).context("the metrics' server cannot be started")?;
        tokio::spawn(running);
        Ok(Self { url, server })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn stop(self) {
        self.server.stop(false).await;
    }
}
