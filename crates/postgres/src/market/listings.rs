//! Rows of `listings`.

use crochet_market::{
    AuthMethod, DeliveryType, ExampleOutput, Listing, ListingStatus, PayoutCurrency, PricingModel, SuspendedBy,
};
use crochet_pricing::{MicroUsd, Price};
use crochet_primitives::Timestamp;
use diesel::prelude::*;
use uuid::Uuid;

use super::convert::{misread, number, word};
use super::schema::listings;
use crate::error::DbError;

/// A listing as it is stored, without what the storage keeps for itself (`delivered_30d`, `deleted_at`).
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = listings, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
pub(crate) struct ListingRow {
    pub(crate) id: Uuid,
    pub(crate) slug: String,
    provider_id: Uuid,
    name: String,
    description: String,
    category_id: Option<Uuid>,
    pricing_model: String,
    price_micros: i64,
    preferred_currency: String,
    delivery_type: String,
    auth_method: String,
    formats: Vec<String>,
    docs: Option<String>,
    connection_instructions: Option<String>,
    example_outputs: serde_json::Value,
    demo_endpoint: Option<String>,
    github_url: Option<String>,
    logo_url: Option<String>,
    expected_delivery: Option<String>,
    risk_disclaimers: Option<String>,
    sla: Option<String>,
    tags: Vec<String>,
    status: String,
    suspended_by: Option<String>,
    pub(crate) revision: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A listing without its long texts.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = listings, check_for_backend(diesel::pg::Pg))]
pub(crate) struct ListingSummaryRow {
    pub(crate) id: Uuid,
    slug: String,
    provider_id: Uuid,
    name: String,
    description: String,
    category_id: Option<Uuid>,
    pricing_model: String,
    price_micros: i64,
    preferred_currency: String,
    delivery_type: String,
    auth_method: String,
    formats: Vec<String>,
    demo_endpoint: Option<String>,
    github_url: Option<String>,
    logo_url: Option<String>,
    expected_delivery: Option<String>,
    tags: Vec<String>,
    status: String,
    suspended_by: Option<String>,
    revision: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<ListingSummaryRow> for ListingRow {
    fn from(row: ListingSummaryRow) -> Self {
        Self {
            id: row.id,
            slug: row.slug,
            provider_id: row.provider_id,
            name: row.name,
            description: row.description,
            category_id: row.category_id,
            pricing_model: row.pricing_model,
            price_micros: row.price_micros,
            preferred_currency: row.preferred_currency,
            delivery_type: row.delivery_type,
            auth_method: row.auth_method,
            formats: row.formats,
            demo_endpoint: row.demo_endpoint,
            github_url: row.github_url,
            logo_url: row.logo_url,
            expected_delivery: row.expected_delivery,
            tags: row.tags,
            status: row.status,
            suspended_by: row.suspended_by,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
            docs: None,
            connection_instructions: None,
            example_outputs: serde_json::Value::Array(Vec::new()),
            risk_disclaimers: None,
            sla: None,
        }
    }
}

impl TryFrom<&Listing> for ListingRow {
    type Error = DbError;

    fn try_from(listing: &Listing) -> Result<Self, DbError> {
        let id = listing.id.uuid();
        Ok(Self {
            id,
            slug: listing.slug.clone(),
            provider_id: listing.provider.uuid(),
            name: listing.name.clone(),
            description: listing.description.clone(),
            category_id: listing.category.map(crochet_primitives::CategoryId::uuid),
            pricing_model: listing.pricing_model().as_str().to_owned(),
            price_micros: listing.pricing_amount().to_i64().map_err(|_| misread("listings.price_micros", id))?,
            preferred_currency: listing.preferred_currency.as_str().to_owned(),
            delivery_type: listing.delivery_type.as_str().to_owned(),
            auth_method: listing.auth_method.as_str().to_owned(),
            formats: listing.formats.clone(),
            docs: listing.docs.clone(),
            connection_instructions: listing.connection_instructions.clone(),
            example_outputs: serde_json::to_value(&listing.example_outputs)
                .map_err(|_| misread("listings.example_outputs", id))?,
            demo_endpoint: listing.demo_endpoint.clone(),
            github_url: listing.github_url.clone(),
            logo_url: listing.logo_url.clone(),
            expected_delivery: listing.expected_delivery.clone(),
            risk_disclaimers: listing.risk_disclaimers.clone(),
            sla: listing.sla.clone(),
            tags: listing.tags.clone(),
            status: listing.status.as_str().to_owned(),
            suspended_by: listing.suspended_by.map(|by| by.as_str().to_owned()),
            revision: number(listing.revision, "listings.revision", id)?,
            created_at: listing.created_at,
            updated_at: listing.updated_at,
        })
    }
}

impl TryFrom<ListingRow> for Listing {
    type Error = DbError;

    fn try_from(row: ListingRow) -> Result<Self, DbError> {
        let id = row.id;
        let suspended_by = row.suspended_by.as_deref();
        Ok(Self {
            id: id.into(),
            price: price(&row.pricing_model, row.price_micros, id)?,
            preferred_currency: word(
                PayoutCurrency::parse,
                &row.preferred_currency,
                "listings.preferred_currency",
                id,
            )?,
            delivery_type: word(DeliveryType::parse, &row.delivery_type, "listings.delivery_type", id)?,
            auth_method: word(AuthMethod::parse, &row.auth_method, "listings.auth_method", id)?,
            // They are in a table of their own.
            input_schema: None,
            example_input: None,
            example_outputs: examples(row.example_outputs).ok_or_else(|| misread("listings.example_outputs", id))?,
            status: word(ListingStatus::parse, &row.status, "listings.status", id)?,
            suspended_by: suspended_by
                .map(|by| word(SuspendedBy::parse, by, "listings.suspended_by", id))
                .transpose()?,
            revision: number(row.revision, "listings.revision", id)?,
            slug: row.slug,
            provider: row.provider_id.into(),
            name: row.name,
            description: row.description,
            category: row.category_id.map(Into::into),
            formats: row.formats,
            docs: row.docs,
            connection_instructions: row.connection_instructions,
            demo_endpoint: row.demo_endpoint,
            github_url: row.github_url,
            logo_url: row.logo_url,
            expected_delivery: row.expected_delivery,
            risk_disclaimers: row.risk_disclaimers,
            sla: row.sla,
            tags: row.tags,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Model and amount as a price. Models that cannot be published are stored nowhere.
pub(crate) fn price(model: &str, micros: i64, listing: Uuid) -> Result<Price, DbError> {
    let amount = MicroUsd::from_i64(micros).map_err(|_| misread("listings.price_micros", listing))?;
    match PricingModel::parse(model) {
        Some(PricingModel::Free) if amount.is_zero() => Ok(Price::Free),
        Some(PricingModel::PerCall) => Price::per_call(amount).map_err(|_| misread("listings.price_micros", listing)),
        _ => Err(misread("listings.pricing_model", listing)),
    }
}

fn examples(json: serde_json::Value) -> Option<Vec<ExampleOutput>> {
    serde_json::from_value(json).ok()
}
