//! From settings to a configuration, or to everything that is wrong with them.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crochet_http::CallLimits;
use crochet_payments::{RelayConfig, RelayConfigError};
use crochet_pow::Difficulty;
use crochet_redis::SharedLimitsConfig;
use crochet_secrets::MasterKeys;
use secrecy::SecretString;
use url::Url;

use super::settings::{Environment, PaymentProviderName, Settings, Switch};
use super::x402;
use super::{Config, RateLimits, database_url, metrics_bind};

/// actix calls it an error when bytes from outside are no HTTP: any scanner would fill the log with errors that are
/// nobody's to mend.
const DEFAULT_LOG: &str = "info,actix_http=off,actix_server=warn";

const RELAY_URL: &str = "https://api.relay.link";

/// One thing that is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The environment variable that sets it.
    pub setting: &'static str,
    /// What is wrong, and the way out. Never the value of a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.message)
    }
}

/// Longer than any use of the database takes: its statements end after five seconds.
const DATABASE_DEADLINE: Duration = Duration::from_secs(20);

/// The usual interval of scrapes.
const METRICS_SAMPLE_EVERY: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, setting: &'static str, message: impl Into<String>) {
        self.0.push(Problem { setting, message: message.into() });
    }

    /// What is wrong, by name.
    #[cfg(test)]
    pub(super) fn settings(&self) -> Vec<&'static str> {
        self.0.iter().map(|problem| problem.setting).collect()
    }
}

/// Checks all settings together. `default_data_dir` is where data lives when nobody says otherwise; `has_tls` says
/// whether TLS towards PostgreSQL is compiled in; `cores` is how many there are.
///
/// # Errors
/// Everything that is wrong, not only the first.
pub fn resolve(
    settings: Settings,
    default_data_dir: Option<PathBuf>,
    has_tls: bool,
    cores: usize,
) -> Result<Config, Vec<Problem>> {
    let mut problems = Problems(Vec::new());
    let environment = settings.env.unwrap_or_default();
    let bind = settings.bind.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
    let public_url = settings.public_url.as_deref().and_then(|text| read_public_url(text, &mut problems));
    let payment_provider = settings.payment_provider.unwrap_or(PaymentProviderName::Mock);
    let x402 = x402::read(&settings, &mut problems);
    let relay = (payment_provider == PaymentProviderName::Relay).then(|| read_relay(&settings, &mut problems));
    if let Some(keys) = &settings.master_keys
        && let Err(error) = MasterKeys::parse(keys)
    {
        problems.add("CROCHET_MASTER_KEYS", format!("{error}; `crochet keygen` makes one"));
    }
    for (setting, url) in
        [("DATABASE_URL", &settings.database_url), ("CROCHET_DIRECT_DATABASE_URL", &settings.direct_database_url)]
    {
        if let Some(url) = url {
            let given = database_url::check(url, environment, has_tls);
            given.unwrap_or_else(|problem| problems.add(setting, problem));
        }
    }
    let rate_limits = RateLimits {
        enabled: settings.rate_limits != Some(Switch::Off),
        read_per_minute: at_least_one(settings.rate_limit_read, 60, "CROCHET_RATE_LIMIT_READ", &mut problems),
        write_per_minute: at_least_one(settings.rate_limit_write, 20, "CROCHET_RATE_LIMIT_WRITE", &mut problems),
        auth_per_five_minutes: at_least_one(settings.rate_limit_auth, 10, "CROCHET_RATE_LIMIT_AUTH", &mut problems),
        gateway_per_minute: at_least_one(settings.rate_limit_gateway, 600, "CROCHET_RATE_LIMIT_GATEWAY", &mut problems),
        wrong_keys_per_minute: at_least_one(
            settings.rate_limit_wrong_keys,
            60,
            "CROCHET_RATE_LIMIT_WRONG_KEYS",
            &mut problems,
        ),
        refused_payments_per_minute: at_least_one(
            settings.rate_limit_refused_payments,
            30,
            "CROCHET_RATE_LIMIT_REFUSED_PAYMENTS",
            &mut problems,
        ),
    };
    let call_limits = CallLimits {
        altogether: usize_of(at_least_one(settings.call_limit, 512, "CROCHET_CALL_LIMIT", &mut problems)),
        per_buyer: usize_of(at_least_one(
            settings.call_limit_per_buyer,
            64,
            "CROCHET_CALL_LIMIT_PER_BUYER",
            &mut problems,
        )),
    };
    if let Some(address) = settings.metrics_bind
        && let Err(problem) = metrics_bind::check(address, bind, environment, settings.insecure_bind == Some(true))
    {
        problems.add("CROCHET_METRICS_BIND", problem);
    }
    match environment {
        Environment::Development => check_development(&settings, bind, &mut problems),
        Environment::Production => check_production(&settings, public_url.as_ref(), &mut problems),
    }
    let data_dir = settings.data_dir.or(default_data_dir);
    if data_dir.is_none() {
        problems.add("CROCHET_DATA_DIR", "neither HOME nor XDG_DATA_HOME is set, so say where data should live");
    }
    let default_interval = match payment_provider {
        PaymentProviderName::Mock => 100,
        PaymentProviderName::Relay => 2_000,
    };
    let config = Config {
        environment,
        bind,
        metrics_bind: settings.metrics_bind,
        metrics_sample_every: METRICS_SAMPLE_EVERY,
        public_url,
        database_url: settings.database_url.map(SecretString::from),
        direct_database_url: settings.direct_database_url.map(SecretString::from),
        database_role: match settings.database_role.as_deref() {
            None => Some("crochet_app".to_owned()),
            Some("none") => None,
            Some(role) => Some(role.to_owned()),
        },
        cache: settings.cache != Some(Switch::Off),
        pool_size: at_least_one(
            settings.database_pool_size,
            pool_for(cores),
            "CROCHET_DATABASE_POOL_SIZE",
            &mut problems,
        ),
        database_deadline: DATABASE_DEADLINE,
        data_dir: data_dir.as_deref().map(Path::to_path_buf).unwrap_or_default(),
        pg_bin_dir: settings.pg_bin_dir,
        master_keys: settings.master_keys.map(SecretString::from),
        payment_provider,
        relay,
        x402,
        rate_limits,
        redis: read_redis(settings.redis_url, settings.redis_prefix, settings.redis_timeout_millis, &mut problems),
        call_limits,
        trusted_proxies: settings.trusted_proxies.unwrap_or_default(),
        seller_ports: settings.seller_ports.unwrap_or_else(|| vec![443, 8443]),
        quote_ttl: Duration::from_secs(settings.quote_ttl_seconds.unwrap_or(900).clamp(1, 86_400)),
        late_payment_grace: Duration::from_secs(settings.late_payment_grace_seconds.unwrap_or(600).min(86_400)),
        check_interval: Duration::from_millis(settings.check_interval_millis.unwrap_or(default_interval).min(60_000)),
        max_open_quotes: at_least_one(settings.max_open_quotes, 100, "CROCHET_MAX_OPEN_QUOTES", &mut problems),
        sweep_interval: Duration::from_millis(settings.sweep_interval_millis.unwrap_or(5_000).clamp(50, 3_600_000)),
        auth_difficulty: read_difficulty(
            settings.pow_difficulty_auth,
            Difficulty::AUTH,
            "CROCHET_POW_DIFFICULTY_AUTH",
            &mut problems,
        ),
        listing_difficulty: read_difficulty(
            settings.pow_difficulty_listing,
            Difficulty::LISTING,
            "CROCHET_POW_DIFFICULTY_LISTING",
            &mut problems,
        ),
        workers: settings.workers.unwrap_or(cores.min(8)).clamp(1, 256),
        shutdown_timeout: Duration::from_secs(settings.shutdown_timeout_seconds.unwrap_or(130).min(3_600)),
        log_format: settings.log_format.unwrap_or_default(),
        log_filter: settings.log.unwrap_or_else(|| DEFAULT_LOG.to_owned()),
    };
    if problems.0.is_empty() { Ok(config) } else { Err(problems.0) }
}

fn check_development(settings: &Settings, bind: SocketAddr, problems: &mut Problems) {
    if bind.ip().is_unspecified() && settings.insecure_bind == Some(true) && settings.public_url.is_none() {
        problems.add(
            "CROCHET_PUBLIC_URL",
            format!("{bind} is no address that anybody can call: say under which URL clients reach this gateway"),
        );
    }
    if !bind.ip().is_loopback() && settings.insecure_bind != Some(true) {
        problems.add(
            "CROCHET_BIND",
            format!(
                "{bind} can be reached from outside, and development takes mock payments: use a loopback address, \
                     CROCHET_ENV=production, or --insecure-bind"
            ),
        );
    }
}

/// Production starts on nothing that is only good enough for development.
fn check_production(settings: &Settings, public_url: Option<&Url>, problems: &mut Problems) {
    if settings.payment_provider != Some(PaymentProviderName::Relay) {
        problems.add("CROCHET_PAYMENT_PROVIDER", "production never takes mock payments");
    }
    if settings.master_keys.is_none() {
        problems.add("CROCHET_MASTER_KEYS", "production needs keys of its own; `crochet keygen` makes one");
    }
    if settings.database_url.is_none() {
        problems.add("DATABASE_URL", "production needs a database of its own");
    }
    if settings.rate_limits == Some(Switch::Off) {
        problems.add("CROCHET_RATE_LIMITS", "production never runs without rate limits");
    }
    match public_url {
        Some(url) if url.scheme() == "https" => {}
        Some(_) => problems.add("CROCHET_PUBLIC_URL", "production is reached by https"),
        None if settings.public_url.is_none() => {
            problems.add("CROCHET_PUBLIC_URL", "say under which https URL clients reach this gateway")
        }
        None => {}
    }
}

fn read_public_url(text: &str, problems: &mut Problems) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if url.is_none() {
        problems.add("CROCHET_PUBLIC_URL", "is not an http(s) URL without user, query and fragment");
    }
    url
}

fn read_relay(settings: &Settings, problems: &mut Problems) -> RelayConfig {
    let given = |setting: &Option<String>| setting.clone().unwrap_or_default();
    let mut config = RelayConfig::new(
        settings.relay_url.clone().unwrap_or_else(|| RELAY_URL.to_owned()),
        SecretString::from(given(&settings.relay_api_key)),
        given(&settings.relay_fee_recipient),
    );
    for (given, budget, setting) in [
        (settings.relay_quotes_per_minute, &mut config.quotes_per_minute, "CROCHET_RELAY_QUOTES_PER_MINUTE"),
        (settings.relay_reads_per_minute, &mut config.reads_per_minute, "CROCHET_RELAY_READS_PER_MINUTE"),
    ] {
        match given.map(NonZeroU32::new) {
            None => {}
            Some(Some(given)) => *budget = given,
            Some(None) => problems.add(setting, "is at least 1"),
        }
    }
    for problem in config.problems() {
        let setting = match problem {
            RelayConfigError::Url => "CROCHET_RELAY_URL",
            RelayConfigError::ApiKey => "CROCHET_RELAY_API_KEY",
            RelayConfigError::FeeRecipient => "CROCHET_RELAY_FEE_RECIPIENT",
            RelayConfigError::Tls => "CROCHET_PAYMENT_PROVIDER",
        };
        problems.add(setting, problem.to_string());
    }
    config
}

fn read_redis(
    url: Option<String>,
    prefix: Option<String>,
    timeout_millis: Option<u64>,
    problems: &mut Problems,
) -> Option<SharedLimitsConfig> {
    let prefix = prefix.unwrap_or_else(|| crochet_redis::DEFAULT_PREFIX.to_owned());
    if !crochet_redis::check_prefix(&prefix) {
        problems.add("CROCHET_REDIS_PREFIX", "is 1 to 64 of a-z, A-Z, 0-9, and . _ - :");
    }
    let url = url?;
    if let Err(problem) = crochet_redis::check_url(&url) {
        problems.add("CROCHET_REDIS_URL", problem);
    }
    let mut config = SharedLimitsConfig::new(url.into(), prefix);
    if let Some(millis) = timeout_millis {
        config.response_timeout = Duration::from_millis(millis.clamp(1, 5_000));
    }
    Some(config)
}

/// No machine that this runs on counts in less.
fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn at_least_one(given: Option<u32>, default: u32, setting: &'static str, problems: &mut Problems) -> u32 {
    if given == Some(0) {
        problems.add(setting, "is at least 1");
    }
    given.unwrap_or(default)
}

fn read_difficulty(
    given: Option<u8>,
    default: Difficulty,
    setting: &'static str,
    problems: &mut Problems,
) -> Difficulty {
    match given.map(Difficulty::new) {
        None => default,
        Some(Some(difficulty)) => difficulty,
        Some(None) => {
            problems.add(setting, "is 1 to 16");
            default
        }
    }
}

/// Most of a transaction is waiting for the disk, where those that wait share one write: more connections than
/// processors, and for a large machine not all that the server has.
fn pool_for(cores: usize) -> u32 {
    u32::try_from(cores.saturating_mul(2).saturating_add(8)).unwrap_or(u32::MAX).min(40)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: Settings) -> Result<Config, Vec<&'static str>> {
        resolve(settings, Some(PathBuf::from("/data")), false, 2)
            .map_err(|problems| problems.into_iter().map(|problem| problem.setting).collect())
    }

    #[test]
    fn the_pool_grows_with_the_machine_and_leaves_connections_to_others() {
        assert_eq!([1, 2, 8, 64].map(pool_for), [10, 12, 24, 40]);
    }

    #[test]
    fn nothing_given_is_a_development_gateway_on_loopback() {
        let config = check(Settings::default()).unwrap();
        assert_eq!(config.environment, Environment::Development);
        assert_eq!(config.bind.to_string(), "127.0.0.1:8080");
        assert_eq!(config.payment_provider, PaymentProviderName::Mock);
        assert!(config.rate_limits.enabled);
    }

    #[test]
    fn production_names_every_development_default_that_it_refuses() {
        let settings =
            Settings { env: Some(Environment::Production), rate_limits: Some(Switch::Off), ..Settings::default() };
        let refused = check(settings).unwrap_err();
        for setting in [
            "CROCHET_PAYMENT_PROVIDER",
            "CROCHET_MASTER_KEYS",
            "DATABASE_URL",
            "CROCHET_RATE_LIMITS",
            "CROCHET_PUBLIC_URL",
        ] {
            assert!(refused.contains(&setting), "{setting} in {refused:?}");
        }
    }

    #[test]
    fn development_is_not_reachable_from_outside_by_accident() {
        let outside = Settings { bind: Some("0.0.0.0:80".parse().unwrap()), ..Settings::default() };
        assert_eq!(check(outside.clone()).unwrap_err(), ["CROCHET_BIND"]);
        let insecure = Settings { insecure_bind: Some(true), bind: Some("10.0.0.7:80".parse().unwrap()), ..outside };
        assert!(check(insecure).is_ok());
    }

    #[test]
    fn every_address_at_once_needs_a_url_under_which_it_is_reached() {
        for bind in ["0.0.0.0:8080", "[::]:8080"] {
            let everywhere =
                Settings { bind: Some(bind.parse().unwrap()), insecure_bind: Some(true), ..Settings::default() };
            assert_eq!(check(everywhere.clone()).unwrap_err(), ["CROCHET_PUBLIC_URL"]);
            let named = Settings { public_url: Some("http://gateway.example:8080".into()), ..everywhere };
            assert!(check(named).is_ok());
        }
    }

    #[test]
    fn wrong_keys_are_named_and_not_shown() {
        let settings = Settings { master_keys: Some("a:c2VjcmV0".into()), ..Settings::default() };
        let problems = resolve(settings, Some(PathBuf::from("/data")), false, 2).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(!problems[0].to_string().contains("c2VjcmV0"));
    }

    #[test]
    fn relay_says_all_that_it_lacks() {
        let relay = Settings { payment_provider: Some(PaymentProviderName::Relay), ..Settings::default() };
        let url = Some("http://api.relay.link".into());
        assert_eq!(check(relay.clone()).unwrap_err(), ["CROCHET_RELAY_API_KEY", "CROCHET_RELAY_FEE_RECIPIENT"]);
        let wrong = check(Settings { relay_url: url, ..relay }).unwrap_err();
        assert_eq!(wrong, ["CROCHET_RELAY_URL", "CROCHET_RELAY_API_KEY", "CROCHET_RELAY_FEE_RECIPIENT"]);
    }

    #[test]
    fn replicas_on_one_key_divide_what_relay_grants() {
        let relay = |quotes, reads| Settings {
            payment_provider: Some(PaymentProviderName::Relay),
            relay_api_key: Some("a-relay-key".into()),
            relay_fee_recipient: Some("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".into()),
            relay_quotes_per_minute: quotes,
            relay_reads_per_minute: reads,
            ..Settings::default()
        };
        let budgets = |settings| {
            let relay = check(settings).unwrap().relay.unwrap();
            (relay.quotes_per_minute.get(), relay.reads_per_minute.get())
        };
        assert_eq!(budgets(relay(None, None)), (50, 200));
        assert_eq!(budgets(relay(Some(25), Some(100))), (25, 100));
        assert_eq!(
            check(relay(Some(0), Some(0))).unwrap_err(),
            ["CROCHET_RELAY_QUOTES_PER_MINUTE", "CROCHET_RELAY_READS_PER_MINUTE"]
        );
    }

    #[test]
    fn production_is_paid_through_relay() {
        let settings = Settings {
            env: Some(Environment::Production),
            public_url: Some("https://gateway.example".into()),
            database_url: Some("postgresql://app@127.0.0.1/crochet?sslmode=disable".into()),
            master_keys: Some("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into()),
            payment_provider: Some(PaymentProviderName::Relay),
            relay_api_key: Some("a-relay-key".into()),
            relay_fee_recipient: Some("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".into()),
            ..Settings::default()
        };
        let config = check(settings).unwrap();
        assert!(!format!("{config:?}").contains("a-relay-key"));
        assert_eq!(config.relay.unwrap().url, "https://api.relay.link");
        assert_eq!(config.check_interval, Duration::from_secs(2));
    }

    #[test]
    fn where_limits_are_shared_is_checked_and_not_shown() {
        let shared = |url: &str| Settings { redis_url: Some(url.into()), ..Settings::default() };
        assert_eq!(check(Settings::default()).unwrap().redis.map(|redis| redis.prefix), None);
        let config = check(shared("redis://:c2VjcmV0@cache:6379/1")).unwrap();
        assert!(!format!("{config:?}").contains("c2VjcmV0"));
        assert_eq!(config.redis.unwrap().prefix, "crochet");
        let wrong = Settings { redis_prefix: Some("a b".into()), ..shared("http://:c2VjcmV0@cache") };
        let problems = resolve(wrong, Some(PathBuf::from("/data")), false, 2).unwrap_err();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(texts[0].starts_with("CROCHET_REDIS_PREFIX") && texts[1].starts_with("CROCHET_REDIS_URL"), "{texts:?}");
        assert!(!texts.concat().contains("c2VjcmV0"));
    }

    #[test]
    fn what_is_given_first_wins() {
        let first = Settings { log: Some("debug".into()), ..Settings::default() };
        let second = Settings { log: Some("warn".into()), workers: Some(3), ..Settings::default() };
        let both = first.or(second);
        assert_eq!((both.log.as_deref(), both.workers), (Some("debug"), Some(3)));
    }
}
