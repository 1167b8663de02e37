//! What a text finds, and how much of that is looked at.

use crochet_market::search::MAX_RANKED;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::lexemes::Lookup;
use super::statement::{Part, Statement, Value};

/// A phrase takes reading the places of its words in every listing that has them all. Of more listings than this, the
/// most popular are looked at.
const PHRASED: i64 = 2_000;

/// Matches are counted up to here.
const COUNTED: i64 = MAX_RANKED as i64;

/// What matches a text and the other filters.
#[derive(Debug)]
pub(super) struct Matches {
    pub(super) lookup: Lookup,
    /// All conditions, the text's among them.
    pub(super) conditions: Part,
    filters: Part,
}

/// How many matches there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// At most [`MAX_RANKED`].
    pub(super) count: usize,
    /// Whether there are more.
    pub(super) has_more: bool,
    /// Whether a phrase has been looked for in the most popular listings only.
    is_partial: bool,
}

impl Matches {
    pub(super) fn new(lookup: Lookup, filters: Part) -> Self {
        let query = text(&lookup.matched);
        Self {
            conditions: Part::default().sql("t.words @@ ").then(&query).sql(" AND ").then(&filters),
            lookup,
            filters,
        }
    }

    /// The matches that have all words in their name and tags. All that is left out of these conditions follows from it.
    pub(super) fn in_title(&self) -> Part {
        let title = Part::default().sql("t.title @@ ").then(&text(&self.lookup.wanted)).sql(" AND ");
        match self.lookup.wanted == self.lookup.matched {
            true => title.then(&self.filters),
            false => title.then(&self.conditions),
        }
    }

    pub(super) fn count(&self, conn: &mut PgConnection) -> QueryResult<Counted> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let count = |conn: &mut PgConnection, rows: &Part| -> QueryResult<i64> {
            let rows: Vec<Row> = Statement::new("SELECT count(*) FROM (").then(rows).sql(") counted").load(conn)?;
            Ok(rows.first().map_or(0, |row| row.count))
        };
        let is_partial = match &self.lookup.loose {
            None => false,
            Some(loose) => {
                let rows = Part::default()
                    .sql("SELECT FROM listing_search t WHERE t.words @@ ")
                    .then(&text(loose))
                    .sql(" AND ")
                    .then(&self.filters)
                    .sql(" LIMIT ")
                    .bind(Value::Number(PHRASED + 1));
                count(conn, &rows)? > PHRASED
            }
        };
        let rows = match is_partial {
            true => self.in_popular(),
            false => Part::default().sql("SELECT FROM listing_search t WHERE ").then(&self.conditions),
        };
        let found = count(conn, &rows.sql(" LIMIT ").bind(Value::Number(COUNTED + 1)))?;
        Ok(Counted {
            count: usize::try_from(found.min(COUNTED)).unwrap_or_default(),
            has_more: found > COUNTED && !is_partial,
            is_partial,
        })
    }

    /// The ids of all matches, or of those among the most popular.
    pub(super) fn all(&self, counted: Counted) -> Part {
        match counted.is_partial {
            true => self.in_popular(),
            false => Part::default().sql("SELECT t.id FROM listing_search t WHERE ").then(&self.conditions),
        }
    }

    /// The matches among the most popular of what has all words.
    fn in_popular(&self) -> Part {
        let loose = self.lookup.loose.as_deref().unwrap_or(&self.lookup.matched);
        Part::default()
            .sql("SELECT t.id FROM (SELECT t.id, t.words FROM listing_search t WHERE t.words @@ ")
            .then(&text(loose))
            .sql(" AND ")
            .then(&self.filters)
            .sql(" ORDER BY t.popularity DESC, t.id DESC LIMIT ")
            .bind(Value::Number(PHRASED))
            .sql(") t WHERE t.words @@ ")
            .then(&text(&self.lookup.matched))
    }
}

impl Counted {
    /// Whether there may be more than was counted.
    pub(super) const fn is_capped(self) -> bool {
        self.has_more || self.is_partial
    }
}

fn text(written: &str) -> Part {
    Part::default().sql("(").bind(Value::Text(written.to_owned())).sql(")::tsquery")
}
