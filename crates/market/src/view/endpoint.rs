//! Private endpoints, for their owners.

use crochet_primitives::{Timestamp, rfc3339_millis, schema};
use crochet_signing::SigningSecret;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::catalogue::{EndpointSet, Rotated};
use crate::endpoint::{EndpointStatus, GatewayEndpoint};
use crate::schema::{HeaderName, MaxRequestBytes, MaxResponseBytes, SigningSecretText, TimeoutMs, examples};

/// What may be shown of an endpoint, to its owner: never its URL or its header's value.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Endpoint, examples(json!(examples::endpoint())))]
pub struct EndpointJson {
    /// Whether calls are forwarded.
    pub status: EndpointStatus,
    /// `s•••.example`.
    pub host_hint: String,
    /// How long the seller may take, in milliseconds.
    #[schema(value_type = TimeoutMs)]
    pub timeout_ms: u32,
    /// The longest request body, in bytes.
    #[schema(value_type = MaxRequestBytes)]
    pub max_request_bytes: u32,
    /// The longest response body, in bytes.
    #[schema(value_type = MaxResponseBytes)]
    pub max_response_bytes: u32,
    /// The name of the header that authenticates at the seller.
    #[schema(value_type = Option<HeaderName>, required)]
    pub upstream_auth_header_name: Option<String>,
    /// Until when the secret before the newest goes on signing.
    #[serde(with = "rfc3339_millis::option")]
    #[schema(value_type = Option<schema::Timestamp>, required)]
    pub previous_secret_valid_until: Option<Timestamp>,
    /// The signing secret, the one time that it is shown.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "raw_secret")]
    #[schema(value_type = SigningSecretText, required = false)]
    pub signing_secret: Option<SigningSecret>,
    /// When it was set up.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    pub updated_at: Timestamp,
}

impl EndpointJson {
    /// With or without the signing secret.
    #[must_use]
    pub fn new(endpoint: &GatewayEndpoint, shows_secret: bool) -> Self {
        Self {
            status: endpoint.status,
            host_hint: endpoint.host_hint.clone(),
            timeout_ms: endpoint.timeout_ms,
            max_request_bytes: endpoint.max_request_bytes,
            max_response_bytes: endpoint.max_response_bytes,
            upstream_auth_header_name: endpoint.upstream_auth_header.as_ref().map(|header| header.name.clone()),
            previous_secret_valid_until: endpoint.previous_secret.as_ref().map(|previous| previous.valid_until),
            signing_secret: shows_secret.then(|| endpoint.signing_secret.clone()),
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

impl From<&EndpointSet> for EndpointJson {
    fn from(set: &EndpointSet) -> Self {
        Self::new(&set.endpoint, set.is_new_secret)
    }
}

/// A rotated secret: shown once.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RotatedSecret, examples(json!(examples::rotated())))]
pub struct RotatedJson {
    /// The new secret.
    #[serde(serialize_with = "raw_one_secret")]
    #[schema(value_type = SigningSecretText)]
    pub signing_secret: SigningSecret,
    /// Until when the secret before it goes on signing.
    #[serde(skip_serializing_if = "Option::is_none", with = "rfc3339_millis::option")]
    #[schema(value_type = schema::Timestamp, required = false)]
    pub previous_valid_until: Option<Timestamp>,
}

impl From<&Rotated> for RotatedJson {
    fn from(rotated: &Rotated) -> Self {
        Self { signing_secret: rotated.signing_secret.clone(), previous_valid_until: rotated.previous_valid_until }
    }
}

fn raw_one_secret<S: Serializer>(secret: &SigningSecret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

fn raw_secret<S: Serializer>(secret: &Option<SigningSecret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => raw_one_secret(secret, serializer),
        None => serializer.serialize_none(),
    }
}
