//! What arrives, and what does not: short, too much, pending, failed, given back, and twice.

use serde_json::json;

use crate::support::{Behaviour, Market, Paid, assert_error, eventually, retry_after};

use std::time::Duration;

const AFTER_BACKOFF: Duration = Duration::from_secs(3);

/// The call that new terms were issued for, with the same body.
fn successor(of: &Paid, answer: &crochet::demo::client::Answer) -> Paid {
    let relay_id = answer.text("/data/relay_request_id").unwrap().to_owned();
    assert_ne!(relay_id, of.relay_id);
    assert_eq!(answer.at("/data/supersedes"), of.relay_id.as_str());
    Paid { relay_id, body: of.body.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_retry_gets_the_same_terms_and_is_told_not_to_pay_twice() {
    let market = Market::open().await;
    let body = crochet::demo::agent::bytes(&json!({ "task": "unpaid" }));
    let first = market.call(None, &body).await;
    assert_error(&first, 402, "PAYMENT_REQUIRED");
    assert_eq!(first.at("/error/recovery/next_action"), "complete_payment_then_retry");
    assert_eq!(first.at("/error/recovery/preserve"), &json!(["relay_request_id", "request_body"]));
    assert_eq!(first.at("/data/amount"), "0.010000");
    assert_eq!(first.at("/data/amount_micros"), 10_000);
    assert_eq!(first.at("/data/fee"), &json!({ "rate": "0.049", "amount": "0.000490" }));
    assert_eq!(first.at("/data/payment_seen"), false);
    let id = first.text("/data/relay_request_id").unwrap();
    assert_eq!(first.at("/data/retry_headers/X-Crochet-Relay-Request-Id"), id);
    for _ in 0..3 {
        let again = market.call(Some(id), &body).await;
        assert_error(&again, 402, "PAYMENT_REQUIRED");
        assert_eq!(again.at("/data"), first.at("/data"));
        assert!(again.text("/error/recovery/summary").unwrap().contains("do not pay again"));
    }
    assert_eq!(market.seller.runs(), 0);
    assert!(market.ledger().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_payment_forwards_nothing_and_is_kept_as_an_orphan() {
    let market = Market::open().await;
    let call = market.quoted("short").await;
    market.pay(&call, json!({ "amount_micros": 9_999 })).await;
    let refused = market.settle(&call).await;
    assert_error(&refused, 402, "PAYMENT_MISMATCH");
    let next = successor(&call, &refused);
    assert_eq!(refused.at("/data/amount_micros"), 10_000);
    assert_eq!(market.seller.runs(), 0);
    assert!(market.ledger().await.is_empty());

    let history = market.history(&call).await;
    assert_eq!(history["status"], "mispaid");
    assert_eq!(history["superseded_by"], next.relay_id.as_str());
    assert_eq!(history["orphan_payments"][0]["reason"], "mismatch");
    assert_eq!(history["orphan_payments"][0]["base_units"], "9999");

    // The same id again: the same successor, not a further one. Its payment is what delivers the call.
    let again = market.settle(&call).await;
    assert_error(&again, 402, "PAYMENT_MISMATCH");
    assert_eq!(successor(&call, &again).relay_id, next.relay_id);
    market.pay(&next, json!({})).await;
    let delivered = market.deliver(&next).await;
    assert_eq!(delivered.at("/data/relay_request_id"), next.relay_id.as_str());
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_exceeds_the_price_settles_at_the_price() {
    let market = Market::open().await;
    let call = market.quoted("too much").await;
    market.pay(&call, json!({ "amount_micros": 25_000 })).await;
    let delivered = market.deliver(&call).await;
    assert_eq!(delivered.at("/data/payment/amount"), "0.010000");
    assert_eq!(delivered.at("/data/payment/fee"), "0.000490");
    assert_eq!(delivered.at("/data/payment/seller_amount"), "0.009510");
    let amounts: Vec<u64> = market.ledger_of(&call).await.into_iter().map(|(_, _, micros)| micros).collect();
    assert_eq!(amounts, [10_000, 490, 9_510]);
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_payment_is_waited_for_and_never_asked_for_again() {
    let market = Market::open().await;
    let call = market.quoted("pending").await;
    market.pay(&call, json!({ "outcome": "pending" })).await;
    for _ in 0..3 {
        let answer = market.retry(&call).await.expect(202).unwrap();
        assert_eq!(answer.at("/data/status"), "pending");
        assert_eq!(answer.at("/data/reason"), "not_final");
        assert_eq!(answer.at("/data/retryable"), true);
        assert_eq!(answer.at("/data/relay_request_id"), call.relay_id.as_str());
        assert_eq!(retry_after(&answer), 2);
    }
    assert_eq!(market.history(&call).await["status"], "pending");
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (0, 0));
    market.pay(&call, json!({ "outcome": "success" })).await;
    market.deliver(&call).await;
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_settles_later_is_delivered_then() {
    let market = Market::open().await;
    let call = market.quoted("in a moment").await;
    let receipt = market.pay(&call, json!({ "settle_after_ms": 1_500 })).await;
    assert_eq!(receipt.at("/data/status"), "pending");
    let waiting = market.retry(&call).await.expect(202).unwrap();
    assert_eq!(waiting.at("/data/reason"), "not_final");
    eventually("the delivery", || async { market.retry(&call).await.status == 200 }).await;
    assert_eq!(market.seller.runs(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_payment_is_answered_with_new_terms_that_can_be_paid() {
    let market = Market::open().await;
    let call = market.quoted("failure").await;
    market.pay(&call, json!({ "outcome": "failure" })).await;
    let failed = market.settle(&call).await;
    assert_error(&failed, 402, "PAYMENT_FAILED");
    assert_eq!(failed.at("/error/recovery/discard"), &json!(["previous_relay_request_id"]));
    assert!(failed.text("/error/details/provider_reason").unwrap().contains("failed"));
    let next = successor(&call, &failed);
    assert_eq!(market.history(&call).await["status"], "payment_failed");
    market.pay(&next, json!({})).await;
    market.deliver(&next).await;
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_given_back_before_delivery_forwards_nothing() {
    let market = Market::open().await;
    let call = market.quoted("refund").await;
    market.pay(&call, json!({ "outcome": "refund" })).await;
    let refused = market.settle(&call).await;
    assert_error(&refused, 402, "PAYMENT_FAILED");
    successor(&call, &refused);
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (0, 0));
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_while_the_seller_is_failing_ends_the_free_retries() {
    let market = Market::open().await;
    let call = market.paid("refund after settlement").await;
    market.seller.next(Behaviour::Json(500, "{}"));
    assert_error(&market.settle(&call).await, 502, "SELLER_ERROR");
    market.pay(&call, json!({ "outcome": "refund" })).await;
    market.gateway.advance_clock(AFTER_BACKOFF);
    let refused = market.settle(&call).await;
    assert_error(&refused, 402, "PAYMENT_FAILED");
    successor(&call, &refused);
    assert_eq!(market.seller.runs(), 1);
    let history = market.history(&call).await;
    assert_eq!((&history["status"], &history["payment"]["refunded"]), (&json!("payment_failed"), &json!(true)));
    let rows = market.ledger_of(&call).await;
    let adjustments: Vec<_> = rows.iter().filter(|(kind, _, _)| kind == "adjustment").collect();
    assert_eq!((rows.len(), adjustments.len()), (6, 3));
    let report = market.gateway.audit().await;
    assert!(report.balances(), "{report:?}");
    assert_eq!((report.gross_micros, report.fee_micros, report.seller_micros), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_after_delivery_changes_the_books_and_not_the_delivery() {
    let gateway = crate::support::TestGateway::with(|settings| settings.sweep_interval_millis = Some(100)).await;
    let market = Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await;
    let call = market.paid("refund after delivery").await;
    market.deliver(&call).await;
    market.pay(&call, json!({ "outcome": "refund" })).await;
    // Nobody comes back for the call: the sweeper looks once more when its window has closed.
    market.gateway.advance_clock(Duration::from_secs(26 * 60));
    eventually("the adjustments", || async { market.ledger_of(&call).await.len() == 6 }).await;
    let replay = market.deliver(&call).await;
    assert_eq!(replay.at("/data/replayed"), true);
    assert_eq!(market.history(&call).await["status"], "delivered");
    assert_eq!(market.seller.runs(), 1);
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_payment_is_kept_as_an_orphan_and_buys_nothing() {
    let market = Market::open().await;
    let call = market.paid("twice").await;
    let second = market.pay(&call, json!({})).await;
    market.deliver(&call).await;
    let history = market.history(&call).await;
    let orphan = &history["orphan_payments"][0];
    assert_eq!(orphan["reason"], "second_payment");
    assert_eq!(orphan["provider_reference"], *second.at("/data/provider_reference"));
    assert_ne!(history["payment"]["provider_reference"], orphan["provider_reference"]);
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
    let report = market.gateway.audit().await;
    assert!(report.balances() && report.orphans == 1, "{report:?}");
}
