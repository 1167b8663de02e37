//! Which listings are wanted, and what is found.

use crochet_pricing::MicroUsd;
use crochet_primitives::{ProfileId, Total};

use super::{ListingCursor, MAX_COUNTED, MAX_RANKED};
use crate::listing::{DeliveryType, ListingStatus, ListingView, PricingModel, Sort};

/// Which listings are wanted. All that is given has to hold.
#[derive(Debug, Clone, Default)]
pub struct ListingQuery {
    /// What is searched for in name, tags, description and documentation: read by
    /// [`SearchText::parse`](super::SearchText::parse). A text without any word in it finds nothing.
    pub text: Option<String>,
    /// A category's UUID or slug.
    pub category: Option<String>,
    /// A pricing model.
    pub pricing_model: Option<PricingModel>,
    /// Tags that it has to have, in whatever case.
    pub tags: Vec<String>,
    /// How it is delivered.
    pub delivery_type: Option<DeliveryType>,
    /// Whose it is.
    pub provider: Option<ProfileId>,
    /// The lowest price, itself included.
    pub min_price: Option<MicroUsd>,
    /// The highest price, itself included.
    pub max_price: Option<MicroUsd>,
    /// All of this owner's listings, drafts included, instead of everybody's active ones.
    pub owner: Option<ProfileId>,
    /// Of an owner's listings, those of this status.
    pub status: Option<ListingStatus>,
    /// The order. [`Sort::Relevance`] without a text is [`Sort::Newest`].
    pub sort: Sort,
    /// Which part of the list.
    pub window: Window,
    /// How many are wanted, 1 to 100.
    pub limit: u32,
}

/// Which part of a list of listings is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The page of this number, from 1.
    Page(u32),
    /// What comes after this.
    After(ListingCursor),
}

impl Default for Window {
    fn default() -> Self {
        Self::Page(1)
    }
}

impl ListingQuery {
    /// How many listings of the list come before those that are wanted; 0 after a cursor.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match self.window {
            Window::Page(page) => u64::from(page.saturating_sub(1)).saturating_mul(u64::from(self.limit)),
            Window::After(_) => 0,
        }
    }

    /// How far the list is counted: [`MAX_COUNTED`], with words or filters [`MAX_RANKED`]. What they leave out has to
    /// be looked at too, so that counting would take longer than finding.
    #[must_use]
    pub fn counted_to(&self) -> usize {
        let is_filtered = self.text.is_some()
            || self.category.is_some()
            || self.pricing_model.is_some()
            || !self.tags.is_empty()
            || self.delivery_type.is_some()
            || self.provider.is_some()
            || self.min_price.is_some()
            || self.max_price.is_some();
        if is_filtered { MAX_RANKED } else { MAX_COUNTED }
    }
}

/// A part of a list, and what is known of the rest.
#[derive(Debug, Clone, Default)]
pub struct FoundListings {
    /// The listings, in the list's order, without their long texts: documentation, instructions, examples, disclaimers
    /// and promises are left empty.
    pub items: Vec<ListingView>,
    /// How many listings the whole list has; counted for numbered pages only.
    pub total: Option<Total>,
    /// Where the list goes on; none on its last page, and none in the order of relevance.
    pub next: Option<ListingCursor>,
}
