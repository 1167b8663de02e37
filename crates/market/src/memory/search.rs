//! Finding listings in memory, as PostgreSQL finds them.

use std::cmp::Reverse;

use super::catalogue::Stored;
use crate::category::Category;
use crate::listing::{Listing, ListingQuery, ListingStatus, Sort};

pub(super) fn is_wanted(listing: &Listing, query: &ListingQuery, categories: &[Category]) -> bool {
    let is_visible = match query.owner {
        Some(owner) => listing.provider == owner,
        None => listing.status == ListingStatus::Active,
    };
    let is_in_category = query.category.as_deref().is_none_or(|wanted| {
        let category = categories.iter().find(|category| Some(category.id) == listing.category);
        category.is_some_and(|category| category.slug == wanted || category.id.to_string() == wanted)
    });
    let has_words = query.text.as_deref().is_none_or(|text| {
        let haystack = format!("{} {} {}", listing.name, listing.description, listing.tags.join(" ")).to_lowercase();
        text.to_lowercase().split_whitespace().all(|word| haystack.contains(word))
    });
    is_visible
        && is_in_category
        && has_words
        && query.pricing_model.is_none_or(|model| model == listing.pricing_model())
}

/// Of equals, the newest first.
pub(super) fn sort(listings: &mut [&Stored], sort: Sort) {
    listings.sort_by_key(|stored| Reverse((stored.listing.created_at, stored.listing.id)));
    match sort {
        Sort::Newest => {}
        Sort::Popular => listings.sort_by_key(|stored| Reverse(stored.delivered)),
        Sort::PriceLow => listings.sort_by_key(|stored| stored.listing.pricing_amount()),
        Sort::PriceHigh => listings.sort_by_key(|stored| Reverse(stored.listing.pricing_amount())),
    }
}
