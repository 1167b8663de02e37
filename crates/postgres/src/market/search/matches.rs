//! What a text finds, and how much of that is looked at.

use crochet_market::search::MAX_RANKED;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use uuid::Uuid;

use super::filters::IdRow;
use super::lexemes::Lookup;
use super::statement::{self, Part, Statement, Value};

/// A phrase takes reading the places of its words in every listing that has them all. Of more listings than this, the
/// most popular are looked at.
const PHRASED: usize = 500;
/// Of so many, the most popular ones, it is looked how many meet some conditions.
const SAMPLED: usize = 500;

/// What matches a text and the other filters.
#[derive(Debug)]
pub(super) struct Matches {
    pub(super) lookup: Lookup,
    /// All conditions, the text's among them.
    pub(super) conditions: Part,
    filters: Part,
}

/// How many matches there are.
#[derive(Debug)]
pub(super) enum Extent {
    /// So many: at most [`MAX_RANKED`].
    All(usize),
    /// More than [`MAX_RANKED`].
    Many,
    /// These, among the most popular listings that have all words of a phrase.
    Some(Vec<Uuid>),
}

/// What can be ranked.
#[derive(Debug)]
pub(super) struct Candidates {
    /// The matches, most popular first: at most [`MAX_RANKED`].
    pub(super) ids: Vec<Uuid>,
    pub(super) left_out: LeftOut,
}

/// Which matches are not among the candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOut {
    Nothing,
    /// Less popular ones.
    LessPopular,
    /// Whatever has a phrase and is not among the most popular listings that have its words.
    Unknown,
}

impl Extent {
    /// How many are known of.
    pub(super) const fn count(&self) -> usize {
        match self {
            Self::All(count) => *count,
            Self::Many => MAX_RANKED,
            Self::Some(ids) => ids.len(),
        }
    }

    /// Whether there may be more.
    pub(super) const fn is_capped(&self) -> bool {
        !matches!(self, Self::All(_))
    }
}

impl Matches {
    pub(super) fn new(lookup: Lookup, filters: Part) -> Self {
        let words = Part::default().sql("t.words @@ ").then(&text(&lookup.matched)).sql(" AND ");
        Self { conditions: words.then(&filters), lookup, filters }
    }

    /// The conditions of those that have all words in their name and tags. What is left out of them follows from these.
    pub(super) fn in_title(&self) -> Part {
        let title = Part::default().sql("t.title @@ ").then(&text(&self.lookup.wanted)).sql(" AND ");
        match self.lookup.wanted == self.lookup.matched {
            true => title.then(&self.filters),
            false => title.then(&self.conditions),
        }
    }

    /// Looks how many there are.
    pub(super) fn extent(&self, conn: &mut PgConnection) -> QueryResult<Extent> {
        if let Some(ids) = self.phrased(conn)? {
            return Ok(Extent::Some(ids));
        }
        let rows = Part::default().sql("SELECT FROM listing_search t WHERE ").then(&self.conditions);
        Ok(match statement::count(conn, &rows, MAX_RANKED)? {
            count if count > MAX_RANKED => Extent::Many,
            count => Extent::All(count),
        })
    }

    /// Looks which can be ranked: all, or the most popular ones. Finding these takes no longer than counting them.
    pub(super) fn candidates(&self, conn: &mut PgConnection) -> QueryResult<Candidates> {
        if let Some(ids) = self.phrased(conn)? {
            return Ok(Candidates { ids, left_out: LeftOut::Unknown });
        }
        let mut ids = popular(conn, &self.conditions, MAX_RANKED + 1)?;
        let left_out = if ids.len() > MAX_RANKED { LeftOut::LessPopular } else { LeftOut::Nothing };
        ids.truncate(MAX_RANKED);
        Ok(Candidates { ids, left_out })
    }

    /// The matches among the most popular of what has all words of a phrase, when more have them than can be read.
    fn phrased(&self, conn: &mut PgConnection) -> QueryResult<Option<Vec<Uuid>>> {
        let Some(loose) = &self.lookup.loose else { return Ok(None) };
        let has_all = Part::default().sql("t.words @@ ").then(&text(loose)).sql(" AND ").then(&self.filters);
        let rows = Part::default().sql("SELECT FROM listing_search t WHERE ").then(&has_all);
        if statement::count(conn, &rows, PHRASED)? > PHRASED {
            self.among_popular(conn, &has_all).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The matches among the most popular of what has all words.
    fn among_popular(&self, conn: &mut PgConnection, has_all: &Part) -> QueryResult<Vec<Uuid>> {
        let ids = popular(conn, has_all, PHRASED)?;
        let rows: Vec<IdRow> = Statement::new("SELECT t.id FROM listing_search t WHERE t.id = ANY(")
            .bind(Value::Ids(ids))
            .sql(") AND t.words @@ ")
            .then(&text(&self.lookup.matched))
            .load(conn)?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }
}

/// The most popular of what meets the conditions, most popular first.
pub(super) fn popular(conn: &mut PgConnection, conditions: &Part, limit: usize) -> QueryResult<Vec<Uuid>> {
    let is_walked = is_frequent(conn, conditions, limit)?;
    if is_walked {
        allow_bitmaps(conn, false)?;
    }
    let rows: Vec<IdRow> = Statement::new("SELECT t.id FROM listing_search t WHERE ")
        .then(conditions)
        .sql(" ORDER BY t.popularity DESC, t.id DESC LIMIT ")
        .bind(Value::rows(limit))
        .load(conn)?;
    if is_walked {
        allow_bitmaps(conn, true)?;
    }
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Whether so many of what meets the conditions are found sooner along the order of popularity than by reading all that
/// meets them: by how many of the most popular listings do. The planner, left to itself, takes words for independent of
/// each other; of three that long texts all have it expects few, and reads a third of the table.
fn is_frequent(conn: &mut PgConnection, conditions: &Part, wanted: usize) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Sample {
        #[diesel(sql_type = BigInt)]
        sampled: i64,
        #[diesel(sql_type = BigInt)]
        found: i64,
        #[diesel(sql_type = BigInt)]
        listings: i64,
    }
    let samples: Vec<Sample> = Statement::new("SELECT count(*) AS sampled, count(*) FILTER (WHERE meets) AS found, ")
        .sql(
            "(SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'listing_search'::regclass) AS listings ",
        )
        .sql("FROM (SELECT (")
        .then(conditions)
        .sql(") AS meets FROM listing_search t WHERE t.status = 'active' ORDER BY t.popularity DESC, t.id DESC LIMIT ")
        .bind(Value::rows(SAMPLED))
        .sql(") most_popular")
        .load(conn)?;
    let wide = |number: i64| u128::try_from(number).unwrap_or_default();
    let wanted = u128::try_from(wanted).unwrap_or(u128::MAX);
    Ok(samples.iter().any(|one| is_walk_shorter(wide(one.found), wide(one.sampled), wide(one.listings), wanted)))
}

/// A walk reads `wanted / frequency` listings, and the other way `listings * frequency`.
const fn is_walk_shorter(found: u128, sampled: u128, listings: u128, wanted: u128) -> bool {
    found.saturating_mul(found).saturating_mul(listings) > wanted.saturating_mul(sampled).saturating_mul(sampled)
}

fn allow_bitmaps(conn: &mut PgConnection, are_allowed: bool) -> QueryResult<()> {
    let value = if are_allowed { "on" } else { "off" };
    diesel::sql_query(format!("SELECT set_config('enable_bitmapscan', '{value}', true)")).execute(conn)?;
    Ok(())
}

/// A text as a query: it was written by [`Lookup`].
fn text(written: &str) -> Part {
    Part::default().sql("(").bind(Value::Text(written.to_owned())).sql(")::tsquery")
}

#[cfg(test)]
mod tests {
    use super::is_walk_shorter;

    #[test]
    fn what_many_have_is_found_by_walking_and_what_few_have_by_their_words() {
        // A million listings: 501 of what one in five has are among 2,505, and all of it is 200,000.
        assert!(is_walk_shorter(100, 500, 1_000_000, 501));
        // Of what one in a hundred has, all is 10,000; 501 of it are among 50,000.
        assert!(!is_walk_shorter(5, 500, 1_000_000, 501));
        // As long as there are few listings, all that meet something are soon read.
        assert!(!is_walk_shorter(100, 500, 10_000, 501));
        for (found, sampled, listings) in [(0, 500, 1_000_000), (0, 0, 0), (3, 3, 3)] {
            assert!(!is_walk_shorter(found, sampled, listings, 501));
        }
    }
}
