//! What the tests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use crochet_limits::{Class, Limiter, Rates, Standing, Subject, Unlimited, contract};
use crochet_redis::{SharedLimits, SharedLimitsConfig};
use redis::aio::MultiplexedConnection;
use secrecy::ExposeSecret;
use tokio::time::{sleep, timeout};

pub(crate) fn someone() -> Subject {
    Subject::address("203.0.113.9".parse().unwrap())
}

/// A connection beside the one under test.
pub(crate) async fn connection(config: &SharedLimitsConfig) -> MultiplexedConnection {
    let client = redis::Client::open(config.url.expose_secret()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// Shared limits with nothing behind them.
pub(crate) async fn shared(config: &SharedLimitsConfig) -> SharedLimits {
    SharedLimits::start(config, contract::rates(), Arc::new(Unlimited)).await.unwrap()
}

/// A process's own limits that say how often they were asked, and refuse when told to.
#[derive(Default)]
pub(crate) struct Own {
    pub(crate) asked: AtomicU32,
    pub(crate) refuses_for: AtomicU32,
}

impl Own {
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Limiter for Own {
    async fn count(&self, class: Class, _subject: Subject) -> Option<Standing> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let wait = self.refuses_for.load(Ordering::SeqCst);
        let rate = Rates::default().of(class);
        Some(Standing { class, rate, remaining: 7, reset_seconds: 1, exceeded: (wait > 0).then_some(wait) })
    }
}

/// Waits until what is asked for is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let waiting = async {
        while !is_so().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}
