//! Which URLs may be a seller's endpoint.

use std::fmt;

use http::Uri;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::host::{NameKind, is_own, judge_name};
use super::{GuardPolicy, GuardRefusal, check_address};

/// The longest endpoint URL, in bytes.
pub const MAX_URL_BYTES: usize = 2048;

/// A URL that the guard allows, in its one normal form. It is private: `Debug` shows nothing of it.
///
/// Its host, where it is a name, is yet to be resolved; the addresses are checked then.
#[derive(Clone)]
pub struct CheckedUrl {
    text: SecretString,
    uri: Uri,
}

impl CheckedUrl {
    /// The URL as text, to be encrypted and stored.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// The URL as a request's target.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Debug for CheckedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckedUrl(..)")
    }
}

/// Checks a seller's endpoint, without any I/O. IP addresses are understood in every notation that a URL may use
/// (decimal, octal, hexadecimal, short), and names in every case and with their last point.
///
/// # Errors
/// The first reason to refuse it.
pub fn check_url(text: &str, policy: &GuardPolicy) -> Result<CheckedUrl, GuardRefusal> {
    if text.len() > MAX_URL_BYTES {
        return Err(GuardRefusal::TooLong);
    }
    // A URL parser drops line ends and tabs wherever they stand, which hides from a reader what is meant.
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(GuardRefusal::Malformed);
    }
    let mut url = Url::parse(text).map_err(|_| GuardRefusal::Malformed)?;
    let is_encrypted = match url.scheme() {
        "https" => true,
        "http" if policy.exempts_loopback() => false,
        _ => return Err(GuardRefusal::NotHttps),
    };
    if !has_two_slashes(text, url.scheme()) {
        return Err(GuardRefusal::Malformed);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(GuardRefusal::Userinfo);
    }
    if url.fragment().is_some() {
        return Err(GuardRefusal::Fragment);
    }
    drop_last_point(&mut url)?;

    let host = url.host().ok_or(GuardRefusal::Malformed)?;
    let is_loopback = judge_host(&host, policy)?;
    if !is_encrypted && !is_loopback {
        return Err(GuardRefusal::NotHttps);
    }
    let port = url.port_or_known_default().ok_or(GuardRefusal::Malformed)?;
    let is_port_allowed = if is_loopback { port != 0 } else { policy.allowed_ports.contains(&port) };
    if !is_port_allowed {
        return Err(GuardRefusal::Port { allowed: policy.allowed_ports.clone() });
    }
    if policy.own_hosts.iter().any(|own| is_own(own, &host, port)) {
        return Err(GuardRefusal::OwnHost);
    }

    // Escaping may have made it longer.
    if url.as_str().len() > MAX_URL_BYTES {
        return Err(GuardRefusal::TooLong);
    }
    let uri = url.as_str().parse().map_err(|_| GuardRefusal::Malformed)?;
    Ok(CheckedUrl { text: SecretString::from(String::from(url)), uri })
}

/// Whether a host stands between `://` and the next slash. A URL parser takes any number of slashes there, and
/// backslashes for slashes, about which others disagree with it.
fn has_two_slashes(text: &str, scheme: &str) -> bool {
    let before_query = text.split('?').next().unwrap_or_default();
    let behind = text.get(scheme.len()..).and_then(|rest| rest.strip_prefix("://"));
    behind.is_some_and(|rest| !rest.starts_with('/')) && !before_query.contains('\\')
}

/// `seller.example.` and `seller.example` are one host: in one form they have one connection pool and one
/// certificate, and the names below are compared in that form only.
fn drop_last_point(url: &mut Url) -> Result<(), GuardRefusal> {
    let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
    let Some(name) = name.strip_suffix('.').map(str::to_owned) else { return Ok(()) };
    url.set_host(Some(&name)).map_err(|_| GuardRefusal::HostName)
}

/// Whether the host is loopback, where that is exempt.
fn judge_host(host: &Host<&str>, policy: &GuardPolicy) -> Result<bool, GuardRefusal> {
    let address = match *host {
        Host::Domain(name) => {
            return match judge_name(name)? {
                NameKind::Public => Ok(false),
                NameKind::Localhost if policy.exempts_loopback() => Ok(true),
                NameKind::Localhost => Err(GuardRefusal::LocalName),
            };
        }
        Host::Ipv4(address) => address.into(),
        Host::Ipv6(address) => address.into(),
    };
    check_address(address, policy)?;
    Ok(policy.exempts(address))
}

#[cfg(test)]
mod tests;
