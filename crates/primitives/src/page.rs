//! Pages of a list that is ordered by id, newest first.

use std::fmt;

use thiserror::Error;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::schema::text;

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageRequest {
    /// The `page`-th page, counted from 1, of `limit` items each.
    Numbered {
        /// From 1.
        page: u32,
        /// 1 to 100.
        limit: u32,
    },
    /// `limit` items that come after the cursor: stable while new items arrive.
    After {
        /// Where the last page ended.
        cursor: Cursor,
        /// 1 to 100.
        limit: u32,
    },
}

impl PageRequest {
    /// How many items are wanted.
    #[must_use]
    pub const fn limit(self) -> u32 {
        match self {
            Self::Numbered { limit, .. } | Self::After { limit, .. } => limit,
        }
    }

    /// How many items to skip; 0 after a cursor.
    #[must_use]
    pub fn offset(self) -> u64 {
        match self {
            Self::Numbered { page, limit } => u64::from(page.saturating_sub(1)).saturating_mul(u64::from(limit)),
            Self::After { .. } => 0,
        }
    }
}

/// One page, and what is known of the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// How many items the whole list has; counted for numbered pages only.
    pub total: Option<Total>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
}

/// The length of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// How many items there are, or the cap.
    pub count: u64,
    /// Whether counting stopped at the cap.
    pub is_capped: bool,
}

/// The id of the last item of a page. Opaque outside: lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub Uuid);

/// Text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a cursor of this API")]
pub struct CursorError;

impl Cursor {
    /// Reads what `Display` wrote.
    ///
    /// # Errors
    /// When the text is anything but 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, CursorError> {
        let is_ours = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_ours {
            return Err(CursorError);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| CursorError)
    }
}

impl PartialSchema for Cursor {
    fn schema() -> RefOr<Schema> {
        text(
            "Where the next page begins: what `pagination.next_cursor` said. Opaque.",
            // The longer ones are those of the catalogue, which has several orders.
            "^([0-9a-f]{32}|[0-9a-f]{70})$",
            "0198c0de7a0070008000000000000001",
        )
        .into()
    }
}

impl ToSchema for Cursor {}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is_one() {
        let cursor = Cursor(Uuid::from_u128(0x0190_a0b0_0000_7000_8000_0000_0000_0001));
        assert_eq!(Cursor::parse(&cursor.to_string()), Ok(cursor));
        for text in ["", "0", "0190A0B0000070008000000000000001", "{0190a0b0000070008000000000000001}"] {
            assert_eq!(Cursor::parse(text), Err(CursorError), "{text}");
        }
    }

    #[test]
    fn the_offset_of_an_absurd_page_does_not_overflow() {
        assert_eq!(PageRequest::Numbered { page: u32::MAX, limit: 100 }.offset(), 429_496_729_400);
        assert_eq!(PageRequest::Numbered { page: 0, limit: 100 }.offset(), 0);
    }
}
