//! Relay's webhooks: they have a payment looked at, and settle nothing.

use crochet_payments::testing::{KEY, signed, webhook};

use crate::support::relay::{RelayMarket, SHARE, now, send_webhook};
use crate::support::{Market, RawRequest, TestGateway, assert_error, eventually};

fn at(offset_seconds: i64) -> i64 {
    i64::try_from(now()).unwrap() + offset_seconds * 1_000
}

/// How many rows the ledger has, of both sides.
pub(crate) async fn ledger_rows(market: &Market) -> usize {
    market.ledger().await.len()
}

async fn swept() -> RelayMarket {
    RelayMarket::with(|settings| settings.sweep_interval_millis = Some(50), |_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_settles_a_call_without_the_buyer_and_forwards_nothing() {
    let world = swept().await;
    let (call, _) = world.quoted("nobody comes back").await;
    world.arrives(SHARE);
    assert_eq!(world.webhook("success").await.data(200)["status"], "received");
    eventually("the call is settled", || async { ledger_rows(&world.market).await == 3 }).await;
    assert_eq!(
        (world.market.history(&call).await["status"].as_str(), world.market.seller.runs()),
        (Some("settled"), 0)
    );
    // The buyer comes back after all, and pays nothing more.
    world.market.deliver(&call).await;
    assert_eq!((world.market.seller.runs(), ledger_rows(&world.market).await), (1, 3));
    world.market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_not_believed() {
    let world = swept().await;
    let (call, _) = world.quoted("a lie").await;
    // Relay itself says that nothing has arrived.
    for status in ["success", "refund", "failure", "made-up"] {
        let before = world.relay.asked().len();
        assert_eq!(world.webhook(status).await.status, 200);
        eventually("Relay is asked", || async { world.relay.asked().len() > before }).await;
    }
    assert_eq!(ledger_rows(&world.market).await, 0);
    let unpaid = world.market.retry(&call).await;
    assert_error(&unpaid, 402, "PAYMENT_REQUIRED");
    assert_eq!(unpaid.at("/data/relay_request_id"), call.relay_id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_out_of_order_and_repeated_change_nothing() {
    let world = swept().await;
    let (call, _) = world.quoted("disorder").await;
    world.arrives(SHARE);
    world.webhook("success").await.data(200);
    eventually("the call is settled", || async { ledger_rows(&world.market).await == 3 }).await;
    for status in ["waiting", "pending", "success", "depositing", "success", "failure"] {
        world.webhook(status).await.data(200);
    }
    world.market.deliver(&call).await;
    for status in ["success", "waiting"] {
        world.webhook(status).await.data(200);
    }
    let before = world.relay.asked().len();
    eventually("Relay is asked", || async { world.relay.asked().len() > before }).await;
    assert_eq!((world.market.seller.runs(), ledger_rows(&world.market).await), (1, 3));
    assert_eq!(world.market.history(&call).await["status"], "delivered");
    world.market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_nobody_knows_or_nobody_signed_is_answered_so() {
    let world = swept().await;
    world.quoted("unknown").await;
    let api = &world.market.gateway.api;
    let unknown = send_webhook(api, &webhook(&format!("0x{}", "0".repeat(64)), "success", at(0))).await;
    assert_eq!(unknown.data(200)["status"], "received");
    let id = world.relay.ids().remove(0);
    let good = webhook(&id, "success", at(0));
    let body = good.body.clone();
    for wrong in [
        signed("another-key", &good.timestamp, body.clone()),
        webhook(&id, "success", at(-301)),
        webhook(&id, "success", at(301)),
        crochet_payments::testing::SignedWebhook { body: [body.as_slice(), b" "].concat(), ..good.clone() },
        crochet_payments::testing::SignedWebhook { signature: String::new(), ..good.clone() },
    ] {
        send_webhook(api, &wrong).await.refuses(401, "UNAUTHORIZED");
    }
    RawRequest::new(api, "POST", "/webhooks/relay").json(body).send().await.refuses(401, "UNAUTHORIZED");
    let nothing = signed(KEY, &at(0).to_string(), b"{\"event\":\"ping\"}".to_vec());
    send_webhook(api, &nothing).await.refuses(400, "BAD_REQUEST");
    assert_eq!(world.relay.asked(), ["/quote/v2"]);
    assert_eq!(send_webhook(api, &good).await.status, 200);
    eventually("Relay is asked", || async { world.relay.asked().len() > 1 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_at_one_replica_is_looked_after_by_the_other() {
    let world = RelayMarket::open().await;
    let (call, _) = world.quoted("two replicas").await;
    world.arrives(SHARE);
    world.webhook("success").await.data(200);
    // This gateway's sweeper sleeps for an hour; a second one begins with a round.
    let _other = world.market.gateway.replica().await;
    eventually("the call is settled", || async { ledger_rows(&world.market).await == 3 }).await;
    assert_eq!(world.market.history(&call).await["status"], "settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_pays_through_relay_there_is_no_such_path() {
    let gateway = TestGateway::start().await;
    let sent = webhook("0x01", "success", at(0));
    send_webhook(&gateway.api, &sent).await.refuses(404, "NOT_FOUND");
    let document = RawRequest::outside(&gateway.api, "GET", "/api/openapi.json").send().await.json();
    assert!(document["paths"]["/api/v1/webhooks/relay"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_buyers_pay_through_relay_its_documents_name_the_webhook_and_no_mock() {
    let world = RelayMarket::open().await;
    let api = &world.market.gateway.api;
    let document = RawRequest::outside(api, "GET", "/api/openapi.json").send().await.json();
    assert!(document["paths"]["/api/v1/webhooks/relay"]["post"].is_object());
    for path in ["/docs/api-reference.txt", "/.well-known/agent-protocol.json"] {
        let text = RawRequest::outside(api, "GET", path).send().await.text();
        assert!(text.contains("/webhooks/relay") && !text.contains("mock-provider"), "{path}");
    }
}
