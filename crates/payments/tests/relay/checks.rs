//! What has become of a payment.

use std::time::Duration;

use crochet_payments::testing::{Fault, route};
use crochet_relay::{Observation, Terms};
use serde_json::{Value, json};

use crate::bench::{BUYER, Bench, bench};

/// Whether what arrived covers the terms; `None` where nothing did.
fn covers(terms: &Terms, observation: &Observation) -> Option<bool> {
    let [payment] = observation.payments() else { return None };
    Some(terms.is_covered_by(payment))
}

async fn quoted() -> (Bench, Terms) {
    let bench = bench().await;
    let terms = bench.terms().await;
    (bench, terms)
}

#[tokio::test]
async fn a_payment_goes_from_waiting_to_arrived() {
    let (bench, terms) = quoted().await;
    assert_eq!(bench.look(&terms).await, Observation::Waiting);
    for status in ["depositing", "pending", "submitted", "delayed", "never-heard-of"] {
        bench.status_is(status);
        assert_eq!(bench.look(&terms).await, Observation::InProgress, "{status}");
    }
    bench.status_is("success");
    bench.arrived("951000");
    let arrived = bench.look(&terms).await;
    assert_eq!(covers(&terms, &arrived), Some(true), "{arrived:?}");
    assert!(arrived.confirms(&terms.provider_request_id));
    assert_eq!(bench.look(&terms).await, arrived, "the reference stays the same");
}

#[tokio::test]
async fn a_deposit_that_is_seen_is_under_way_whatever_the_status_says() {
    let (bench, terms) = quoted().await;
    bench.relay.request(|request| request.status["inTxHashes"] = json!(["0x01"]));
    assert_eq!(bench.look(&terms).await, Observation::InProgress);
}

#[tokio::test]
async fn success_with_too_little_or_for_another_is_reported_as_what_it_is() {
    let (bench, terms) = quoted().await;
    bench.status_is("success");
    bench.arrived("950999");
    assert_eq!(covers(&terms, &bench.look(&terms).await), Some(false));
    bench.arrived("951000");
    bench.relay.request(|request| request.recipient = json!(BUYER));
    assert_eq!(covers(&terms, &bench.look(&terms).await), Some(false));
}

#[tokio::test]
async fn success_in_another_asset_or_on_another_chain_does_not_cover() {
    let (bench, terms) = quoted().await;
    bench.status_is("success");
    for (chain_id, address) in [(1, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"), (8453, BUYER)] {
        let actual = route(chain_id.into(), address.into(), "951000".into());
        bench.relay.request(|request| request.actual = actual);
        assert_eq!(covers(&terms, &bench.look(&terms).await), Some(false), "{chain_id} {address}");
    }
}

#[tokio::test]
async fn success_alone_settles_nothing() {
    let (bench, terms) = quoted().await;
    bench.status_is("success");
    assert_eq!(bench.look(&terms).await, Observation::InProgress, "the record has nothing yet");
    bench.arrived(Value::Null);
    assert_eq!(bench.look(&terms).await, Observation::InProgress, "the record has no amount");
    bench.arrived("951000");
    let record = json!({ "requests": [] });
    let works = || Fault::Slow(Duration::ZERO);
    for fault in [Fault::Says(401, json!({ "errorCode": "UNAUTHORIZED" })), Fault::Says(200, record), Fault::TooMany(0)]
    {
        bench.relay.will([works(), fault.clone()]);
        assert_eq!(bench.look(&terms).await, Observation::InProgress, "{fault:?}");
    }
    assert_eq!(covers(&terms, &bench.look(&terms).await), Some(true));
}

#[tokio::test]
async fn a_record_that_never_says_what_arrived_is_replaced_by_the_quote_after_a_minute() {
    let (bench, terms) = quoted().await;
    bench.status_is("success");
    assert_eq!(bench.look(&terms).await, Observation::InProgress);
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(covers(&terms, &bench.look(&terms).await), Some(true));
    bench.relay.request(|request| request.status["txHashes"] = json!([]));
    assert_eq!(bench.look(&terms).await, Observation::InProgress, "without a fill nothing was paid");
}

#[tokio::test]
async fn a_failure_that_a_refund_follows_is_never_final_by_itself() {
    let (bench, terms) = quoted().await;
    bench.status_is("failure");
    assert_eq!(bench.look(&terms).await, Observation::InProgress);
    bench.clock.advance(Duration::from_secs(120));
    assert_eq!(bench.look(&terms).await, Observation::InProgress, "the deposit has not come back");
    bench.status_is("refund");
    bench.relay.request(|request| request.status["failReason"] = json!("DOUBLE_SPEND"));
    let reason = "Relay gave the payment back (DOUBLE_SPEND)".to_owned();
    let references = vec![terms.provider_request_id.clone()];
    assert_eq!(bench.look(&terms).await, Observation::Refunded { references, reason });
}

#[tokio::test]
async fn a_failure_is_final_once_it_has_stood() {
    let (bench, terms) = quoted().await;
    bench.status_is("failure");
    bench.clock.advance(Duration::from_secs(600));
    assert!(matches!(bench.look(&terms).await, Observation::Failed { .. }));
}

#[tokio::test]
async fn a_refund_that_failed_is_left_to_people() {
    let (bench, terms) = quoted().await;
    bench.status_is("refund");
    bench.relay.request(|request| request.status["refundFailReason"] = json!("REFUND_BLOCKED"));
    assert_eq!(bench.look(&terms).await, Observation::InProgress);
}

#[tokio::test]
async fn a_status_that_goes_backwards_is_told_as_it_is_and_proves_nothing() {
    let (bench, terms) = quoted().await;
    bench.status_is("success");
    bench.arrived("951000");
    assert_eq!(covers(&terms, &bench.look(&terms).await), Some(true));
    bench.status_is("pending");
    assert_eq!(bench.look(&terms).await, Observation::InProgress);
    bench.status_is("success");
    assert_eq!(covers(&terms, &bench.look(&terms).await), Some(true));
}

#[tokio::test]
async fn what_relay_does_not_know_is_unknown() {
    let (bench, terms) = quoted().await;
    bench.status_is("unknown");
    assert_eq!(bench.look(&terms).await, Observation::Unknown);
    bench.relay.forgets();
    assert_eq!(bench.look(&terms).await, Observation::Unknown);
    let foreign = Terms { provider: "mock".to_owned(), ..terms.clone() };
    let malformed = Terms { provider_request_id: "0x01".to_owned(), ..terms };
    let asked = bench.relay.asked().len();
    assert_eq!(bench.look(&foreign).await, Observation::Unknown);
    assert_eq!(bench.look(&malformed).await, Observation::Unknown);
    assert_eq!(bench.relay.asked().len(), asked);
}
