//! Listings with what is shown beside them: one, or a page of many.

use std::collections::HashMap;

use crochet_market::{EndpointStatus, Listing, ListingView};
use crochet_primitives::ListingId;
use diesel::pg::Pg;
use diesel::prelude::*;
use uuid::Uuid;

use super::categories::CategoryRow;
use super::inputs::InputRow;
use super::listings::{ListingRow, ListingSummaryRow};
use super::profiles::ProfileRow;
use super::schema::{categories, listing_gateway_endpoints, listing_inputs, listings, profiles};
use crate::error::DbError;

/// A listing with its provider, its category and the status of its endpoint.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = listings, check_for_backend(Pg))]
struct ViewRow {
    #[diesel(embed)]
    listing: ListingRow,
    #[diesel(embed)]
    provider: ProfileRow,
    #[diesel(embed)]
    category: Option<CategoryRow>,
    #[diesel(select_expression = listing_gateway_endpoints::status.nullable())]
    endpoint_status: Option<String>,
    #[diesel(embed)]
    input: Option<InputRow>,
}

impl TryFrom<ViewRow> for ListingView {
    type Error = DbError;

    fn try_from(row: ViewRow) -> Result<Self, DbError> {
        let (input_schema, example_input) =
            row.input.map_or((None, None), |input| (input.input_schema, input.example_input));
        Ok(Self {
            listing: Listing { input_schema, example_input, ..row.listing.try_into()? },
            provider: row.provider.try_into()?,
            category: row.category.map(Into::into),
            has_endpoint: row.endpoint_status.as_deref() == Some(EndpointStatus::Active.as_str()),
        })
    }
}

/// The same without the long texts, which are not even read.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = listings, check_for_backend(Pg))]
struct ListedRow {
    #[diesel(embed)]
    listing: ListingSummaryRow,
    #[diesel(embed)]
    provider: ProfileRow,
    #[diesel(embed)]
    category: Option<CategoryRow>,
    #[diesel(select_expression = listing_gateway_endpoints::status.nullable())]
    endpoint_status: Option<String>,
}

impl TryFrom<ListedRow> for ListingView {
    type Error = DbError;

    fn try_from(row: ListedRow) -> Result<Self, DbError> {
        let ListedRow { listing, provider, category, endpoint_status } = row;
        Self::try_from(ViewRow { listing: listing.into(), provider, category, endpoint_status, input: None })
    }
}

/// A listing by UUID or slug, unless it was deleted.
pub(crate) fn find(conn: &mut PgConnection, id_or_slug: &str) -> Result<Option<ListingView>, DbError> {
    let listing = listings::table.filter(listings::deleted_at.is_null()).into_boxed();
    let listing = match ListingId::parse(id_or_slug) {
        Ok(id) => listing.filter(listings::id.eq(id.uuid())),
        Err(_) => listing.filter(listings::slug.eq(id_or_slug)),
    };
    let row: Option<ViewRow> = listing
        .inner_join(profiles::table)
        .left_join(categories::table)
        .left_join(listing_gateway_endpoints::table)
        .left_join(listing_inputs::table)
        .select(ViewRow::as_select())
        .first(conn)
        .optional()?;
    row.map(ListingView::try_from).transpose()
}

/// These listings, in this order, as lists show them. What is gone by now is left out.
pub(crate) fn load(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<ListingView>, DbError> {
    let rows: Vec<ListedRow> = listings::table
        .filter(listings::id.eq_any(ids))
        .inner_join(profiles::table)
        .left_join(categories::table)
        .left_join(listing_gateway_endpoints::table)
        .select(ListedRow::as_select())
        .load(conn)?;
    let mut rows: HashMap<Uuid, ListedRow> = rows.into_iter().map(|row| (row.listing.id, row)).collect();
    ids.iter().filter_map(|id| rows.remove(id)).map(ListingView::try_from).collect()
}
