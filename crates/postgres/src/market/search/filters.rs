//! Which rows a query allows, apart from its text.

use crochet_market::search::ListingCursor;
use crochet_market::{ListingQuery, PricingModel, Sort};
use crochet_primitives::{CategoryId, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::Uuid as SqlUuid;
use uuid::Uuid;

use super::super::schema::categories;
use super::statement::{Part, Value};

/// Where rows come from. Both have the same columns, as far as filters and orders go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The listings themselves: when nothing is searched for.
    Listings,
    /// What they are found by: words and tags.
    Search,
}

impl Source {
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Listings => "listings",
            Self::Search => "listing_search",
        }
    }
}

/// The id of the category that a query names. `None`: there is no such category, so nothing is in it.
pub(super) fn category(conn: &mut PgConnection, named: &str) -> QueryResult<Option<Uuid>> {
    match CategoryId::parse(named) {
        Ok(id) => Ok(Some(id.uuid())),
        Err(_) if named.contains('\0') => Ok(None),
        Err(_) => categories::table.filter(categories::slug.eq(named)).select(categories::id).first(conn).optional(),
    }
}

/// Conditions on the table `t`, that status first which the partial indices are made for: written out, so that the
/// planner knows that they apply.
pub(super) fn conditions(query: &ListingQuery, category: Option<Uuid>, source: Source) -> Part {
    let mut part = match (query.owner, query.status) {
        (None, _) => Part::default().sql("t.status = 'active'"),
        (Some(owner), None) => Part::default().sql("t.provider_id = ").bind(Value::Id(owner.uuid())),
        (Some(owner), Some(status)) => Part::default()
            .sql("t.provider_id = ")
            .bind(Value::Id(owner.uuid()))
            .sql(" AND t.status = ")
            .bind(Value::Text(status.as_str().to_owned())),
    };
    if source == Source::Listings {
        part = part.sql(" AND t.deleted_at IS NULL");
    }
    let mut and = |sql: &str, value: Option<Value>| {
        if let Some(value) = value {
            part = std::mem::take(&mut part).sql(" AND ").sql(sql).bind(value);
        }
    };
    let micros = |price: crochet_pricing::MicroUsd| Value::Number(price.to_i64().unwrap_or(i64::MAX));
    and("t.category_id = ", category.map(Value::Id));
    and("t.pricing_model = ", query.pricing_model.map(|model| Value::Text(model.as_str().to_owned())));
    and("t.delivery_type = ", query.delivery_type.map(|delivery| Value::Text(delivery.as_str().to_owned())));
    and("t.provider_id = ", query.provider.map(|provider| Value::Id(provider.uuid())));
    and("t.price_micros >= ", query.min_price.map(micros));
    and("t.price_micros <= ", query.max_price.map(micros));
    // Follows from the model, and says where an index of prices begins.
    part = match query.pricing_model {
        None => part,
        Some(PricingModel::Free) => part.sql(" AND t.price_micros = 0"),
        Some(_) => part.sql(" AND t.price_micros > 0"),
    };
    if source == Source::Search {
        for tag in &query.tags {
            part = part.sql(" AND t.tags @> ARRAY[lower(").bind(Value::Text(tag.replace('\0', " "))).sql(")]");
        }
    }
    part
}

/// What a list is sorted by, of which a greater one comes first, save prices from the lowest.
pub(super) const fn key(sort: Sort) -> &'static str {
    match sort {
        Sort::Newest | Sort::Relevance => "(extract(epoch FROM t.created_at) * 1000000)::bigint",
        Sort::Popular => "t.delivered_30d",
        Sort::PriceLow | Sort::PriceHigh => "t.price_micros",
    }
}

/// Of equals, the one with the greatest id comes first.
pub(super) const fn order(sort: Sort, source: Source) -> &'static str {
    match (sort, source) {
        (Sort::Newest | Sort::Relevance, _) => "t.created_at DESC, t.id DESC",
        (Sort::Popular, Source::Listings) => "t.delivered_30d DESC, t.id DESC",
        // The same order: it begins with the magnitude, which has an index.
        (Sort::Popular, Source::Search) => "t.popularity DESC, t.delivered_30d DESC, t.id DESC",
        (Sort::PriceLow, _) => "t.price_micros, t.id DESC",
        (Sort::PriceHigh, _) => "t.price_micros DESC, t.id DESC",
    }
}

/// Only what comes after the cursor, which begins the index's range.
pub(super) fn after(cursor: &ListingCursor, sort: Sort) -> Part {
    let id = Value::Id(cursor.id.uuid());
    let before = |column: &str, key: Value| {
        Part::default().sql(&format!(" AND (t.{column}, t.id) < (")).bind(key).sql(", ").bind(id.clone()).sql(")")
    };
    let number = Value::Number(cursor.key);
    match sort {
        Sort::Newest | Sort::Relevance => before("created_at", Value::Time(moment(cursor.key))),
        Sort::Popular => before("delivered_30d", number),
        Sort::PriceHigh => before("price_micros", number),
        Sort::PriceLow => Part::default()
            .sql(" AND t.price_micros >= ")
            .bind(number.clone())
            .sql(" AND (t.price_micros > ")
            .bind(number)
            .sql(" OR t.id < ")
            .bind(id)
            .sql(")"),
    }
}

/// Microseconds since 1970. Whoever makes up a cursor may have written any number.
fn moment(micros: i64) -> Timestamp {
    const OLDEST: i64 = -200_000_000_000_000_000;
    chrono::DateTime::from_timestamp_micros(micros.max(OLDEST)).unwrap_or(Timestamp::MAX_UTC)
}

/// The one column that these statements answer with.
#[derive(QueryableByName)]
pub(super) struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: Uuid,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_in_a_cursor_is_a_moment_that_postgres_knows() {
        for micros in [i64::MIN, -1, 0, i64::MAX] {
            let year = chrono::Datelike::year(&moment(micros));
            assert!((-4_700..294_000).contains(&year), "{micros}: {year}");
        }
    }
}
