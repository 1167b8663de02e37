//! What the server is told from outside.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use crochet_limits::Rate;
use crochet_limits::{Limiter, Rates, Unlimited};
use crochet_primitives::Clock;
use ipnet::IpNet;

use crate::limits::LocalLimits;

/// Where the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// On a developer's machine or in tests.
    Development,
    /// For real: there is no mock provider.
    Production,
}

/// How often one caller may ask, by class of route.
#[derive(Debug, Clone)]
pub struct RateLimits {
    /// False switches all limits off.
    pub enabled: bool,
    /// GET.
    pub read: Rate,
    /// Everything that changes something.
    pub write: Rate,
    /// Challenges, registration and recovery.
    pub auth: Rate,
    /// `POST /gateway`: the product, not a write to the catalogue.
    pub gateway: Rate,
}

impl RateLimits {
    /// What counts by these in this process, or nothing when they are off.
    #[must_use]
    pub fn in_process(&self, clock: &Arc<dyn Clock>) -> Arc<dyn Limiter> {
        if self.enabled { Arc::new(LocalLimits::new(&self.rates(), clock)) } else { Arc::new(Unlimited) }
    }

    /// The rates of all classes, whether they are enabled or not.
    #[must_use]
    pub const fn rates(&self) -> Rates {
        Rates { read: self.read, write: self.write, auth: self.auth, gateway: self.gateway }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        let Rates { read, write, auth, gateway } = Rates::default();
        Self { enabled: true, read, write, auth, gateway }
    }
}

/// How many gateway calls run at once. A call runs to its end also when its client has hung up, and holds up to the
/// listing's longest response meanwhile. As many bodies of more than 16 KiB may be on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// Of all buyers; further ones are answered 503.
    pub altogether: usize,
    /// Of one buyer; further ones are answered 429. At least 64 leave room for a burst of retries of one call.
    pub per_buyer: usize,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self { altogether: 512, per_buyer: 64 }
    }
}

/// Everything that the HTTP side is configured with. [`HttpConfig::default`] is right for development.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Where to listen; for the caller that makes the listener.
    pub bind: SocketAddr,
    /// How the world sees this server: scheme and host, no slash at the end.
    pub public_url: String,
    /// Where it runs.
    pub environment: Environment,
    /// The longest request body, in bytes. A listing may take less.
    pub max_body_bytes: usize,
    /// How long a client may take to send the head of its first request. The server's clock ticks twice a second: this
    /// and the other timeouts are a second at least.
    pub head_timeout: Duration,
    /// How long a client may take to send a body.
    pub body_timeout: Duration,
    /// How long a connection may stay idle between requests. From one answer to the whole head of the next request may
    /// pass this and `head_timeout`, and a second for every 16 KiB of the answer.
    pub keep_alive: Duration,
    /// How long a client may take to close its side.
    pub disconnect_timeout: Duration,
    /// Connections at once, over all workers; more wait in the kernel's queue. Each takes two descriptors.
    pub max_connections: usize,
    /// Threads that serve connections; `None` for one a core.
    pub workers: Option<usize>,
    /// How long a graceful stop waits for connections.
    pub shutdown_timeout: Duration,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// How often one caller may ask; [`AppParts::limiter`](crate::AppParts::limiter) counts by the same rates.
    pub rate_limits: RateLimits,
    /// How many wrong keys may come from one address; after that no key from there is looked up for a while. Counts
    /// while `rate_limits` are enabled.
    pub wrong_keys: Rate,
    /// How many payments by x402 that are refused may come from one address; after that none from there is looked at for
    /// a while. Counts while `rate_limits` are enabled.
    pub refused_payments: Rate,
    /// How many gateway calls run at once.
    pub call_limits: CallLimits,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: "http://127.0.0.1:8080".to_owned(),
            environment: Environment::Development,
            max_body_bytes: 1024 * 1024,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            disconnect_timeout: Duration::from_secs(5),
            max_connections: 10_000,
            workers: None,
            shutdown_timeout: Duration::from_secs(130),
            trusted_proxies: Vec::new(),
            rate_limits: RateLimits::default(),
            wrong_keys: Rate::per_minute(60),
            refused_payments: Rate::per_minute(30),
            call_limits: CallLimits::default(),
        }
    }
}
