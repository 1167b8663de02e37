use std::time::Duration;

use chrono::TimeDelta;
use crochet_market::catalogue::RotateBody;
use crochet_market::view::{EndpointJson, RotatedJson};
use crochet_market::{EndpointStatus, MarketError};
use crochet_primitives::Clock;
use crochet_secrets::ExposeSecret;

use crate::support::{Bench, URL, assert_refused, endpoint, fields, id};

#[tokio::test]
async fn an_endpoint_is_for_its_owners_eyes() {
    let bench = Bench::new();
    let (seller, other) = (bench.seller().await, bench.seller().await);
    let paid = bench.paid(&seller).await;
    assert_eq!(bench.service.endpoint(seller.id, &id(&paid)).await.unwrap().url.expose_secret(), URL);
    let (id, none) = (id(&paid), endpoint("{}"));
    assert_refused!(bench.service.endpoint(other.id, &id).await, MarketError::NotOwner);
    assert_refused!(bench.service.put_endpoint(other.id, &id, &none).await, MarketError::NotOwner);
    let rotation = bench.service.rotate_secret(other.id, &id, RotateBody::default()).await;
    assert_refused!(rotation, MarketError::NotOwner);
    assert_refused!(bench.service.endpoint_for_test(other.id, &id).await, MarketError::NotOwner);
}

#[tokio::test]
async fn a_listing_without_an_endpoint_says_so() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let free = id(&bench.free(&seller).await);
    assert_refused!(bench.service.endpoint(seller.id, &free).await, MarketError::NotFound { what: "endpoint" });
    let rotation = bench.service.rotate_secret(seller.id, &free, RotateBody::default()).await;
    assert_refused!(rotation, MarketError::ListingHasNoEndpoint);
    assert_refused!(bench.service.endpoint_for_test(seller.id, &free).await, MarketError::ListingHasNoEndpoint);
    let without_url = bench.service.put_endpoint(seller.id, &free, &endpoint(r#"{"timeout_ms":1000}"#)).await;
    assert_eq!(fields(without_url), ["private_endpoint_url"]);
}

#[tokio::test]
async fn the_first_endpoint_shows_its_secret_once() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let free = id(&bench.free(&seller).await);
    let body = endpoint(&format!(r#"{{"private_endpoint_url":"{URL}","timeout_ms":120000}}"#));
    let first = bench.service.put_endpoint(seller.id, &free, &body).await.unwrap();
    let json = serde_json::to_value(EndpointJson::from(&first)).unwrap();
    assert!(json["signing_secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(json["timeout_ms"], 120_000);
    let second = bench.service.put_endpoint(seller.id, &free, &body).await.unwrap();
    assert!(serde_json::to_value(EndpointJson::from(&second)).unwrap().get("signing_secret").is_none());
    assert!(bench.service.get(&free, None).await.unwrap().has_endpoint);
}

#[tokio::test]
async fn what_a_put_leaves_out_stays() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let paid = id(&bench.paid(&seller).await);
    let put = |json: &'static str| {
        let (bench, paid) = (&bench, &paid);
        async move { bench.service.put_endpoint(seller.id, paid, &endpoint(json)).await }
    };
    put(r#"{"upstream_auth_header":{"name":"Authorization","value":"Bearer s"},"max_response_bytes":8388608}"#)
        .await
        .unwrap();
    let set = put(r#"{"status":"disabled"}"#).await.unwrap().endpoint;
    let header = set.upstream_auth_header.as_ref().unwrap();
    assert_eq!((header.name.as_str(), header.value.expose_secret()), ("Authorization", "Bearer s"));
    assert_eq!((set.max_response_bytes, set.timeout_ms, set.status), (8_388_608, 30_000, EndpointStatus::Disabled));
    assert_eq!(set.url.expose_secret(), URL);
    assert!(!bench.service.get(&paid, None).await.unwrap().has_endpoint);
    // A disabled endpoint can still be tried out.
    bench.service.endpoint_for_test(seller.id, &paid).await.unwrap();
    let set = put(r#"{"upstream_auth_header":null}"#).await.unwrap().endpoint;
    assert!(set.upstream_auth_header.is_none());
}

#[tokio::test]
async fn an_endpoint_has_its_bounds() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let paid = id(&bench.paid(&seller).await);
    for (json, field) in [
        (r#"{"timeout_ms":999}"#, "timeout_ms"),
        (r#"{"timeout_ms":120001}"#, "timeout_ms"),
        (r#"{"max_request_bytes":0}"#, "max_request_bytes"),
        (r#"{"max_request_bytes":1048577}"#, "max_request_bytes"),
        (r#"{"max_response_bytes":0}"#, "max_response_bytes"),
        (r#"{"max_response_bytes":8388609}"#, "max_response_bytes"),
        (r#"{"upstream_auth_header":{"name":"Host","value":"x"}}"#, "upstream_auth_header.name"),
        (r#"{"upstream_auth_header":{"name":"X-Crochet-Buyer-Id","value":"x"}}"#, "upstream_auth_header.name"),
        (r#"{"upstream_auth_header":{"name":"X-A","value":"a\r\nb"}}"#, "upstream_auth_header.value"),
        (r#"{"private_endpoint_url":"nowhere"}"#, "private_endpoint_url"),
        (r#"{"private_endpoint_url":null}"#, "private_endpoint_url"),
    ] {
        assert_eq!(fields(bench.service.put_endpoint(seller.id, &paid, &endpoint(json)).await), [field], "{json}");
    }
    let forbidden = endpoint(r#"{"private_endpoint_url":"https://forbidden.example"}"#);
    let refused = bench.service.put_endpoint(seller.id, &paid, &forbidden).await;
    assert_refused!(refused, MarketError::EndpointNotAllowed { .. });
}

#[tokio::test]
async fn a_rotation_without_overlap_takes_effect_at_once() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let paid = bench.paid(&seller).await;
    let old = paid.endpoint.as_ref().unwrap().signing_secret.expose().to_owned();
    let rotated = bench.service.rotate_secret(seller.id, &id(&paid), RotateBody::default()).await.unwrap();
    assert_ne!(rotated.signing_secret.expose(), old);
    let json = serde_json::to_value(RotatedJson::from(&rotated)).unwrap();
    assert_eq!(json, serde_json::json!({ "signing_secret": rotated.signing_secret.expose() }));
    let stored = bench.service.endpoint(seller.id, &id(&paid)).await.unwrap();
    let secrets = stored.signing_secrets(bench.clock.now());
    assert_eq!(secrets.current.expose(), rotated.signing_secret.expose());
    assert!(secrets.next.is_none());
}

#[tokio::test]
async fn during_an_overlap_the_old_secret_signs_and_the_new_one_beside_it() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let paid = bench.paid(&seller).await;
    let old = paid.endpoint.as_ref().unwrap().signing_secret.expose().to_owned();
    let overlap = RotateBody { overlap_seconds: Some(86_400) };
    let waiting = bench.service.rotate_secret(seller.id, &id(&paid), overlap).await.unwrap();
    assert_eq!(waiting.previous_valid_until, Some(bench.clock.now() + TimeDelta::days(1)));
    // A second rotation drops the one that was waiting.
    let newest = bench.service.rotate_secret(seller.id, &id(&paid), overlap).await.unwrap();
    let stored = bench.service.endpoint(seller.id, &id(&paid)).await.unwrap();
    let during = stored.signing_secrets(bench.clock.now());
    assert_eq!(during.current.expose(), old);
    assert_eq!(during.next.unwrap().expose(), newest.signing_secret.expose());
    bench.clock.advance(Duration::from_secs(86_400));
    let after = stored.signing_secrets(bench.clock.now());
    assert_eq!(after.current.expose(), newest.signing_secret.expose());
    assert!(after.next.is_none());
}

#[tokio::test]
async fn an_overlap_lasts_a_day_at_most() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let paid = bench.paid(&seller).await;
    let long = RotateBody { overlap_seconds: Some(86_401) };
    assert_eq!(fields(bench.service.rotate_secret(seller.id, &id(&paid), long).await), ["overlap_seconds"]);
    assert!(serde_json::from_str::<RotateBody>(r#"{"overlap_seconds":-1}"#).is_err());
}
