//! What the gateway has to be told to be paid through Relay.

use std::num::NonZeroU32;
use std::time::Duration;

use crochet_wallet::{Chain, WalletAddress};
use http::uri::Scheme;
use http::{HeaderValue, Uri};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// How Relay is asked.
#[derive(Debug, Clone)]
pub struct RelayConfig {
    /// `https://api.relay.link`, or a test's server on loopback: the API key never travels in the clear further.
    pub url: String,
    /// Relay's API key: it opens the record of what arrived, and signs webhooks.
    pub api_key: SecretString,
    /// The EVM address for which Relay keeps the marketplace's fee.
    pub fee_recipient: String,
    /// Quotes in any minute, as Relay grants them: 50 by default.
    pub quotes_per_minute: NonZeroU32,
    /// All other calls in any minute: 200 by default.
    pub reads_per_minute: NonZeroU32,
    /// How long is waited for what.
    pub times: RelayTimes,
}

/// Bounds on waiting. What is left of one answer's time bounds its retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayTimes {
    /// For a quote altogether: 18 s by default, below the port's 20 s.
    pub quote: Duration,
    /// For one attempt at it: 9 s.
    pub quote_attempt: Duration,
    /// For a check altogether, however many calls it takes: 9 s by default, below the port's 10 s.
    pub check: Duration,
    /// For one attempt at a call of it: 4 s.
    pub check_attempt: Duration,
}

impl Default for RelayTimes {
    fn default() -> Self {
        Self {
            quote: Duration::from_secs(18),
            quote_attempt: Duration::from_secs(9),
            check: Duration::from_secs(9),
            check_attempt: Duration::from_secs(4),
        }
    }
}

/// What of a configuration cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RelayConfigError {
    /// Not https, or with more in it than a host and a port.
    #[error("Relay's URL is https:// and a host; http goes to loopback only")]
    Url,
    /// Empty, or with characters that a header cannot have.
    #[error("Relay's API key is missing, or has characters that a header cannot have")]
    ApiKey,
    /// No EVM address.
    #[error("the recipient of the fee is an EVM address: 0x and 40 hexadecimal digits")]
    FeeRecipient,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls,
}

impl RelayConfig {
    /// The defaults, for this key and this recipient of fees.
    #[must_use]
    pub fn new(url: String, api_key: SecretString, fee_recipient: String) -> Self {
        const QUOTES: NonZeroU32 = NonZeroU32::MIN.saturating_add(49);
        const READS: NonZeroU32 = NonZeroU32::MIN.saturating_add(199);
        Self {
            url,
            api_key,
            fee_recipient,
            quotes_per_minute: QUOTES,
            reads_per_minute: READS,
            times: RelayTimes::default(),
        }
    }

    /// Everything that is wrong with it; empty for what can be used.
    #[must_use]
    pub fn problems(&self) -> Vec<RelayConfigError> {
        let checks = [self.checked_url().err(), self.checked_api_key().err(), self.checked_fee_recipient().err()];
        checks.into_iter().flatten().collect()
    }

    /// As a header that shows itself in no log.
    pub(super) fn checked_api_key(&self) -> Result<HeaderValue, RelayConfigError> {
        let key = self.api_key.expose_secret();
        let mut header = HeaderValue::from_str(key).map_err(|_| RelayConfigError::ApiKey)?;
        header.set_sensitive(true);
        if key.is_empty() { Err(RelayConfigError::ApiKey) } else { Ok(header) }
    }

    /// `scheme://host:port`, without a slash at the end.
    pub(super) fn checked_url(&self) -> Result<String, RelayConfigError> {
        let uri: Uri = self.url.parse().map_err(|_| RelayConfigError::Url)?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(RelayConfigError::Url);
        };
        let is_allowed = *scheme == Scheme::HTTPS || (*scheme == Scheme::HTTP && is_loopback(authority.host()));
        let is_plain = matches!(uri.path(), "" | "/") && uri.query().is_none() && !authority.as_str().contains('@');
        if is_allowed && is_plain { Ok(format!("{scheme}://{authority}")) } else { Err(RelayConfigError::Url) }
    }

    pub(super) fn checked_fee_recipient(&self) -> Result<String, RelayConfigError> {
        let address = WalletAddress::parse(&self.fee_recipient).map_err(|_| RelayConfigError::FeeRecipient)?;
        if address.chain() == Chain::Evm { Ok(address.canonical()) } else { Err(RelayConfigError::FeeRecipient) }
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPIENT: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

    fn config(url: &str, fee_recipient: &str) -> RelayConfig {
        RelayConfig::new(url.to_owned(), SecretString::from("the-key"), fee_recipient.to_owned())
    }

    #[test]
    fn the_key_travels_over_tls_or_stays_on_this_machine() {
        for url in ["https://api.relay.link", "https://api.relay.link/", "http://127.0.0.1:4000", "http://[::1]:4000"] {
            assert_eq!(config(url, RECIPIENT).checked_url().as_deref(), Ok(url.trim_end_matches('/')));
        }
        for url in [
            "",
            "api.relay.link",
            "http://api.relay.link",
            "http://localhost.example",
            "ftp://127.0.0.1",
            "https://user@api.relay.link",
            "https://api.relay.link/v2",
            "https://api.relay.link?a=b",
        ] {
            assert_eq!(config(url, RECIPIENT).checked_url(), Err(RelayConfigError::Url), "{url}");
        }
    }

    #[test]
    fn fees_go_to_an_evm_address() {
        assert_eq!(config("", RECIPIENT).checked_fee_recipient(), Ok(RECIPIENT.to_lowercase()));
        for address in ["", "0x1", "2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8"] {
            assert_eq!(config("", address).checked_fee_recipient(), Err(RelayConfigError::FeeRecipient), "{address}");
        }
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let nothing = RelayConfig::new(String::new(), SecretString::from(""), String::new());
        assert_eq!(
            nothing.problems(),
            [RelayConfigError::Url, RelayConfigError::ApiKey, RelayConfigError::FeeRecipient]
        );
        assert_eq!(config("https://api.relay.link", RECIPIENT).problems(), []);
    }

    #[test]
    fn a_configuration_does_not_show_its_key() {
        assert!(!format!("{:?}", config("https://api.relay.link", RECIPIENT)).contains("the-key"));
    }
}
