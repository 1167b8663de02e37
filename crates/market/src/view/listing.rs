//! Listings and categories.

use crochet_pricing::schema::UsdNumber;
use crochet_primitives::{CategoryId, ListingId, ProfileId, Timestamp, rfc3339_millis, schema};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{EndpointJson, ProfileJson};
use crate::catalogue::{Published, Removed};
use crate::category::Category;
use crate::listing::{
    AuthMethod, DeliveryType, ExampleOutput, ListingStatus, ListingView, PayoutCurrency, PricingModel, SuspendedBy,
};
use crate::schema::{
    ConnectionInstructions, Description, Docs, ExampleInput, ExpectedDelivery, InputSchema, ListingName, ListingSlug,
    PriceCurrency, RiskDisclaimers, ShortText, Sla, WebUrl, examples,
};

/// A category.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Category, examples(json!(examples::category())))]
pub struct CategoryJson {
    /// Its id.
    pub id: CategoryId,
    /// For people.
    pub name: String,
    /// For URLs.
    pub slug: String,
    /// One sentence.
    pub description: String,
    /// Where it stands in lists.
    pub sort_order: i32,
}

impl From<&Category> for CategoryJson {
    fn from(category: &Category) -> Self {
        Self {
            id: category.id,
            name: category.name.clone(),
            slug: category.slug.clone(),
            description: category.description.clone(),
            sort_order: category.sort_order,
        }
    }
}

/// A listing as lists show it: without its long texts.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ListingSummary, examples(json!(examples::listing_summary())))]
pub struct ListingSummaryJson {
    /// Its id.
    pub id: ListingId,
    /// Its name in URLs.
    #[schema(value_type = ListingSlug)]
    pub slug: String,
    /// Its name.
    #[schema(value_type = ListingName)]
    pub name: String,
    /// What it offers.
    #[schema(value_type = Description)]
    pub description: String,
    /// Whose it is.
    pub provider_id: ProfileId,
    /// Where it is sorted in.
    #[schema(required)]
    pub category_id: Option<CategoryId>,
    /// How it is priced.
    pub pricing_model: PricingModel,
    /// The price of a call in US dollars: a JSON number.
    #[schema(value_type = UsdNumber)]
    pub pricing_amount: Box<RawValue>,
    /// Always `USD`.
    #[schema(value_type = PriceCurrency)]
    pub pricing_currency: &'static str,
    /// What the seller wants to be paid in.
    pub preferred_currency: PayoutCurrency,
    /// How it is delivered.
    pub delivery_type: DeliveryType,
    /// How the seller's own API authenticates.
    pub auth_method: AuthMethod,
    /// Output formats.
    #[schema(value_type = Vec<ShortText>, max_items = 20)]
    pub formats: Vec<String>,
    /// Tags.
    #[schema(value_type = Vec<ShortText>, max_items = 20)]
    pub tags: Vec<String>,
    /// A demonstration.
    #[schema(value_type = Option<WebUrl>, required)]
    pub demo_endpoint: Option<String>,
    /// Its source code.
    #[schema(value_type = Option<WebUrl>, required)]
    pub github_url: Option<String>,
    /// Its picture.
    #[schema(value_type = Option<WebUrl>, required)]
    pub logo_url: Option<String>,
    /// How long it takes.
    #[schema(value_type = Option<ExpectedDelivery>, required)]
    pub expected_delivery: Option<String>,
    /// Whether it can be found and called.
    pub status: ListingStatus,
    /// Who suspended it.
    #[schema(required)]
    pub suspended_by: Option<SuspendedBy>,
    /// Where it is called; null when the gateway cannot call it.
    #[schema(format = "uri", required)]
    pub gateway_url: Option<String>,
    /// Whose it is.
    pub provider: ProfileJson,
    /// Where it is sorted in.
    #[schema(required)]
    pub category: Option<CategoryJson>,
    /// When it was created.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = schema::Timestamp)]
    pub updated_at: Timestamp,
}

/// The long texts of a listing.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ListingDetails, examples(json!(examples::listing_details())))]
pub struct ListingDetailsJson {
    /// Documentation.
    #[schema(value_type = Option<Docs>, required)]
    pub docs: Option<String>,
    /// How to use it.
    #[schema(value_type = Option<ConnectionInstructions>, required)]
    pub connection_instructions: Option<String>,
    /// What it answers.
    #[schema(max_items = 20)]
    pub example_outputs: Vec<ExampleOutput>,
    /// A JSON Schema of the request's body.
    #[schema(value_type = Option<InputSchema>, required)]
    pub input_schema: Option<Value>,
    /// An example of the request's body.
    #[schema(value_type = Option<ExampleInput>, required)]
    pub example_input: Option<Value>,
    /// What can go wrong.
    #[schema(value_type = Option<RiskDisclaimers>, required)]
    pub risk_disclaimers: Option<String>,
    /// What is promised.
    #[schema(value_type = Option<Sla>, required)]
    pub sla: Option<String>,
}

/// A listing in full.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Listing, examples(json!(examples::listing())))]
pub struct ListingJson {
    /// What lists show of it.
    #[serde(flatten)]
    pub summary: ListingSummaryJson,
    /// Its long texts.
    #[serde(flatten)]
    pub details: ListingDetailsJson,
}

impl ListingSummaryJson {
    /// A listing as lists show it; `public_url` is where the API is reached.
    #[must_use]
    pub fn new(view: &ListingView, public_url: &str) -> Self {
        let listing = &view.listing;
        let gateway_url = || format!("{}/api/v1/gateway/{}", public_url.trim_end_matches('/'), listing.id);
        Self {
            id: listing.id,
            slug: listing.slug.clone(),
            name: listing.name.clone(),
            description: listing.description.clone(),
            provider_id: listing.provider,
            category_id: listing.category,
            pricing_model: listing.pricing_model(),
            pricing_amount: listing.pricing_amount().to_json_number(),
            pricing_currency: "USD",
            preferred_currency: listing.preferred_currency,
            delivery_type: listing.delivery_type,
            auth_method: listing.auth_method,
            formats: listing.formats.clone(),
            tags: listing.tags.clone(),
            demo_endpoint: listing.demo_endpoint.clone(),
            github_url: listing.github_url.clone(),
            logo_url: listing.logo_url.clone(),
            expected_delivery: listing.expected_delivery.clone(),
            status: listing.status,
            suspended_by: listing.suspended_by,
            gateway_url: view.has_endpoint.then(gateway_url),
            provider: ProfileJson::from(&view.provider),
            category: view.category.as_ref().map(CategoryJson::from),
            created_at: listing.created_at,
            updated_at: listing.updated_at,
        }
    }
}

impl ListingJson {
    /// A listing in full; `public_url` is where the API is reached.
    #[must_use]
    pub fn new(view: &ListingView, public_url: &str) -> Self {
        let listing = &view.listing;
        Self {
            summary: ListingSummaryJson::new(view, public_url),
            details: ListingDetailsJson {
                docs: listing.docs.clone(),
                connection_instructions: listing.connection_instructions.clone(),
                example_outputs: listing.example_outputs.clone(),
                input_schema: listing.input_schema.clone(),
                example_input: listing.example_input.clone(),
                risk_disclaimers: listing.risk_disclaimers.clone(),
                sla: listing.sla.clone(),
            },
        }
    }
}

/// A listing that was written, with its endpoint where that was written too.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PublishedListing, examples(json!(examples::published())))]
pub struct PublishedJson {
    /// The listing.
    #[serde(flatten)]
    pub listing: ListingJson,
    /// Its endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = EndpointJson, required = false)]
    pub gateway_endpoint: Option<EndpointJson>,
}

impl PublishedJson {
    /// What creating and changing a listing answer.
    #[must_use]
    pub fn new(published: &Published, public_url: &str) -> Self {
        let endpoint = |endpoint| EndpointJson::new(endpoint, published.is_new_secret);
        Self {
            listing: ListingJson::new(&published.view, public_url),
            gateway_endpoint: published.endpoint.as_ref().map(endpoint),
        }
    }
}

/// What became of a listing that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RemovedListing, examples(json!({ "deleted": false, "status": "suspended" })))]
pub struct RemovedJson {
    /// Whether it is gone.
    pub deleted: bool,
    /// What it is otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ListingStatus, required = false)]
    pub status: Option<ListingStatus>,
}

impl From<Removed> for RemovedJson {
    fn from(removed: Removed) -> Self {
        match removed {
            Removed::Deleted => Self { deleted: true, status: None },
            Removed::Suspended => Self { deleted: false, status: Some(ListingStatus::Suspended) },
        }
    }
}
