//! A seller's private endpoint.

use std::time::Duration;

use crochet_primitives::{ListingId, Timestamp};
use crochet_signing::{SigningSecret, SigningSecrets};
use secrecy::SecretString;

use crochet_primitives::names;

/// Where a listing's calls go. URL, header and secrets are encrypted at rest and never leave through the API.
#[derive(Debug, Clone)]
pub struct GatewayEndpoint {
    /// The listing that it serves.
    pub listing: ListingId,
    /// The private URL.
    pub url: SecretString,
    /// `s•••.example`: what of the host may be shown to its owner.
    pub host_hint: String,
    /// A header to authenticate with at the seller.
    pub upstream_auth_header: Option<UpstreamAuthHeader>,
    /// The secret that signs, or will sign once an overlap ends.
    pub signing_secret: SigningSecret,
    /// The secret before it, while a rotation overlaps.
    pub previous_secret: Option<PreviousSecret>,
    /// How long the seller may take, in milliseconds: 1,000 to 120,000.
    pub timeout_ms: u32,
    /// The longest request body, in bytes: 1 to 1,048,576.
    pub max_request_bytes: u32,
    /// The longest response body, in bytes: 1 to 8,388,608.
    pub max_response_bytes: u32,
    /// Whether calls are forwarded.
    pub status: EndpointStatus,
    /// Counts the changes; a change names the one that it is based on.
    pub revision: u32,
    /// When it was set up.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A header with which the gateway authenticates at the seller.
#[derive(Debug, Clone)]
pub struct UpstreamAuthHeader {
    /// `Authorization`, or an `X-…` name outside `X-Crochet-` and `X-Forwarded-`.
    pub name: String,
    /// Up to 4,096 printable characters.
    pub value: SecretString,
}

/// A signing secret that is being rotated out.
#[derive(Debug, Clone)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: SigningSecret,
    /// Until when it signs.
    pub valid_until: Timestamp,
}

names! {
    /// Whether calls are forwarded.
    pub enum EndpointStatus {
        /// They are.
        Active => "active",
        /// They are not, until the owner switches it on again.
        Disabled => "disabled",
    }
}

impl GatewayEndpoint {
    /// What signs at `now`. During an overlap the previous secret keeps signing, so that a seller that knows only
    /// that one goes on working, and the new one signs beside it; then they switch.
    #[must_use]
    pub fn signing_secrets(&self, now: Timestamp) -> SigningSecrets {
        match &self.previous_secret {
            Some(previous) if now < previous.valid_until => {
                SigningSecrets { current: previous.secret.clone(), next: Some(self.signing_secret.clone()) }
            }
            _ => SigningSecrets { current: self.signing_secret.clone(), next: None },
        }
    }

    /// How long the seller may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.timeout_ms))
    }
}
