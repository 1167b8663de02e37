//! What a relay request is bound to: one buyer, one listing, one body, one price, whatever becomes of the listing.

use crochet::demo::agent::bytes;
use http::Method;
use serde_json::json;

use crate::support::{Market, TestGateway, assert_error, publish, register, retry_after};

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_id_is_of_no_use_for_another_listing() {
    let market = Market::open().await;
    let other = publish(
        &market.provider,
        market.seller.url(),
        json!({ "name": "Other", "pricing_model": "per_call", "pricing_amount": 0.01 }),
    )
    .await;
    let call = market.paid("cross use").await;
    let path = format!("/gateway/{}", other["id"].as_str().unwrap());
    let headers = [("x-crochet-relay-request-id", call.relay_id.as_str())];
    let refused = market.buyer.send(Method::POST, &path, &headers, Some(call.body.clone())).await.unwrap();
    assert_error(&refused, 409, "RELAY_REQUEST_MISMATCH");
    assert_eq!(refused.at("/error/details/differs"), "listing");
    assert_eq!(refused.at("/error/recovery/next_action"), "use_original_request");
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (0, 0));
    market.deliver(&call).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_id_is_unknown_to_another_buyer() {
    let market = Market::open().await;
    let stranger = register(&market.gateway.api, "stranger", false).await;
    let call = market.paid("not yours").await;
    let path = format!("/gateway/{}", market.listing_id());
    for id in [call.relay_id.as_str(), "relay_0190a0b0-0000-7000-8000-000000000001"] {
        let headers = [("x-crochet-relay-request-id", id)];
        let refused = stranger.send(Method::POST, &path, &headers, Some(call.body.clone())).await.unwrap();
        assert_error(&refused, 404, "NOT_FOUND");
        assert_eq!(refused.at("/data"), &json!(null));
    }
    assert_eq!(market.seller.runs(), 0);
    market.deliver(&call).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_id_takes_no_other_body_before_or_after_delivery() {
    let market = Market::open().await;
    let call = market.paid("this body").await;
    // The same JSON, spelt differently, is another body: the hash is of the bytes.
    for body in [&b"{\"task\":\"that body\"}"[..], b"{\"task\": \"this body\"}"] {
        let refused = market.call(Some(&call.relay_id), &body.into()).await;
        assert_error(&refused, 409, "RELAY_REQUEST_MISMATCH");
        assert_eq!(refused.at("/error/details/differs"), "body");
    }
    assert_eq!(market.seller.runs(), 0);
    market.deliver(&call).await;
    let refused = market.call(Some(&call.relay_id), &b"{}"[..].into()).await;
    assert_error(&refused, 409, "RELAY_REQUEST_MISMATCH");
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_price_does_not_touch_a_quote() {
    let market = Market::open().await;
    let call = market.quoted("old price").await;
    market.set_listing(json!({ "pricing_amount": 0.5 })).await;
    let again = market.retry(&call).await.expect(402).unwrap();
    assert_eq!(again.at("/data/amount_micros"), 10_000);
    market.pay(&call, json!({})).await;
    let delivered = market.deliver(&call).await;
    assert_eq!(delivered.at("/data/payment/amount"), "0.010000");
    let new = market.call(None, &bytes(&json!({ "task": "new price" }))).await.expect(402).unwrap();
    assert_eq!(new.at("/data/amount_micros"), 500_000);
    assert_eq!(new.at("/data/fee/amount"), "0.024500");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_becomes_free_still_delivers_what_was_paid() {
    let market = Market::open().await;
    let call = market.paid("paid before it was free").await;
    market.set_listing(json!({ "pricing_model": "free", "pricing_amount": 0 })).await;
    let delivered = market.deliver(&call).await;
    assert_eq!(delivered.at("/data/payment/amount"), "0.010000");
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_listing_takes_no_new_calls_and_delivers_what_was_paid() {
    let market = Market::open().await;
    let call = market.paid("before the suspension").await;
    market.suspend().await;
    let refused = market.call(None, &bytes(&json!({ "task": "new" }))).await;
    assert_error(&refused, 409, "LISTING_UNAVAILABLE");
    assert_eq!(refused.at("/error/recovery/next_action"), "choose_other_listing");
    market.deliver(&call).await;
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_call_waits_for_its_endpoint_to_be_enabled_again() {
    let market = Market::open().await;
    let call = market.paid("endpoint off").await;
    market.set_endpoint(json!({ "status": "disabled" })).await;
    let new = market.call(None, &bytes(&json!({ "task": "new" }))).await;
    assert_error(&new, 409, "LISTING_UNAVAILABLE");
    let refused = market.settle(&call).await;
    assert_error(&refused, 409, "LISTING_UNAVAILABLE");
    assert_eq!(refused.at("/error/recovery/retryable"), true);
    assert_eq!(refused.at("/data/relay_request_id"), call.relay_id.as_str());
    assert_eq!(refused.at("/data/payment/amount"), "0.010000");
    assert!(retry_after(&refused) > 0);
    // It is settled all the same: what was paid is in the books.
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (0, 3));
    assert_eq!(market.history(&call).await["status"], "settled");
    market.set_endpoint(json!({ "status": "active" })).await;
    market.deliver(&call).await;
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_has_only_so_many_unpaid_calls_open() {
    let gateway = TestGateway::with(|settings| settings.max_open_quotes = Some(3)).await;
    let market = Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await;
    let calls = [market.quoted("one").await, market.quoted("two").await, market.quoted("three").await];
    let body = bytes(&json!({ "task": "four" }));
    let headers = [("idempotency-key", "four")];
    let refused = market.call_with(&headers, &body).await;
    assert_error(&refused, 429, "TOO_MANY_OPEN_QUOTES");
    assert_eq!(refused.at("/error/recovery/next_action"), "pay_open_calls");
    assert_eq!(refused.at("/error/details/limit"), 3);
    assert!(retry_after(&refused) > 0);
    // Open calls are retried and paid as ever; each that is paid makes room, and the key was not used up.
    market.retry(&calls[1]).await.expect(402).unwrap();
    market.pay(&calls[0], json!({})).await;
    market.deliver(&calls[0]).await;
    market.call_with(&headers, &body).await.expect(402).unwrap();
    assert_error(&market.call(None, &bytes(&json!({ "task": "five" }))).await, 429, "TOO_MANY_OPEN_QUOTES");
    // The limit is each buyer's own.
    let other = register(&market.gateway.api, "other", false).await;
    let path = format!("/gateway/{}", market.listing_id());
    other.send(Method::POST, &path, &[], Some(body)).await.unwrap().expect(402).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_lowered_later_does_not_stop_what_was_paid() {
    let market = Market::open().await;
    let call = market.paid("longer than the new limit").await;
    market.set_endpoint(json!({ "max_request_bytes": 10 })).await;
    let refused = market.call(None, &call.body).await;
    assert_error(&refused, 413, "PAYLOAD_TOO_LARGE");
    assert_eq!(refused.at("/error/details/limit_bytes"), 10);
    market.deliver(&call).await;
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_call_is_not_named_by_a_relay_request_id() {
    let market = Market::open_free().await;
    let body = bytes(&json!({ "task": "free" }));
    let free = market.call(None, &body).await.expect(200).unwrap();
    let relay_id = free.text("/data/request_id").unwrap().replace("gw_req_", "relay_");
    assert_error(&market.call(Some(&relay_id), &body).await, 404, "NOT_FOUND");
    for id in [free.text("/data/request_id").unwrap(), "relay_", "x", ""] {
        assert_error(&market.call(Some(id), &body).await, 400, "BAD_REQUEST");
    }
    assert_eq!(market.seller.runs(), 1);
}
