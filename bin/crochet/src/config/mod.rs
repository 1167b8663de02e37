//! Configuration: command line over environment over file over defaults, read once, checked as a whole.

mod check;
mod database_url;
mod file;
mod metrics_bind;
mod settings;
mod x402;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crochet_facilitator::FacilitatorConfig;
use crochet_http::CallLimits;
use crochet_payments::RelayConfig;
use crochet_pow::Difficulty;
use crochet_redis::SharedLimitsConfig;
use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

pub use check::{Problem, resolve};
pub use file::read_file;
pub use settings::{Environment, PaymentProviderName, Settings, Switch};

use crate::telemetry::LogFormat;

/// Everything that the gateway needs to know, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Development or production.
    pub environment: Environment,
    /// Where to listen.
    pub bind: SocketAddr,
    /// Where metrics are read; `None` shows them nowhere.
    pub metrics_bind: Option<SocketAddr>,
    /// How old what metrics say of the tables may be.
    pub metrics_sample_every: Duration,
    /// Under which URL clients reach the gateway; `None` until the port is known.
    pub public_url: Option<Url>,
    /// The database; `None` runs a private one.
    pub database_url: Option<SecretString>,
    /// The database without a pooler in front, for migrations.
    pub direct_database_url: Option<SecretString>,
    /// The role under which the application works.
    pub database_role: Option<String>,
    /// How many connections it may use.
    pub pool_size: u32,
    /// Whether keys and offers are kept in memory between calls.
    pub cache: bool,
    /// How long one use of the database may take before it is given up. Fixed; tests shorten it.
    pub database_deadline: Duration,
    /// Where the private database and generated keys live.
    pub data_dir: PathBuf,
    /// Where PostgreSQL's programs are.
    pub pg_bin_dir: Option<PathBuf>,
    /// Master keys; `None` makes some in the data directory.
    pub master_keys: Option<SecretString>,
    /// Through whom buyers pay.
    pub payment_provider: PaymentProviderName,
    /// How Relay is reached; `None` where buyers do not pay through it.
    pub relay: Option<RelayConfig>,
    /// How payments by x402 are taken; `None` where they are not.
    pub x402: Option<X402Config>,
    /// Rate limits.
    pub rate_limits: RateLimits,
    /// Through what several gateways share their rate limits; `None` keeps them in this process.
    pub redis: Option<SharedLimitsConfig>,
    /// How many gateway calls run at once.
    pub call_limits: CallLimits,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Ports on which sellers may be called in production.
    pub seller_ports: Vec<u16>,
    /// How long a quote lives.
    pub quote_ttl: Duration,
    /// How long a late payment is waited for.
    pub late_payment_grace: Duration,
    /// The shortest time between two questions to the provider about one call.
    pub check_interval: Duration,
    /// How many unpaid calls a buyer may have open.
    pub max_open_quotes: u32,
    /// The pause between two rounds of the sweeper.
    pub sweep_interval: Duration,
    /// Proof of work for challenges.
    pub auth_difficulty: Difficulty,
    /// Proof of work for listings.
    pub listing_difficulty: Difficulty,
    /// How many threads read requests.
    pub workers: usize,
    /// How long to wait at the end for what is under way.
    pub shutdown_timeout: Duration,
    /// The form of log lines.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
}

/// How payments by x402 are taken.
#[derive(Debug, Clone)]
pub struct X402Config {
    /// Through whom, in what, and who reads the chain. Its resource URL is the gateway's own, which is known once it
    /// listens.
    pub facilitator: FacilitatorConfig,
    /// For how long a payer's authorization is to be good.
    pub max_timeout_seconds: u32,
}

/// How often clients may call, by class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// False for load tests; refused in production.
    pub enabled: bool,
    /// Reads a minute.
    pub read_per_minute: u32,
    /// Writes a minute.
    pub write_per_minute: u32,
    /// Challenges, registrations and recoveries in five minutes.
    pub auth_per_five_minutes: u32,
    /// Gateway calls a minute.
    pub gateway_per_minute: u32,
    /// Wrong API keys a minute from one address.
    pub wrong_keys_per_minute: u32,
    /// Refused payments by x402 a minute from one address.
    pub refused_payments_per_minute: u32,
}
