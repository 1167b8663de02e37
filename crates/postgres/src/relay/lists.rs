//! How lists are read: ordered by id, newest first, along indexes alone.
//!
//! A list is the union of arms, one for each side and each state or type that is wanted. Each arm is one range of one
//! index, in which ids are in order, so it is read no further than the page goes, and the page is merged from them. One
//! condition with OR or IN instead would be read to its end and sorted: docs/adr/0018.

use chrono::{DateTime, TimeDelta, Utc};
use crochet_primitives::{Cursor, Page, PageRequest, Timestamp, Total, truncate_to_millis};
use crochet_relay::ports::Period;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use uuid::Uuid;

use crate::error::DbError;

/// How far totals are counted.
const COUNTED: i64 = 10_000;

/// One id.
#[derive(QueryableByName)]
pub(super) struct Id {
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: Uuid,
}

/// One number.
#[derive(QueryableByName)]
pub(super) struct Count {
    #[diesel(sql_type = BigInt)]
    pub(super) count: i64,
}

/// The conditions under which a row is wanted, arm by arm; no row satisfies two of them.
#[derive(Debug)]
pub(super) struct Arms {
    pub(super) table: &'static str,
    pub(super) conditions: Vec<String>,
}

impl Arms {
    /// The ids of a page. `$1` is how many ids the page reaches down to and `$2` how many of them come before it; an
    /// arm's own parameters begin with `$3`.
    pub(super) fn ids(&self) -> String {
        let union = self.union("id");
        format!("SELECT id FROM ({union}) listed ORDER BY id DESC LIMIT $1 OFFSET $2")
    }

    /// How many rows there are, counted no further than `$1`. `$2` is not used.
    pub(super) fn count(&self) -> String {
        format!("SELECT count(*) FROM (SELECT 1 FROM ({}) listed LIMIT $1) counted", self.union("1"))
    }

    /// Ordered also where it is only counted: without, the planner may read the table from its start and hope to find
    /// enough soon, which it does not for a profile whose rows are all new.
    fn union(&self, column: &str) -> String {
        let table = self.table;
        let arms = self
            .conditions
            .iter()
            .map(|condition| format!("(SELECT {column} FROM {table} WHERE {condition} ORDER BY id DESC LIMIT $1)"));
        arms.collect::<Vec<_>>().join(" UNION ALL ")
    }
}

/// Of a list, the part that is wanted.
#[derive(Debug)]
pub(super) struct Window {
    after: Option<Uuid>,
    /// How many rows to leave out.
    pub(super) offset: i64,
    limit: i64,
    is_numbered: bool,
}

impl Window {
    pub(super) fn of(page: PageRequest) -> Self {
        Self {
            after: match page {
                PageRequest::Numbered { .. } => None,
                PageRequest::After { cursor, .. } => Some(cursor.0),
            },
            offset: i64::try_from(page.offset()).unwrap_or(i64::MAX / 2),
            limit: page.limit().into(),
            is_numbered: matches!(page, PageRequest::Numbered { .. }),
        }
    }

    /// How many ids the page reaches down to, and one more, to know whether there is a next page.
    pub(super) fn reach(&self) -> i64 {
        self.offset.saturating_add(self.limit).saturating_add(1)
    }

    /// The page of these ids, of which there is one more than fits where there is a next page.
    pub(super) fn page(&self, ids: Vec<Id>) -> Page<Uuid> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_next = ids.len() > limit;
        let items: Vec<Uuid> = ids.into_iter().take(limit).map(|row| row.id).collect();
        Page { next: items.last().filter(|_| has_next).map(|id| Cursor(*id)), items, total: None }
    }

    /// The length of the list, for numbered pages. `count` counts no further than it is told.
    pub(super) fn total(&self, count: impl FnOnce(i64) -> Result<i64, DbError>) -> Result<Option<Total>, DbError> {
        if !self.is_numbered {
            return Ok(None);
        }
        let count = count(COUNTED + 1)?;
        Ok(Some(Total { count: u64::try_from(count.min(COUNTED)).unwrap_or_default(), is_capped: count > COUNTED }))
    }
}

/// A cursor and a period, as a range of ids: those from `least` on, and below `below`.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdRange {
    pub(super) least: Option<Uuid>,
    pub(super) below: Option<Uuid>,
}

impl IdRange {
    /// `slack` is by how much the moment in an id may differ from the one that the period is about. `first_id` makes
    /// the lowest id of a moment.
    pub(super) fn of(window: &Window, period: Period, slack: TimeDelta, first_id: fn(Timestamp) -> Uuid) -> Self {
        let before = |at: Timestamp| at.checked_sub_signed(slack).unwrap_or(DateTime::<Utc>::MIN_UTC);
        let after = |at: Timestamp| at.checked_add_signed(slack).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let to = period.to.map(|to| first_id(whole_millis(after(to))));
        Self {
            least: period.from.map(|from| first_id(whole_millis(before(from)))),
            below: match (window.after, to) {
                (Some(after), Some(to)) => Some(after.min(to)),
                (after, to) => after.or(to),
            },
        }
    }

    /// As conditions; `$least` and `$below` are the numbers of the parameters.
    pub(super) fn conditions(self, least: u8, below: u8) -> String {
        let least = self.least.map(|_| format!(" AND id >= ${least}"));
        let below = self.below.map(|_| format!(" AND id < ${below}"));
        format!("{}{}", least.unwrap_or_default(), below.unwrap_or_default())
    }
}

/// Ids and what is stored count whole milliseconds: the first that is not before `at`.
fn whole_millis(at: Timestamp) -> Timestamp {
    let floor = truncate_to_millis(at);
    if floor == at { at } else { floor.checked_add_signed(TimeDelta::milliseconds(1)).unwrap_or(floor) }
}

#[cfg(test)]
mod tests {
    use crochet_primitives::{LedgerEntryId, timestamp_from_millis};

    use super::*;

    fn first_id(at: Timestamp) -> Uuid {
        LedgerEntryId::new(at, [0; 10]).uuid()
    }

    fn range(page: PageRequest, period: Period) -> IdRange {
        IdRange::of(&Window::of(page), period, TimeDelta::zero(), first_id)
    }

    #[test]
    fn the_end_of_a_range_is_the_cursor_or_the_periods_end_whichever_is_lower() {
        let [early, late] = [1_000, 2_000].map(|millis| timestamp_from_millis(millis).unwrap());
        let after = |at| PageRequest::After { cursor: Cursor(first_id(at)), limit: 1 };
        let until = |at| Period { from: None, to: Some(at) };
        assert_eq!(range(after(early), until(late)).below, Some(first_id(early)));
        assert_eq!(range(after(late), until(early)).below, Some(first_id(early)));
        assert_eq!(range(after(late), Period::default()).below, Some(first_id(late)));
        let numbered = range(PageRequest::Numbered { page: 1, limit: 1 }, Period::default());
        assert_eq!((numbered.least, numbered.below), (None, None));
    }

    #[test]
    fn a_bound_between_two_milliseconds_is_the_later_one() {
        let whole = timestamp_from_millis(1_000).unwrap();
        let between = whole + TimeDelta::microseconds(1);
        assert_eq!(whole_millis(whole), whole);
        assert_eq!(whole_millis(between), timestamp_from_millis(1_001).unwrap());
        assert_eq!(whole_millis(DateTime::<Utc>::MAX_UTC), truncate_to_millis(DateTime::<Utc>::MAX_UTC));
    }

    #[test]
    fn bounds_beyond_the_calendar_do_not_overflow() {
        let numbered = PageRequest::Numbered { page: 1, limit: 1 };
        let ends = Period { from: Some(DateTime::<Utc>::MIN_UTC), to: Some(DateTime::<Utc>::MAX_UTC) };
        let range = IdRange::of(&Window::of(numbered), ends, TimeDelta::minutes(5), first_id);
        assert!(range.least < range.below);
    }
}
