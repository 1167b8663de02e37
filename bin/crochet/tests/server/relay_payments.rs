//! Calls that are paid through Relay.

use crochet_payments::testing::Fault;
use serde_json::json;

use crate::support::relay::{RelayMarket, SHARE, now};
use crate::support::{Behaviour, assert_error};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_quoted_paid_and_delivered_and_its_fee_is_accrued() {
    let world = RelayMarket::open().await;
    let (call, payment) = world.quoted("relay").await;
    assert_eq!((&payment["provider"], &payment["origin_currency"]), (&json!("relay"), &json!("USDC")));
    let instructions = &payment["instructions"];
    assert_eq!((&instructions["kind"], &instructions["app_fee_basis_points"]), (&json!("relay_steps"), &json!("490")));
    assert_eq!(instructions["steps"][0]["items"][0]["data"]["chainId"], 8453);
    assert_eq!(instructions["request_id"], world.relay.ids()[0].as_str());
    // The seller's whole share, in USDC, to its own wallet, on that wallet's chain.
    let asked = world.relay.last_body();
    assert_eq!((&asked["tradeType"], &asked["amount"]), (&json!("EXACT_OUTPUT"), &json!(SHARE)));
    assert_eq!(asked["destinationChainId"], 792_703_809);
    let me = world.market.provider.send(http::Method::GET, "/me", &[], None).await.unwrap().expect(200).unwrap();
    assert_eq!(&asked["recipient"], me.at("/data/wallets/0/address"));

    let unpaid = world.market.retry(&call).await.expect(402).unwrap();
    assert_eq!(unpaid.at("/data/relay_request_id"), call.relay_id.as_str());
    world.status_is("pending");
    assert_eq!(world.market.retry(&call).await.expect(202).unwrap().at("/data/reason"), "not_final");
    assert_eq!((world.market.seller.runs(), world.market.ledger().await.len()), (0, 0));

    world.arrives(SHARE);
    let delivered = world.market.deliver(&call).await;
    assert_eq!(delivered.at("/data/payment/seller_amount"), "0.951000");
    assert_eq!(delivered.at("/data/payment/provider_reference"), world.relay.ids()[0].as_str());
    let rows = world.market.ledger().await;
    assert_eq!((world.market.seller.runs(), rows.len()), (1, 3));
    for row in &rows {
        assert_eq!((&row["fee_status"], &row["provider"]), (&json!("accrued"), &json!("relay")), "{row}");
    }
    let fee = rows.iter().find(|row| row["type"] == "marketplace_fee").unwrap();
    assert_eq!(fee["amount_micros"], 49_000, "{fee}");
    // Nothing of it was taken at the payment: Relay keeps it until it is claimed.
    let collected = "SELECT DISTINCT coalesce(fee_collected_micros, 0) FROM ledger_entries";
    assert_eq!(world.market.gateway.sql(collected), "0");
    world.market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_with_too_little_is_a_mismatch_and_buys_nothing() {
    let world = RelayMarket::open().await;
    let (call, _) = world.quoted("short").await;
    world.arrives("950999");
    let short = world.market.settle(&call).await;
    assert_error(&short, 402, "PAYMENT_MISMATCH");
    assert_eq!(short.at("/data/supersedes"), call.relay_id.as_str());
    assert_eq!((world.market.seller.runs(), world.market.ledger().await.len()), (0, 0));
    let history = world.market.history(&call).await;
    assert_eq!((&history["status"], history["orphan_payments"].as_array().map(Vec::len)), (&json!("mispaid"), Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_waited_out_until_the_money_is_back() {
    let world = RelayMarket::open().await;
    let (call, _) = world.quoted("failure").await;
    world.status_is("failure");
    // No new terms while the first payment may still come back.
    assert_eq!(world.market.retry(&call).await.expect(202).unwrap().at("/data/reason"), "not_final");
    world.status_is("refund");
    let failed = world.market.settle(&call).await;
    assert_error(&failed, 402, "PAYMENT_FAILED");
    assert_ne!(failed.at("/data/relay_request_id"), call.relay_id.as_str());
    assert_eq!((world.market.seller.runs(), world.market.ledger().await.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_stands_leads_to_new_terms() {
    let world = RelayMarket::open().await;
    let (call, _) = world.quoted("failed").await;
    world.relay.status_is("failure", now() - 11 * 60 * 1000);
    assert_error(&world.market.settle(&call).await, 402, "PAYMENT_FAILED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_after_delivery_is_booked_back() {
    let world = RelayMarket::open().await;
    let (call, _) = world.quoted("refund").await;
    world.arrives(SHARE);
    world.market.deliver(&call).await;
    world.status_is("refund");
    assert_eq!(world.webhook("refund").await.status, 200);
    assert_eq!(world.market.ledger().await.len(), 3, "a webhook books nothing");
    let _other = world.market.gateway.replica().await;
    // The sweeper of a replica goes and looks.
    crate::support::eventually("the refund is booked", || async {
        crate::relay_webhooks::ledger_rows(&world.market).await == 6
    })
    .await;
    world.market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_relay_does_not_know_is_waited_for_and_never_asked_for_again() {
    let world = RelayMarket::open().await;
    let (call, _) = world.quoted("unknown").await;
    world.relay.forgets();
    for _ in 0..3 {
        assert_eq!(world.market.retry(&call).await.expect(202).unwrap().at("/data/reason"), "unknown");
    }
    assert_eq!(world.market.seller.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_goes_backwards_takes_nothing_back() {
    let world = RelayMarket::open().await;
    let (call, _) = world.quoted("backwards").await;
    world.arrives(SHARE);
    world.market.seller.next(Behaviour::Json(500, "{}"));
    assert_error(&world.market.settle(&call).await, 502, "SELLER_ERROR");
    for status in ["pending", "waiting"] {
        world.status_is(status);
        world.market.gateway.advance_clock(std::time::Duration::from_secs(60));
        let answer = world.market.retry(&call).await;
        assert!([200, 202].contains(&answer.status.as_u16()), "{status}: {}", answer.json);
        assert!(world.market.seller.runs() <= 2);
    }
    world.arrives(SHARE);
    world.market.deliver(&call).await;
    assert_eq!((world.market.seller.runs(), world.market.ledger().await.len()), (2, 3));
    // After delivery it is replayed, whatever Relay says.
    world.status_is("waiting");
    assert_eq!(world.market.deliver(&call).await.at("/data/replayed"), true);
    world.market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_at_the_quote_is_passed_on_as_a_wait_and_at_a_look_as_202() {
    let world = RelayMarket::open().await;
    world.relay.will([Fault::TooMany(1)]);
    let body = crochet::demo::agent::bytes(&json!({ "task": "busy" }));
    let busy = world.market.call(None, &body).await;
    assert_error(&busy, 503, "PAYMENT_PROVIDER_UNAVAILABLE");
    assert_eq!(crate::support::retry_after(&busy), 1);
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let (call, _) = world.quoted("busy again").await;
    world.arrives(SHARE);
    world.relay.will([Fault::TooMany(1)]);
    assert_eq!(world.market.retry(&call).await.expect(202).unwrap().at("/data/reason"), "unknown");
    crate::support::eventually("the pause ends", || async { world.market.retry(&call).await.status == 200 }).await;
    assert_eq!((world.market.seller.runs(), world.market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_slow_or_talks_nonsense_is_a_wait() {
    let world = RelayMarket::with(|_| {}, crate::support::relay::impatient).await;
    let slow = || Fault::Slow(std::time::Duration::from_secs(60));
    world.relay.will([slow(), slow()]);
    let body = crochet::demo::agent::bytes(&json!({ "task": "slow" }));
    assert_error(&world.market.call(None, &body).await, 503, "PAYMENT_PROVIDER_UNAVAILABLE");
    let (call, _) = world.quoted("nonsense").await;
    world.arrives(SHARE);
    for faults in [vec![Fault::Bytes(b"{\"status\":"); 3], vec![Fault::Says(500, json!({ "message": "x" })); 3]] {
        world.relay.will(faults);
        assert_eq!(world.market.retry(&call).await.expect(202).unwrap().at("/data/reason"), "unknown");
    }
    assert_eq!(world.market.seller.runs(), 0);
    // Nothing was lost by it.
    crate::support::eventually("Relay is asked again", || async { world.market.retry(&call).await.status == 200 })
        .await;
    assert_eq!((world.market.seller.runs(), world.market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_relay_says_is_repeated_in_an_error() {
    let world = RelayMarket::open().await;
    let canary = json!({ "message": "relay-canary", "errorCode": "NO_SWAP_ROUTES_FOUND", "requestId": "0xcanary" });
    world.relay.will([Fault::Says(400, canary)]);
    let body = crochet::demo::agent::bytes(&json!({ "task": "no route" }));
    let refused = world.market.call(None, &body).await;
    assert_error(&refused, 422, "PAYMENT_ROUTE_UNAVAILABLE");
    assert!(!refused.json.to_string().contains("canary"), "{}", refused.json);
}
