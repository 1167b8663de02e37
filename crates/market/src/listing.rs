//! What a seller offers.

use crochet_pricing::{MicroUsd, Price};
use crochet_primitives::{CategoryId, ListingId, ProfileId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::category::Category;
use crate::profile::Profile;
use crate::schema::{ExampleContent, ExampleLabel};
use crochet_primitives::names;

/// A listing. Its endpoint is kept apart: see [`crate::GatewayEndpoint`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// UUIDv7.
    pub id: ListingId,
    /// Unique for ever, never shaped like a UUID.
    pub slug: String,
    /// Whose it is.
    pub provider: ProfileId,
    /// 2 to 100 characters.
    pub name: String,
    /// 10 to 5,000 characters.
    pub description: String,
    /// Where it is sorted in.
    pub category: Option<CategoryId>,
    /// What a call costs.
    pub price: Price,
    /// What the seller wants to be paid in.
    pub preferred_currency: PayoutCurrency,
    /// How the capability is delivered.
    pub delivery_type: DeliveryType,
    /// How the seller's own API authenticates.
    pub auth_method: AuthMethod,
    /// Output formats, up to 20 of 1 to 50 characters.
    pub formats: Vec<String>,
    /// Up to 50,000 characters.
    pub docs: Option<String>,
    /// Up to 10,000 characters.
    pub connection_instructions: Option<String>,
    /// Up to 20 examples.
    pub example_outputs: Vec<ExampleOutput>,
    /// A JSON Schema of the request's body: an object of up to 16 KiB, whose references stay within it.
    pub input_schema: Option<Value>,
    /// An example of the request's body: JSON of up to 4 KiB.
    pub example_input: Option<Value>,
    /// An http(s) URL.
    pub demo_endpoint: Option<String>,
    /// An http(s) URL.
    pub github_url: Option<String>,
    /// An http(s) URL.
    pub logo_url: Option<String>,
    /// Up to 100 characters.
    pub expected_delivery: Option<String>,
    /// Up to 5,000 characters.
    pub risk_disclaimers: Option<String>,
    /// Up to 5,000 characters.
    pub sla: Option<String>,
    /// Up to 20 tags of 1 to 50 characters.
    pub tags: Vec<String>,
    /// Whether it can be found and called.
    pub status: ListingStatus,
    /// Who suspended it. Owners lift only their own suspension.
    pub suspended_by: Option<SuspendedBy>,
    /// Counts the changes; a change names the one that it is based on.
    pub revision: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A labelled example of what the capability answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "label": "A signal for ETH/USDC",
    "content": "{\"pair\":\"ETH/USDC\",\"signal\":\"long\",\"confidence\":0.82}"
})))]
pub struct ExampleOutput {
    /// 1 to 100 characters.
    #[schema(value_type = ExampleLabel)]
    pub label: String,
    /// 1 to 10,000 characters.
    #[schema(value_type = ExampleContent)]
    pub content: String,
}

names! {
    /// Whether a listing can be found and called.
    pub enum ListingStatus {
        /// Only its owner sees it.
        Draft => "draft",
        /// Everybody finds it, and may call it.
        Active => "active",
        /// Nobody finds it; calls that were paid for are still served.
        Suspended => "suspended",
    }
}

names! {
    /// Who suspended a listing.
    pub enum SuspendedBy {
        /// Its seller.
        Owner => "owner",
        /// The marketplace.
        Operator => "operator",
    }
}

names! {
    /// How a listing is priced. Only the first two can be published; the others are known for filters.
    pub enum PricingModel {
        /// No payment.
        Free => "free",
        /// A price for each call.
        PerCall => "per_call",
        /// A subscription; retired.
        Monthly => "monthly",
        /// A subscription; retired.
        Yearly => "yearly",
        /// By consumption; retired.
        UsageTiered => "usage_tiered",
    }
}

names! {
    /// What a seller wants to be paid in.
    pub enum PayoutCurrency {
        /// USD Coin.
        Usdc => "USDC",
        /// Ether.
        Eth => "ETH",
        /// SOL.
        Sol => "SOL",
    }
}

names! {
    /// How a capability is delivered.
    pub enum DeliveryType {
        /// Request and answer.
        Api => "api",
        /// A callback.
        Webhook => "webhook",
        /// A stream.
        Streaming => "streaming",
        /// Many at once.
        Batch => "batch",
        /// A file.
        File => "file",
    }
}

names! {
    /// How the seller's own API authenticates. Information only: through the gateway, requests are signed.
    pub enum AuthMethod {
        /// An API key.
        ApiKey => "api_key",
        /// OAuth 2.
        Oauth2 => "oauth2",
        /// A bearer token.
        BearerToken => "bearer_token",
        /// None.
        None => "none",
    }
}

impl Listing {
    /// The model that its price belongs to.
    #[must_use]
    pub const fn pricing_model(&self) -> PricingModel {
        match self.price {
            Price::Free => PricingModel::Free,
            Price::PerCall(_) => PricingModel::PerCall,
        }
    }

    /// The price of a call; zero for a free one.
    #[must_use]
    pub const fn pricing_amount(&self) -> MicroUsd {
        self.price.amount()
    }
}

/// A listing with what is shown beside it.
#[derive(Debug, Clone)]
pub struct ListingView {
    /// The listing.
    pub listing: Listing,
    /// Its provider.
    pub provider: Profile,
    /// Its category.
    pub category: Option<Category>,
    /// Whether the gateway can call it: it has an active endpoint.
    pub has_endpoint: bool,
}

impl ListingView {
    /// As lists show it: without documentation, instructions, examples, schema, disclaimers and promises.
    #[must_use]
    pub fn without_long_texts(self) -> Self {
        let listing = Listing {
            docs: None,
            connection_instructions: None,
            example_outputs: Vec::new(),
            input_schema: None,
            example_input: None,
            risk_disclaimers: None,
            sla: None,
            ..self.listing
        };
        Self { listing, ..self }
    }
}

names! {
    /// The order of a list of listings.
    pub enum Sort = Newest {
        /// The newest first.
        Newest => "newest",
        /// What fits the words of a search best first: the exact name, the beginning of a name, words of name and tags,
        /// of the description, of the documentation, and at last words that are only near.
        Relevance => "relevance",
        /// The most delivered calls of the last 30 days first.
        Popular => "popular",
        /// The cheapest first.
        PriceLow => "price_low",
        /// The dearest first.
        PriceHigh => "price_high",
    }
}
