//! Where the shared store is, and how long it may take.

use std::time::Duration;

use redis::IntoConnectionInfo;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::RedisProblem;

/// What keys begin with when nothing else is said.
pub const DEFAULT_PREFIX: &str = "crochet";

/// Longer prefixes cost memory with every caller.
const MAX_PREFIX: usize = 64;

/// Where the shared store is, and how long it may take.
#[derive(Debug, Clone)]
pub struct SharedLimitsConfig {
    /// `redis://`, `rediss://` (TLS) or `unix:` URL, with user, password and database; see [`check_url`].
    pub url: SecretString,
    /// What all keys begin with: `PREFIX:limit:CLASS:SUBJECT`. Gateways with the same prefix share their limits.
    pub prefix: String,
    /// The longest that a request waits for an answer.
    pub response_timeout: Duration,
    /// The longest that a new connection may take, TLS and password included. No request waits for one.
    pub connect_timeout: Duration,
    /// The first and the longest pause between two attempts to come back.
    pub pauses: (Duration, Duration),
}

impl SharedLimitsConfig {
    /// 100 ms for an answer, 500 ms for a connection, attempts 200 ms to 10 s apart.
    #[must_use]
    pub fn new(url: SecretString, prefix: String) -> Self {
        Self {
            url,
            prefix,
            response_timeout: Duration::from_millis(100),
            connect_timeout: Duration::from_millis(500),
            pauses: (Duration::from_millis(200), Duration::from_secs(10)),
        }
    }

    pub(crate) fn client(&self) -> Result<redis::Client, RedisProblem> {
        let url = self.url.expose_secret();
        check_url(url).map_err(RedisProblem::Url)?;
        if url.starts_with("rediss:") || url.starts_with("valkeys:") {
            // Whoever was first has chosen; two providers in one program would otherwise end in a panic.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        redis::Client::open(url).map_err(|_| RedisProblem::Url(NOT_A_URL))
    }
}

const NOT_A_URL: &str = "is not a URL: redis://user:password@host:6379/0, rediss://… with TLS, or unix:///path/socket";

/// Whether a URL can name a server. Says what is wrong without showing any of it.
///
/// # Errors
/// What is wrong with it.
pub fn check_url(text: &str) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| NOT_A_URL)?;
    let known: &[&str] = match url.scheme() {
        "redis" | "rediss" | "valkey" | "valkeys" => &["protocol"],
        "unix" | "redis+unix" | "valkey+unix" => &["protocol", "db", "user", "pass"],
        _ => return Err("begins with redis://, rediss:// (TLS) or unix://"),
    };
    if url.fragment().is_some() {
        return Err("has a fragment: a # in a password is written %23, and certificates are always checked");
    }
    if url.query_pairs().any(|(name, _)| !known.contains(&name.as_ref())) {
        return Err("has parameters that are not known");
    }
    if text.into_connection_info().is_err() {
        return Err(NOT_A_URL);
    }
    Ok(())
}

/// Whether a prefix is one: 1 to 64 of `a–z`, `A–Z`, `0–9`, `.`, `_`, `-` and `:`.
#[must_use]
pub fn check_prefix(prefix: &str) -> bool {
    (1..=MAX_PREFIX).contains(&prefix.len())
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_servers_with_and_without_tls_and_of_sockets_are_taken() {
        for url in [
            "redis://127.0.0.1",
            "redis://127.0.0.1:6380/3",
            "redis://:p%23ss@cache.internal:6379/0",
            "rediss://user:pass@cache.example",
            "valkey://[::1]:6379",
            "valkeys://cache.example?protocol=resp3",
            "unix:///run/redis.sock?db=2&pass=x",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_showing_it() {
        for url in [
            "",
            "127.0.0.1:6379",
            "http://secret@cache",
            "redis://",
            "redis://0.0.0.0",
            "redis://cache/nothing",
            "redis://:secret#more@cache",
            "rediss://cache.example#insecure",
            "redis://cache?pass=secret",
            "redis://cache?protocol=9",
        ] {
            let problem = check_url(url).unwrap_err();
            assert!(!problem.contains("secret"), "{url}: {problem}");
        }
    }

    #[test]
    fn a_configuration_shows_no_password() {
        let config = SharedLimitsConfig::new("redis://:secret@cache".into(), "crochet".into());
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn prefixes_are_short_and_plain() {
        assert!(check_prefix("crochet") && check_prefix("eu-1:crochet.prod_2"));
        assert!(!check_prefix("") && !check_prefix("a b") && !check_prefix("{a}") && !check_prefix(&"a".repeat(65)));
    }
}
