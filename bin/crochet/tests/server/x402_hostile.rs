//! Facilitators that lie or break, and clients that try to get more than they pay for: the chain moves money at most once
//! for a call, nothing unpaid is forwarded, and the ledger equals the chain.

use std::time::Duration;

use crochet_facilitator::testing::{SettleFault, TestPayer, VerifyFault};
use crochet_x402::{Asset, Network, encode};
use futures::future::join_all;
use http::Method;
use serde_json::json;

use crate::support::assert_error;
use crate::support::x402::{FUNDS, PRICE, X402Market, body, receipt};

/// The books say of this payer what the chain says.
fn assert_ledger_equals_chain(world: &X402Market) {
    let (gross, rows) = world.booked();
    assert_eq!(gross, world.paid().to_string());
    assert_eq!(rows, (world.paid() / PRICE * 3).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_facilitator_says_after_settling_the_call_is_paid_once_and_served() {
    for fault in [
        SettleFault::SettleThenHangUp,
        SettleFault::SettleThenStatus(502),
        SettleFault::SettleThenNo("insufficient_funds"),
        SettleFault::Pending { status: 500, settles: true },
        SettleFault::Pending { status: 200, settles: true },
        SettleFault::Pending { status: 202, settles: true },
        SettleFault::YesWithARevertedTransaction,
    ] {
        let world = X402Market::open().await;
        world.facilitator.will_settle([fault.clone()]);
        let payment = world.payment().await;
        let answer = world.settle(&payment, &body("settled")).await;
        assert_eq!(answer.status, 200, "{fault:?}");
        assert_eq!(receipt(&answer).unwrap()["success"], true);
        assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1), "{fault:?}");
        assert_ledger_equals_chain(&world);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_facilitator_says_without_settling_nothing_is_forwarded_and_no_new_terms_are_given() {
    for fault in [
        SettleFault::No("insufficient_funds"),
        SettleFault::Pending { status: 500, settles: false },
        SettleFault::YesWithoutSettling,
        SettleFault::YesWithAnotherTransaction,
        SettleFault::Status(500),
        SettleFault::BrokenJson,
        SettleFault::HangUp,
    ] {
        let world = X402Market::open().await;
        world.facilitator.will_settle([fault.clone()]);
        let payment = world.payment().await;
        for _ in 0..3 {
            let answer = world.pay(&payment, &body("unsettled")).await;
            assert_eq!(answer.status, 202, "{fault:?}");
            assert!(answer.headers.contains_key("retry-after"));
            assert_eq!(answer.text("/data/status_url").unwrap(), answer.headers["location"].to_str().unwrap());
            assert_eq!(answer.at("/data/payment/instructions"), &json!({}), "where it is looked for is the operator's");
            let status = world.status(&answer).await;
            assert_eq!((&status["status"], &status["paid"]), (&json!("pending"), &json!(false)));
            assert_eq!(status["next_action"], "retry_same_request");
        }
        assert_eq!((world.paid(), world.market.seller.runs()), (0, 0), "{fault:?}");
        assert_ledger_equals_chain(&world);
        // Once the authorization has ended for good, there are terms again, and the old payment buys nothing.
        world.chain.mine(200);
        let answer = world.settle(&payment, &body("unsettled")).await;
        assert_eq!(answer.status, 402, "{fault:?}");
        assert_eq!(receipt(&answer).unwrap()["success"], false);
        assert_eq!(world.paid(), 0);
        let report = world.market.gateway.audit().await;
        assert!(report.balances(), "{fault:?}: {:?}", report.findings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_never_submitted_is_submitted_by_the_retry() {
    let world = X402Market::open().await;
    world.facilitator.will_settle([SettleFault::HangUp]);
    let payment = world.payment().await;
    assert_eq!(world.pay(&payment, &body("again")).await.status, 202);
    world.market.gateway.advance_clock(Duration::from_secs(61));
    assert_eq!(world.settle(&payment, &body("again")).await.status, 200);
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
    assert_ledger_equals_chain(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_chain_cannot_be_read_nobody_is_asked_to_pay_again() {
    let world = X402Market::open().await;
    let payment = world.payment().await;
    world.facilitator.will_settle([SettleFault::SettleThenHangUp]);
    world.chain.lag(5, 10_000);
    assert_eq!(world.pay(&payment, &body("blind")).await.status, 202);
    world.chain.go_down(true);
    assert_eq!(world.pay(&payment, &body("blind")).await.status, 202);
    // And a new payment is not taken at all: it could not be judged.
    let other = world.payment().await;
    assert_error(&world.pay(&other, &body("new")).await, 503, "PAYMENT_PROVIDER_UNAVAILABLE");
    let ready = world.market.gateway.api.send(Method::GET, "/ready", &[], None).await.unwrap().expect(200).unwrap();
    assert!(["ok", "failing"].contains(&ready.text("/data/x402").unwrap()));
    world.chain.go_down(false);
    world.chain.lag(0, 0);
    assert_eq!(world.settle(&payment, &body("blind")).await.status, 200);
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
    assert_ledger_equals_chain(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_facilitator_that_says_yes_to_everything_pays_for_nothing() {
    let world = X402Market::open().await;
    let terms = world.terms().await;
    let mut forged = world.authorize(&terms);
    forged.signature = format!("0x{}", "11".repeat(66));
    world.facilitator.will_verify([VerifyFault::Yes]);
    world.facilitator.will_settle([SettleFault::YesWithoutSettling]);
    let payment = encode(&TestPayer::v2(&terms, &forged));
    assert_eq!(world.pay(&payment, &body("forged")).await.status, 202);
    assert_eq!((world.paid(), world.market.seller.runs()), (0, 0));
    assert_ledger_equals_chain(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pay_the_price_is_refused_before_it_is_submitted() {
    let world = X402Market::open().await;
    let terms = world.terms().await;
    let seller = world.seller_address().await;
    let asset = world.chain.asset();
    let good = world.in_seconds(60);
    let too_little = world.payer.authorize(&asset, &seller, PRICE - 1, good);
    let elsewhere = world.payer.authorize(&asset, &world.payer.address(), PRICE, good);
    let expired = world.payer.authorize(&asset, &seller, PRICE, world.in_seconds(-1));
    let mut future = world.authorize(&terms);
    future.valid_after = world.in_seconds(600);
    let future = world.payer.sign(&asset, future);
    let poor = TestPayer::new(9).unwrap().authorize(&asset, &seller, PRICE, good);
    let mut stolen = world.authorize(&terms);
    stolen.from = seller;
    for (authorization, what) in [
        (too_little, "too little"),
        (elsewhere, "to somebody else"),
        (expired, "expired"),
        (future, "in the future"),
        (poor, "without funds"),
        (stolen, "from somebody else"),
    ] {
        let answer = world.pay(&encode(&TestPayer::v2(&terms, &authorization)), &body(what)).await;
        assert_eq!(answer.status, 402, "{what}");
        assert_eq!(receipt(&answer).unwrap()["success"], false, "{what}");
        assert!(answer.at("/error").is_string());
    }
    let mut wrong_asset = TestPayer::v2(&terms, &world.authorize(&terms));
    wrong_asset["accepted"]["asset"] = json!(Asset::usdc(Network::BASE).unwrap().address().canonical());
    assert_eq!(world.pay(&encode(&wrong_asset), &body("asset")).await.status, 402);
    let mut wrong_network = TestPayer::v2(&terms, &world.authorize(&terms));
    wrong_network["accepted"]["network"] = json!("eip155:8453");
    assert_eq!(world.pay(&encode(&wrong_network), &body("network")).await.status, 402);
    assert_eq!((world.facilitator.asked("/settle"), world.paid(), world.market.seller.runs()), (0, 0, 0));
    assert_eq!(world.booked(), ("0".to_owned(), "0".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_payment_on_two_listings_or_two_bodies_buys_one_call() {
    let world = X402Market::open().await;
    let fields = json!({ "pricing_model": "per_call", "pricing_amount": 0.01, "name": "Another capability" });
    let other = crate::support::publish(&world.market.provider, world.market.seller.url(), fields).await;
    let payment = world.payment().await;
    world.pay(&payment, &body("first")).await.expect(200).unwrap();
    assert_error(&world.pay(&payment, &body("second")).await, 409, "RELAY_REQUEST_MISMATCH");
    let headers = [("payment-signature", payment.as_str())];
    let elsewhere = world.send_to(other["id"].as_str().unwrap(), &headers, Some(body("first"))).await;
    assert_error(&elsewhere, 409, "RELAY_REQUEST_MISMATCH");
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
    assert_ledger_equals_chain(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_in_another_spelling_is_the_same_payment() {
    let world = X402Market::open().await;
    let terms = world.terms().await;
    let payment = TestPayer::v2(&terms, &world.authorize(&terms));
    world.pay(&encode(&payment), &body("case")).await.expect(200).unwrap();
    let mut shouted = payment.clone();
    let authorization = &mut shouted["payload"]["authorization"];
    for field in ["from", "to", "nonce"] {
        let text = authorization[field].as_str().unwrap().to_owned();
        authorization[field] = json!(format!("0x{}", text[2..].to_uppercase()));
    }
    assert_error(&world.pay(&encode(&shouted), &body("case")).await, 409, "RESPONSE_NO_LONGER_AVAILABLE");
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_connections_with_one_payment_pay_once_and_run_once() {
    let world = X402Market::open().await;
    let (payment, call) = (world.payment().await, body("fifty"));
    let answers = join_all((0..50).map(|_| world.pay(&payment, &call))).await;
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(served <= 1, "{served}");
    for answer in &answers {
        // 503 where a busy machine has no connection to the database for all of them in time.
        assert!([200, 202, 409, 429, 503].contains(&answer.status.as_u16()), "{}", answer.status);
    }
    let last = world.settle(&payment, &call).await;
    assert!([200, 409].contains(&last.status.as_u16()), "{}", last.status);
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
    assert_eq!(world.facilitator.asked("/settle"), 1);
    assert_ledger_equals_chain(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_that_arrived_by_a_claimed_nonce_is_kept_as_an_orphan() {
    let world = X402Market::open().await;
    let terms = world.terms().await;
    let authorization = world.authorize(&terms);
    world.facilitator.will_settle([SettleFault::HangUp]);
    let payment = encode(&TestPayer::v2(&terms, &authorization));
    assert_eq!(world.pay(&payment, &body("short")).await.status, 202);
    let short = crochet_x402::Authorization { value: 1, ..authorization };
    world.chain.submit(&world.payer.sign(&world.chain.asset(), short)).1.unwrap();
    assert_eq!(world.settle(&payment, &body("short")).await.status, 402);
    assert_eq!((world.market.seller.runs(), world.booked().1.as_str()), (0, "0"));
    assert_eq!(world.market.gateway.sql("SELECT reason FROM orphan_payments"), "mismatch");
    assert!(world.market.gateway.audit().await.balances());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_payment_to_the_seller_pays_for_nothing_where_a_node_is_behind() {
    let world = X402Market::open().await;
    let terms = world.terms().await;
    let authorization = world.authorize(&terms);
    world.chain.submit(&authorization).1.unwrap();
    world.chain.lag_in("eth_call", 1);
    world.facilitator.will_verify([VerifyFault::Yes]);
    let answer = world.pay(&encode(&TestPayer::v2(&terms, &authorization)), &body("old")).await;
    assert!([402, 503].contains(&answer.status.as_u16()), "{}", answer.status);
    assert_eq!((world.market.seller.runs(), world.booked().1.as_str()), (0, "0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_that_somebody_else_submitted_pays_for_nothing_here() {
    let world = X402Market::open().await;
    let terms = world.terms().await;
    let authorization = world.authorize(&terms);
    world.chain.submit(&authorization).1.unwrap();
    let answer = world.pay(&encode(&TestPayer::v2(&terms, &authorization)), &body("used")).await;
    assert_eq!(answer.status, 402);
    assert_eq!((world.market.seller.runs(), world.facilitator.asked("/settle")), (0, 0));
    assert_eq!(world.booked().1, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_was_spent_on_something_else_while_under_way_buys_nothing() {
    let world = X402Market::open().await;
    let terms = world.terms().await;
    let authorization = world.authorize(&terms);
    world.facilitator.will_settle([SettleFault::HangUp]);
    let payment = encode(&TestPayer::v2(&terms, &authorization));
    assert_eq!(world.pay(&payment, &body("front-run")).await.status, 202);
    let mut to_itself = authorization.clone();
    (to_itself.to, to_itself.value) = (world.payer.address(), 1);
    world.chain.submit(&world.payer.sign(&world.chain.asset(), to_itself)).1.unwrap();
    world.chain.mine(200);
    let answer = world.settle(&payment, &body("front-run")).await;
    assert_eq!((answer.status.as_u16(), world.market.seller.runs()), (402, 0));
    assert_eq!(world.chain.balance(&world.seller_address().await), 0);
    assert_eq!(world.booked().1, "0");
    assert_eq!(world.chain.balance(&world.payer.address()), u128::from(FUNDS));
}
