//! What the gateway has to be told to take payments in headers.

use std::collections::HashSet;
use std::time::Duration;

use crochet_x402::Asset;
use http::uri::Scheme;
use http::{HeaderValue, Uri};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::budget::VerificationLimits;

/// Through whom payments are submitted, and where they are looked for.
#[derive(Debug, Clone)]
pub struct FacilitatorConfig {
    /// The preferred one first; at least one. The next is asked where one cannot verify a payment.
    pub facilitators: Vec<FacilitatorEndpoint>,
    /// What is taken, the preferred one first; at least one. A network may occur with several assets; v1 clients pay
    /// in the first one of theirs.
    pub networks: Vec<PaidNetwork>,
    /// What facilitators that speak v1 are told is paid for: the gateway's public URL.
    pub resource_url: String,
    /// How long is waited for what.
    pub times: FacilitatorTimes,
    /// How many payments that nobody has claimed are asked about.
    pub verifications: VerificationLimits,
}

/// A facilitator.
#[derive(Debug, Clone)]
pub struct FacilitatorEndpoint {
    /// Before `/verify`, `/settle` and `/supported`: `https://…`, or a server on loopback. It is kept with payments
    /// that are submitted through it.
    pub url: String,
    /// Sent as `Authorization: Bearer …`.
    pub bearer_token: Option<SecretString>,
}

/// An asset that is taken, and the eyes on its chain.
#[derive(Debug, Clone)]
pub struct PaidNetwork {
    /// What is taken, and with it where.
    pub asset: Asset,
    /// The JSON-RPC of a node of its chain: `https://…`, or a server on loopback. Often has a key in it.
    pub rpc_url: SecretString,
    /// How old a block has to be, in seconds, until what it shows is not undone any more. An authorization that expired
    /// unused counts as lost after so long. Solana says itself what is final.
    pub finality_seconds: u32,
}

/// Bounds on waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FacilitatorTimes {
    /// For a verification altogether: 9 s by default, below the port's 10 s.
    pub verify: Duration,
    /// For one facilitator's answer to it: 4 s.
    pub verify_attempt: Duration,
    /// For what facilitators support, where an offer has to name their fee payer: 2 s altogether, below the port's 3 s.
    pub supported: Duration,
    /// For a submission altogether: 38 s by default, below the port's 40 s.
    pub submit: Duration,
    /// For the facilitator's answer to it: 28 s.
    pub settle: Duration,
    /// For a look at the chain altogether: 9 s by default, below the port's 10 s.
    pub check: Duration,
    /// For one call of it: 3 s.
    pub rpc_attempt: Duration,
    /// How often the chain is looked at again once a facilitator says that it has submitted: 10 times by default.
    pub looks: u32,
    /// What is waited between two such looks: 500 ms.
    pub between_looks: Duration,
}

impl Default for FacilitatorTimes {
    fn default() -> Self {
        Self {
            verify: Duration::from_secs(9),
            verify_attempt: Duration::from_secs(4),
            supported: Duration::from_secs(2),
            submit: Duration::from_secs(38),
            settle: Duration::from_secs(28),
            check: Duration::from_secs(9),
            rpc_attempt: Duration::from_secs(3),
            looks: 10,
            between_looks: Duration::from_millis(500),
        }
    }
}

/// What of a configuration cannot be used. Positions count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FacilitatorConfigError {
    /// Nobody to submit payments through.
    #[error("there is no facilitator")]
    NoFacilitator,
    /// Nothing to be paid in.
    #[error("there is no network to be paid on")]
    NoNetwork,
    /// Not https, or with more in it than host, port and path.
    #[error("the URL of facilitator {0} is not https:// with a host; http goes to loopback only")]
    FacilitatorUrl(usize),
    /// One URL twice.
    #[error("the URL of facilitator {0} is listed twice")]
    SameFacilitator(usize),
    /// Characters that a header cannot have.
    #[error("the bearer token of facilitator {0} is empty, or has characters that a header cannot have")]
    BearerToken(usize),
    /// Not https.
    #[error("the RPC URL of network {0} is not https:// with a host; http goes to loopback only")]
    RpcUrl(usize),
    /// One asset twice.
    #[error("the asset of network {0} is listed twice")]
    SameAsset(usize),
    /// No absolute URL.
    #[error("the resource URL is not an absolute http(s) URL")]
    ResourceUrl,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls,
}

impl FacilitatorConfig {
    /// Everything that is wrong with it; empty for what can be used.
    #[must_use]
    pub fn problems(&self) -> Vec<FacilitatorConfigError> {
        use FacilitatorConfigError as Problem;
        let mut problems = Vec::new();
        if self.facilitators.is_empty() {
            problems.push(Problem::NoFacilitator);
        }
        if self.networks.is_empty() {
            problems.push(Problem::NoNetwork);
        }
        let mut seen = HashSet::new();
        for (facilitator, place) in self.facilitators.iter().zip(1..) {
            match facilitator.checked_url() {
                None => problems.push(Problem::FacilitatorUrl(place)),
                Some(url) if !seen.insert(url.clone()) => problems.push(Problem::SameFacilitator(place)),
                Some(_) => {}
            }
            if facilitator.bearer_token.is_some() && facilitator.checked_authorization().is_none() {
                problems.push(Problem::BearerToken(place));
            }
        }
        let mut seen = HashSet::new();
        for (network, place) in self.networks.iter().zip(1..) {
            if network.checked_rpc_url().is_none() {
                problems.push(Problem::RpcUrl(place));
            }
            if !seen.insert(network.asset.caip19()) {
                problems.push(Problem::SameAsset(place));
            }
        }
        let resource: Option<Uri> = self.resource_url.parse().ok();
        if !resource.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some())
        {
            problems.push(Problem::ResourceUrl);
        }
        problems
    }
}

impl FacilitatorEndpoint {
    /// Without a slash at the end.
    pub(crate) fn checked_url(&self) -> Option<String> {
        let uri = allowed(&self.url)?;
        uri.query().is_none().then(|| self.url.trim_end_matches('/').to_owned())
    }

    /// As a header that shows itself in no log; `None` without a token, and for one that cannot be sent.
    pub(crate) fn checked_authorization(&self) -> Option<HeaderValue> {
        let token = self.bearer_token.as_ref()?.expose_secret();
        let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| !token.is_empty())?;
        header.set_sensitive(true);
        Some(header)
    }
}

impl PaidNetwork {
    pub(crate) fn checked_rpc_url(&self) -> Option<Uri> {
        allowed(self.rpc_url.expose_secret())
    }
}

/// https, or http to loopback, and nobody's name in it.
fn allowed(url: &str) -> Option<Uri> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme()?, uri.authority()?);
    let is_allowed = *scheme == Scheme::HTTPS || (*scheme == Scheme::HTTP && is_loopback(authority.host()));
    (is_allowed && !authority.as_str().contains('@')).then_some(uri)
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}
