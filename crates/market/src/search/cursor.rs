//! Where a list of listings goes on.

use std::fmt;

use crochet_primitives::ListingId;
use crochet_signing::BodyHash;
use thiserror::Error;
use uuid::Uuid;

use super::ListingQuery;
use crate::listing::Sort;

/// The last listing of a page, by what the list is sorted by. It belongs to one order and one set of filters: with
/// others it would lead to nowhere in particular, and is refused.
///
/// Opaque outside: 70 lower-case hexadecimal digits, the first two of which say how the others are read. It is not
/// secret and not signed; whoever makes one up gets another place in the same list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingCursor {
    sort: Sort,
    /// Whether the list holds what is near to the searched words: that is decided once, on the first page.
    pub is_fuzzy: bool,
    filters: [u8; 8],
    /// Microseconds since 1970, delivered calls, or micro-dollars.
    pub key: i64,
    /// Which of those with the same key.
    pub id: ListingId,
}

/// Why a text is no cursor of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CursorMismatch {
    /// It is none at all, or one of another list.
    #[error("is no cursor of this list")]
    Unknown,
    /// It is one of another order.
    #[error("belongs to another sort")]
    Sort,
    /// It is one of other filters.
    #[error("belongs to other filters")]
    Filters,
}

const VERSION: u8 = 1;
const LENGTH: usize = 35;

impl ListingCursor {
    /// After the listing `id`, whose place in the order of `query` is `key`.
    #[must_use]
    pub fn new(query: &ListingQuery, is_fuzzy: bool, key: i64, id: ListingId) -> Self {
        Self { sort: query.sort, is_fuzzy, filters: fingerprint(query), key, id }
    }

    /// Reads what `Display` wrote.
    ///
    /// # Errors
    /// [`CursorMismatch`], also when it was not made for the order and the filters of `query`.
    pub fn parse(text: &str, query: &ListingQuery) -> Result<Self, CursorMismatch> {
        let is_ours = text.len() == LENGTH * 2 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut bytes = [0; LENGTH];
        if !is_ours || hex::decode_to_slice(text, &mut bytes).is_err() {
            return Err(CursorMismatch::Unknown);
        }
        let [VERSION, sort, flags @ (0 | 1), rest @ ..] = bytes else { return Err(CursorMismatch::Unknown) };
        let (filters, rest) = split::<8>(&rest).ok_or(CursorMismatch::Unknown)?;
        let (key, rest) = split::<8>(rest).ok_or(CursorMismatch::Unknown)?;
        let (id, _) = split::<16>(rest).ok_or(CursorMismatch::Unknown)?;
        let cursor = Self {
            sort: sort_of(sort).ok_or(CursorMismatch::Unknown)?,
            is_fuzzy: flags == 1,
            filters,
            key: i64::from_be_bytes(key),
            id: Uuid::from_bytes(id).into(),
        };
        if cursor.sort != query.sort {
            return Err(CursorMismatch::Sort);
        }
        if cursor.filters != fingerprint(query) {
            return Err(CursorMismatch::Filters);
        }
        Ok(cursor)
    }
}

fn split<const N: usize>(bytes: &[u8]) -> Option<([u8; N], &[u8])> {
    bytes.split_first_chunk::<N>().map(|(chunk, rest)| (*chunk, rest))
}

const fn code(sort: Sort) -> u8 {
    match sort {
        Sort::Newest => 0,
        Sort::Popular => 1,
        Sort::PriceLow => 2,
        Sort::PriceHigh => 3,
        Sort::Relevance => 4,
    }
}

/// Relevance has no cursors: see [`crate::search`].
const fn sort_of(code: u8) -> Option<Sort> {
    match code {
        0 => Some(Sort::Newest),
        1 => Some(Sort::Popular),
        2 => Some(Sort::PriceLow),
        3 => Some(Sort::PriceHigh),
        _ => None,
    }
}

/// The filters in eight bytes. Only equality counts; the order is a field of its own.
fn fingerprint(query: &ListingQuery) -> [u8; 8] {
    let none = String::new;
    let parts = [
        query.text.clone().unwrap_or_default(),
        query.category.clone().unwrap_or_default(),
        query.pricing_model.map_or("", crate::PricingModel::as_str).to_owned(),
        query.delivery_type.map_or("", crate::DeliveryType::as_str).to_owned(),
        query.status.map_or("", crate::ListingStatus::as_str).to_owned(),
        query.provider.map_or_else(none, |id| id.to_string()),
        query.owner.map_or_else(none, |id| id.to_string()),
        query.min_price.map_or_else(none, |price| price.micros().to_string()),
        query.max_price.map_or_else(none, |price| price.micros().to_string()),
        query.tags.join("\u{1}"),
    ];
    // No parameter holds control characters, so no two queries have the same text.
    let hash = BodyHash::of(parts.join("\0").as_bytes());
    split::<8>(hash.as_bytes()).map_or([0; 8], |(first, _)| first)
}

impl fmt::Display for ListingCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION, code(self.sort), u8::from(self.is_fuzzy)];
        bytes.extend(self.filters);
        bytes.extend(self.key.to_be_bytes());
        bytes.extend(self.id.uuid().as_bytes());
        f.write_str(&hex::encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(sort: Sort, text: Option<&str>) -> ListingQuery {
        ListingQuery { sort, text: text.map(str::to_owned), ..ListingQuery::default() }
    }

    fn cursor(query: &ListingQuery) -> ListingCursor {
        ListingCursor::new(query, false, -5, Uuid::from_u128(7).into())
    }

    #[test]
    fn a_cursor_belongs_to_one_order_and_one_set_of_filters() {
        let newest = query(Sort::Newest, Some("a"));
        let text = cursor(&newest).to_string();
        assert_eq!(ListingCursor::parse(&text, &newest), Ok(cursor(&newest)));
        assert_eq!(ListingCursor::parse(&text, &query(Sort::Popular, Some("a"))), Err(CursorMismatch::Sort));
        assert_eq!(ListingCursor::parse(&text, &query(Sort::Newest, Some("b"))), Err(CursorMismatch::Filters));
        let other_page = ListingQuery { limit: 7, ..newest };
        assert!(ListingCursor::parse(&text, &other_page).is_ok());
    }

    #[test]
    fn every_filter_is_part_of_it() {
        let plain = ListingQuery::default();
        let price = Some(crochet_pricing::MicroUsd::from_micros(1));
        for other in [
            ListingQuery { category: Some("a".into()), ..plain.clone() },
            ListingQuery { pricing_model: Some(crate::PricingModel::Free), ..plain.clone() },
            ListingQuery { delivery_type: Some(crate::DeliveryType::Api), ..plain.clone() },
            ListingQuery { status: Some(crate::ListingStatus::Draft), ..plain.clone() },
            ListingQuery { provider: Some(Uuid::from_u128(1).into()), ..plain.clone() },
            ListingQuery { owner: Some(Uuid::from_u128(1).into()), ..plain.clone() },
            ListingQuery { min_price: price, ..plain.clone() },
            ListingQuery { max_price: price, ..plain.clone() },
            ListingQuery { tags: vec!["a".into()], ..plain.clone() },
        ] {
            assert_eq!(ListingCursor::parse(&cursor(&other).to_string(), &plain), Err(CursorMismatch::Filters));
        }
    }

    #[test]
    fn another_text_is_no_cursor() {
        let plain = ListingQuery::default();
        let text = cursor(&plain).to_string();
        for text in [
            "",
            "0190a0b0000070008000000000000001",
            &text.to_uppercase(),
            &text.replacen("01", "02", 1),
            &text.replacen("0100", "0104", 1),
            &text.replacen("010000", "010002", 1),
            &format!("{text}00"),
        ] {
            assert_eq!(ListingCursor::parse(text, &plain), Err(CursorMismatch::Unknown), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(key in any::<i64>(), id in any::<u128>(), is_fuzzy in any::<bool>()) {
            let query = query(Sort::PriceHigh, None);
            let cursor = ListingCursor::new(&query, is_fuzzy, key, Uuid::from_u128(id).into());
            prop_assert_eq!(ListingCursor::parse(&cursor.to_string(), &query), Ok(cursor));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = ListingCursor::parse(&text, &ListingQuery::default());
        }
    }
}
