use std::time::Duration;

use chrono::TimeDelta;
use crochet_market::identity::{Caller, NewApiKeyBody};
use crochet_market::view::CreatedKeyJson;
use crochet_market::{MarketError, Scope, Scopes};
use crochet_primitives::Clock;

use crate::support::{Bench, assert_refused, evm, fields};

fn named(name: &str) -> NewApiKeyBody {
    NewApiKeyBody { name: name.to_owned(), ..NewApiKeyBody::default() }
}

async fn minted(bench: &Bench, caller: &Caller, body: &NewApiKeyBody) -> Caller {
    let created = bench.service.create_api_key(caller, body).await.unwrap();
    bench.service.authenticate(&created.api_key).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_key_hands_on_its_own_scopes_or_fewer() {
    let bench = Bench::new();
    let full = bench.caller(&bench.register(&evm(1)).await).await;
    assert_eq!(minted(&bench, &full, &named("all")).await.key.scopes, Scopes::all());
    let body = NewApiKeyBody { scopes: Some(vec![Scope::Write, Scope::Read, Scope::Read]), ..named("some") };
    let narrow = minted(&bench, &full, &body).await;
    assert_eq!(narrow.key.scopes, Scopes::from_iter([Scope::Read, Scope::Write]));
    assert_eq!(minted(&bench, &narrow, &named("as narrow")).await.key.scopes, narrow.key.scopes);
    let wider = NewApiKeyBody { scopes: Some(vec![Scope::Gateway]), ..named("wider") };
    assert_refused!(bench.service.create_api_key(&narrow, &wider).await, MarketError::Forbidden { .. });
}

#[tokio::test]
async fn a_key_without_write_makes_and_revokes_nothing() {
    let bench = Bench::new();
    let full = bench.caller(&bench.register(&evm(1)).await).await;
    let body = NewApiKeyBody { scopes: Some(vec![Scope::Read, Scope::Gateway]), ..named("reader") };
    let reader = minted(&bench, &full, &body).await;
    assert_refused!(bench.service.create_api_key(&reader, &named("x")).await, MarketError::Forbidden { .. });
    assert_refused!(bench.service.revoke_api_key(&reader, reader.key.id).await, MarketError::Forbidden { .. });
}

#[tokio::test]
async fn a_key_ends_when_it_was_said_to_and_no_later_than_the_key_that_made_it() {
    let bench = Bench::new();
    let full = bench.caller(&bench.register(&evm(1)).await).await;
    let in_an_hour = bench.clock.now() + TimeDelta::hours(1);
    let body = NewApiKeyBody { expires_at: Some(in_an_hour), ..named("short") };
    let created = bench.service.create_api_key(&full, &body).await.unwrap();
    let short = bench.service.authenticate(&created.api_key).await.unwrap().unwrap();
    assert_eq!(minted(&bench, &short, &named("shorter")).await.key.expires_at, Some(in_an_hour));
    let longer = NewApiKeyBody { expires_at: Some(in_an_hour + TimeDelta::seconds(1)), ..named("longer") };
    assert_eq!(fields(bench.service.create_api_key(&short, &longer).await), ["expires_at"]);
    bench.clock.advance(Duration::from_secs(3600));
    assert!(bench.service.authenticate(&created.api_key).await.unwrap().is_none());
}

#[tokio::test]
async fn the_fields_of_a_key_are_bounded() {
    let bench = Bench::new();
    let full = bench.caller(&bench.register(&evm(1)).await).await;
    for name in [String::new(), " ".to_owned(), "x".repeat(101), "a\nb".to_owned()] {
        assert_eq!(fields(bench.service.create_api_key(&full, &named(&name)).await), ["name"]);
    }
    let none = NewApiKeyBody { scopes: Some(Vec::new()), ..named("x") };
    assert_eq!(fields(bench.service.create_api_key(&full, &none).await), ["scopes"]);
    let past = NewApiKeyBody { expires_at: Some(bench.clock.now()), ..named("x") };
    assert_eq!(fields(bench.service.create_api_key(&full, &past).await), ["expires_at"]);
    assert_eq!(minted(&bench, &full, &named(&"x".repeat(100))).await.key.name.len(), 100);
}

#[tokio::test]
async fn keys_are_listed_and_revoked_by_their_profile_only() {
    let bench = Bench::new();
    let one = bench.caller(&bench.register(&evm(1)).await).await;
    let other = bench.caller(&bench.register(&evm(2)).await).await;
    bench.clock.advance(Duration::from_millis(1));
    let second = minted(&bench, &one, &named("second")).await;
    let listed = bench.service.api_keys(one.profile.id).await.unwrap();
    assert_eq!(listed.iter().map(|key| key.id).collect::<Vec<_>>(), [second.key.id, one.key.id]);
    let refused = bench.service.revoke_api_key(&other, second.key.id).await;
    assert_refused!(refused, MarketError::NotFound { what: "API key" });
    bench.service.revoke_api_key(&one, second.key.id).await.unwrap();
    let refused = bench.service.revoke_api_key(&one, second.key.id).await;
    assert_refused!(refused, MarketError::NotFound { what: "API key" });
    assert_eq!(bench.service.api_keys(one.profile.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_new_key_is_shown_once_and_never_printed() {
    let bench = Bench::new();
    let full = bench.caller(&bench.register(&evm(1)).await).await;
    let created = bench.service.create_api_key(&full, &named("x")).await.unwrap();
    let answer = CreatedKeyJson::from(&created);
    assert!(!format!("{created:?} {answer:?}").contains(created.api_key.expose()));
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["api_key"], created.api_key.expose());
    assert_eq!(json["scopes"], serde_json::json!(["read", "write", "gateway"]));
}

#[test]
fn the_body_of_a_key_is_read_from_json() {
    let body: NewApiKeyBody =
        serde_json::from_str(r#"{"name":"x","scopes":["read"],"expires_at":"2027-01-01T00:00:00Z"}"#).unwrap();
    assert_eq!(body.scopes, Some(vec![Scope::Read]));
    assert!(body.expires_at.is_some());
    assert!(serde_json::from_str::<NewApiKeyBody>(r#"{"name":"x","scopes":["admin"]}"#).is_err());
    assert!(serde_json::from_str::<NewApiKeyBody>(r#"{"name":"x","expires_at":"tomorrow"}"#).is_err());
}
