//! History is in months, and a page seldom goes far: so it is read in stretches, from the newest on, until it is full.
//!
//! What is asked of all months at once is planned for all of them, and looked up in each, however many there are.

use chrono::{DateTime, Datelike, Months, NaiveDate};
use crochet_primitives::Timestamp;
use uuid::Uuid;

use super::lists::IdRange;

/// How many months, before the newest stretch, the second has. The third has what is left.
const SECOND: u32 = 6;

/// The parts of `range`, newest first: from the first of the month on in which it ends (of that in which `now` is, for
/// one that goes further), half a year before that, and the rest.
pub(super) fn stretches(range: IdRange, now: Timestamp) -> Vec<IdRange> {
    let newest = range.below.and_then(moment).map_or(now, |below| below.min(now));
    let month = month_of(newest);
    let mut stretches = Vec::new();
    let mut below = range.below;
    for end in [Some(month), month.checked_sub_months(Months::new(SECOND))].into_iter().flatten().filter_map(first_id) {
        if range.least.is_some_and(|least| end <= least) {
            break;
        }
        if below.is_none_or(|below| end < below) {
            stretches.push(IdRange { least: Some(end), below });
            below = Some(end);
        }
    }
    stretches.push(IdRange { least: range.least, below });
    stretches
}

/// The moment in an id.
fn moment(id: Uuid) -> Option<Timestamp> {
    DateTime::from_timestamp_millis(i64::try_from(id.as_u128() >> 80).ok()?)
}

fn month_of(at: Timestamp) -> NaiveDate {
    at.date_naive().with_day(1).unwrap_or(NaiveDate::MIN)
}

/// Where the partition of a month begins: below all ids that are made in it.
fn first_id(month: NaiveDate) -> Option<Uuid> {
    let millis = month.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
    Some(Uuid::from_u128(u128::try_from(millis).ok()? << 80))
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse::<DateTime<Utc>>().unwrap()
    }

    fn id(text: &str) -> Uuid {
        let millis = at(text).timestamp_millis();
        Uuid::from_u128(u128::try_from(millis).unwrap() << 80 | 0x7000_8000_0000_0000_0001)
    }

    fn month(text: &str) -> Option<Uuid> {
        first_id(text.parse().unwrap())
    }

    fn ends(range: IdRange, now: &str) -> Vec<(Option<Uuid>, Option<Uuid>)> {
        stretches(range, at(now)).into_iter().map(|stretch| (stretch.least, stretch.below)).collect()
    }

    #[test]
    fn all_of_history_is_this_month_half_a_year_and_the_rest() {
        let all = IdRange { least: None, below: None };
        let (month, year) = (month("2026-05-01"), month("2025-11-01"));
        assert_eq!(ends(all, "2026-05-03T12:00:00Z"), [(month, None), (year, month), (None, year)]);
    }

    #[test]
    fn a_cursor_begins_in_its_own_month() {
        let (cursor, now) = (Some(id("2025-02-28T23:59:59Z")), "2026-05-03T12:00:00Z");
        let (month, year) = (month("2025-02-01"), month("2024-08-01"));
        let range = IdRange { least: None, below: cursor };
        assert_eq!(ends(range, now), [(month, cursor), (year, month), (None, year)]);
        // One from a clock that is ahead begins today.
        let ahead = IdRange { least: None, below: Some(id("2030-01-01T00:00:00Z")) };
        assert_eq!(ends(ahead, now).first().unwrap().0, first_id("2026-05-01".parse().unwrap()));
    }

    #[test]
    fn a_period_ends_where_it_ends() {
        let (least, below) = (Some(id("2026-04-10T00:00:00Z")), Some(id("2026-05-02T00:00:00Z")));
        let month = month("2026-05-01");
        assert_eq!(ends(IdRange { least, below }, "2026-06-01T00:00:00Z"), [(month, below), (least, month)]);
        let within = Some(id("2026-05-01T00:00:01Z"));
        assert_eq!(ends(IdRange { least: within, below }, "2026-06-01T00:00:00Z"), [(within, below)]);
        // At the very first moment of a month there is nothing of it below.
        let first = month;
        assert_eq!(ends(IdRange { least, below: first }, "2026-06-01T00:00:00Z"), [(least, first)]);
    }

    #[test]
    fn ids_that_no_clock_makes_are_no_bounds_for_the_calendar() {
        for below in [Some(Uuid::nil()), Some(Uuid::max())] {
            let stretches = ends(IdRange { least: None, below }, "2026-05-03T12:00:00Z");
            assert_eq!((stretches.first().unwrap().1, stretches.last().unwrap().0), (below, None));
        }
    }
}
