//! Changes of a listing: each names the revision that it is based on.

use crochet_pricing::{MicroUsd, Price};
use futures::future::join_all;

use super::World;
use super::given::{endpoint, insert, listing, new_slug, published, registered};
use crate::endpoint::{EndpointStatus, GatewayEndpoint};
use crate::listing::{AuthMethod, DeliveryType, Listing, ListingStatus, PayoutCurrency, SuspendedBy};
use crate::ports::Saved;

fn changed(listing: &Listing) -> Listing {
    Listing { name: format!("{} again", listing.name), revision: listing.revision + 1, ..listing.clone() }
}

pub async fn a_change_replaces_all_of_a_listing(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let (first, _) = published(world, seller).await;
    let category = world.catalogue().categories().await.unwrap().remove(1);
    let new = Listing {
        name: "Anders".to_owned(),
        description: "Ganz anders.\nWirklich.".to_owned(),
        category: Some(category.id),
        price: Price::PerCall(MicroUsd::from_micros(1_000_000_000_000)),
        preferred_currency: PayoutCurrency::Eth,
        delivery_type: DeliveryType::Streaming,
        auth_method: AuthMethod::None,
        formats: Vec::new(),
        docs: None,
        connection_instructions: Some("Call.".to_owned()),
        example_outputs: Vec::new(),
        input_schema: None,
        example_input: Some(serde_json::json!("text")),
        demo_endpoint: Some("https://demo.example".to_owned()),
        github_url: None,
        logo_url: Some("https://logo.example".to_owned()),
        expected_delivery: None,
        risk_disclaimers: Some("Some.".to_owned()),
        sla: None,
        tags: Vec::new(),
        status: ListingStatus::Suspended,
        suspended_by: Some(SuspendedBy::Operator),
        revision: 2,
        updated_at: first.updated_at + chrono::TimeDelta::seconds(1),
        ..first.clone()
    };
    assert_eq!(world.catalogue().save(&new, None).await.unwrap(), Saved::Done);
    let view = world.catalogue().find(&first.slug).await.unwrap().unwrap();
    assert_eq!(view.listing, new);
    assert_eq!(view.category, Some(category));
    assert!(view.has_endpoint);
}

pub async fn a_change_of_an_older_revision_is_stale(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let (first, _) = published(world, seller).await;
    let second = changed(&first);
    assert_eq!(world.catalogue().save(&second, None).await.unwrap(), Saved::Done);
    for revision in [1, 2, 4] {
        let stale = Listing { revision, ..changed(&second) };
        assert_eq!(world.catalogue().save(&stale, None).await.unwrap(), Saved::Stale, "{revision}");
    }
    assert_eq!(world.catalogue().find(&first.slug).await.unwrap().unwrap().listing, second);
}

pub async fn a_change_of_a_listing_that_is_not_there_is_stale(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let missing = listing(seller, &new_slug());
    assert_eq!(world.catalogue().save(&changed(&missing), None).await.unwrap(), Saved::Stale);
    assert_eq!(world.catalogue().save_endpoint(&endpoint(&missing)).await.unwrap(), Saved::Stale);
}

pub async fn of_changes_that_race_on_one_revision_one_is_written(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let (first, _) = published(world, seller).await;
    let changes: Vec<_> = (0..8).map(|n| Listing { name: format!("Change {n}"), ..changed(&first) }).collect();
    let saved = join_all(changes.iter().map(|change| world.catalogue().save(change, None))).await;
    let done: Vec<&Listing> = saved
        .iter()
        .zip(&changes)
        .filter(|(saved, _)| *saved.as_ref().unwrap() == Saved::Done)
        .map(|(_, change)| change)
        .collect();
    let stored = world.catalogue().find(&first.slug).await.unwrap().unwrap().listing;
    assert_eq!(done, [&stored]);
}

pub async fn a_listing_and_its_endpoint_change_together_or_not_at_all(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let (first, old) = published(world, seller).await;
    let disabled = |revision| GatewayEndpoint { status: EndpointStatus::Disabled, revision, ..old.clone() };
    for revision in [1, 3] {
        let saved = world.catalogue().save(&changed(&first), Some(&disabled(revision))).await.unwrap();
        assert_eq!(saved, Saved::Stale);
        let view = world.catalogue().find(&first.slug).await.unwrap().unwrap();
        assert_eq!(view.listing, first);
        assert!(view.has_endpoint);
    }
    assert_eq!(world.catalogue().save(&changed(&first), Some(&disabled(2))).await.unwrap(), Saved::Done);
    let view = world.catalogue().find(&first.slug).await.unwrap().unwrap();
    assert_eq!(view.listing, changed(&first));
    assert!(!view.has_endpoint);
}

pub async fn a_change_can_bring_the_first_endpoint(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let bare = Listing { price: Price::Free, ..listing(seller, &new_slug()) };
    insert(world, &bare, None).await;
    assert_eq!(world.catalogue().save(&changed(&bare), Some(&endpoint(&bare))).await.unwrap(), Saved::Done);
    assert!(world.catalogue().find(&bare.slug).await.unwrap().unwrap().has_endpoint);
}
