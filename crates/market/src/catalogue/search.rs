//! Finding listings.

use crochet_pricing::MicroUsd;
use crochet_primitives::{ProfileId, Total};
use serde::Deserialize;

use super::CatalogueService;
use crate::error::MarketError;
use crate::fields::Problems;
use crate::listing::{DeliveryType, ListingStatus, ListingView, PricingModel, Sort};
use crate::search::{ListingCursor, ListingQuery, MAX_RANKED, MAX_TEXT, Window};

const MAX_CATEGORY: usize = 100;
const MAX_TAG: usize = 50;
const MAX_TAGS: usize = 5;
const MAX_LIMIT: u32 = 100;
const DEFAULT_LIMIT: u32 = 20;
/// How deep pages go: `page × limit`.
const MAX_DEPTH: u64 = 10_000;

/// The query of `GET /listings`, as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListingFilters {
    /// Words to be found, up to 200 characters.
    pub q: Option<String>,
    /// A category's UUID or slug.
    pub category: Option<String>,
    /// Any known pricing model, also those that can no longer be published.
    pub pricing_model: Option<String>,
    /// Up to 5 tags with commas between them, all of which a listing has to have.
    pub tag: Option<String>,
    /// How it is delivered.
    pub delivery_type: Option<String>,
    /// Whose it is: a profile's UUID.
    pub provider_id: Option<String>,
    /// The lowest price in US dollars, itself included: at most six decimals.
    pub min_price: Option<String>,
    /// The highest price in US dollars, itself included: at most six decimals.
    pub max_price: Option<String>,
    /// `relevance` (default with `q`, and not without it), `newest` (default otherwise), `popular`, `price_low` or
    /// `price_high`.
    pub sort: Option<String>,
    /// From 1.
    pub page: Option<String>,
    /// 1 to 100, 20 unless said.
    pub limit: Option<String>,
    /// Where a page of the same list ended, instead of `page`.
    pub cursor: Option<String>,
    /// `true`: the caller's own listings, drafts included.
    pub mine: Option<String>,
    /// With `mine`: only those of this status.
    pub status: Option<String>,
}

impl ListingFilters {
    /// Reads the texts.
    ///
    /// # Errors
    /// [`MarketError::Invalid`] for what is out of bounds; [`MarketError::PagesEnd`] for a page beyond the 10,000th
    /// listing; [`MarketError::KeyRequired`] for `mine` without a caller.
    pub fn read(&self, caller: Option<ProfileId>) -> Result<ListingQuery, MarketError> {
        let mut problems = Problems::default();
        let text = given(&self.q).map(|text| problems.line("q", text, 1..=MAX_TEXT));
        let is_mine = self.read_mine(&mut problems);
        let mut query = ListingQuery {
            category: given(&self.category).map(|text| problems.line("category", text, 1..=MAX_CATEGORY)),
            pricing_model: choice(
                "pricing_model",
                &self.pricing_model,
                PricingModel::parse,
                PricingModel::NAMES,
                &mut problems,
            ),
            tags: read_tags(&self.tag, &mut problems),
            delivery_type: choice(
                "delivery_type",
                &self.delivery_type,
                DeliveryType::parse,
                DeliveryType::NAMES,
                &mut problems,
            ),
            provider: given(&self.provider_id).and_then(|text| read_id(text, &mut problems)),
            min_price: price("min_price", &self.min_price, &mut problems),
            max_price: price("max_price", &self.max_price, &mut problems),
            status: choice("status", &self.status, ListingStatus::parse, ListingStatus::NAMES, &mut problems),
            sort: read_sort(&self.sort, text.is_some(), &mut problems),
            limit: number("limit", &self.limit, DEFAULT_LIMIT, MAX_LIMIT, &mut problems),
            text,
            ..ListingQuery::default()
        };
        if query.min_price.zip(query.max_price).is_some_and(|(min, max)| min > max) {
            problems.add("max_price", "must not be lower than min_price");
        }
        if query.status.is_some() && !is_mine {
            problems.add("status", "goes with mine=true: others see active listings only");
        }
        let page = number("page", &self.page, 1, u32::MAX, &mut problems);
        if given(&self.cursor).is_some() && given(&self.page).is_some() {
            problems.add("cursor", "excludes page");
        }
        problems.finish()?;
        // Beyond what is ranked there is nothing in this order; page n begins after (n - 1) × limit.
        let begins_at = u64::from(page.saturating_sub(1)).saturating_mul(u64::from(query.limit));
        if query.sort == Sort::Relevance && begins_at >= u64::try_from(MAX_RANKED).unwrap_or(u64::MAX) {
            let message = format!(
                "goes no further than {MAX_RANKED} listings by relevance: use more words or filters, or sort=newest, which \
                 has cursors"
            );
            return Err(Problems::one("page", message));
        }
        if u64::from(page).saturating_mul(u64::from(query.limit)) > MAX_DEPTH {
            return Err(MarketError::PagesEnd { depth: MAX_DEPTH });
        }
        if is_mine {
            query.owner = Some(caller.ok_or(MarketError::KeyRequired)?);
        }
        query.window = match given(&self.cursor) {
            None => Window::Page(page),
            Some(_) if query.sort == Sort::Relevance => {
                return Err(Problems::one("cursor", "does not go with sort=relevance: that order has pages only"));
            }
            // Only now is it known which list it has to belong to.
            Some(text) => ListingCursor::parse(text, &query)
                .map(Window::After)
                .map_err(|mismatch| Problems::one("cursor", mismatch.to_string()))?,
        };
        Ok(query)
    }

    fn read_mine(&self, problems: &mut Problems) -> bool {
        match given(&self.mine) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                problems.add("mine", "must be true or false");
                false
            }
        }
    }
}

/// Listings, and which part of how many they are.
#[derive(Debug, Clone)]
pub struct ListingPage {
    /// The listings of this page.
    pub items: Vec<ListingView>,
    /// From 1; none after a cursor.
    pub page: Option<u32>,
    /// How many a page has at most.
    pub limit: u32,
    /// How many there are on all pages; none after a cursor.
    pub total: Option<Total>,
    /// Where the list goes on.
    pub next: Option<ListingCursor>,
}

impl CatalogueService {
    /// Active listings, or all of the caller's own.
    ///
    /// # Errors
    /// As [`ListingFilters::read`]; [`MarketError::Storage`].
    pub async fn search(
        &self,
        filters: &ListingFilters,
        caller: Option<ProfileId>,
    ) -> Result<ListingPage, MarketError> {
        let query = filters.read(caller)?;
        let found = self.store.search(&query).await?;
        let page = match query.window {
            Window::Page(page) => Some(page),
            Window::After(_) => None,
        };
        Ok(ListingPage { items: found.items, page, limit: query.limit, total: found.total, next: found.next })
    }
}

fn read_sort(parameter: &Option<String>, has_text: bool, problems: &mut Problems) -> Sort {
    let sort = choice("sort", parameter, Sort::parse, Sort::NAMES, problems);
    if sort == Some(Sort::Relevance) && !has_text {
        problems.add("sort", "relevance goes with q: it is how well a listing fits the words");
    }
    sort.unwrap_or(if has_text { Sort::Relevance } else { Sort::Newest })
}

fn read_tags(parameter: &Option<String>, problems: &mut Problems) -> Vec<String> {
    let Some(text) = given(parameter) else {
        return Vec::new();
    };
    let tags: Vec<String> = text.split(',').map(|tag| problems.line("tag", tag, 1..=MAX_TAG)).collect();
    if tags.len() > MAX_TAGS {
        problems.add("tag", format!("must be at most {MAX_TAGS} tags, with commas between them"));
    }
    tags
}

fn read_id(text: &str, problems: &mut Problems) -> Option<ProfileId> {
    let id = ProfileId::parse(text).ok();
    if id.is_none() {
        problems.add("provider_id", "must be a UUID");
    }
    id
}

fn price(field: &str, parameter: &Option<String>, problems: &mut Problems) -> Option<MicroUsd> {
    // As one more problem, not as an amount that was cut off: what is compared is exact.
    MicroUsd::parse_decimal(given(parameter)?)
        .map_err(|error| problems.add(field, format!("must be an amount in US dollars, as in 0.05: {error}")))
        .ok()
}

/// An empty parameter counts as absent.
fn given(parameter: &Option<String>) -> Option<&str> {
    parameter.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn choice<T>(
    field: &str,
    parameter: &Option<String>,
    parse: fn(&str) -> Option<T>,
    names: &[&str],
    problems: &mut Problems,
) -> Option<T> {
    let text = given(parameter)?;
    let parsed = parse(text);
    if parsed.is_none() {
        problems.add(field, format!("must be one of {}", names.join(", ")));
    }
    parsed
}

fn number(field: &str, parameter: &Option<String>, default: u32, max: u32, problems: &mut Problems) -> u32 {
    let Some(text) = given(parameter) else {
        return default;
    };
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if is_digits && (1..=max).contains(&number) => number,
        _ => {
            problems.add(field, format!("must be a whole number from 1 to {max}"));
            default
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(change: impl FnOnce(&mut ListingFilters)) -> Result<ListingQuery, MarketError> {
        let mut filters = ListingFilters::default();
        change(&mut filters);
        filters.read(None)
    }

    #[test]
    fn without_parameters_the_newest_twenty_are_meant() {
        let query = read(|_| {}).unwrap();
        assert_eq!((query.window, query.limit, query.sort), (Window::Page(1), 20, Sort::Newest));
        assert_eq!((query.text, query.category, query.owner), (None, None, None));
    }

    #[test]
    fn with_words_the_most_relevant_come_first_unless_another_order_is_asked_for() {
        let sort = |sort: Option<&str>| {
            let filters =
                ListingFilters { q: Some("a".into()), sort: sort.map(str::to_owned), ..ListingFilters::default() };
            filters.read(None).unwrap().sort
        };
        assert_eq!((sort(None), sort(Some("relevance"))), (Sort::Relevance, Sort::Relevance));
        assert_eq!(sort(Some("newest")), Sort::Newest);
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        let named = |change: fn(&mut ListingFilters)| match read(change) {
            Err(MarketError::Invalid(problems)) => problems.into_iter().map(|problem| problem.field).collect(),
            _ => Vec::new(),
        };
        assert_eq!(named(|f| f.page = Some("0".into())), ["page"]);
        assert_eq!(named(|f| f.page = Some("-1".into())), ["page"]);
        assert_eq!(named(|f| f.page = Some("+1".into())), ["page"]);
        assert_eq!(named(|f| f.limit = Some("101".into())), ["limit"]);
        assert_eq!(named(|f| f.limit = Some("x".into())), ["limit"]);
        assert_eq!(named(|f| f.sort = Some("best".into())), ["sort"]);
        assert_eq!(named(|f| f.sort = Some("relevance".into())), ["sort"]);
        assert_eq!(named(|f| f.pricing_model = Some("weekly".into())), ["pricing_model"]);
        assert_eq!(named(|f| f.delivery_type = Some("pigeon".into())), ["delivery_type"]);
        assert_eq!(named(|f| f.q = Some("x".repeat(201))), ["q"]);
        assert_eq!(named(|f| f.q = Some("a\u{0}".into())), ["q"]);
        assert_eq!(named(|f| f.mine = Some("yes".into())), ["mine"]);
        assert_eq!(named(|f| f.status = Some("draft".into())), ["status"]);
        assert_eq!(named(|f| f.provider_id = Some("me".into())), ["provider_id"]);
        assert_eq!(named(|f| f.tag = Some("a,,b".into())), ["tag"]);
        assert_eq!(named(|f| f.tag = Some("a,b,c,d,e,f".into())), ["tag"]);
        assert_eq!(named(|f| f.cursor = Some("abc".into())), ["cursor"]);
        for price in ["-1", "1e3", "0.0000001", "x", "NaN", "99999999999999999999"] {
            let filters = ListingFilters { min_price: Some(price.into()), ..ListingFilters::default() };
            assert!(matches!(filters.read(None), Err(MarketError::Invalid(_))), "{price}");
        }
        assert!(read(|f| f.page = Some("500".into())).is_ok());
        assert!(matches!(read(|f| f.page = Some("501".into())), Err(MarketError::PagesEnd { depth: 10_000 })));
        assert!(read(|f| f.pricing_model = Some("monthly".into())).is_ok());
    }

    #[test]
    fn prices_are_exact_and_in_their_order() {
        let read = |min: &str, max: &str| {
            let (min_price, max_price) = (Some(min.to_owned()), Some(max.to_owned()));
            ListingFilters { min_price, max_price, ..ListingFilters::default() }.read(None)
        };
        let query = read("0.000001", "0.3").unwrap();
        let micros = |price: Option<MicroUsd>| price.map(MicroUsd::micros);
        assert_eq!((micros(query.min_price), micros(query.max_price)), (Some(1), Some(300_000)));
        assert!(read("0.3", "0.3").is_ok());
        assert!(matches!(read("0.300001", "0.3"), Err(MarketError::Invalid(_))));
    }

    #[test]
    fn a_cursor_takes_the_list_that_it_came_from() {
        let query = read(|f| f.tag = Some("a, b".into())).unwrap();
        assert_eq!(query.tags, ["a", "b"]);
        let cursor = ListingCursor::new(&query, false, 1, uuid_of(1)).to_string();
        let after = |change: fn(&mut ListingFilters)| {
            let mut filters =
                ListingFilters { cursor: Some(cursor.clone()), tag: Some("a,b".into()), ..ListingFilters::default() };
            change(&mut filters);
            filters.read(None).map(|query| query.window)
        };
        assert!(matches!(after(|_| {}), Ok(Window::After(cursor)) if cursor.key == 1));
        assert!(matches!(after(|f| f.limit = Some("7".into())), Ok(Window::After(_))));
        assert!(matches!(after(|f| f.page = Some("1".into())), Err(MarketError::Invalid(_))));
        assert!(matches!(after(|f| f.tag = None), Err(MarketError::Invalid(_))));
        assert!(matches!(after(|f| f.sort = Some("popular".into())), Err(MarketError::Invalid(_))));
        assert!(matches!(after(|f| f.q = Some("a".into())), Err(MarketError::Invalid(_))));
    }

    fn uuid_of(number: u8) -> crochet_primitives::ListingId {
        crochet_primitives::ListingId::new(chrono::DateTime::UNIX_EPOCH, [number; 10])
    }

    #[test]
    fn ones_own_listings_take_a_key() {
        assert!(matches!(read(|f| f.mine = Some("true".into())), Err(MarketError::KeyRequired)));
        let filters =
            ListingFilters { mine: Some("true".into()), status: Some("draft".into()), ..ListingFilters::default() };
        let me = ProfileId::new(chrono::DateTime::UNIX_EPOCH, [1; 10]);
        let query = filters.read(Some(me)).unwrap();
        assert_eq!((query.owner, query.status), (Some(me), Some(ListingStatus::Draft)));
    }

    proptest! {
        #[test]
        fn no_query_panics(q in "\\PC*", page in "\\PC*", limit in "[0-9]{0,30}", tag in "\\PC*", cursor in "\\PC*", price in "[0-9.eE+-]*") {
            let _ = read(|f| *f = ListingFilters {
                q: Some(q),
                page: Some(page),
                limit: Some(limit),
                tag: Some(tag),
                cursor: Some(cursor),
                max_price: Some(price),
                ..ListingFilters::default()
            });
        }
    }
}
