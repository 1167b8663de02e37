//! Many requests at once: one quote, one settlement, one run.

use std::collections::HashSet;

use bytes::Bytes;
use crochet::demo::agent::bytes;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use http::Method;
use serde_json::json;

use crate::support::{Behaviour, Market, TestGateway, assert_error, seller_bytes};

const MANY: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_concurrent_retries_of_one_paid_call_run_the_seller_once() {
    let market = Market::open().await;
    market.seller.next(Behaviour::Held);
    let call = market.paid("fifty retries").await;
    let mut retries: FuturesUnordered<_> = (0..MANY).map(|_| market.retry(&call)).collect();
    // All but one are answered while that one waits for the seller.
    for _ in 1..MANY {
        let waiting = retries.next().await.unwrap().expect(202).unwrap();
        assert_eq!(waiting.at("/data/relay_request_id"), call.relay_id.as_str());
    }
    market.seller.until_runs(1).await;
    market.seller.release();
    let delivered = retries.next().await.unwrap().expect(200).unwrap();
    assert_eq!(delivered.at("/data/seller_response"), &json!({ "held": true }));
    let replays = join_all((0..MANY).map(|_| market.retry(&call))).await;
    for replay in replays {
        let replay = replay.expect(200).unwrap();
        assert_eq!(replay.at("/data/replayed"), true);
        assert_eq!(seller_bytes(&replay), seller_bytes(&delivered));
    }
    assert_eq!(market.seller.runs(), 1);
    assert_eq!(
        market.ledger_of(&call).await,
        [
            ("gateway_payment".to_owned(), "debit".to_owned(), 10_000),
            ("marketplace_fee".to_owned(), "debit".to_owned(), 490),
            ("seller_credit".to_owned(), "credit".to_owned(), 9_510),
        ]
    );
    assert_eq!(market.ledger().await.len(), 3);
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_concurrent_first_calls_with_one_key_get_one_quote() {
    let market = Market::open().await;
    let body = bytes(&json!({ "task": "one quote" }));
    let headers = [("idempotency-key", "one-for-all")];
    let answers = join_all((0..MANY).map(|_| market.call_with(&headers, &body))).await;
    for answer in &answers {
        assert!(matches!(answer.status.as_u16(), 402 | 202), "{}", answer.json);
    }
    let ids: HashSet<_> = answers.iter().map(|answer| answer.text("/data/relay_request_id").unwrap()).collect();
    assert_eq!(ids.len(), 1);
    assert!(answers.iter().any(|answer| answer.status == 402));
    let calls = market.buyer.send(Method::GET, "/gateway-requests", &[], None).await.unwrap().expect(200).unwrap();
    assert_eq!(calls.at("/pagination/total"), 1);
    assert_eq!(market.seller.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_calls_paid_at_once_are_each_run_once() {
    let market = Market::open().await;
    let tasks: Vec<String> = (0..MANY).map(|number| format!("call {number}")).collect();
    let answers = join_all(tasks.iter().map(|task| async {
        let call = market.paid(task).await;
        market.deliver(&call).await
    }))
    .await;
    let ids: HashSet<_> = answers.iter().map(|answer| answer.text("/data/relay_request_id").unwrap()).collect();
    assert_eq!(ids.len(), MANY);
    let bodies: HashSet<Bytes> = market.seller.received().into_iter().map(|received| received.body).collect();
    assert_eq!((market.seller.runs(), bodies.len()), (MANY, MANY));
    let report = market.gateway.audit().await;
    assert!(report.balances(), "{report:?}");
    assert_eq!((report.settlements, report.entries, report.gross_micros), (50, 150, 500_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_concurrent_payments_of_one_call_settle_it_once() {
    let market = Market::open().await;
    let call = market.quoted("paid fifty times").await;
    join_all((0..MANY).map(|_| market.pay(&call, json!({})))).await;
    let answers = join_all((0..MANY).map(|_| market.retry(&call))).await;
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 202)));
    market.deliver(&call).await;
    assert_eq!(market.seller.runs(), 1);
    assert_eq!(market.ledger().await.len(), 3);
    // Each payment was made; every one but the first bought nothing, and is kept as such.
    let history = market.history(&call).await;
    let orphans = history["orphan_payments"].as_array().unwrap();
    assert_eq!(orphans.len(), MANY - 1);
    assert!(orphans.iter().all(|orphan| orphan["reason"] == "second_payment"));
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_retries_of_a_dead_call_get_one_successor() {
    let market = Market::open().await;
    let call = market.quoted("dead").await;
    market.pay(&call, json!({ "amount_micros": 9_999 })).await;
    let answers = join_all((0..20).map(|_| market.retry(&call))).await;
    for answer in answers.iter().filter(|answer| answer.status != 202) {
        assert_error(answer, 402, "PAYMENT_MISMATCH");
    }
    let successors: HashSet<_> = answers
        .iter()
        .filter(|answer| answer.status == 402)
        .map(|answer| answer.text("/data/relay_request_id").unwrap())
        .collect();
    assert_eq!(successors.len(), 1);
    assert!(!successors.contains(call.relay_id.as_str()));
    assert_eq!(market.history(&call).await["superseded_by"], *successors.iter().next().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_free_calls_with_one_key_run_the_seller_once() {
    let market = Market::open_free().await;
    let body = bytes(&json!({ "task": "free" }));
    let answers = join_all((0..MANY).map(|_| market.call_with(&[("idempotency-key", "free-once")], &body))).await;
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 202)));
    assert_eq!(market.seller.runs(), 1);
    assert!(market.ledger().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_first_calls_do_not_exceed_the_limit_of_open_quotes() {
    let gateway = TestGateway::with(|settings| settings.max_open_quotes = Some(3)).await;
    let market = Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await;
    let bodies: Vec<Bytes> = (0..20).map(|number| bytes(&json!({ "n": number }))).collect();
    let answers = join_all(bodies.iter().map(|body| market.call(None, body))).await;
    let (quoted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 402);
    assert_eq!((quoted.len(), refused.len()), (3, 17));
    for answer in refused {
        assert_error(answer, 429, "TOO_MANY_OPEN_QUOTES");
    }
}
