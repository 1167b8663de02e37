//! Limits that replicas share, with each one's own behind them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use crochet_limits::{Class, Gcra, Limiter, Rates, Standing, Subject};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::link::Link;
use crate::{RedisProblem, SharedLimitsConfig};

/// Counts in Redis, and in this process too.
///
/// A request is admitted when both agree. While Redis is there, the process's own count is a part of the shared one and
/// refuses nobody whom Redis admits; it is what remains when Redis is gone or has lost its memory. So a caller gets, in
/// any window, at most the quota while Redis is there, at most the quota from each replica while it is not, and nothing
/// more each time Redis comes or goes.
///
/// Dropping it ends the task that reconnects.
pub struct SharedLimits {
    link: Arc<Link>,
    rates: Rates,
    own: Arc<dyn Limiter>,
    keeper: JoinHandle<()>,
}

impl SharedLimits {
    /// Connects, or says in the log that Redis cannot be used for now; in both cases it counts from here on. Takes at
    /// most twice the configuration's `connect_timeout`. Call it inside of a tokio runtime that outlives it.
    ///
    /// # Errors
    /// [`RedisProblem::Url`] when the URL names no server.
    pub async fn start(config: &SharedLimitsConfig, rates: Rates, own: Arc<dyn Limiter>) -> Result<Self, RedisProblem> {
        let link = Arc::new(Link::new(config)?);
        link.open().await;
        let keeper = tokio::spawn(Arc::clone(&link).keep());
        Ok(Self { link, rates, own, keeper })
    }

    /// `None` when Redis cannot be asked.
    async fn shared(&self, class: Class, subject: Subject) -> Option<Standing> {
        let live = self.link.live()?;
        let what = (class, subject, Gcra::new(self.rates.of(class)));
        let counted = self.link.count().count(live.connection.clone(), what);
        let answer = timeout(self.link.response_timeout(), counted).await;
        match answer.map_err(|_| RedisProblem::TooSlow).and_then(|answer| answer) {
            Ok(standing) => Some(standing),
            Err(problem) => {
                self.link.give_up(&live, &problem);
                None
            }
        }
    }
}

#[async_trait]
impl Limiter for SharedLimits {
    async fn count(&self, class: Class, subject: Subject) -> Option<Standing> {
        let shared = self.shared(class, subject).await;
        // What is refused is not charged, here neither.
        if shared.is_some_and(|standing| standing.exceeded.is_some()) {
            return shared;
        }
        let own = self.own.count(class, subject).await;
        match (shared, own) {
            (Some(shared), Some(own)) => Some(shared.tighter(own)),
            (shared, own) => shared.or(own),
        }
    }
}

impl Drop for SharedLimits {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl fmt::Debug for SharedLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedLimits").field("rates", &self.rates).finish_non_exhaustive()
    }
}

/// Whether Redis can be used: reached, logged in to, and counted in. Takes at most twice the configuration's
/// `connect_timeout`.
///
/// # Errors
/// Why it cannot.
pub async fn probe(config: &SharedLimitsConfig) -> Result<(), RedisProblem> {
    Link::new(config)?.connect().await.map(drop)
}
