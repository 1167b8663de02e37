//! Listings that change, free calls, and the replay vault.

use std::time::Duration;

use crochet_relay::{Mismatch, Reply, State};

use crate::support::{World, delivered, required};

#[tokio::test]
async fn another_body_another_listing_and_another_buyer_get_nothing() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");

    let mut swapped = world.retry(&record);
    swapped.body = "{\"other\":1}".into();
    assert!(matches!(world.call(swapped).await, Reply::Mismatch { what: Mismatch::Body, .. }));
    let mut elsewhere = world.retry(&record);
    elsewhere.listing = world.second_listing();
    assert!(matches!(world.call(elsewhere).await, Reply::Mismatch { what: Mismatch::Listing, .. }));
    let mut stranger = world.retry(&record);
    stranger.buyer = world.another_buyer();
    assert!(matches!(world.call(stranger).await, Reply::CallNotFound));
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (0, 0));
}

#[tokio::test]
async fn a_paid_call_survives_its_listings_suspension_and_waits_for_its_endpoint() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.directory.change_offer(&world.listing(), |offer| {
        offer.is_available = false;
        offer.endpoint = None;
    });
    let reply = world.call(world.retry(&record)).await;
    let Reply::ListingUnavailable { record: Some(settled) } = reply else { panic!("{reply:?}") };
    assert_eq!((settled.state, world.ledger_rows().await), (State::Settled, 3));
    assert!(matches!(world.call(world.request()).await, Reply::ListingUnavailable { record: None }));

    world.give_endpoint_back();
    delivered(world.call(world.retry(&record)).await);
    assert!(matches!(world.call(world.request()).await, Reply::ListingUnavailable { record: None }));
}

#[tokio::test]
async fn a_free_call_is_recorded_and_forwarded_without_payment() {
    let world = World::free();
    let (record, body, _) = delivered(world.call(world.request()).await);
    assert_eq!((record.price, body.as_ref()), (None, &b"{\"ok\":true}"[..]));
    assert_eq!((world.ledger_rows().await, world.provider.asks().len()), (0, 0));
    let mut named = world.request();
    named.relay_request = Some(record.id);
    assert!(matches!(world.call(named).await, Reply::CallNotFound));
}

#[tokio::test]
async fn a_listing_that_cannot_be_called_says_why() {
    let world = World::free();
    world.directory.change_offer(&world.listing(), |offer| offer.endpoint = None);
    assert!(matches!(world.call(world.request()).await, Reply::ListingHasNoEndpoint));
    let mut unknown = world.request();
    unknown.listing = "no-such-listing".into();
    assert!(matches!(world.call(unknown).await, Reply::ListingNotFound));
    let world = World::new();
    let mut long = world.request();
    long.body = "1".repeat(262_145).into();
    assert!(matches!(world.call(long).await, Reply::BodyTooLarge { limit: 262_144 }));
}

#[tokio::test]
async fn another_key_of_the_buyer_learns_which_key_opens_the_response() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    delivered(world.call(world.retry(&record)).await);
    let mut other_key = world.retry(&record);
    other_key.buyer.vault =
        Some(crochet_secrets::VaultSecret::of_api_key(&crochet_secrets::ApiKey::generate([77; 32])));
    let reply = world.call(other_key).await;
    let Reply::ResponseNoLongerAvailable { delivery, .. } = reply else { panic!("{reply:?}") };
    assert_eq!(delivery.vault_key_prefix, world.request().buyer.vault.map(|secret| secret.hint().to_owned()));
    world.clock.advance(Duration::from_secs(24 * 3600 + 1));
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::ResponseNoLongerAvailable { .. }), "{reply:?}");
}

#[tokio::test]
async fn a_dead_call_of_a_listing_that_is_free_now_is_to_be_called_anew() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.directory.change_offer(&world.listing(), |offer| offer.price = crochet_pricing::Price::Free);
    world.clock.advance(Duration::from_secs(26 * 60));
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::Mismatch { what: Mismatch::NowFree, .. }), "{reply:?}");
    assert_eq!(world.upstream.sent(), 0);
}

#[tokio::test]
async fn a_draft_is_not_found_by_new_calls_and_still_serves_those_that_were_paid() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.directory.change_offer(&world.listing(), |offer| {
        offer.is_available = false;
        offer.is_public = false;
    });
    assert!(matches!(world.call(world.request()).await, Reply::ListingNotFound));
    delivered(world.call(world.retry(&record)).await);
}
