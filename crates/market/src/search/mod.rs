//! Finding listings: what is asked for, what the words of a search mean, and where a list goes on.
//!
//! A text goes its way in three steps. [`SearchText::parse`] takes it apart; an implementation brings the parts into its
//! own form of words ([`Lexed`]); [`SearchPlan::new`] decides what has to be found. So all implementations find the same.

mod cursor;
mod plan;
mod query;
mod text;

pub use cursor::{CursorMismatch, ListingCursor};
pub use plan::{Lexed, Need, SearchPlan};
pub use query::{FoundListings, ListingQuery, Window};
pub use text::{SearchText, Term, nearest};

/// How many characters of a search count.
pub const MAX_TEXT: usize = 200;

/// How many matches of a search are ranked at most, and so how many the order of relevance can show: the most popular
/// of them, and those whose name it is.
pub const MAX_RANKED: usize = 500;

/// With fewer matches than this, words that are near to the searched ones count too.
pub const FEW: usize = 20;

/// How far lists are counted that nothing is left out of; others are counted to [`MAX_RANKED`].
pub const MAX_COUNTED: usize = 10_000;
