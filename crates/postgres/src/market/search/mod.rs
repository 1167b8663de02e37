//! Finding listings: see docs/adr/0014-search.md.
//!
//! What is wanted without words is read from `listings` along the index of its order. Words and tags are looked up in
//! `listing_search`, which a trigger keeps.

mod filters;
mod lexemes;
mod listed;
mod matches;
mod ranked;
mod statement;

use std::collections::HashSet;

use crochet_market::search::{FEW, FoundListings, MAX_RANKED, SearchPlan, Window};
use crochet_market::{ListingQuery, Sort};
use crochet_primitives::Total;
use diesel::prelude::*;
use uuid::Uuid;

use self::filters::Source;
use self::lexemes::Lookup;
use self::listed::Rows;
use self::matches::{LeftOut, Matches};
use self::ranked::Ranking;
use super::views;
use crate::error::DbError;

/// A part of the list that is wanted. To be called in a transaction: it asks several times, and changes settings for the
/// rest of it.
pub(crate) fn search(conn: &mut PgConnection, query: &ListingQuery) -> Result<FoundListings, DbError> {
    // A small table is read whole with less effort than by an index, which would make times vary. What is searched is in
    // memory, where one page is as near as another; where it is not yet, many are asked for at once, if the system can (0
    // says that it cannot). One listing is not near another in any order, which the planner only believes of a small cache.
    // Letters that changed places leave few of a short word's trigrams: 0.2 still finds them.
    diesel::sql_query(
        "SELECT set_config('enable_seqscan', 'off', true), set_config('random_page_cost', '1.1', true), \
         set_config('effective_io_concurrency', CASE current_setting('effective_io_concurrency') WHEN '0' THEN '0' ELSE '64' END, true), \
         set_config('effective_cache_size', '8MB', true), set_config('pg_trgm.similarity_threshold', '0.2', true)",
    )
    .execute(conn)?;
    let category = match &query.category {
        None => None,
        Some(named) => match filters::category(conn, named)? {
            None => return Ok(nothing(query)),
            category => category,
        },
    };
    let found = match &query.text {
        None => without_text(conn, query, category)?,
        Some(text) => match lexemes::plan(conn, text)? {
            None => return Ok(nothing(query)),
            Some(plan) => with_text(conn, query, category, &plan)?,
        },
    };
    Ok(FoundListings { items: views::load(conn, &found.ids)?, total: found.total, next: found.next })
}

struct Found {
    ids: Vec<Uuid>,
    total: Option<Total>,
    next: Option<crochet_market::search::ListingCursor>,
}

fn nothing(query: &ListingQuery) -> FoundListings {
    let total = is_page(query).then_some(Total { count: 0, is_capped: false });
    FoundListings { total, ..FoundListings::default() }
}

const fn is_page(query: &ListingQuery) -> bool {
    matches!(query.window, Window::Page(_))
}

fn without_text(conn: &mut PgConnection, query: &ListingQuery, category: Option<Uuid>) -> QueryResult<Found> {
    let source = if query.tags.is_empty() { Source::Listings } else { Source::Search };
    let mut rows = Rows { source, conditions: filters::conditions(query, category, source), is_few: false };
    let total = rows.count(conn, query.counted_to())?;
    rows.is_few = source == Source::Search && !total.is_capped;
    let (ids, next) = listed::page(conn, query, &rows, false)?;
    Ok(Found { ids, total: is_page(query).then_some(total), next })
}

fn with_text(
    conn: &mut PgConnection,
    query: &ListingQuery,
    category: Option<Uuid>,
    plan: &SearchPlan,
) -> QueryResult<Found> {
    let filters = filters::conditions(query, category, Source::Search);
    let matches = |plan: &SearchPlan| Matches::new(Lookup::of(plan), filters.clone());
    if query.sort == Sort::Relevance {
        return by_relevance(conn, query, plan, &matches);
    }
    let exact = matches(plan);
    let extent = exact.extent(conn)?;
    let is_fuzzy = match query.window {
        // As it was on the first page: else what is near would come and go in the middle of a crawl.
        Window::After(cursor) => cursor.is_fuzzy,
        Window::Page(_) => extent.count() < FEW,
    };
    let near = if is_fuzzy { lexemes::widened(conn, plan)?.as_ref().map(matches) } else { None };
    // What is near to the words includes what has the words themselves.
    let (list, extent) = match near {
        Some(near) => {
            let extent = near.extent(conn)?;
            (near, extent)
        }
        None => (exact, extent),
    };
    let rows = Rows::of(&list, !extent.is_capped());
    let (ids, next) = listed::page(conn, query, &rows, is_fuzzy)?;
    let total = Total { count: u64::try_from(extent.count()).unwrap_or(u64::MAX), is_capped: extent.is_capped() };
    Ok(Found { ids, total: is_page(query).then_some(total), next })
}

/// Pages alone: this order has no cursors.
fn by_relevance(
    conn: &mut PgConnection,
    query: &ListingQuery,
    plan: &SearchPlan,
    matches: &impl Fn(&SearchPlan) -> Matches,
) -> QueryResult<Found> {
    let offset = usize::try_from(query.offset()).unwrap_or(usize::MAX);
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let reach = offset.saturating_add(limit).min(MAX_RANKED);
    let exact = matches(plan);
    let candidates = exact.candidates(conn)?;
    let Ranking { mut ids, mut count } = ranked::ranked(conn, &exact, &candidates, reach)?;
    let mut is_capped = candidates.left_out != LeftOut::Nothing;
    if candidates.ids.len() < FEW
        && let Some(near) = lexemes::widened(conn, plan)?.as_ref().map(matches)
    {
        // What is near to the words includes what has the words themselves.
        let candidates = near.candidates(conn)?;
        let nearby = ranked::ranked(conn, &near, &candidates, reach.saturating_add(ids.len()))?;
        let exact: HashSet<Uuid> = ids.iter().copied().collect();
        ids.extend(nearby.ids.into_iter().filter(|id| !exact.contains(id)));
        count = count.max(nearby.count);
        is_capped |= candidates.left_out != LeftOut::Nothing;
    }
    let total = Total { count: u64::try_from(count).unwrap_or(u64::MAX), is_capped };
    ids.truncate(MAX_RANKED);
    let ids = ids.into_iter().skip(offset).take(limit).collect();
    Ok(Found { ids, total: Some(total), next: None })
}
