//! Listings that are taken from the marketplace.

use futures::future::join_all;

use super::World;
use super::given::{endpoint, insert, listing, new_slug, published, registered};
use crate::listing::{Listing, ListingStatus, SuspendedBy};
use crate::ports::{Removal, Saved};
use crate::search::ListingQuery;

async fn draft(world: &impl World) -> Listing {
    let seller = registered(world).await.profile.id;
    let draft = Listing { status: ListingStatus::Draft, ..listing(seller, &new_slug()) };
    insert(world, &draft, Some(&endpoint(&draft))).await;
    draft
}

async fn removed(world: &impl World, listing: &Listing) -> Removal {
    world.catalogue().remove(listing.id, listing.provider).await.unwrap()
}

async fn is_gone(world: &impl World, listing: &Listing) -> bool {
    let query = ListingQuery { owner: Some(listing.provider), limit: 100, ..ListingQuery::default() };
    world.catalogue().find(&listing.id.to_string()).await.unwrap().is_none()
        && world.catalogue().find(&listing.slug).await.unwrap().is_none()
        && world.catalogue().search(&query).await.unwrap().items.is_empty()
        && removed(world, listing).await == Removal::NotFound
        && world.catalogue().save(&Listing { revision: 2, ..listing.clone() }, None).await.unwrap() == Saved::Stale
}

pub async fn a_draft_that_was_never_called_is_gone_and_its_endpoint_stays_for_a_call_that_raced(world: &impl World) {
    let draft = draft(world).await;
    assert_eq!(removed(world, &draft).await, Removal::Deleted);
    assert!(is_gone(world, &draft).await);
    assert!(world.catalogue().endpoint(draft.id).await.unwrap().is_some());
}

pub async fn a_draft_that_was_called_is_gone_and_its_endpoint_stays_for_paid_calls(world: &impl World) {
    let draft = draft(world).await;
    let buyer = registered(world).await.profile.id;
    world.record_call(draft.id, buyer, false).await;
    assert_eq!(removed(world, &draft).await, Removal::SoftDeleted);
    assert!(is_gone(world, &draft).await);
    assert!(world.catalogue().endpoint(draft.id).await.unwrap().is_some());
}

pub async fn the_slug_of_a_deleted_listing_is_never_used_again(world: &impl World) {
    let (called, never_called) = (draft(world).await, draft(world).await);
    let buyer = registered(world).await.profile.id;
    world.record_call(called.id, buyer, true).await;
    for draft in [called, never_called] {
        removed(world, &draft).await;
        let again = listing(draft.provider, &draft.slug);
        assert_eq!(world.catalogue().insert(&again, None).await.unwrap(), Saved::SlugTaken);
    }
}

pub async fn an_active_listing_is_suspended_by_its_owner(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let (active, _) = published(world, seller).await;
    assert_eq!(removed(world, &active).await, Removal::Suspended);
    let stored = world.catalogue().find(&active.slug).await.unwrap().unwrap().listing;
    assert_eq!((stored.status, stored.suspended_by), (ListingStatus::Suspended, Some(SuspendedBy::Owner)));
    // A change that was read before it is not written over it.
    let stale = Listing { revision: active.revision + 1, ..active.clone() };
    assert_eq!(world.catalogue().save(&stale, None).await.unwrap(), Saved::Stale);
    assert_eq!(removed(world, &active).await, Removal::AlreadySuspended);
    assert_eq!(world.catalogue().find(&active.slug).await.unwrap().unwrap().listing, stored);
}

pub async fn an_operators_suspension_stays_the_operators(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let (active, _) = published(world, seller).await;
    let suspended = Listing {
        status: ListingStatus::Suspended,
        suspended_by: Some(SuspendedBy::Operator),
        revision: 2,
        ..active.clone()
    };
    assert_eq!(world.catalogue().save(&suspended, None).await.unwrap(), Saved::Done);
    assert_eq!(removed(world, &active).await, Removal::AlreadySuspended);
    assert_eq!(world.catalogue().find(&active.slug).await.unwrap().unwrap().listing, suspended);
}

pub async fn nobody_removes_the_listing_of_another_profile(world: &impl World) {
    let draft = draft(world).await;
    let stranger = registered(world).await.profile.id;
    assert_eq!(world.catalogue().remove(draft.id, stranger).await.unwrap(), Removal::NotFound);
    assert_eq!(world.catalogue().find(&draft.slug).await.unwrap().unwrap().listing, draft);
}

pub async fn of_removals_that_race_one_suspends(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let (active, _) = published(world, seller).await;
    let removals = join_all((0..6).map(|_| removed(world, &active))).await;
    assert_eq!(removals.iter().filter(|removal| **removal == Removal::Suspended).count(), 1);
    assert_eq!(removals.iter().filter(|removal| **removal == Removal::AlreadySuspended).count(), 5);
}
