//! Private endpoints.

use chrono::TimeDelta;
use crochet_signing::SigningSecret;
use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};

use super::World;
use super::given::{endpoint, insert, listing, new_slug, published, registered};
use crate::endpoint::{EndpointStatus, GatewayEndpoint, PreviousSecret};
use crate::ports::Saved;

/// All that an endpoint holds, secrets included, to compare.
fn all_of(endpoint: &GatewayEndpoint) -> String {
    let header = endpoint.upstream_auth_header.as_ref().map(|header| (&header.name, header.value.expose_secret()));
    let previous = endpoint.previous_secret.as_ref().map(|one| (one.secret.expose(), one.valid_until));
    format!(
        "{endpoint:?} {} {} {header:?} {previous:?}",
        endpoint.url.expose_secret(),
        endpoint.signing_secret.expose()
    )
}

pub async fn an_endpoint_is_read_back_as_it_was_recorded(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let (listing, endpoint) = published(world, seller).await;
    let read = world.catalogue().endpoint(listing.id).await.unwrap().unwrap();
    assert_eq!(all_of(&read), all_of(&endpoint));
}

pub async fn an_endpoint_is_replaced_as_a_whole(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let (listing, first) = published(world, seller).await;
    let second = GatewayEndpoint {
        url: SecretString::from("https://elsewhere.example/ü"),
        host_hint: "e•••.example".to_owned(),
        upstream_auth_header: None,
        signing_secret: SigningSecret::generate([9; 32]),
        previous_secret: Some(PreviousSecret {
            secret: first.signing_secret.clone(),
            valid_until: first.updated_at + TimeDelta::hours(1),
        }),
        timeout_ms: 120_000,
        max_request_bytes: 1,
        max_response_bytes: 8_388_608,
        status: EndpointStatus::Disabled,
        revision: 2,
        updated_at: first.updated_at + TimeDelta::seconds(1),
        ..first
    };
    assert_eq!(world.catalogue().save_endpoint(&second).await.unwrap(), Saved::Done);
    let read = world.catalogue().endpoint(listing.id).await.unwrap().unwrap();
    assert_eq!(all_of(&read), all_of(&second));
    assert!(!world.catalogue().find(&listing.slug).await.unwrap().unwrap().has_endpoint);
}

pub async fn the_first_endpoint_has_revision_one(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let bare = listing(seller, &new_slug());
    insert(world, &bare, None).await;
    assert!(world.catalogue().endpoint(bare.id).await.unwrap().is_none());
    let first = endpoint(&bare);
    let second = GatewayEndpoint { revision: 2, ..first.clone() };
    assert_eq!(world.catalogue().save_endpoint(&second).await.unwrap(), Saved::Stale);
    assert_eq!(world.catalogue().save_endpoint(&first).await.unwrap(), Saved::Done);
    assert_eq!(world.catalogue().save_endpoint(&first).await.unwrap(), Saved::Stale);
    assert_eq!(world.catalogue().save_endpoint(&second).await.unwrap(), Saved::Done);
}

pub async fn of_changes_of_an_endpoint_that_race_one_is_written(world: &impl World) {
    let seller = registered(world).await.profile.id;
    let (listing, first) = published(world, seller).await;
    let changes: Vec<_> =
        (1..=8).map(|n| GatewayEndpoint { timeout_ms: n * 1000, revision: 2, ..first.clone() }).collect();
    let saved = join_all(changes.iter().map(|change| world.catalogue().save_endpoint(change))).await;
    let done: Vec<u32> = saved
        .iter()
        .zip(&changes)
        .filter(|(saved, _)| *saved.as_ref().unwrap() == Saved::Done)
        .map(|(_, change)| change.timeout_ms)
        .collect();
    let stored = world.catalogue().endpoint(listing.id).await.unwrap().unwrap();
    assert_eq!(done, [stored.timeout_ms]);
}
