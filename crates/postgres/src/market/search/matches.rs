//! What a text finds, and how much of that is looked at.

use crochet_market::search::MAX_RANKED;
use diesel::prelude::*;
use uuid::Uuid;

use super::filters::IdRow;
use super::lexemes::Lookup;
use super::statement::{self, Part, Statement, Value};

/// A phrase takes reading the places of its words in every listing that has them all. Of more listings than this, the
/// most popular are looked at.
const PHRASED: usize = 500;

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
        let rows: Vec<IdRow> = Statement::new("SELECT t.id FROM (SELECT t.id FROM listing_search t WHERE ")
            .then(has_all)
            .sql(" ORDER BY t.popularity DESC, t.id DESC LIMIT ")
            .bind(Value::Number(i64::try_from(PHRASED).unwrap_or(i64::MAX)))
            .sql(") popular JOIN listing_search t ON t.id = popular.id WHERE t.words @@ ")
            .then(&text(&self.lookup.matched))
            .load(conn)?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }
}

/// The most popular of what meets the conditions, most popular first.
pub(super) fn popular(conn: &mut PgConnection, conditions: &Part, limit: usize) -> QueryResult<Vec<Uuid>> {
    let rows: Vec<IdRow> = Statement::new("SELECT t.id FROM listing_search t WHERE ")
        .then(conditions)
        .sql(" ORDER BY t.popularity DESC, t.id DESC LIMIT ")
        .bind(Value::Number(i64::try_from(limit).unwrap_or(i64::MAX)))
        .load(conn)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// A text as a query: it was written by [`Lookup`].
fn text(written: &str) -> Part {
    Part::default().sql("(").bind(Value::Text(written.to_owned())).sql(")::tsquery")
}
