//! The connection to Redis, which may be gone at any time, and the task that brings it back.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crochet_limits::{Gcra, Rate};
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::script::Count;
use crate::{RedisProblem, SharedLimitsConfig};

/// One connection for all requests: answers come in the order of the questions, many under way at a time.
pub(crate) struct Link {
    client: redis::Client,
    config: SharedLimitsConfig,
    count: Count,
    live: RwLock<Option<Live>>,
    lost: Notify,
}

/// A connection that answered when it was last asked.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) connection: MultiplexedConnection,
    /// Tells connections apart: whoever had trouble with an older one must not take away the newest.
    since: Instant,
}

impl Link {
    pub(crate) fn new(config: &SharedLimitsConfig) -> Result<Self, RedisProblem> {
        let client = config.client()?;
        let count = Count::new(config.prefix.clone());
        Ok(Self { client, config: config.clone(), count, live: RwLock::default(), lost: Notify::new() })
    }

    pub(crate) const fn count(&self) -> &Count {
        &self.count
    }

    pub(crate) const fn response_timeout(&self) -> Duration {
        self.config.response_timeout
    }

    /// The connection, unless it is known to be gone.
    pub(crate) fn live(&self) -> Option<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Nobody uses this connection from now on. Of many that had trouble with it, one says so in the log.
    pub(crate) fn give_up(&self, broken: &Live, problem: &RedisProblem) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if live.as_ref().is_some_and(|live| live.since == broken.since) {
            *live = None;
            say_gone(problem);
            self.lost.notify_one();
        }
    }

    /// A new connection on which counting was seen to work.
    pub(crate) async fn connect(&self) -> Result<MultiplexedConnection, RedisProblem> {
        // The bounds are around the calls: one for the way there, one for the answer.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connected = self.client.get_multiplexed_async_connection_with_config(&config);
        let within = self.config.connect_timeout;
        let mut connection = timeout(within, connected).await.map_err(|_| RedisProblem::TooSlow)??;
        let probe = Gcra::new(Rate { requests: 1, window: Duration::from_micros(1) });
        timeout(within, self.count.probe(&mut connection, probe)).await.map_err(|_| RedisProblem::TooSlow)??;
        Ok(connection)
    }

    /// The first attempt, which the start of the program waits for.
    pub(crate) async fn open(&self) {
        match self.connect().await {
            Ok(connection) => self.install(connection),
            Err(problem) => say_gone(&problem),
        }
    }

    /// Brings the connection back whenever it is lost, for ever.
    pub(crate) async fn keep(self: Arc<Self>) {
        let (first, longest) = self.config.pauses;
        let mut pause = first;
        loop {
            let mut since = None;
            while let Some(live) = self.live() {
                since = Some(live.since);
                self.lost.notified().await;
            }
            // What comes and goes is tried ever more seldom; what has held for a good while is trusted again.
            if since.is_some_and(|since| since.elapsed() >= longest) {
                pause = first;
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(longest);
            match self.connect().await {
                Ok(connection) => self.install(connection),
                Err(problem) => tracing::debug!(error = %problem, "Redis cannot be used yet"),
            }
        }
    }

    fn install(&self, connection: MultiplexedConnection) {
        let live = Live { connection, since: Instant::now() };
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(live);
        tracing::info!("rate limits are shared through Redis");
    }
}

fn say_gone(problem: &RedisProblem) {
    tracing::warn!(
        error = %problem,
        "Redis cannot be used: until it can, rate limits are this process's own"
    );
}
