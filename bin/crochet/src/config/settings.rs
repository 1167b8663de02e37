//! What can be set, and where.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use serde::Deserialize;

use crate::telemetry::LogFormat;

/// Development or production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Everything works on one machine, and sellers may be on loopback.
    #[default]
    Development,
    /// Nothing that is only good enough for development is accepted.
    Production,
}

/// Through whom buyers pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentProviderName {
    /// Plays payments; moves no money.
    Mock,
    /// Relay (relay.link).
    Relay,
}

impl PaymentProviderName {
    /// The name in settings, and on metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mock => "mock",
            Self::Relay => "relay",
        }
    }
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $env:literal $({ $($arg:tt)* })?),+ $(,)?) => {
        /// Every setting, none of them given yet. The same names serve the command line (`--public-url`) and the
        /// configuration file (`public_url`).
        #[derive(Clone, Default, Args, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Settings {
            $(
                $(#[doc = $doc])+
                #[arg(long, env = $env, global = true $(, $($arg)*)?)]
                pub $name: Option<$type>,
            )+
        }

        /// Names what is given, and shows no value: among them are keys and passwords.
        impl fmt::Debug for Settings {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let given = [$((stringify!($name), self.$name.is_some())),+];
                f.write_str("Settings ")?;
                f.debug_set().entries(given.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name)).finish()
            }
        }

        impl Settings {
            /// What is given here, else what is given in `other`.
            #[must_use]
            pub fn or(self, other: Self) -> Self {
                Self { $($name: self.$name.or(other.$name)),+ }
            }
        }
    };
}

settings! {
    /// development or production. Production refuses to start on development defaults
    env: Environment = "CROCHET_ENV" { value_enum, value_name = "ENVIRONMENT", help_heading = "Server" },
    /// Where to listen [default: 127.0.0.1:8080]
    bind: SocketAddr = "CROCHET_BIND" { value_name = "ADDRESS:PORT", help_heading = "Server" },
    /// Let development listen on other addresses than loopback, and metrics on any address
    insecure_bind: bool = "CROCHET_INSECURE_BIND" { num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", help_heading = "Server" },
    /// The URL under which clients reach this gateway [default: http:// and the address]
    public_url: String = "CROCHET_PUBLIC_URL" { value_name = "URL", help_heading = "Server" },
    /// Threads that read requests [default: one a core, at most 8]
    workers: usize = "CROCHET_WORKERS" { value_name = "N", help_heading = "Server" },
    /// Seconds to wait at the end for calls that are under way [default: 130]
    shutdown_timeout_seconds: u64 = "CROCHET_SHUTDOWN_TIMEOUT_SECONDS" { value_name = "SECONDS", help_heading = "Server" },
    /// Addresses of proxies, as CIDR blocks, whose X-Forwarded-For counts [default: none]
    trusted_proxies: Vec<IpNet> = "CROCHET_TRUSTED_PROXIES" { value_delimiter = ',', value_name = "CIDR,…", help_heading = "Server" },
    /// on or off. Off is for load tests; production refuses it [default: on]
    rate_limits: Switch = "CROCHET_RATE_LIMITS" { value_enum, value_name = "SWITCH", help_heading = "Limits" },
    /// Reads a minute, by key or address [default: 60]
    rate_limit_read: u32 = "CROCHET_RATE_LIMIT_READ" { value_name = "N", help_heading = "Limits" },
    /// Writes a minute, by key or address [default: 20]
    rate_limit_write: u32 = "CROCHET_RATE_LIMIT_WRITE" { value_name = "N", help_heading = "Limits" },
    /// Challenges, registrations and recoveries in five minutes [default: 10]
    rate_limit_auth: u32 = "CROCHET_RATE_LIMIT_AUTH" { value_name = "N", help_heading = "Limits" },
    /// Gateway calls a minute, by key [default: 600]
    rate_limit_gateway: u32 = "CROCHET_RATE_LIMIT_GATEWAY" { value_name = "N", help_heading = "Limits" },
    /// Wrong API keys a minute from one address, after which none is looked up for a while [default: 60]
    rate_limit_wrong_keys: u32 = "CROCHET_RATE_LIMIT_WRONG_KEYS" { value_name = "N", help_heading = "Limits" },
    /// Refused payments by x402 a minute from one address, after which none is looked at for a while [default: 30]
    rate_limit_refused_payments: u32 = "CROCHET_RATE_LIMIT_REFUSED_PAYMENTS" { value_name = "N", help_heading = "Limits" },
    /// Redis or Valkey, as a URL, through which several gateways share their rate limits. Without one each has its own
    redis_url: String = "CROCHET_REDIS_URL" { value_name = "URL", hide_env_values = true, help_heading = "Limits" },
    /// What all keys there begin with; gateways with the same one share their limits [default: crochet]
    redis_prefix: String = "CROCHET_REDIS_PREFIX" { value_name = "PREFIX", help_heading = "Limits" },
    /// The longest that a request waits for Redis, in milliseconds, 1 to 5000 [default: 100]
    redis_timeout_millis: u64 = "CROCHET_REDIS_TIMEOUT_MILLIS" { value_name = "MILLIS", help_heading = "Limits" },
    /// Gateway calls that run at once, of all buyers [default: 512]
    call_limit: u32 = "CROCHET_CALL_LIMIT" { value_name = "N", help_heading = "Limits" },
    /// Gateway calls that run at once, of one buyer [default: 64]
    call_limit_per_buyer: u32 = "CROCHET_CALL_LIMIT_PER_BUYER" { value_name = "N", help_heading = "Limits" },
    /// Unpaid calls that a buyer may have open [default: 100]
    max_open_quotes: u32 = "CROCHET_MAX_OPEN_QUOTES" { value_name = "N", help_heading = "Limits" },
    /// Leading zeros of the proof of work for challenges, 1 to 16 [default: 4]
    pow_difficulty_auth: u8 = "CROCHET_POW_DIFFICULTY_AUTH" { value_name = "ZEROS", help_heading = "Limits" },
    /// Leading zeros of the proof of work for listings, 1 to 16 [default: 5]
    pow_difficulty_listing: u8 = "CROCHET_POW_DIFFICULTY_LISTING" { value_name = "ZEROS", help_heading = "Limits" },
    /// PostgreSQL, as a URL. Without one a private server runs in the data directory
    database_url: String = "DATABASE_URL" { value_name = "URL", hide_env_values = true, help_heading = "Storage" },
    /// The same database without a pooler in front, for migrations and for hearing of changes [default: DATABASE_URL]
    direct_database_url: String = "CROCHET_DIRECT_DATABASE_URL" { value_name = "URL", hide_env_values = true, help_heading = "Storage" },
    /// The role that the application works as, or none to stay who it logged in as [default: crochet_app]
    database_role: String = "CROCHET_DATABASE_ROLE" { value_name = "ROLE", help_heading = "Storage" },
    /// Connections to the database [default: 8 and two a core, at most 40]
    database_pool_size: u32 = "CROCHET_DATABASE_POOL_SIZE" { value_name = "N", help_heading = "Storage" },
    /// on or off. Off asks the database about each call's key and listing, and listens for nothing [default: on]
    cache: Switch = "CROCHET_CACHE" { value_enum, value_name = "SWITCH", help_heading = "Storage" },
    /// Where the private database and generated keys live [default: /var/lib/crochet for root, else ~/.local/share/crochet]
    data_dir: PathBuf = "CROCHET_DATA_DIR" { value_name = "FOLDER", help_heading = "Storage" },
    /// Where PostgreSQL's programs are [default: looked for]
    pg_bin_dir: PathBuf = "PG_BIN_DIR" { value_name = "FOLDER", help_heading = "Storage" },
    /// Keys that encrypt what is secret at rest, as ID:BASE64, the newest first; `crochet keygen` makes one. Development makes its own
    master_keys: String = "CROCHET_MASTER_KEYS" { value_name = "KEYS", hide_env_values = true, help_heading = "Security" },
    /// Ports on which sellers may be called in production [default: 443,8443]
    seller_ports: Vec<u16> = "CROCHET_SELLER_PORTS" { value_delimiter = ',', value_name = "PORT,…", help_heading = "Security" },
    /// Through whom buyers pay [default: mock in development]
    payment_provider: PaymentProviderName = "CROCHET_PAYMENT_PROVIDER" { value_enum, value_name = "PROVIDER", help_heading = "Payments" },
    /// Where Relay is [default: api.relay.link, over HTTPS]
    relay_url: String = "CROCHET_RELAY_URL" { value_name = "URL", help_heading = "Payments" },
    /// Relay's API key
    relay_api_key: String = "CROCHET_RELAY_API_KEY" { value_name = "KEY", hide_env_values = true, help_heading = "Payments" },
    /// The EVM address for which Relay keeps the marketplace's fee
    relay_fee_recipient: String = "CROCHET_RELAY_FEE_RECIPIENT" { value_name = "ADDRESS", help_heading = "Payments" },
    /// Quotes a minute that this gateway asks Relay for; several with one key divide Relay's limit [default: 50]
    relay_quotes_per_minute: u32 = "CROCHET_RELAY_QUOTES_PER_MINUTE" { value_name = "N", help_heading = "Payments" },
    /// Looks at payments a minute, at most half of them by the sweeper; divided likewise [default: 200]
    relay_reads_per_minute: u32 = "CROCHET_RELAY_READS_PER_MINUTE" { value_name = "N", help_heading = "Payments" },
    /// x402 facilitators, the preferred one first; where they are given, listings can be paid by x402, too
    x402_facilitator_urls: Vec<String> = "CROCHET_X402_FACILITATOR_URLS" { value_delimiter = ',', value_name = "URL,…", help_heading = "Payments" },
    /// Their bearer tokens, in the same order; empty for one that needs none
    x402_facilitator_tokens: String = "CROCHET_X402_FACILITATOR_TOKENS" { value_name = "TOKEN,…", hide_env_values = true, help_heading = "Payments" },
    /// Networks on which x402 is paid, in CAIP-2, the preferred one first; in USDC, or another token as NETWORK=ADDRESS;SYMBOL;DECIMALS;NAME;VERSION, with the name and version of its EIP-712 domain, or on Solana NETWORK=MINT;SYMBOL;DECIMALS
    x402_networks: Vec<String> = "CROCHET_X402_NETWORKS" { value_delimiter = ',', value_name = "NETWORK,…", help_heading = "Payments" },
    /// JSON-RPC of a node of each of these networks, in the same order: it decides what was paid
    x402_rpc_urls: String = "CROCHET_X402_RPC_URLS" { value_name = "URL,…", hide_env_values = true, help_heading = "Payments" },
    /// How old a block has to be until what it shows is final, in seconds [default: 60]
    x402_finality_seconds: u32 = "CROCHET_X402_FINALITY_SECONDS" { value_name = "SECONDS", help_heading = "Payments" },
    /// For how long a payer's authorization is asked to be good, in seconds [default: 60]
    x402_max_timeout_seconds: u32 = "CROCHET_X402_MAX_TIMEOUT_SECONDS" { value_name = "SECONDS", help_heading = "Payments" },
    /// Payments by x402 a minute, not claimed by any call yet, that nodes and facilitators are asked about; the wrongly signed are not [default: 300]
    x402_verifications_per_minute: u32 = "CROCHET_X402_VERIFICATIONS_PER_MINUTE" { value_name = "N", help_heading = "Payments" },
    /// How long a quote lives, in seconds [default: 900]
    quote_ttl_seconds: u64 = "CROCHET_QUOTE_TTL_SECONDS" { value_name = "SECONDS", help_heading = "Payments" },
    /// How long after that a late payment is waited for, in seconds [default: 600]
    late_payment_grace_seconds: u64 = "CROCHET_LATE_PAYMENT_GRACE_SECONDS" { value_name = "SECONDS", help_heading = "Payments" },
    /// The least time between two questions to the provider about one call [default: 100 for mock, 2000 for relay]
    check_interval_millis: u64 = "CROCHET_CHECK_INTERVAL_MILLIS" { value_name = "MILLIS", help_heading = "Payments" },
    /// The pause between two rounds of the sweeper [default: 5000]
    sweep_interval_millis: u64 = "CROCHET_SWEEP_INTERVAL_MILLIS" { value_name = "MILLIS", help_heading = "Payments" },
    /// Where Prometheus reads metrics, apart from the API, without authentication [default: nowhere]
    metrics_bind: SocketAddr = "CROCHET_METRICS_BIND" { value_name = "ADDRESS:PORT", help_heading = "Telemetry" },
    /// text or json [default: text]
    log_format: LogFormat = "CROCHET_LOG_FORMAT" { value_enum, value_name = "FORMAT", help_heading = "Telemetry" },
    /// What is logged, as tracing filters [default: info,actix_http=off,actix_server=warn]
    log: String = "CROCHET_LOG" { value_name = "FILTER", help_heading = "Telemetry" },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_show_what_is_given_and_never_its_value() {
        let settings = Settings {
            master_keys: Some("a:c2VjcmV0".into()),
            database_url: Some("postgresql://app:c2VjcmV0@db/crochet".into()),
            ..Settings::default()
        };
        assert_eq!(format!("{settings:?}"), r#"Settings {"database_url", "master_keys"}"#);
    }
}
