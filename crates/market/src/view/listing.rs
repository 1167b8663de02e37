//! Listings and categories.

use crochet_primitives::{CategoryId, ListingId, ProfileId, Timestamp, rfc3339_millis};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{EndpointJson, ProfileJson};
use crate::catalogue::{Published, Removed};
use crate::category::Category;
use crate::listing::{
    AuthMethod, DeliveryType, ExampleOutput, ListingStatus, ListingView, PayoutCurrency, PricingModel, SuspendedBy,
};

/// A category.
#[derive(Debug, Clone, Serialize)]
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

/// A listing with what is shown beside it.
#[derive(Debug, Clone, Serialize)]
pub struct ListingJson {
    /// Its id.
    pub id: ListingId,
    /// Its name in URLs.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it offers.
    pub description: String,
    /// Whose it is.
    pub provider_id: ProfileId,
    /// Where it is sorted in.
    pub category_id: Option<CategoryId>,
    /// How it is priced.
    pub pricing_model: PricingModel,
    /// The price of a call in US dollars: a JSON number.
    pub pricing_amount: Box<RawValue>,
    /// Always `USD`.
    pub pricing_currency: &'static str,
    /// What the seller wants to be paid in.
    pub preferred_currency: PayoutCurrency,
    /// How it is delivered.
    pub delivery_type: DeliveryType,
    /// How the seller's own API authenticates.
    pub auth_method: AuthMethod,
    /// Output formats.
    pub formats: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// A demonstration.
    pub demo_endpoint: Option<String>,
    /// Its source code.
    pub github_url: Option<String>,
    /// Its picture.
    pub logo_url: Option<String>,
    /// How long it takes.
    pub expected_delivery: Option<String>,
    /// Whether it can be found and called.
    pub status: ListingStatus,
    /// Who suspended it.
    pub suspended_by: Option<SuspendedBy>,
    /// Where it is called; null when the gateway cannot call it.
    pub gateway_url: Option<String>,
    /// The long texts; lists leave them out.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub details: Option<ListingDetailsJson>,
    /// Whose it is.
    pub provider: ProfileJson,
    /// Where it is sorted in.
    pub category: Option<CategoryJson>,
    /// When it was created.
    #[serde(with = "rfc3339_millis")]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(with = "rfc3339_millis")]
    pub updated_at: Timestamp,
}

/// The long texts of a listing.
#[derive(Debug, Clone, Serialize)]
pub struct ListingDetailsJson {
    /// Documentation.
    pub docs: Option<String>,
    /// How to use it.
    pub connection_instructions: Option<String>,
    /// What it answers.
    pub example_outputs: Vec<ExampleOutput>,
    /// What can go wrong.
    pub risk_disclaimers: Option<String>,
    /// What is promised.
    pub sla: Option<String>,
}

impl ListingJson {
    /// Without the long texts.
    #[must_use]
    pub fn summary(view: &ListingView, public_url: &str) -> Self {
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
            details: None,
            provider: ProfileJson::from(&view.provider),
            category: view.category.as_ref().map(CategoryJson::from),
            created_at: listing.created_at,
            updated_at: listing.updated_at,
        }
    }

    /// With the long texts.
    #[must_use]
    pub fn full(view: &ListingView, public_url: &str) -> Self {
        let listing = &view.listing;
        Self {
            details: Some(ListingDetailsJson {
                docs: listing.docs.clone(),
                connection_instructions: listing.connection_instructions.clone(),
                example_outputs: listing.example_outputs.clone(),
                risk_disclaimers: listing.risk_disclaimers.clone(),
                sla: listing.sla.clone(),
            }),
            ..Self::summary(view, public_url)
        }
    }
}

/// A listing that was written, with its endpoint where that was written too.
#[derive(Debug, Clone, Serialize)]
pub struct PublishedJson {
    /// The listing.
    #[serde(flatten)]
    pub listing: ListingJson,
    /// Its endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_endpoint: Option<EndpointJson>,
}

impl PublishedJson {
    /// What creating and changing a listing answer.
    #[must_use]
    pub fn new(published: &Published, public_url: &str) -> Self {
        let endpoint = |endpoint| EndpointJson::new(endpoint, published.is_new_secret);
        Self {
            listing: ListingJson::full(&published.view, public_url),
            gateway_endpoint: published.endpoint.as_ref().map(endpoint),
        }
    }
}

/// What became of a listing that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemovedJson {
    /// Whether it is gone.
    pub deleted: bool,
    /// What it is otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
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
