//! Payments that did not go as they should: new terms, and what to do with the old ones.

use std::time::Duration;

use crochet_pricing::MicroUsd;
use crochet_relay::{Observation, QuoteOutcome, QuoteRefusal};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::world::World;

fn successor(answer: &Answer, code: &str, of: &str) -> Value {
    let json = answer.refuses(402, code);
    assert_eq!(json["data"]["supersedes"], of);
    assert_ne!(json["data"]["relay_request_id"], of);
    assert_eq!(json["data"]["status"], "payment_required");
    json
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_money_is_a_mismatch_with_new_terms() {
    let world = World::new().await;
    let id = world.quote().await;
    world.pay_units(&id, 9_999);
    let json = successor(&world.retry(&id).send().await, "PAYMENT_MISMATCH", &id);
    assert!(json["error"]["message"].as_str().unwrap().contains(&id));
    assert_eq!(world.upstream.sent(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_payment_says_why_and_has_new_terms() {
    let world = World::new().await;
    let id = world.quote().await;
    world.provider.will_see(Observation::Failed { reason: "DOUBLE_SPEND".into() });
    let json = successor(&world.retry(&id).send().await, "PAYMENT_FAILED", &id);
    assert_eq!(json["error"]["details"]["provider_reason"], "DOUBLE_SPEND");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_quote_has_new_terms_and_says_that_a_late_payment_counts() {
    let world = World::new().await;
    let id = world.quote().await;
    world.clock.advance(Duration::from_secs(26 * 60));
    let json = successor(&world.retry(&id).send().await, "QUOTE_EXPIRED", &id);
    assert!(json["error"]["recovery"]["summary"].as_str().unwrap().contains("late payment is honoured"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_takes_no_low_price_points_to_solana() {
    let world = World::new().await;
    let minimum = MicroUsd::from_micros(100_000);
    world.provider.will_quote(QuoteOutcome::Refused(QuoteRefusal::RouteMinimumNotMet { minimum }));
    let json = world.call().send().await.refuses(422, "PAYMENT_ROUTE_MINIMUM_NOT_MET");
    let recovery = &json["error"]["recovery"];
    assert_eq!((&recovery["next_action"], &recovery["retryable"]), (&json!("retry_with_solana"), &json!(true)));
    assert!(recovery["discard"].as_array().unwrap().contains(&json!("idempotency_key")));
    assert_eq!(json["error"]["details"]["minimum"], "0.100000");
}

#[tokio::test(flavor = "multi_thread")]
async fn sol_without_a_solana_wallet_points_to_linking_one() {
    let world = World::new().await;
    let json = world.call().header("X-Crochet-Origin-Currency", "SOL").send().await;
    let json = json.refuses(422, "ORIGIN_WALLET_INVALID");
    assert_eq!(json["error"]["recovery"]["next_action"], "link_solana_wallet");
    let unknown = "0190a0b0-0000-7000-8000-000000000000";
    let json = world.call().header("X-Crochet-Origin-Wallet-Id", unknown).send().await;
    let json = json.refuses(422, "ORIGIN_WALLET_INVALID");
    assert_eq!(json["error"]["recovery"]["next_action"], "fix_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_that_do_not_exist_are_refused() {
    let world = World::new().await;
    for (name, value) in [
        ("X-Crochet-Origin-Chain-Id", "5"),
        ("X-Crochet-Origin-Currency", "DOGE"),
        ("X-Crochet-Payment-Scheme", "upto"),
        ("X-Crochet-Payment-Network", "eip155:5"),
    ] {
        world.call().header(name, value).send().await.refuses(422, "PAYMENT_ROUTE_UNAVAILABLE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_gives_no_terms_is_a_503_with_a_wait() {
    let world = World::new().await;
    world.provider.will_quote(QuoteOutcome::Unavailable { retry_after_seconds: Some(7) });
    let answer = world.call().send().await;
    let json = answer.refuses(503, "PAYMENT_PROVIDER_UNAVAILABLE");
    assert_eq!((answer.header("retry-after"), &json["error"]["recovery"]["retryable"]), (Some("7"), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_an_end_to_open_quotes() {
    let world = World::new().await;
    for _ in 0..100 {
        world.quote().await;
    }
    let answer = world.call().send().await;
    let json = answer.refuses(429, "TOO_MANY_OPEN_QUOTES");
    assert_eq!(json["error"]["details"]["limit"], 100);
    assert!(answer.header("retry-after").is_some());
}
