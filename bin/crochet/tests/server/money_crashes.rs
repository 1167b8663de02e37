//! SIGKILL at the worst moments: the real program, killed and started again on the same database.

use std::time::Duration;

use crochet::demo::agent::bytes;
use crochet::demo::client::{Answer, ApiClient};
use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::support::{Behaviour, GatewayProcess, Market, Paid, assert_error, eventually, retry_after, seller_bytes};

/// A market whose gateway is stopped: a process of its own is going to take its place.
async fn closed_market() -> Market {
    let mut market = Market::open().await;
    market.gateway.stop().await;
    market
}

async fn call(market: &Market, api: &ApiClient, headers: &[(&str, &str)], body: &Value) -> anyhow::Result<Answer> {
    let url = format!("{}/api/v1/gateway/{}", api.base(), market.listing_id());
    market.buyer.send(Method::POST, &url, headers, Some(bytes(body))).await
}

async fn quoted(market: &Market, api: &ApiClient, task: &str) -> Paid {
    let body = json!({ "task": task });
    let answer = call(market, api, &[], &body).await.unwrap().expect(402).unwrap();
    Paid { relay_id: answer.text("/data/relay_request_id").unwrap().to_owned(), body: bytes(&body) }
}

async fn paid(market: &Market, api: &ApiClient, task: &str) -> Paid {
    let call = quoted(market, api, task).await;
    crate::support::pay(api, &call.relay_id, json!({})).await.expect(200).unwrap();
    call
}

async fn history(market: &Market, api: &ApiClient, call: &Paid) -> Value {
    let url = format!("{}/api/v1/gateway-requests/{}", api.base(), call.relay_id);
    market.buyer.send(Method::GET, &url, &[], None).await.unwrap().expect(200).unwrap().at("/data").clone()
}

/// Lets every lease end now.
async fn end_leases(market: &Market) {
    market
        .gateway
        .database
        .execute("UPDATE gateway_requests SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL")
        .await;
}

async fn assert_settled_once(market: &Market, calls: u64) {
    let report = market.gateway.audit().await;
    assert!(report.balances(), "{report:?}");
    assert_eq!((report.settlements, report.entries), (calls, 3 * calls));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_at_the_seller_when_the_gateway_was_killed_is_delivered_free() {
    let market = closed_market().await;
    let first = GatewayProcess::start(&market.gateway).await;
    let call = paid(&market, &first.api, "killed while forwarding").await;
    market.seller.next(Behaviour::Held);
    let api = first.api.clone();
    let (broken, ()) = tokio::join!(market.retry_at(&api, &call), async {
        market.seller.until_runs(1).await;
        first.kill();
    });
    assert!(broken.is_err(), "the gateway answered although it was killed");
    assert_settled_once(&market, 1).await;

    let second = GatewayProcess::start(&market.gateway).await;
    let waiting = market.retry_at(&second.api, &call).await.unwrap().expect(202).unwrap();
    assert_eq!(waiting.at("/data/status"), "forwarding");
    assert!((1..=45).contains(&retry_after(&waiting)), "the rest of the lease");
    assert_eq!(market.seller.runs(), 1);

    end_leases(&market).await;
    let answer = market.deliver_at(&second.api, &call).await;
    assert_eq!(answer.at("/data/attempt"), 2);
    assert_settled_once(&market, 1).await;
    let received = market.seller.received();
    assert_eq!(received.len(), 2);
    for (received, attempt) in received.iter().zip(["1", "2"]) {
        assert_eq!(received.header("x-crochet-attempt"), Some(attempt));
        assert_eq!(received.header("x-crochet-request-id"), Some(call.request_id().as_str()));
        assert_eq!(received.body, call.body);
    }
    let history = history(&market, &second.api, &call).await;
    assert_eq!(history["status"], "delivered");
    let outcomes: Vec<_> = history["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["outcome"]).collect();
    assert_eq!(outcomes, ["unknown", "delivered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_a_killed_gateway_ends_by_itself() {
    let market = Market::open().await;
    market.set_endpoint(json!({ "timeout_ms": 1_000 })).await;
    let first = GatewayProcess::start(&market.gateway).await;
    let call = paid(&market, &first.api, "nobody touches the lease").await;
    market.seller.next(Behaviour::Held);
    let api = first.api.clone();
    let (broken, ()) = tokio::join!(market.retry_at(&api, &call), async {
        market.seller.until_runs(1).await;
        first.kill();
    });
    // The seller is not waited for longer than a second, so on a slow machine it may have been given up before.
    if let Ok(answer) = broken {
        assert_error(&answer, 504, "SELLER_TIMEOUT");
        return;
    }
    let waiting = market.retry(&call).await.expect(202).unwrap();
    let rest = retry_after(&waiting);
    assert!((1..=16).contains(&rest), "{rest} s");
    market.gateway.advance_clock(Duration::from_secs(rest));
    assert_eq!(market.deliver(&call).await.at("/data/attempt"), 2);
    assert_settled_once(&market, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_made_before_the_gateway_was_killed_is_found_after_the_restart() {
    let market = closed_market().await;
    let first = GatewayProcess::start(&market.gateway).await;
    let call = paid(&market, &first.api, "killed after payment").await;
    first.kill();
    assert_settled_once(&market, 0).await;
    let second = GatewayProcess::start(&market.gateway).await;
    let answer = market.deliver_at(&second.api, &call).await;
    assert_eq!((answer.at("/data/attempt"), answer.at("/data/replayed")), (&json!(1), &json!(false)));
    assert_eq!(market.seller.runs(), 1);
    assert_settled_once(&market, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_quote_was_cut_off_keeps_its_id_and_gets_its_terms_later() {
    let market = closed_market().await;
    let first = GatewayProcess::start(&market.gateway).await;
    let headers = [("idempotency-key", "killed while quoting")];
    let body = json!({ "task": "killed while quoting" });
    // The provider cannot write its quote down, and so does not answer.
    let held = market.gateway.database.hold("LOCK TABLE mock_quotes IN ACCESS EXCLUSIVE MODE").await;
    let api = first.api.clone();
    let requests = format!("{}/api/v1/gateway-requests?status=quoting", api.base());
    let (broken, quoting) = tokio::join!(call(&market, &api, &headers, &body), async {
        eventually("the call to be recorded", || async {
            let page = market.buyer.send(Method::GET, &requests, &[], None).await.unwrap();
            page.at("/pagination/total") == 1
        })
        .await;
        let page = market.buyer.send(Method::GET, &requests, &[], None).await.unwrap();
        first.kill();
        page.text("/data/0/relay_request_id").unwrap().to_owned()
    });
    assert!(broken.is_err());
    drop(held);

    let second = GatewayProcess::start(&market.gateway).await;
    let waiting = call(&market, &second.api, &headers, &body).await.unwrap().expect(202).unwrap();
    assert_eq!(waiting.at("/data/status"), "quoting");
    assert_eq!(waiting.at("/data/relay_request_id"), quoting.as_str());
    retry_after(&waiting);
    end_leases(&market).await;
    let quoted = call(&market, &second.api, &headers, &body).await.unwrap();
    assert_error(&quoted, 402, "PAYMENT_REQUIRED");
    assert_eq!(quoted.at("/data/relay_request_id"), quoting.as_str());
    crate::support::pay(&second.api, &quoting, json!({})).await.expect(200).unwrap();
    market.deliver_at(&second.api, &Paid { relay_id: quoting, body: bytes(&body) }).await;
    assert_eq!(market.seller.runs(), 1);
    assert_settled_once(&market, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_just_before_the_gateway_was_killed_is_replayed_byte_for_byte() {
    let market = closed_market().await;
    let first = GatewayProcess::start(&market.gateway).await;
    let call = paid(&market, &first.api, "killed after delivery").await;
    market.seller.next(Behaviour::Raw(200, "application/json", b" {\"b\": 1.50, \"a\" : [ ] } "));
    let answer = market.retry_at(&first.api, &call).await;
    first.kill();
    let answer = answer.unwrap().expect(200).unwrap();

    let second = GatewayProcess::start(&market.gateway).await;
    let replay = market.deliver_at(&second.api, &call).await;
    assert_eq!(replay.at("/data/replayed"), true);
    assert_eq!(seller_bytes(&replay), seller_bytes(&answer));
    assert_eq!(replay.at("/data/response_sha256"), answer.at("/data/response_sha256"));
    assert_eq!(market.seller.runs(), 1);
    assert_settled_once(&market, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_payment_is_lost_or_taken_twice_when_the_gateway_is_killed_again_and_again() {
    const CALLS: usize = 12;
    let market = closed_market().await;
    let mut process = GatewayProcess::start(&market.gateway).await;
    let mut calls = Vec::new();
    for number in 0..CALLS {
        calls.push(paid(&market, &process.api, &format!("chaos {number}")).await);
    }
    // Each life begins with all calls at once, and ends at another point of the seller's work.
    for runs in [1, 3, 5] {
        let api = process.api.clone();
        let already = market.seller.runs();
        for _ in 0..CALLS {
            market.seller.next(Behaviour::Late(Duration::from_millis(5)));
        }
        let (_, ()) = tokio::join!(join_all(calls.iter().map(|call| market.retry_at(&api, call))), async {
            market.seller.until_runs(already + runs).await;
            process.kill();
        });
        end_leases(&market).await;
        process = GatewayProcess::start(&market.gateway).await;
    }
    let answers = join_all(calls.iter().map(|call| market.deliver_at(&process.api, call))).await;
    for (call, answer) in calls.iter().zip(&answers) {
        assert_eq!(answer.at("/data/relay_request_id"), call.relay_id.as_str());
        let attempts = market.seller.received().iter().filter(|received| received.body == call.body).count();
        assert!(answer.at("/data/attempt").as_u64().unwrap() >= u64::try_from(attempts).unwrap());
    }
    assert_settled_once(&market, u64::try_from(CALLS).unwrap()).await;
    // Delivered is final, however often it is asked for.
    let runs = market.seller.runs();
    join_all(calls.iter().map(|call| market.deliver_at(&process.api, call))).await;
    assert_eq!(market.seller.runs(), runs);
}
