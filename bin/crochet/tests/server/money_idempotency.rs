//! `Idempotency-Key`: one key, one call.

use std::time::Duration;

use bytes::Bytes;
use crochet::demo::agent::bytes;
use http::Method;
use serde_json::json;

use crate::support::{Behaviour, Market, Paid, assert_error, pay, publish, register};

const KEY: &str = "idempotency-key";
const ID: &str = "x-crochet-relay-request-id";

fn body() -> Bytes {
    bytes(&json!({ "task": "idempotent" }))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_alone_is_enough_to_retry_after_payment_and_to_replay() {
    let market = Market::open().await;
    let headers = [(KEY, "one call ~ #1")];
    let first = market.call_with(&headers, &body()).await.expect(402).unwrap();
    let id = first.text("/data/relay_request_id").unwrap();
    let again = market.call_with(&headers, &body()).await.expect(402).unwrap();
    assert_eq!(again.at("/data/relay_request_id"), id);
    pay(&market.gateway.api, id, json!({})).await.expect(200).unwrap();
    let call = Paid { relay_id: id.to_owned(), body: body() };
    let answer = market.call_with(&headers, &body()).await;
    let delivered = if answer.status == 202 { market.deliver(&call).await } else { answer.expect(200).unwrap() };
    assert_eq!(delivered.at("/data/relay_request_id"), id);
    let replay = market.call_with(&headers, &body()).await.expect(200).unwrap();
    assert_eq!(replay.at("/data/replayed"), true);
    assert_eq!(replay.at("/data/seller_response"), delivered.at("/data/seller_response"));
    // The id beside its own key is the same call.
    let both = market.call_with(&[(KEY, "one call ~ #1"), (ID, id)], &body()).await.expect(200).unwrap();
    assert_eq!(both.at("/data/replayed"), true);
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_not_taken_for_another_body_or_another_route() {
    let market = Market::open().await;
    market.call_with(&[(KEY, "k")], &body()).await.expect(402).unwrap();
    let other_body = market.call_with(&[(KEY, "k")], &Bytes::from_static(b"{}")).await;
    let other_route = market.call_with(&[(KEY, "k"), ("x-crochet-origin-currency", "ETH")], &body()).await;
    for refused in [other_body, other_route] {
        assert_error(&refused, 409, "IDEMPOTENCY_KEY_REUSED");
        assert_eq!(refused.at("/error/recovery/next_action"), "use_new_idempotency_key");
        assert_eq!(refused.at("/error/recovery/discard"), &json!(["idempotency_key"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_beside_the_id_of_another_call_is_refused() {
    let market = Market::open().await;
    market.call_with(&[(KEY, "first")], &body()).await.expect(402).unwrap();
    let second = market.call(None, &body()).await.expect(402).unwrap();
    let id = second.text("/data/relay_request_id").unwrap();
    pay(&market.gateway.api, id, json!({})).await.expect(200).unwrap();
    let refused = market.call_with(&[(KEY, "first"), (ID, id)], &body()).await;
    assert_error(&refused, 409, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (0, 0));
    market.deliver(&Paid { relay_id: id.to_owned(), body: body() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_buyer_and_one_listing() {
    let market = Market::open().await;
    let fields = json!({ "name": "Another", "pricing_model": "per_call", "pricing_amount": 0.02 });
    let other_listing = publish(&market.provider, market.seller.url(), fields).await;
    let other_buyer = register(&market.gateway.api, "other", false).await;
    let first = market.call_with(&[(KEY, "shared")], &body()).await.expect(402).unwrap();
    let path = format!("/gateway/{}", other_listing["id"].as_str().unwrap());
    let second = market.buyer.send(Method::POST, &path, &[(KEY, "shared")], Some(body())).await.unwrap();
    let path = format!("/gateway/{}", market.listing_id());
    let third = other_buyer.send(Method::POST, &path, &[(KEY, "shared")], Some(body())).await.unwrap();
    let ids = [first, second, third].map(|answer| answer.expect(402).unwrap().at("/data/relay_request_id").clone());
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_follows_its_call_to_the_terms_that_replaced_it() {
    let market = Market::open().await;
    let headers = [(KEY, "follows")];
    let first = market.call_with(&headers, &body()).await.expect(402).unwrap();
    let id = first.text("/data/relay_request_id").unwrap();
    pay(&market.gateway.api, id, json!({ "amount_micros": 5 })).await.expect(200).unwrap();
    let short = Paid { relay_id: id.to_owned(), body: body() };
    let replaced = market.settle(&short).await;
    assert_error(&replaced, 402, "PAYMENT_MISMATCH");
    let next = replaced.text("/data/relay_request_id").unwrap();
    let by_key = market.call_with(&headers, &body()).await;
    assert_eq!(by_key.at("/data/relay_request_id"), next);
    pay(&market.gateway.api, next, json!({})).await.expect(200).unwrap();
    let paid = Paid { relay_id: next.to_owned(), body: body() };
    market.deliver(&paid).await;
    let replay = market.call_with(&headers, &body()).await.expect(200).unwrap();
    assert_eq!((replay.at("/data/relay_request_id"), replay.at("/data/replayed")), (&json!(next), &json!(true)));
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_call_with_a_key_is_run_once_and_replays_status_and_hash() {
    let market = Market::open_free().await;
    market.seller.next(Behaviour::Json(201, "{\"made\":1}"));
    let first = market.call_with(&[(KEY, "free")], &body()).await.expect(200).unwrap();
    assert_eq!(first.at("/data/seller_response"), &json!({ "made": 1 }));
    assert_eq!((first.at("/data/relay_request_id"), first.at("/data/payment")), (&json!(null), &json!(null)));
    let replay = market.call_with(&[(KEY, "free")], &body()).await.expect(200).unwrap();
    assert_eq!(replay.at("/data/replayed"), true);
    assert_eq!(replay.at("/data/seller_status"), 201);
    assert_eq!(replay.at("/data/response_sha256"), first.at("/data/response_sha256"));
    assert_eq!(replay.at("/data/seller_response"), &json!(null));
    assert_eq!(market.seller.runs(), 1);
    assert_error(&market.call_with(&[(KEY, "free")], &Bytes::from_static(b"{}")).await, 409, "IDEMPOTENCY_KEY_REUSED");
    // Without a key every call is a new one.
    market.call(None, &body()).await.expect(200).unwrap();
    market.call(None, &body()).await.expect(200).unwrap();
    assert_eq!(market.seller.runs(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_call_that_failed_is_retried_under_its_key() {
    let market = Market::open_free().await;
    market.seller.next(Behaviour::Json(500, "{}"));
    assert_error(&market.call_with(&[(KEY, "free")], &body()).await, 502, "SELLER_ERROR");
    assert_error(&market.call_with(&[(KEY, "free")], &body()).await, 502, "SELLER_ERROR");
    assert_eq!(market.seller.runs(), 1);
    market.gateway.advance_clock(Duration::from_secs(3));
    let delivered = market.call_with(&[(KEY, "free")], &body()).await.expect(200).unwrap();
    assert_eq!((delivered.at("/data/attempt"), delivered.at("/data/replayed")), (&json!(2), &json!(false)));
    let ids: Vec<_> =
        market.seller.received().iter().map(|r| r.header("x-crochet-request-id").unwrap().to_owned()).collect();
    assert_eq!(ids[0], ids[1]);
}
