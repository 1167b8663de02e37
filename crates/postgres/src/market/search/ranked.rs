//! The order of relevance.

use std::collections::HashSet;

use crochet_market::search::MAX_RANKED;
use diesel::prelude::*;
use uuid::Uuid;

use super::filters::IdRow;
use super::lexemes::Lookup;
use super::matches::{Candidates, LeftOut, Matches, popular};
use super::statement::{Part, Statement, Value};

/// How many listings of the very name that was searched for are looked at beside the most popular matches.
const NAMESAKES: i64 = 100;

/// How many are ranked at first: of too many matches, the most popular ones.
const FIRST: usize = 200;

/// The matches, best first.
#[derive(Debug)]
pub(super) struct Ranking {
    /// As far as was asked for, or further.
    pub(super) ids: Vec<Uuid>,
    /// How long the whole list is: at most [`MAX_RANKED`].
    pub(super) count: usize,
}

/// Ranks matches as far as `reach`. Whatever has all words in its name or tags ranks above all that has not, so those
/// are looked for first; most pages end there, and ranking takes reading a listing's words.
///
/// With [`LeftOut::LessPopular`] the list comes in blocks, the first of the [`FIRST`] most popular, so that a page is the
/// same however far the list is ranked.
pub(super) fn ranked(
    conn: &mut PgConnection,
    matches: &Matches,
    candidates: &Candidates,
    reach: usize,
) -> QueryResult<Ranking> {
    let found = &candidates.ids;
    let in_title = matches.in_title();
    let mut list = List { lookup: &matches.lookup, ids: Vec::new() };
    match candidates.left_out {
        LeftOut::Nothing => {
            let titled = if found.len() > FIRST { popular(conn, &in_title, FIRST)? } else { Vec::new() };
            if titled.len() < FIRST {
                list.extend(conn, &titled)?;
            }
            if list.ids.len() < reach {
                list.extend(conn, found)?;
            }
            Ok(Ranking { ids: list.ids, count: found.len() })
        }
        LeftOut::LessPopular => {
            let titled = popular(conn, &in_title, FIRST)?;
            let is_all = titled.len() < FIRST;
            let namesakes = namesakes(conn, matches)?;
            list.extend(conn, &[titled, namesakes].concat())?;
            if list.ids.len() < reach && is_all {
                let others: Vec<Uuid> = found.iter().filter(|id| !list.ids.contains(id)).take(FIRST).copied().collect();
                list.extend(conn, &others)?;
            }
            if list.ids.len() < reach {
                let mut rest = if is_all { Vec::new() } else { popular(conn, &in_title, MAX_RANKED)? };
                if rest.len() < MAX_RANKED {
                    rest.extend(found);
                }
                list.extend(conn, &rest)?;
            }
            list.ids.truncate(MAX_RANKED);
            Ok(Ranking { ids: list.ids, count: MAX_RANKED })
        }
        LeftOut::Unknown => {
            let titled = popular(conn, &in_title, MAX_RANKED)?;
            let namesakes = namesakes(conn, matches)?;
            list.extend(conn, &[found.clone(), titled, namesakes].concat())?;
            list.ids.truncate(MAX_RANKED);
            Ok(Ranking { count: list.ids.len(), ids: list.ids })
        }
    }
}

/// Listings that are called exactly what was searched for: they come first, however unpopular.
fn namesakes(conn: &mut PgConnection, matches: &Matches) -> QueryResult<Vec<Uuid>> {
    let rows: Vec<IdRow> = Statement::new("SELECT t.id FROM listing_search t WHERE t.name_key = ")
        .bind(Value::Text(matches.lookup.key.clone()))
        .sql(" AND ")
        .then(&matches.conditions)
        .sql(" ORDER BY t.id DESC LIMIT ")
        .bind(Value::Number(NAMESAKES))
        .load(conn)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// A list that grows by blocks, each in order.
struct List<'a> {
    lookup: &'a Lookup,
    ids: Vec<Uuid>,
}

impl List<'_> {
    /// Appends what is not there yet.
    fn extend(&mut self, conn: &mut PgConnection, ids: &[Uuid]) -> QueryResult<()> {
        let known: HashSet<Uuid> = self.ids.iter().copied().collect();
        let mut ids: Vec<Uuid> = ids.iter().filter(|id| !known.contains(id)).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        if !ids.is_empty() {
            self.ids.extend(order(conn, self.lookup, ids)?);
        }
        Ok(())
    }
}

/// Sorts listings. Classes first, as [`crochet_market::Sort::Relevance`] has them; among what has all words
/// in name and tags, how close together and how early they stand; then what was delivered most.
fn order(conn: &mut PgConnection, lookup: &Lookup, ids: Vec<Uuid>) -> QueryResult<Vec<Uuid>> {
    let key = Value::Text(lookup.key.clone());
    let wanted = || Part::default().sql("(").bind(Value::Text(lookup.wanted.clone())).sql(")::tsquery");
    let rows: Vec<IdRow> = Statement::new("SELECT id FROM (SELECT t.id, t.delivered_30d, CASE WHEN t.name_key = ")
        .bind(key.clone())
        .sql(" THEN 5 WHEN starts_with(t.name_key, ")
        .bind(key)
        .sql(") THEN 4 WHEN t.title @@ ")
        .then(&wanted())
        .sql(" THEN 3 WHEN coalesce(t.head, t.words) @@ ")
        .then(&wanted())
        .sql(" THEN 2 ELSE 1 END AS class, ts_rank_cd(t.title, ")
        .then(&wanted())
        .sql(", 1) AS rank FROM listing_search t WHERE t.id = ANY(")
        .bind(Value::Ids(ids))
        .sql(")) ranked ORDER BY class DESC, rank DESC, delivered_30d DESC, id DESC")
        .load(conn)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
