//! Finding listings.

use crochet_primitives::ProfileId;
use serde::Deserialize;

use super::CatalogueService;
use crate::error::MarketError;
use crate::fields::Problems;
use crate::listing::{ListingQuery, ListingView, PricingModel, Sort};

const MAX_TEXT: usize = 200;
const MAX_CATEGORY: usize = 100;
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
    /// `newest` (default), `popular`, `price_low` or `price_high`.
    pub sort: Option<String>,
    /// From 1.
    pub page: Option<String>,
    /// 1 to 100, 20 unless said.
    pub limit: Option<String>,
    /// `true`: the caller's own listings, drafts included.
    pub mine: Option<String>,
}

impl ListingFilters {
    /// Reads the texts.
    ///
    /// # Errors
    /// [`MarketError::Invalid`] for what is out of bounds; [`MarketError::KeyRequired`] for `mine` without a caller.
    pub fn read(&self, caller: Option<ProfileId>) -> Result<ListingQuery, MarketError> {
        let mut problems = Problems::default();
        let text = given(&self.q).map(|text| problems.line("q", text, 1..=MAX_TEXT));
        let category = given(&self.category).map(|text| problems.line("category", text, 1..=MAX_CATEGORY));
        let pricing_model = given(&self.pricing_model)
            .and_then(|text| known("pricing_model", text, PricingModel::parse, PricingModel::NAMES, &mut problems));
        let sort = given(&self.sort).and_then(|text| known("sort", text, Sort::parse, Sort::NAMES, &mut problems));
        let page = number("page", &self.page, 1, u32::MAX, &mut problems);
        let limit = number("limit", &self.limit, DEFAULT_LIMIT, MAX_LIMIT, &mut problems);
        if u64::from(page).saturating_mul(u64::from(limit)) > MAX_DEPTH {
            problems.add("page", format!("page times limit must be at most {MAX_DEPTH}; narrow the search instead"));
        }
        let is_mine = match given(&self.mine) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                problems.add("mine", "must be true or false");
                false
            }
        };
        problems.finish()?;
        let owner = if is_mine { Some(caller.ok_or(MarketError::KeyRequired)?) } else { None };
        Ok(ListingQuery { text, category, pricing_model, owner, sort: sort.unwrap_or_default(), page, limit })
    }
}

/// Listings, and which part of how many they are.
#[derive(Debug, Clone)]
pub struct ListingPage {
    /// The listings of this page.
    pub items: Vec<ListingView>,
    /// From 1.
    pub page: u32,
    /// How many a page has at most.
    pub limit: u32,
    /// How many there are on all pages.
    pub total: u64,
}

impl ListingPage {
    /// How many pages there are.
    #[must_use]
    pub fn total_pages(&self) -> u64 {
        self.total.div_ceil(u64::from(self.limit.max(1)))
    }
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
        let (items, total) = self.store.search(&query).await?;
        Ok(ListingPage { items, page: query.page, limit: query.limit, total })
    }
}

/// An empty parameter counts as absent.
fn given(parameter: &Option<String>) -> Option<&str> {
    parameter.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn known<T>(
    field: &str,
    text: &str,
    parse: fn(&str) -> Option<T>,
    names: &[&str],
    problems: &mut Problems,
) -> Option<T> {
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
        assert_eq!((query.page, query.limit, query.sort), (1, 20, Sort::Newest));
        assert_eq!((query.text, query.category, query.owner), (None, None, None));
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
        assert_eq!(named(|f| f.page = Some("501".into())), ["page"]);
        assert_eq!(named(|f| f.sort = Some("best".into())), ["sort"]);
        assert_eq!(named(|f| f.pricing_model = Some("weekly".into())), ["pricing_model"]);
        assert_eq!(named(|f| f.q = Some("x".repeat(201))), ["q"]);
        assert_eq!(named(|f| f.mine = Some("yes".into())), ["mine"]);
        assert!(read(|f| f.page = Some("500".into())).is_ok());
        assert!(read(|f| f.pricing_model = Some("monthly".into())).is_ok());
    }

    #[test]
    fn ones_own_listings_take_a_key() {
        assert!(matches!(read(|f| f.mine = Some("true".into())), Err(MarketError::KeyRequired)));
    }

    proptest! {
        #[test]
        fn no_query_panics(q in "\\PC*", page in "\\PC*", limit in "[0-9]{0,30}") {
            let _ = read(|f| *f = ListingFilters { q: Some(q), page: Some(page), limit: Some(limit), ..ListingFilters::default() });
        }
    }
}
