//! Listings with what is shown beside them: one, or a page of many.

use crochet_market::{EndpointStatus, ListingQuery, ListingView, Sort};
use crochet_primitives::{CategoryId, ListingId, PageRequest};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text};

use super::categories::CategoryRow;
use super::listings::ListingRow;
use super::profiles::ProfileRow;
use super::schema::{categories, listing_gateway_endpoints, listings, profiles};
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
}

impl TryFrom<ViewRow> for ListingView {
    type Error = DbError;

    fn try_from(row: ViewRow) -> Result<Self, DbError> {
        Ok(Self {
            listing: row.listing.try_into()?,
            provider: row.provider.try_into()?,
            category: row.category.map(Into::into),
            has_endpoint: row.endpoint_status.as_deref() == Some(EndpointStatus::Active.as_str()),
        })
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
        .select(ViewRow::as_select())
        .first(conn)
        .optional()?;
    row.map(ListingView::try_from).transpose()
}

/// A page of listings, and how many there are in all.
pub(crate) fn search(conn: &mut PgConnection, query: &ListingQuery) -> Result<(Vec<ListingView>, u64), DbError> {
    let total: i64 = wanted(query).count().get_result(conn)?;
    let page = PageRequest::Numbered { page: query.page, limit: query.limit };
    let rows: Vec<ViewRow> = sorted(wanted(query), query.sort)
        .limit(i64::from(page.limit()))
        .offset(i64::try_from(page.offset()).unwrap_or(i64::MAX))
        .inner_join(profiles::table)
        .left_join(categories::table)
        .left_join(listing_gateway_endpoints::table)
        .select(ViewRow::as_select())
        .load(conn)?;
    let views = rows.into_iter().map(ListingView::try_from).collect::<Result<_, _>>()?;
    Ok((views, u64::try_from(total).unwrap_or_default()))
}

fn wanted(query: &ListingQuery) -> listings::BoxedQuery<'_, Pg> {
    let mut wanted = listings::table.filter(listings::deleted_at.is_null()).into_boxed();
    wanted = match query.owner {
        Some(owner) => wanted.filter(listings::provider_id.eq(owner.uuid())),
        // Written out, not bound: so the planner knows that the partial indices apply.
        None => wanted.filter(sql::<Bool>("listings.status = 'active'")),
    };
    if let Some(category) = &query.category {
        wanted = match CategoryId::parse(category) {
            Ok(id) => wanted.filter(listings::category_id.eq(id.uuid())),
            Err(_) => wanted.filter(
                listings::category_id
                    .eq(categories::table.filter(categories::slug.eq(category)).select(categories::id).single_value()),
            ),
        };
    }
    if let Some(model) = query.pricing_model {
        wanted = wanted.filter(listings::pricing_model.eq(model.as_str()));
    }
    if let Some(text) = &query.text {
        // A word has no white space in it, so it is never found across the border of two fields or tags.
        wanted = wanted.filter(
            sql::<Bool>(
                "(listings.name || ' ' || listings.description || ' ' || array_to_string(listings.tags, ' ')) ILIKE ALL (",
            )
            .bind::<Array<Text>, _>(patterns(text))
            .sql(")"),
        );
    }
    wanted
}

fn sorted(listings: listings::BoxedQuery<'_, Pg>, sort: Sort) -> listings::BoxedQuery<'_, Pg> {
    match sort {
        Sort::Newest => listings.order_by(listings::created_at.desc()),
        Sort::Popular => listings.order_by(listings::delivered_30d.desc()),
        Sort::PriceLow => listings.order_by(listings::price_micros.asc()),
        Sort::PriceHigh => listings.order_by(listings::price_micros.desc()),
    }
    .then_order_by(listings::id.desc())
}

/// For each word the pattern that finds it anywhere, taken literally.
fn patterns(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| {
            let literal = word.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
            format!("%{literal}%")
        })
        .collect()
}

/// No text column holds a NUL, and PostgreSQL refuses to compare with one.
pub(crate) fn can_match(query: &ListingQuery) -> bool {
    let has_nul = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains('\0'));
    !has_nul(&query.text) && !has_nul(&query.category)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_special_in_a_pattern_is_taken_literally() {
        assert_eq!(patterns("100% a_b  c\\d"), [r"%100\%%", r"%a\_b%", r"%c\\d%"]);
        assert!(patterns(" \t\n").is_empty());
    }
}
