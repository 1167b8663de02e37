//! Where the gateway may talk to: asked when a listing names its endpoint, at every call, and for every address that
//! a name resolves to.

mod address;
mod host;
mod url_check;

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

pub use address::check_address;
pub use url_check::{CheckedUrl, MAX_URL_BYTES, check_url};

/// How strict the guard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Public HTTPS endpoints only.
    Production,
    /// The same, but loopback is exempt: plain HTTP and every port are allowed there, and nowhere else.
    Development,
}

/// What the guard allows.
#[derive(Debug, Clone)]
pub struct GuardPolicy {
    /// How strict it is.
    pub environment: Environment,
    /// The ports that sellers may use: 443 and 8443 unless configured otherwise.
    pub allowed_ports: Vec<u16>,
    /// The gateway's own public hosts, each a host or `host:port`; without a port it stands for every port. They are
    /// no sellers: a call would come back to the gateway.
    pub own_hosts: Vec<String>,
}

impl GuardPolicy {
    /// The usual ports, and no own hosts.
    #[must_use]
    pub fn new(environment: Environment) -> Self {
        Self { environment, allowed_ports: vec![443, 8443], own_hosts: Vec::new() }
    }

    /// Whether an address that is not public is allowed all the same.
    fn exempts(&self, address: IpAddr) -> bool {
        self.exempts_loopback() && address.is_loopback()
    }

    fn exempts_loopback(&self) -> bool {
        self.environment == Environment::Development
    }
}

/// Why an endpoint is refused. The messages are for the seller, and hold nothing of the URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GuardRefusal {
    /// Longer than [`MAX_URL_BYTES`].
    #[error("the endpoint URL is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// No absolute URL.
    #[error("the endpoint URL is not a valid absolute URL")]
    Malformed,
    /// Another scheme than `https`.
    #[error("the endpoint URL must begin with https://")]
    NotHttps,
    /// A user name or password.
    #[error("the endpoint URL must not contain a user name or password; use the upstream auth header")]
    Userinfo,
    /// A fragment.
    #[error("the endpoint URL must not contain a fragment (#)")]
    Fragment,
    /// A host that DNS cannot hold.
    #[error("the endpoint's host is not a valid DNS name or IP address")]
    HostName,
    /// `localhost`, `.local`, `.internal` and the like.
    #[error("the endpoint's host is a name of a local network; it must be reachable from the public Internet")]
    LocalName,
    /// A name of one label.
    #[error("the endpoint's host must be a full domain name")]
    SingleLabel,
    /// An address that is not public.
    #[error("the endpoint's address is not on the public Internet")]
    Address,
    /// A port that sellers may not use.
    #[error("the endpoint's port is not allowed; allowed ports: {}", Ports(allowed))]
    Port {
        /// Those that they may use.
        allowed: Vec<u16>,
    },
    /// The gateway itself.
    #[error("the endpoint is this gateway itself; it must be the seller's own service")]
    OwnHost,
}

struct Ports<'a>(&'a [u16]);

impl fmt::Display for Ports<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, port) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{port}")?;
        }
        Ok(())
    }
}
