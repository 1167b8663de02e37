//! What sellers send about their listings and endpoints.

use std::fmt;

use crochet_primitives::CategoryId;
use secrecy::SecretString;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::endpoint::EndpointStatus;
use crate::fields::{nullable, whole};
use crate::listing::{AuthMethod, DeliveryType, ExampleOutput, ListingStatus, PayoutCurrency, PricingModel};
use crate::schema::{
    ConnectionInstructions, Description, Docs, ExampleInput, ExpectedDelivery, HeaderName, HeaderValue, InputSchema,
    ListingName, MaxRequestBytes, MaxResponseBytes, OfferedPricingModel, OverlapSeconds, PriceAmount, PriceCurrency,
    PrivateUrlText, RiskDisclaimers, SettableStatus, ShortText, Sla, TimeoutMs, Unread, WebUrl,
};

/// What is to change about a listing. The body of `POST /listings` has the same fields, and a schema of its own.
///
/// What is absent stays. Null clears what can be cleared, and counts as absent elsewhere. What results has to be a
/// listing: `per_call` has a price above zero and a private endpoint, `free` has no price.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ListingChange, examples(json!({ "pricing_amount": 0.02, "tags": ["defi", "signals"], "status": "active" })))]
pub struct ListingBody {
    /// The solution of the listing challenge; not looked at in a change.
    #[schema(value_type = Option<Unread>)]
    pub pow_nonce: Option<String>,
    /// Which challenge it solves, where several are open; not looked at in a change.
    #[schema(value_type = Option<Unread>)]
    pub pow_challenge: Option<String>,
    /// 2 to 100 characters.
    #[schema(value_type = Option<ListingName>)]
    pub name: Option<String>,
    /// 10 to 5,000 characters.
    #[schema(value_type = Option<Description>)]
    pub description: Option<String>,
    /// The UUID of a category.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<CategoryId>)]
    pub category_id: Option<Option<CategoryId>>,
    /// `free` or `per_call`.
    #[schema(value_type = Option<OfferedPricingModel>)]
    pub pricing_model: Option<PricingModel>,
    /// The price of a call in US dollars. Read from its own text and never through a float.
    #[schema(value_type = Option<PriceAmount>)]
    pub pricing_amount: Option<Box<RawValue>>,
    /// Only `USD`.
    #[schema(value_type = Option<PriceCurrency>)]
    pub pricing_currency: Option<String>,
    /// What the seller wants to be paid in.
    pub preferred_currency: Option<PayoutCurrency>,
    /// How it is delivered.
    pub delivery_type: Option<DeliveryType>,
    /// How the seller's own API authenticates.
    pub auth_method: Option<AuthMethod>,
    /// Output formats: up to 20 of 1 to 50 characters.
    #[schema(value_type = Option<Vec<ShortText>>, max_items = 20)]
    pub formats: Option<Vec<String>>,
    /// Documentation of up to 50,000 characters.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Docs>)]
    pub docs: Option<Option<String>>,
    /// How to use it, in up to 10,000 characters.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ConnectionInstructions>)]
    pub connection_instructions: Option<Option<String>>,
    /// Up to 20 examples of what it answers.
    #[schema(max_items = 20)]
    pub example_outputs: Option<Vec<ExampleOutput>>,
    /// A JSON Schema of the request's body: an object of up to 16,384 bytes, nested up to 32 deep. `$ref` leads to a part
    /// of the same schema. Who pays by x402 and who indexes listings is shown it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<InputSchema>)]
    pub input_schema: Option<Option<Value>>,
    /// An example of the request's body: JSON of up to 4,096 bytes, nested up to 32 deep.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ExampleInput>)]
    pub example_input: Option<Option<Value>>,
    /// A demonstration: an http(s) URL.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<WebUrl>)]
    pub demo_endpoint: Option<Option<String>>,
    /// Its source code: an http(s) URL.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<WebUrl>)]
    pub github_url: Option<Option<String>>,
    /// Its picture: an http(s) URL.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<WebUrl>)]
    pub logo_url: Option<Option<String>>,
    /// How long it takes, in up to 100 characters.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<ExpectedDelivery>)]
    pub expected_delivery: Option<Option<String>>,
    /// What can go wrong, in up to 5,000 characters.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<RiskDisclaimers>)]
    pub risk_disclaimers: Option<Option<String>>,
    /// What is promised, in up to 5,000 characters.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Sla>)]
    pub sla: Option<Option<String>>,
    /// Up to 20 tags of 1 to 50 characters.
    #[schema(value_type = Option<Vec<ShortText>>, max_items = 20)]
    pub tags: Option<Vec<String>>,
    /// `draft` or `active`.
    #[schema(value_type = Option<SettableStatus>)]
    pub status: Option<ListingStatus>,
    /// Where the gateway sends calls.
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = PrivateUrlText)]
    pub private_endpoint_url: Option<Option<SecretString>>,
}

/// The body of `PUT /listings/:id/endpoint`: what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndpointChange, examples(json!({
    "private_endpoint_url": "https://seller.example/agent",
    "upstream_auth_header": { "name": "X-Seller-Key", "value": "seller-internal-token" },
    "timeout_ms": 60_000
})))]
pub struct EndpointBody {
    /// Where the gateway sends calls. Required where there is no endpoint yet.
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = PrivateUrlText)]
    pub private_endpoint_url: Option<Option<SecretString>>,
    /// A header to authenticate with at the seller; null removes it.
    #[serde(default, deserialize_with = "auth_header")]
    #[schema(value_type = Option<PlainAuthHeader>)]
    pub upstream_auth_header: Option<Option<UpstreamAuthHeaderBody>>,
    /// How long the seller may take, in milliseconds: 1,000 to 120,000; at first 30,000.
    #[serde(default, deserialize_with = "whole")]
    #[schema(value_type = Option<TimeoutMs>)]
    pub timeout_ms: Option<u32>,
    /// The longest request body, in bytes: 1 to 1,048,576; at first 262,144.
    #[serde(default, deserialize_with = "whole")]
    #[schema(value_type = Option<MaxRequestBytes>)]
    pub max_request_bytes: Option<u32>,
    /// The longest response body, in bytes: 1 to 8,388,608; at first 1,048,576.
    #[serde(default, deserialize_with = "whole")]
    #[schema(value_type = Option<MaxResponseBytes>)]
    pub max_response_bytes: Option<u32>,
    /// Whether calls are forwarded.
    pub status: Option<EndpointStatus>,
}

/// A header to authenticate with at the seller, as it was sent.
#[derive(Clone)]
pub struct UpstreamAuthHeaderBody {
    /// `Authorization`, or an `X-…` name outside `X-Crochet-` and `X-Forwarded-`.
    pub name: String,
    /// 1 to 4,096 printable ASCII characters.
    pub value: SecretString,
}

impl fmt::Debug for UpstreamAuthHeaderBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamAuthHeaderBody").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The body of `POST /listings/:id/endpoint/rotate-secret`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SecretRotation, examples(json!({ "overlap_seconds": 3_600 })))]
pub struct RotateBody {
    /// How long the secret in use goes on signing beside the new one, in seconds: 0 to 86,400. 0 unless said.
    #[serde(default, deserialize_with = "whole")]
    #[schema(value_type = Option<OverlapSeconds>)]
    pub overlap_seconds: Option<u32>,
}

/// A text that must not turn up in an error message, as serde's own would show it when it is of another type.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<SecretString>>, D::Error> {
    let raw = Option::<Box<RawValue>>::deserialize(deserializer)?;
    let read = |raw: Box<RawValue>| {
        let text: Result<String, _> = serde_json::from_str(raw.get());
        text.map(SecretString::from).map_err(|_| D::Error::custom("expected a string"))
    };
    raw.map(read).transpose().map(Some)
}

/// A header to authenticate with at the seller.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UpstreamAuthHeader, examples(json!({ "name": "X-Seller-Key", "value": "seller-internal-token" })))]
struct PlainAuthHeader {
    /// `Authorization`, or an `X-…` name outside `X-Crochet-` and `X-Forwarded-`.
    #[schema(value_type = HeaderName)]
    name: String,
    /// 1 to 4,096 printable ASCII characters.
    #[schema(value_type = HeaderValue)]
    value: String,
}

/// The same for an object with a secret inside.
fn auth_header<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<UpstreamAuthHeaderBody>>, D::Error> {
    let raw = Option::<Box<RawValue>>::deserialize(deserializer)?;
    let read = |raw: Box<RawValue>| {
        let plain: PlainAuthHeader = serde_json::from_str(raw.get())
            .map_err(|_| D::Error::custom("expected an object with the texts name and value, and nothing else"))?;
        Ok(UpstreamAuthHeaderBody { name: plain.name, value: SecretString::from(plain.value) })
    };
    raw.map(read).transpose().map(Some)
}
