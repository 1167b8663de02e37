//! Payments that come after their quote has ended.

use std::time::Duration;

use serde_json::json;

use crate::support::relay::{RelayMarket, SHARE};
use crate::support::{Market, Paid, assert_error};

/// Past a quote's fifteen minutes, within the ten that a late payment is waited for.
const IN_GRACE: Duration = Duration::from_secs(16 * 60);
/// Past both.
const EXPIRED: Duration = Duration::from_secs(26 * 60);

#[tokio::test(flavor = "multi_thread")]
async fn in_the_grace_after_its_window_a_quote_is_answered_with_a_wait() {
    let market = Market::open().await;
    let call = market.quoted("grace").await;
    market.gateway.advance_clock(IN_GRACE);
    let waiting = market.retry(&call).await.expect(202).unwrap();
    assert_eq!(waiting.at("/data/status"), "pending");
    assert_eq!(waiting.at("/data/reason"), "late_payment_check");
    market.pay(&call, json!({})).await;
    market.deliver(&call).await;
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_quote_is_answered_with_new_terms() {
    let market = Market::open().await;
    let call = market.quoted("expired").await;
    market.gateway.advance_clock(EXPIRED);
    let expired = market.settle(&call).await;
    assert_error(&expired, 402, "QUOTE_EXPIRED");
    assert_eq!(expired.at("/data/supersedes"), call.relay_id.as_str());
    let next = Paid { relay_id: expired.text("/data/relay_request_id").unwrap().to_owned(), body: call.body.clone() };
    assert_eq!(market.history(&call).await["status"], "expired");
    market.pay(&next, json!({})).await;
    market.deliver(&next).await;
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_arrives_after_expiry_is_honoured() {
    let market = Market::open().await;
    let call = market.quoted("very late").await;
    market.gateway.advance_clock(EXPIRED);
    assert_error(&market.settle(&call).await, 402, "QUOTE_EXPIRED");
    market.pay(&call, json!({})).await;
    let delivered = market.deliver(&call).await;
    assert_eq!(delivered.at("/data/relay_request_id"), call.relay_id.as_str());
    assert_eq!((market.seller.runs(), market.ledger_of(&call).await.len()), (1, 3));
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_leads_to_the_expired_call_that_was_paid_after_all() {
    let market = Market::open().await;
    let headers = [("idempotency-key", "late")];
    let body = crochet::demo::agent::bytes(&json!({ "task": "late with a key" }));
    let first = market.call_with(&headers, &body).await.expect(402).unwrap();
    let call = Paid { relay_id: first.text("/data/relay_request_id").unwrap().to_owned(), body: body.clone() };
    market.gateway.advance_clock(EXPIRED);
    let expired = market.call_with(&headers, &body).await;
    assert_error(&expired, 402, "QUOTE_EXPIRED");
    market.pay(&call, json!({})).await;
    market.deliver(&call).await;
    let again = market.call_with(&headers, &body).await.expect(200).unwrap();
    assert_eq!(again.at("/data/relay_request_id"), call.relay_id.as_str());
    assert_eq!(again.at("/data/replayed"), true);
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweeper_settles_a_late_payment_that_nobody_comes_back_for() {
    let gateway = crate::support::TestGateway::with(|settings| settings.sweep_interval_millis = Some(100)).await;
    let market = Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await;
    let call = market.paid("nobody comes back").await;
    market.gateway.advance_clock(EXPIRED);
    crate::support::eventually("the settlement", || async { market.ledger_of(&call).await.len() == 3 }).await;
    assert_eq!(market.history(&call).await["status"], "settled");
    assert_eq!(market.seller.runs(), 0);
    market.deliver(&call).await;
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_payment_of_the_old_terms_is_found_by_whoever_sends_the_new_id_or_the_key() {
    let market = Market::open().await;
    let headers = [("idempotency-key", "old terms")];
    let body = crochet::demo::agent::bytes(&json!({ "task": "the old terms are paid" }));
    let first = market.call_with(&headers, &body).await.expect(402).unwrap();
    let old = Paid { relay_id: first.text("/data/relay_request_id").unwrap().to_owned(), body: body.clone() };
    market.gateway.advance_clock(EXPIRED);
    let expired = market.settle(&old).await;
    assert_error(&expired, 402, "QUOTE_EXPIRED");
    let new = Paid { relay_id: expired.text("/data/relay_request_id").unwrap().to_owned(), body: body.clone() };
    market.pay(&old, json!({})).await;
    // The provider is asked about each call once in a while only, so it may take more than one retry.
    crate::support::eventually("the delivery", || async { market.retry(&new).await.status == 200 }).await;
    for replay in [market.retry(&new).await, market.call_with(&headers, &body).await] {
        let replay = replay.expect(200).unwrap();
        assert_eq!(replay.at("/data/relay_request_id"), old.relay_id.as_str());
        assert_eq!(replay.at("/data/replayed"), true);
    }
    assert_eq!(market.history(&new).await["status"], "quoted");
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
    market.assert_balanced().await;
}

/// The call whose terms these are: another one, for the same body.
fn next(call: &Paid, terms: &crochet::demo::client::Answer) -> Paid {
    Paid { relay_id: terms.text("/data/relay_request_id").unwrap().to_owned(), body: call.body.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_names_the_first_of_three_calls_is_led_to_the_late_payment_of_the_second() {
    let market = Market::open().await;
    let first = market.quoted("three calls").await;
    market.gateway.advance_clock(EXPIRED);
    let expired = market.settle(&first).await;
    assert_error(&expired, 402, "QUOTE_EXPIRED");
    let second = next(&first, &expired);
    market.gateway.advance_clock(EXPIRED);
    let expired = market.settle(&second).await;
    assert_error(&expired, 402, "QUOTE_EXPIRED");
    let third = next(&first, &expired);
    market.pay(&second, json!({})).await;
    let delivered = market.deliver(&first).await;
    assert_eq!(delivered.at("/data/relay_request_id"), second.relay_id.as_str());
    assert_eq!(market.history(&third).await["status"], "quoted");
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_terms_that_come_late_themselves_are_not_answered_when_the_old_ones_were_paid() {
    let world = RelayMarket::open().await;
    let (market, relay) = (&world.market, &world.relay);
    let (first, _) = world.quoted("late terms").await;
    let id = relay.ids().remove(0);
    let waiting = relay.held(&id);
    world.arrives(SHARE);
    let paid = relay.held(&id);
    relay.holds(&id, waiting);
    market.gateway.advance_clock(EXPIRED);
    // The old terms have ended, and Relay gives no new ones.
    relay.quotes_with(|quote| *quote = json!({}));
    let unavailable = market.retry(&first).await;
    assert_error(&unavailable, 503, "PAYMENT_PROVIDER_UNAVAILABLE");
    let second =
        Paid { relay_id: unavailable.text("/data/relay_request_id").unwrap().to_owned(), body: first.body.clone() };
    assert_ne!(second.relay_id, first.relay_id);
    // Then it does, and the old terms have been paid meanwhile.
    relay.quotes_with(|_| {});
    relay.holds(&id, paid);
    let delivered = market.deliver(&second).await;
    assert_eq!(delivered.at("/data/relay_request_id"), first.relay_id.as_str());
    assert_eq!(market.history(&second).await["status"], "quoted");
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
    market.assert_balanced().await;
}
