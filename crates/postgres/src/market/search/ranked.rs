//! The order of relevance.

use crochet_market::search::MAX_RANKED;
use diesel::prelude::*;
use uuid::Uuid;

use super::filters::IdRow;
use super::lexemes::Lookup;
use super::matches::{Extent, Matches};
use super::statement::{Part, Statement, Value};

/// How many listings of the very name that was searched for are looked at beside the most popular matches.
const NAMESAKES: i64 = 100;

const RANKED: i64 = MAX_RANKED as i64;

/// The matches, best first: all of them, or [`MAX_RANKED`].
pub(super) fn ranked(conn: &mut PgConnection, matches: &Matches, extent: &Extent) -> QueryResult<Vec<Uuid>> {
    let mut ids = match extent {
        Extent::All(0) => return Ok(Vec::new()),
        Extent::All(_) => {
            let all = Part::default().sql("SELECT t.id FROM listing_search t WHERE ").then(&matches.conditions);
            return order(conn, &matches.lookup, &all);
        }
        Extent::Some(ids) => ids.clone(),
        Extent::Many => Vec::new(),
    };
    // Too many to look at each. Whatever has the words in its name or tags ranks above all that has not, so the most
    // popular of those are all that can be shown, where they are enough.
    ids.extend(popular(conn, &matches.in_title())?);
    if matches!(extent, Extent::Many) && ids.len() < MAX_RANKED {
        ids.extend(popular(conn, &matches.conditions)?);
    }
    let namesakes: Vec<IdRow> = Statement::new("SELECT t.id FROM listing_search t WHERE t.name_key = ")
        .bind(Value::Text(matches.lookup.key.clone()))
        .sql(" AND ")
        .then(&matches.conditions)
        .sql(" ORDER BY t.id DESC LIMIT ")
        .bind(Value::Number(NAMESAKES))
        .load(conn)?;
    ids.extend(namesakes.into_iter().map(|row| row.id));
    ids.sort_unstable();
    ids.dedup();
    order(conn, &matches.lookup, &Part::default().sql("SELECT unnest(").bind(Value::Ids(ids)).sql(") AS id"))
}

/// The most popular of what meets the conditions.
fn popular(conn: &mut PgConnection, conditions: &Part) -> QueryResult<Vec<Uuid>> {
    let rows: Vec<IdRow> = Statement::new("SELECT t.id FROM listing_search t WHERE ")
        .then(conditions)
        .sql(" ORDER BY t.popularity DESC, t.id DESC LIMIT ")
        .bind(Value::Number(RANKED))
        .load(conn)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Sorts what `ids` selects. Classes first, as [`crochet_market::Sort::Relevance`] has them; among what has all words
/// in name and tags, how close together and how early they stand; then what was delivered most.
fn order(conn: &mut PgConnection, lookup: &Lookup, ids: &Part) -> QueryResult<Vec<Uuid>> {
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
        .sql(", 1) AS rank FROM (")
        .then(ids)
        .sql(") found JOIN listing_search t ON t.id = found.id) ranked ")
        .sql("ORDER BY class DESC, rank DESC, delivered_30d DESC, id DESC LIMIT ")
        .bind(Value::Number(RANKED))
        .load(conn)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
