//! Query strings of lists: pages, cursors, filters, words to be found.

use crochet_http::testing::readers;
use crochet_market::catalogue::ListingFilters;
use crochet_market::search::{ListingCursor, ListingQuery, SearchText, Window, nearest};
use crochet_market::{MarketError, Sort};
use crochet_primitives::{Cursor, PageRequest, ProfileId};
use uuid::Uuid;

use crate::input::text;

/// A query string; which is also read as a cursor, and as words that are searched for.
pub fn queries(bytes: &[u8]) {
    let text = text(bytes);
    cursors(&text);
    words(&text);
    if let Some(Ok(history)) = readers::history(&text) {
        assert!((1..=100).contains(&history.page.limit()));
        if let PageRequest::Numbered { page, limit } = history.page {
            assert!(page >= 1 && u64::from(page) * u64::from(limit) <= 10_000);
        }
        assert!(history.created.from.is_none_or(|from| history.created.to.is_none_or(|to| from <= to)));
        assert!(history.states <= 11);
    }
    if let Some(Ok(filters)) = readers::filters(&text) {
        listings(&filters);
    }
}

fn listings(filters: &ListingFilters) {
    let caller = Some(ProfileId::from(Uuid::from_u128(7)));
    let query = match filters.read(caller) {
        Ok(query) => query,
        Err(error) => {
            assert!(matches!(error, MarketError::Invalid(_) | MarketError::PagesEnd { .. }), "{error:?}");
            return;
        }
    };
    assert!((1..=100).contains(&query.limit) && query.tags.len() <= 5 && query.offset() <= 10_000);
    assert!(query.text.as_ref().is_none_or(|text| (1..=200).contains(&text.chars().count())));
    assert!(query.min_price.is_none_or(|min| query.max_price.is_none_or(|max| min <= max)));
    assert!(query.sort != Sort::Relevance || query.text.is_some());
    assert!(query.status.is_none() || query.owner.is_some());
    for line in query.tags.iter().chain(&query.text).chain(&query.category) {
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    goes_on(filters, &query, caller);
}

/// The page that follows is found by its cursor, with the same filters alone.
fn goes_on(filters: &ListingFilters, query: &ListingQuery, caller: Option<ProfileId>) {
    if query.sort == Sort::Relevance {
        return;
    }
    let next = ListingCursor::new(query, false, 7, Uuid::from_u128(9).into());
    let with_cursor = ListingFilters { cursor: Some(next.to_string()), page: None, ..filters.clone() };
    let read = with_cursor.read(caller).unwrap();
    assert_eq!(read.window, Window::After(next));
    let dearer = ListingFilters { min_price: Some("0.000007".to_owned()), max_price: None, ..with_cursor };
    let is_the_same = query.min_price.map(|price| price.micros()) == Some(7) && query.max_price.is_none();
    assert_eq!(dearer.read(caller).is_ok(), is_the_same);
}

fn cursors(text: &str) {
    if let Ok(cursor) = Cursor::parse(text) {
        assert_eq!(cursor.to_string(), text);
    }
    let query = ListingQuery { text: Some("weather".to_owned()), ..ListingQuery::default() };
    for sort in [Sort::Newest, Sort::Popular, Sort::PriceLow, Sort::PriceHigh, Sort::Relevance] {
        if let Ok(cursor) = ListingCursor::parse(text, &ListingQuery { sort, ..query.clone() }) {
            assert_eq!(cursor.to_string(), text);
            assert!(sort != Sort::Relevance && ListingCursor::parse(text, &ListingQuery::default()).is_err());
        }
    }
}

fn words(text: &str) {
    let words = SearchText::parse(text);
    let looked_at: String = text.chars().take(200).collect();
    let found: usize = words.terms.iter().map(|term| term.text.chars().count()).sum();
    assert!(found <= looked_at.chars().count());
    for (place, term) in words.terms.iter().enumerate() {
        assert!(!term.text.trim().is_empty() && looked_at.contains(&term.text));
        assert!(!term.is_prefix || (place + 1 == words.terms.len() && !term.is_quoted && !term.is_excluded));
    }
    assert_eq!(SearchText::parse(&looked_at), words);
    for term in words.terms.iter().take(8) {
        let known = ["translation", "database", "weather", "two"];
        let near = nearest(&term.text, known);
        assert!(near.iter().all(|word| known.contains(word) && *word != term.text));
    }
}
