//! Sellers, storage and requests that fail after the call was understood.

use std::sync::Arc;
use std::time::Duration;

use crochet_market::Scope;
use crochet_relay::memory::Fault;
use crochet_relay::{Arrival, Cause};
use serde_json::json;

use crate::world::{BODY, FREE, PAID, World};

#[tokio::test(flavor = "multi_thread")]
async fn each_way_of_a_seller_to_fail_has_its_code_and_keeps_the_payment() {
    let late = Arrival::MayHaveRun { cause: Cause::Timeout, latency_ms: 9 };
    let broken = Arrival::MayHaveRun { cause: Cause::Connection, latency_ms: 9 };
    let unreachable = Arrival::NeverSent { cause: Cause::NotAllowed, latency_ms: 0 };
    let too_large = Arrival::TooLarge { status: 200, latency_ms: 9 };
    let answered = |status, body: &'static str| Arrival::Answered { status, body: body.into(), latency_ms: 9 };
    for (arrival, status, code, may_have_run) in [
        (answered(500, "{}"), 502, "SELLER_ERROR", true),
        (answered(200, "<html>"), 502, "SELLER_INVALID_RESPONSE", true),
        (too_large, 502, "SELLER_RESPONSE_TOO_LARGE", true),
        (unreachable, 502, "SELLER_UNREACHABLE", false),
        (broken, 502, "SELLER_UNREACHABLE", true),
        (late, 504, "SELLER_TIMEOUT", true),
    ] {
        let world = World::new().await;
        let id = world.quote().await;
        world.pay(&id);
        world.upstream.will_answer(arrival);
        let answer = world.retry(&id).send().await;
        let json = answer.refuses(status, code);
        assert_eq!(answer.header("retry-after"), Some("2"), "{json}");
        let (data, recovery) = (&json["data"], &json["error"]["recovery"]);
        assert_eq!((&data["status"], &data["relay_request_id"]), (&json!("seller_failed"), &json!(id)));
        assert_eq!(data["may_have_run"], may_have_run, "{json}");
        assert_eq!(data["payment"]["amount"], "0.010000");
        assert_eq!((&recovery["retryable"], &recovery["next_action"]), (&json!(true), &json!("retry_same_request")));

        // Before the wait is over the failure is repeated; after it the call runs again, at no charge.
        world.retry(&id).send().await.refuses(status, code);
        assert_eq!(world.upstream.sent(), 1);
        world.clock.advance(Duration::from_secs(3));
        let data = world.retry(&id).send().await.data(200);
        assert_eq!((&data["attempt"], world.upstream.sent()), (&json!(2), 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_call_that_fails_charged_nothing() {
    let world = World::new().await;
    world.upstream.will_answer_with(503, "{}");
    let json = world.post(FREE).bearer(&world.buyer.key).json("{}").send().await.refuses(502, "SELLER_ERROR");
    assert_eq!((&json["data"]["payment"], &json["data"]["relay_request_id"]), (&json!(null), &json!(null)));
    assert_eq!(json["data"]["seller_status"], 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_the_one_that_was_quoted_is_refused() {
    let world = World::new().await;
    let id = world.quote().await;
    let call = |target: &str, body: &str| {
        world.post(target).bearer(&world.buyer.key).json(body).header("X-Crochet-Relay-Request-Id", &id)
    };
    let json = call(PAID, "{\"task\":\"other\"}").send().await.refuses(409, "RELAY_REQUEST_MISMATCH");
    assert_eq!(json["error"]["details"]["differs"], "body");
    let json = call(FREE, BODY).send().await.refuses(409, "RELAY_REQUEST_MISMATCH");
    assert_eq!(json["error"]["details"]["differs"], "listing");
    let stranger = world.account(&[Scope::Gateway]).await;
    let foreign = world.post(PAID).bearer(&stranger.key).json(BODY).header("X-Crochet-Relay-Request-Id", &id);
    foreign.send().await.refuses(404, "NOT_FOUND");
    world.post("/api/v1/gateway/nothing").bearer(&world.buyer.key).json(BODY).send().await.refuses(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_stands_for_one_call() {
    let world = World::new().await;
    let call = |body: &str| world.post(PAID).bearer(&world.buyer.key).json(body).header("Idempotency-Key", "order 42");
    let first = call(BODY).send().await.refuses(402, "PAYMENT_REQUIRED");
    let again = call(BODY).send().await.refuses(402, "PAYMENT_REQUIRED");
    assert_eq!(first["data"]["relay_request_id"], again["data"]["relay_request_id"]);
    let json = call("{}").send().await.refuses(409, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(json["error"]["recovery"]["next_action"], "use_new_idempotency_key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_replayed_to_the_key_that_paid_alone() {
    let world = World::new().await;
    let id = world.delivered().await;
    let other = world.second_key().await;
    let call = world.post(PAID).bearer(&other).json(BODY).header("X-Crochet-Relay-Request-Id", &id);
    let json = call.send().await.refuses(409, "RESPONSE_NO_LONGER_AVAILABLE");
    assert!(world.buyer.key.starts_with(json["error"]["details"]["api_key_prefix"].as_str().unwrap()));
    assert_eq!(json["data"]["response_sha256"].as_str().unwrap().len(), 64);
    assert_eq!((&json["data"]["seller_status"], &json["data"]["response_bytes"]), (&json!(200), &json!(11)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_takes_no_calls_keeps_those_that_were_paid() {
    let world = World::new().await;
    let id = world.quote().await;
    world.pay(&id);
    world.directory.change_offer("paid", |offer| {
        offer.is_available = false;
        offer.endpoint = None;
    });
    let json = world.call().send().await.refuses(409, "LISTING_UNAVAILABLE");
    assert_eq!(json["error"]["recovery"]["next_action"], "choose_other_listing");
    let json = world.retry(&id).send().await.refuses(409, "LISTING_UNAVAILABLE");
    assert_eq!((&json["error"]["recovery"]["retryable"], &json["data"]["status"]), (&json!(true), &json!("settled")));
    assert_eq!(json["data"]["payment"]["amount"], "0.010000");

    world.directory.change_offer("free", |offer| offer.endpoint = None);
    let call = world.post(FREE).bearer(&world.buyer.key).json("{}");
    call.send().await.refuses(409, "LISTING_HAS_NO_ENDPOINT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_the_listings_limit_is_too_large() {
    let world = World::new().await;
    world.directory.change_offer("paid", |offer| {
        if let Some(endpoint) = &mut offer.endpoint {
            Arc::make_mut(endpoint).max_request_bytes = 10;
        }
    });
    let json = world.call().send().await.refuses(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(json["error"]["details"]["limit_bytes"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_that_is_away_is_a_503_that_loses_nothing_and_says_nothing_internal() {
    let world = World::new().await;
    let id = world.quote().await;
    world.journal.faults().fail_next(1, Fault::BeforeTheEffect);
    let answer = world.retry(&id).send().await;
    let json = answer.refuses(503, "SERVICE_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(json["error"]["recovery"]["next_action"], "retry_same_request");
    assert!(!answer.text().contains("a test asked for it"), "{}", answer.text());
    world.retry(&id).send().await.refuses(402, "PAYMENT_REQUIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_could_not_be_recorded_is_not_given_out() {
    let world = World::new().await;
    let id = world.quote().await;
    world.pay(&id);
    world.upstream.gate().close();
    let call = tokio::spawn(world.retry(&id).send());
    world.upstream.gate().until_arrived(1).await;
    world.journal.faults().fail_next(100_000, Fault::BeforeTheEffect);
    world.upstream.gate().open();
    let json = call.await.unwrap().refuses(503, "SERVICE_UNAVAILABLE");
    assert_eq!(json["data"]["request_id"], id.replace("relay_", "gw_req_"));
    assert!(json["data"].get("seller_response").is_none());
}
