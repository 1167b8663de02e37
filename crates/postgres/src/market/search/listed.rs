//! Lists in an order that has cursors.

use crochet_market::ListingQuery;
use crochet_market::search::{ListingCursor, Window};
use crochet_primitives::Total;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use uuid::Uuid;

use super::filters::{self, Source};
use super::matches::Matches;
use super::statement::{self, Part, Statement, Value};

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = BigInt)]
    key: i64,
}

/// The ids of a page, and where the list goes on.
pub(super) fn page(
    conn: &mut PgConnection,
    query: &ListingQuery,
    rows: &Rows,
    is_fuzzy: bool,
) -> QueryResult<(Vec<Uuid>, Option<ListingCursor>)> {
    let table = rows.source.table();
    let mut statement = Statement::default();
    if rows.is_few {
        // Read through the index of the words, whatever the planner thinks of walking along the order: for a rare word
        // that would mean to walk through everything.
        statement = statement
            .sql("WITH t AS MATERIALIZED (SELECT t.id, t.created_at, t.delivered_30d, t.popularity, t.price_micros")
            .sql(&format!(" FROM {table} t WHERE "))
            .then(&rows.conditions)
            .sql(&format!(") SELECT t.id, {} AS key FROM t WHERE true", filters::key(query.sort)));
    } else {
        statement = statement
            .sql(&format!("SELECT t.id, {} AS key FROM {table} t WHERE ", filters::key(query.sort)))
            .then(&rows.conditions);
    }
    if let Window::After(cursor) = &query.window {
        statement = statement.then(&filters::after(cursor, query.sort));
    }
    let limit = i64::from(query.limit);
    let mut found: Vec<KeyRow> = statement
        .sql(&format!(" ORDER BY {} LIMIT ", filters::order(query.sort, rows.source)))
        .bind(Value::Number(limit + 1))
        .sql(" OFFSET ")
        .bind(Value::Number(i64::try_from(query.offset()).unwrap_or(i64::MAX)))
        .load(conn)?;
    let has_more = i64::try_from(found.len()).is_ok_and(|found| found > limit);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let last = found.last().filter(|_| has_more);
    let next = last.map(|last| ListingCursor::new(query, is_fuzzy, last.key, last.id.into()));
    Ok((found.into_iter().map(|row| row.id).collect(), next))
}

/// Where the rows of a list come from.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) source: Source,
    pub(super) conditions: Part,
    /// Whether there are so few that all can be sorted; of [`Source::Search`] only.
    pub(super) is_few: bool,
}

impl Rows {
    /// What matches a text.
    pub(super) fn of(matches: &Matches, is_few: bool) -> Self {
        Self { source: Source::Search, conditions: matches.conditions.clone(), is_few }
    }

    /// How many there are, up to `cap`.
    pub(super) fn count(&self, conn: &mut PgConnection, cap: usize) -> QueryResult<Total> {
        let rows = Part::default().sql(&format!("SELECT FROM {} t WHERE ", self.source.table())).then(&self.conditions);
        let count = statement::count(conn, &rows, cap)?;
        Ok(Total { count: u64::try_from(count.min(cap)).unwrap_or(u64::MAX), is_capped: count > cap })
    }
}
