//! Rows of `categories`.

use crochet_market::Category;
use diesel::prelude::*;
use uuid::Uuid;

use super::schema::categories;

/// A category as it is stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = categories, check_for_backend(diesel::pg::Pg))]
pub(crate) struct CategoryRow {
    id: Uuid,
    name: String,
    slug: String,
    description: String,
    sort_order: i32,
}

impl From<CategoryRow> for Category {
    fn from(row: CategoryRow) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            slug: row.slug,
            description: row.description,
            sort_order: row.sort_order,
        }
    }
}

/// All of them, in their order.
pub(crate) fn all(conn: &mut PgConnection) -> QueryResult<Vec<Category>> {
    let rows: Vec<CategoryRow> = categories::table
        .order((categories::sort_order, categories::id))
        .select(CategoryRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Category::from).collect())
}
