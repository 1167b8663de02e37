//! Listings that are new, and where they are found.

use crochet_pricing::Price;
use crochet_primitives::ListingId;
use futures::future::join_all;

use super::World;
use super::given::{endpoint, insert, listing, new_slug, published, registered};
use crate::listing::{Listing, ListingStatus, SuspendedBy};
use crate::ports::Saved;

pub async fn categories_come_in_their_order(world: &impl World) {
    let categories = world.catalogue().categories().await.unwrap();
    assert!(categories.len() >= 2);
    assert!(categories.is_sorted_by_key(|category| category.sort_order));
}

pub async fn a_listing_is_found_by_its_id_and_its_slug(world: &impl World) {
    let seller = registered(world).await.profile;
    let category = world.catalogue().categories().await.unwrap().remove(0);
    let with_category = Listing { category: Some(category.id), ..listing(seller.id, &new_slug()) };
    insert(world, &with_category, Some(&endpoint(&with_category))).await;
    for name in [with_category.id.to_string(), with_category.id.to_string().to_uppercase(), with_category.slug.clone()]
    {
        let view = world.catalogue().find(&name).await.unwrap().unwrap();
        assert_eq!(view.listing, with_category);
        assert_eq!(view.provider, seller);
        assert_eq!(view.category.as_ref(), Some(&category));
        assert!(view.has_endpoint);
    }
}

pub async fn a_listing_is_found_whatever_its_status(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let draft = Listing { status: ListingStatus::Draft, price: Price::Free, ..listing(seller, &new_slug()) };
    let suspended = Listing {
        status: ListingStatus::Suspended,
        suspended_by: Some(SuspendedBy::Operator),
        ..listing(seller, &new_slug())
    };
    for listing in [draft, suspended] {
        insert(world, &listing, None).await;
        let view = world.catalogue().find(&listing.slug).await.unwrap().unwrap();
        assert_eq!(view.listing, listing);
        assert_eq!(view.category, None);
        assert!(!view.has_endpoint);
    }
}

pub async fn a_listing_that_there_is_not_is_answered_with_nothing(world: &impl World) {
    let id = listing(registered(world).await.profile.id, "").id;
    for name in [id.to_string().as_str(), "no-such-slug", "", "%", "'; --", "\0"] {
        assert!(world.catalogue().find(name).await.unwrap().is_none(), "{name:?}");
    }
    assert!(world.catalogue().endpoint(id).await.unwrap().is_none());
}

pub async fn a_slug_is_used_once_by_whomever(world: &impl World) {
    let (one, other) = (registered(world).await.profile.id, registered(world).await.profile.id);
    let (first, _) = published(world, one).await;
    for provider in [one, other] {
        let again = listing(provider, &first.slug);
        assert_eq!(world.catalogue().insert(&again, Some(&endpoint(&again))).await.unwrap(), Saved::SlugTaken);
        assert!(world.catalogue().find(&again.id.to_string()).await.unwrap().is_none());
        assert!(world.catalogue().endpoint(again.id).await.unwrap().is_none());
    }
}

pub async fn of_listings_that_race_for_a_slug_one_gets_it(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let slug = new_slug();
    let listings: Vec<_> = (0..8).map(|_| listing(seller, &slug)).collect();
    let inserted = join_all(listings.iter().map(|listing| world.catalogue().insert(listing, None))).await;
    let done: Vec<ListingId> = inserted
        .iter()
        .zip(&listings)
        .filter(|(saved, _)| *saved.as_ref().unwrap() == Saved::Done)
        .map(|(_, listing)| listing.id)
        .collect();
    let found = world.catalogue().find(&slug).await.unwrap().unwrap().listing.id;
    assert_eq!(done, [found]);
}
