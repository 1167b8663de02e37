//! Sellers that fail: what the buyer is told, what is kept of it, and the free retry.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Behaviour, Market, Paid, TestSeller, assert_error, retry_after};

/// Longer than the wait before the first free retry.
const BACKOFF: Duration = Duration::from_secs(3);

/// Pays a call whose seller fails like this, and checks all that follows from it, up to the delivery of a free retry.
async fn fails_and_is_retried_free(behaviour: Behaviour, expected: (u16, &str), seller_status: Value, outcome: &str) {
    let market = Market::open().await;
    market.set_endpoint(json!({ "timeout_ms": 1_000, "max_response_bytes": 1_000 })).await;
    let call = market.paid("the seller fails").await;
    market.seller.next(behaviour);
    market.seller.next(Behaviour::Json(200, "{\"second\":\"time\"}"));
    failed(&market, &call, expected, &seller_status, outcome).await;
    assert_eq!(market.seller.runs(), 1);
    retried_free(&market, &call).await;
    assert_eq!(market.seller.runs(), 2);
}

async fn failed(market: &Market, call: &Paid, expected: (u16, &str), seller_status: &Value, outcome: &str) {
    let answer = market.settle(call).await;
    assert_error(&answer, expected.0, expected.1);
    assert_eq!(answer.at("/data/status"), "seller_failed");
    assert_eq!(answer.at("/data/request_id"), call.request_id().as_str());
    assert_eq!(answer.at("/data/relay_request_id"), call.relay_id.as_str());
    assert_eq!(answer.at("/data/seller_status"), seller_status);
    assert_eq!(answer.at("/data/payment/amount"), "0.010000");
    assert_eq!(answer.at("/data/payment/seller_amount"), "0.009510");
    assert!(answer.text("/data/payment/provider_reference").unwrap().starts_with("mock_"));
    assert_eq!(answer.at("/error/recovery/retryable"), true);
    assert_eq!(answer.at("/error/recovery/next_action"), "retry_same_request");
    assert!(answer.text("/error/recovery/summary").unwrap().contains("at no charge"));
    assert!((1..=2).contains(&retry_after(&answer)));

    let history = market.history(call).await;
    assert_eq!(history["status"], "seller_failed");
    let attempts = history["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!((&attempts[0]["attempt"], &attempts[0]["outcome"]), (&json!(1), &json!(outcome)));
    assert_eq!(&attempts[0]["seller_status"], seller_status);
    assert_eq!(market.ledger().await.len(), 3);
}

async fn retried_free(market: &Market, call: &Paid) {
    // Too early: the same answer again, and the seller is left alone.
    let runs = market.seller.runs();
    let early = market.retry(call).await;
    assert!(matches!(early.status.as_u16(), 502 | 504), "{}", early.json);
    retry_after(&early);
    assert_eq!(market.seller.runs(), runs);

    market.gateway.advance_clock(BACKOFF);
    let delivered = market.deliver(call).await;
    assert_eq!(delivered.at("/data/attempt"), 2);
    assert_eq!(delivered.at("/data/request_id"), call.request_id().as_str());
    let history = market.history(call).await;
    assert_eq!(history["status"], "delivered");
    assert_eq!(history["attempts"][1]["outcome"], "delivered");
    assert_eq!(market.ledger().await.len(), 3);
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_answers_500_is_retried_free() {
    fails_and_is_retried_free(Behaviour::Json(500, "{\"e\":1}"), (502, "SELLER_ERROR"), json!(500), "failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_answers_503_is_retried_free() {
    fails_and_is_retried_free(Behaviour::Json(503, "{}"), (502, "SELLER_ERROR"), json!(503), "failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_refuses_the_gateway_is_retried_free() {
    fails_and_is_retried_free(Behaviour::Json(401, "{}"), (502, "SELLER_ERROR"), json!(401), "failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_is_overrun_is_retried_free() {
    fails_and_is_retried_free(Behaviour::Json(429, "{}"), (502, "SELLER_ERROR"), json!(429), "failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_redirects_is_not_followed_and_is_retried_free() {
    let elsewhere = TestSeller::start();
    let to: &'static str = Box::leak(elsewhere.url().to_owned().into_boxed_str());
    fails_and_is_retried_free(Behaviour::Redirect(to), (502, "SELLER_ERROR"), json!(302), "failed").await;
    assert_eq!(elsewhere.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_answers_html_is_retried_free() {
    let html = Behaviour::Raw(200, "text/html", b"<html>welcome</html>");
    fails_and_is_retried_free(html, (502, "SELLER_INVALID_RESPONSE"), json!(200), "failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_answers_nothing_is_retried_free() {
    let empty = Behaviour::Raw(200, "application/json", b"");
    fails_and_is_retried_free(empty, (502, "SELLER_INVALID_RESPONSE"), json!(200), "failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_answers_broken_json_is_retried_free() {
    let broken = Behaviour::Json(200, "{\"a\":1}}");
    fails_and_is_retried_free(broken, (502, "SELLER_INVALID_RESPONSE"), json!(200), "failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_answers_more_than_its_limit_is_retried_free() {
    fails_and_is_retried_free(Behaviour::Long(999), (502, "SELLER_RESPONSE_TOO_LARGE"), json!(200), "failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_is_slow_is_retried_free() {
    let late = Behaviour::Late(Duration::from_secs(20));
    fails_and_is_retried_free(late, (504, "SELLER_TIMEOUT"), json!(null), "unknown").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_whose_answer_never_ends_is_retried_free() {
    fails_and_is_retried_free(Behaviour::Endless, (504, "SELLER_TIMEOUT"), json!(null), "unknown").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_dies_half_way_is_retried_free() {
    fails_and_is_retried_free(Behaviour::BreaksOff, (502, "SELLER_UNREACHABLE"), json!(null), "unknown").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_refuses_connections_is_retried_free_where_it_then_is() {
    let market = Market::open().await;
    let gone = TestSeller::start();
    market.set_endpoint(json!({ "private_endpoint_url": gone.url() })).await;
    gone.stop().await;
    let call = market.paid("nobody there").await;
    failed(&market, &call, (502, "SELLER_UNREACHABLE"), &json!(null), "not_sent").await;
    assert_eq!(market.seller.runs(), 0);
    market.set_endpoint(json!({ "private_endpoint_url": market.seller.url() })).await;
    retried_free(&market, &call).await;
    assert_eq!(market.seller.received()[0].header("x-crochet-attempt"), Some("2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_says_no_has_handled_the_call() {
    let market = Market::open().await;
    for (task, status) in [("bad", 400), ("forbidden", 403), ("unknown", 404), ("conflict", 409), ("invalid", 422)] {
        market.seller.next(Behaviour::Json(status, "{\"refused\":true}"));
        let call = market.paid(task).await;
        let delivered = market.deliver(&call).await;
        assert_eq!(delivered.at("/data/seller_status"), status);
        assert_eq!(delivered.at("/data/seller_response/refused"), true);
        assert_eq!(market.deliver(&call).await.at("/data/replayed"), true);
    }
    assert_eq!(market.seller.runs(), 5);
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn free_retries_wait_longer_each_time_and_never_end() {
    let market = Market::open().await;
    let call = market.paid("again and again").await;
    for wait in [2, 4, 8, 16] {
        market.seller.next(Behaviour::Json(500, "{}"));
        let answer = market.settle(&call).await;
        assert_error(&answer, 502, "SELLER_ERROR");
        assert_eq!(retry_after(&answer), wait);
        market.gateway.advance_clock(Duration::from_secs(wait));
    }
    assert_eq!(market.deliver(&call).await.at("/data/attempt"), 5);
    let attempts: Vec<_> = market.seller.received();
    let numbers: Vec<_> = attempts.iter().map(|received| received.header("x-crochet-attempt").unwrap()).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5"]);
    assert!(attempts.iter().all(|received| received.header("x-crochet-request-id") == Some(&call.request_id())));
    assert_eq!(market.ledger().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_call_that_fails_was_not_charged_and_says_so() {
    let market = Market::open_free().await;
    market.seller.next(Behaviour::Json(500, "{}"));
    let answer = market.call(None, &b"{}"[..].into()).await;
    assert_error(&answer, 502, "SELLER_ERROR");
    assert_eq!(answer.at("/data/payment"), &json!(null));
    assert!(answer.text("/error/recovery/summary").unwrap().contains("Nothing was charged"));
    assert!(market.ledger().await.is_empty());
}
