use std::time::Duration;

use crochet_market::ports::{Catalogue, Saved};
use crochet_market::{Listing, ListingStatus, MarketError, SuspendedBy};
use crochet_secrets::ExposeSecret;

use crate::support::{Bench, assert_refused, fields, id};

#[tokio::test]
async fn what_is_absent_stays_and_null_clears() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let category = bench.service.categories().await.unwrap().remove(1);
    let json = format!(r#"{{"docs":"Docs.","sla":"99%","tags":["a"],"category_id":"{}"}}"#, category.id);
    let before = bench.create(&seller, &json).await.unwrap();
    bench.clock.advance(Duration::from_secs(1));
    let after = bench.update(&seller, &before, r#"{"docs":null,"category_id":null,"name":"Renamed"}"#).await.unwrap();
    let expected = Listing {
        docs: None,
        category: None,
        name: "Renamed".to_owned(),
        revision: 2,
        updated_at: before.view.listing.updated_at + chrono::TimeDelta::seconds(1),
        ..before.view.listing.clone()
    };
    assert_eq!(after.view.listing, expected);
    assert_eq!(after.view.category, None);
    assert_eq!(bench.service.get(&before.view.listing.slug, None).await.unwrap().listing, expected);
}

#[tokio::test]
async fn only_the_owner_changes_a_listing() {
    let bench = Bench::new();
    let (seller, other) = (bench.seller().await, bench.seller().await);
    let active = bench.free(&seller).await;
    let draft = bench.create(&seller, r#"{"status":"draft"}"#).await.unwrap();
    assert_refused!(bench.update(&other, &active, "{}").await, MarketError::NotOwner);
    assert_refused!(bench.update(&other, &draft, "{}").await, MarketError::NotFound { what: "listing" });
}

#[tokio::test]
async fn a_new_private_url_keeps_the_secret() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let paid = bench.paid(&seller).await;
    let moved = bench.update(&seller, &paid, r#"{"private_endpoint_url":"https://new.example/x"}"#).await.unwrap();
    assert!(!moved.is_new_secret);
    let json = serde_json::to_value(bench.service.published_json(&moved)).unwrap();
    assert_eq!(json["gateway_endpoint"]["host_hint"], "n•••.example");
    assert!(json["gateway_endpoint"].get("signing_secret").is_none());
    let stored = bench.store.endpoint(paid.view.listing.id).await.unwrap().unwrap();
    assert_eq!(stored.url.expose_secret(), "https://new.example/x");
    assert_eq!(stored.signing_secret.expose(), paid.endpoint.unwrap().signing_secret.expose());
    let refused = bench.update(&seller, &moved, r#"{"private_endpoint_url":"https://forbidden.example"}"#).await;
    assert_refused!(refused, MarketError::EndpointNotAllowed { .. });
}

#[tokio::test]
async fn owners_lift_their_own_suspension() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let active = bench.free(&seller).await;
    bench.service.remove(seller.id, &id(&active)).await.unwrap();
    // A change of something else leaves it suspended.
    let renamed = bench.update(&seller, &active, r#"{"name":"Renamed"}"#).await.unwrap().view.listing;
    assert_eq!((renamed.status, renamed.suspended_by), (ListingStatus::Suspended, Some(SuspendedBy::Owner)));
    let lifted = bench.update(&seller, &active, r#"{"status":"active"}"#).await.unwrap().view.listing;
    assert_eq!((lifted.status, lifted.suspended_by), (ListingStatus::Active, None));
}

#[tokio::test]
async fn owners_do_not_lift_the_operators_suspension() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let active = bench.free(&seller).await;
    let suspended = Listing {
        status: ListingStatus::Suspended,
        suspended_by: Some(SuspendedBy::Operator),
        revision: 2,
        ..active.view.listing.clone()
    };
    assert_eq!(bench.store.save(&suspended, None).await.unwrap(), Saved::Done);
    for status in ["active", "draft"] {
        let json = format!(r#"{{"status":"{status}"}}"#);
        assert_refused!(bench.update(&seller, &active, &json).await, MarketError::SuspendedByOperator);
    }
    let renamed = bench.update(&seller, &active, r#"{"name":"Renamed"}"#).await.unwrap().view.listing;
    assert_eq!((renamed.status, renamed.suspended_by), (ListingStatus::Suspended, Some(SuspendedBy::Operator)));
    assert_refused!(bench.service.remove(seller.id, &id(&active)).await, MarketError::AlreadySuspended);
}

#[tokio::test]
async fn nobody_suspends_by_a_patch() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let active = bench.free(&seller).await;
    assert_eq!(fields(bench.update(&seller, &active, r#"{"status":"suspended"}"#).await), ["status"]);
}

#[tokio::test]
async fn retired_pricing_models_cannot_be_changed_to() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let active = bench.free(&seller).await;
    let refused = bench.update(&seller, &active, r#"{"pricing_model":"monthly"}"#).await;
    assert_refused!(refused, MarketError::PricingModelUnavailable { .. });
}

// On one thread, so that each of them reads before any writes.
#[tokio::test]
async fn changes_that_race_lose_nothing_of_one_another() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let paid = bench.paid(&seller).await;
    let bodies = [r#"{"docs":"D"}"#, r#"{"sla":"S"}"#, r#"{"pricing_amount":2}"#, r#"{"tags":["t"]}"#];
    let attempts: Vec<_> = bodies
        .into_iter()
        .map(|json| {
            let (service, seller, id) = (bench.service.clone(), seller.id, id(&paid));
            tokio::spawn(async move { service.update(seller, &id, &crate::support::body(json)).await })
        })
        .collect();
    for attempt in attempts {
        attempt.await.unwrap().unwrap();
    }
    let listing = bench.service.get(&id(&paid), None).await.unwrap().listing;
    assert_eq!((listing.docs.as_deref(), listing.sla.as_deref()), (Some("D"), Some("S")));
    assert_eq!(
        (listing.pricing_amount().micros(), listing.tags, listing.revision),
        (2_000_000, vec!["t".to_owned()], 5)
    );
}
