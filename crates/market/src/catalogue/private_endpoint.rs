//! Checking what a seller says of its private endpoint.

use std::ops::RangeInclusive;

use crochet_primitives::{ListingId, Timestamp};
use crochet_signing::SigningSecret;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::body::{EndpointBody, UpstreamAuthHeaderBody};
use crate::endpoint::{EndpointStatus, GatewayEndpoint, UpstreamAuthHeader};
use crate::error::MarketError;
use crate::fields::{MAX_URL, Problems};
use crate::ports::EndpointGuard;
use crate::schema::{MaxRequestBytes, MaxResponseBytes, TimeoutMs, is_private_url};

const URL: &str = "private_endpoint_url";
const HEADER_NAME: &str = "upstream_auth_header.name";
const HEADER_VALUE: &str = "upstream_auth_header.value";
/// The longest name of a header that authenticates at the seller, in bytes.
pub(crate) const MAX_HEADER_NAME: usize = 100;
/// The longest value of such a header, in bytes.
pub(crate) const MAX_HEADER_VALUE: usize = 4_096;

/// A private URL of the right form, and what of its host may be shown.
#[derive(Debug, Clone)]
pub(super) struct PrivateUrl {
    url: SecretString,
    host_hint: String,
}

impl PrivateUrl {
    /// `None` where the body says nothing of it. No problem mentions the URL.
    pub(super) fn read(said: Option<&Option<SecretString>>, problems: &mut Problems) -> Option<Self> {
        let Some(said) = said? else {
            problems.add(URL, "cannot be removed; set the endpoint's status to disabled instead");
            return None;
        };
        let text = said.expose_secret();
        if text.is_empty() || text.len() > MAX_URL {
            problems.add(URL, format!("must be 1 to {MAX_URL} bytes long"));
            return None;
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        match url.as_ref().and_then(Url::host) {
            Some(host) => Some(Self { host_hint: host_hint(&host), url: SecretString::from(text) }),
            // Written as a URL, of a host that cannot be: the guard says so.
            None if is_private_url(text) => Some(Self { host_hint: String::new(), url: SecretString::from(text) }),
            None => {
                problems.add(URL, "must be an absolute https URL");
                None
            }
        }
    }

    /// Whether the gateway would talk to it.
    pub(super) fn check(&self, guard: &dyn EndpointGuard) -> Result<(), MarketError> {
        let text = self.url.expose_secret();
        guard.check(text).map_err(|detail| MarketError::EndpointNotAllowed { detail })?;
        // Parsers forgive what RFC 3986 does not, each in its own way; one that forgives nothing is left.
        if self.host_hint.is_empty() || !is_private_url(text) {
            let detail = "a URL is written in ASCII, with everything else in percent-encoding".to_owned();
            return Err(MarketError::EndpointNotAllowed { detail });
        }
        Ok(())
    }

    /// The first endpoint of a listing, with a new secret.
    pub(super) fn endpoint(self, listing: ListingId, secret: SigningSecret, now: Timestamp) -> GatewayEndpoint {
        GatewayEndpoint {
            listing,
            url: self.url,
            host_hint: self.host_hint,
            upstream_auth_header: None,
            signing_secret: secret,
            previous_secret: None,
            timeout_ms: 30_000,
            max_request_bytes: 262_144,
            max_response_bytes: 1_048_576,
            status: EndpointStatus::Active,
            revision: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Moves an endpoint here.
    pub(super) fn apply(self, endpoint: &mut GatewayEndpoint) {
        endpoint.url = self.url;
        endpoint.host_hint = self.host_hint;
    }
}

/// The changes of a body that were found to be within bounds, but for the URL.
#[derive(Debug, Clone)]
pub(super) struct EndpointChanges {
    header: Option<Option<UpstreamAuthHeader>>,
    timeout_ms: Option<u32>,
    max_request_bytes: Option<u32>,
    max_response_bytes: Option<u32>,
    status: Option<EndpointStatus>,
}

impl EndpointChanges {
    pub(super) fn read(body: &EndpointBody, problems: &mut Problems) -> Self {
        let header = body.upstream_auth_header.as_ref().map(Option::as_ref);
        Self {
            header: header.map(|header| header.and_then(|header| auth_header(header, problems))),
            timeout_ms: within("timeout_ms", body.timeout_ms, TimeoutMs::BOUNDS, problems),
            max_request_bytes: within("max_request_bytes", body.max_request_bytes, MaxRequestBytes::BOUNDS, problems),
            max_response_bytes: within(
                "max_response_bytes",
                body.max_response_bytes,
                MaxResponseBytes::BOUNDS,
                problems,
            ),
            status: body.status,
        }
    }

    pub(super) fn apply(self, endpoint: &mut GatewayEndpoint) {
        if let Some(header) = self.header {
            endpoint.upstream_auth_header = header;
        }
        endpoint.timeout_ms = self.timeout_ms.unwrap_or(endpoint.timeout_ms);
        endpoint.max_request_bytes = self.max_request_bytes.unwrap_or(endpoint.max_request_bytes);
        endpoint.max_response_bytes = self.max_response_bytes.unwrap_or(endpoint.max_response_bytes);
        endpoint.status = self.status.unwrap_or(endpoint.status);
    }
}

fn within(field: &str, said: Option<u32>, bounds: RangeInclusive<u32>, problems: &mut Problems) -> Option<u32> {
    let said = said?;
    if !bounds.contains(&said) {
        problems.add(field, format!("must be {} to {}", bounds.start(), bounds.end()));
    }
    Some(said)
}

/// Only a header that cannot be mistaken for one of the gateway's own, nor change how the request is framed or routed.
fn auth_header(header: &UpstreamAuthHeaderBody, problems: &mut Problems) -> Option<UpstreamAuthHeader> {
    let lower = header.name.to_ascii_lowercase();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_own_x = lower.strip_prefix("x-").is_some_and(|rest| !rest.is_empty())
        && !lower.starts_with("x-crochet-")
        && !lower.starts_with("x-forwarded-");
    let may_be_set = lower == "authorization" || is_own_x;
    if lower.len() > MAX_HEADER_NAME || !lower.bytes().all(is_token) || !may_be_set {
        problems.add(
            HEADER_NAME,
            "must be Authorization, or a name with X- in front that starts neither with X-Crochet- nor with X-Forwarded-",
        );
    }
    let value = header.value.expose_secret();
    let is_printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if value.is_empty() || value.len() > MAX_HEADER_VALUE || !is_printable || value.trim() != value {
        problems.add(
            HEADER_VALUE,
            format!("must be 1 to {MAX_HEADER_VALUE} printable ASCII characters without spaces around them"),
        );
    }
    Some(UpstreamAuthHeader { name: header.name.clone(), value: header.value.clone() })
}

/// The first character and the last label: enough for an owner to tell its endpoints apart.
fn host_hint(host: &Host<&str>) -> String {
    match host {
        Host::Ipv4(address) => format!("{}•••", address.to_string().chars().take(1).collect::<String>()),
        Host::Ipv6(_) => "[•••]".to_owned(),
        Host::Domain(name) => {
            let first: String = name.chars().take(1).collect();
            match name.trim_end_matches('.').rsplit_once('.') {
                Some((_, last)) => format!("{first}•••.{last}"),
                None => format!("{first}•••"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(url: &str) -> String {
        host_hint(&Url::parse(url).unwrap().host().unwrap())
    }

    #[test]
    fn a_hint_shows_the_first_character_and_the_last_label() {
        assert_eq!(hint("https://seller.example/api"), "s•••.example");
        assert_eq!(hint("https://api.seller.example."), "a•••.example");
        assert_eq!(hint("http://localhost:3000"), "l•••");
        assert_eq!(hint("http://127.0.0.1:3000"), "1•••");
        assert_eq!(hint("http://[::1]:3000"), "[•••]");
    }

    #[test]
    fn only_harmless_headers_authenticate_upstream() {
        let header = |name: &str, value: &str| {
            let mut problems = Problems::default();
            let body = UpstreamAuthHeaderBody { name: name.to_owned(), value: SecretString::from(value) };
            auth_header(&body, &mut problems);
            problems.finish().is_ok()
        };
        for name in ["Authorization", "authorization", "X-Api-Key", "x-k"] {
            assert!(header(name, "Bearer s"), "{name}");
        }
        for name in [
            "",
            "X-",
            "Host",
            "Content-Length",
            "Cookie",
            "X-Crochet-Signature",
            "x-forwarded-for",
            "X-A:b",
            "X-A\r\nB",
            "X-Ä",
            "Proxy-Authorization",
        ] {
            assert!(!header(name, "Bearer s"), "{name}");
        }
        let long = "v".repeat(MAX_HEADER_VALUE + 1);
        for value in ["", " v", "v ", "a\r\nb", "a\tb", "a\0b", "ä", long.as_str()] {
            assert!(!header("Authorization", value), "{value:?}");
        }
        assert!(header("Authorization", &long[1..]));
        assert!(!header(&format!("X-{}", "a".repeat(MAX_HEADER_NAME)), "v"));
    }
}
