//! Where sellers are paid, where buyers pay through Relay.

use crochet::demo::agent::bytes;
use crochet::demo::client::Answer;
use http::Method;
use serde_json::{Value, json};

use crate::support::relay::{RelayMarket, SHARE};
use crate::support::{Account, Market, TestGateway, assert_error};

/// Gives all wallets of a profile these capabilities, as its owner does with a proof.
fn give(gateway: &TestGateway, profile: &str, capabilities: &str) {
    gateway.change(&format!(
        "UPDATE profile_wallets SET capabilities = '{{{capabilities}}}' WHERE profile_id = '{profile}'"
    ));
}

fn give_seller(market: &Market, capabilities: &str) {
    give(&market.gateway, &market.provider.profile_id, capabilities);
}

async fn patch(market: &Market, body: Value) -> Answer {
    let path = format!("/listings/{}", market.listing_id());
    market.provider.send(Method::PATCH, &path, &[], Some(bytes(&body))).await.unwrap()
}

#[track_caller]
fn assert_no_payout(answer: &Answer) {
    assert_error(answer, 422, "PAYMENT_ROUTE_UNAVAILABLE");
    assert_eq!(answer.at("/error/recovery/next_action"), "link_payout_wallet");
    assert_eq!(answer.at("/error/details"), &json!({ "missing_capability": "payout", "chains": ["evm", "solana"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_listing_is_not_offered_while_its_seller_has_no_payout_wallet() {
    let world = RelayMarket::open().await;
    let market = &world.market;
    assert_eq!(patch(market, json!({ "status": "draft" })).await.status, 200);
    give_seller(market, "auth,recovery,payment");
    assert_no_payout(&patch(market, json!({ "status": "active" })).await);
    assert_eq!(patch(market, json!({ "status": "active", "pricing_model": "free" })).await.status, 200);
    assert_no_payout(&patch(market, json!({ "pricing_model": "per_call", "pricing_amount": 2 })).await);
    give_seller(market, "recovery,payout");
    assert_eq!(patch(market, json!({ "pricing_model": "per_call", "pricing_amount": 1 })).await.status, 200);
    let (call, _) = world.quoted("offered again").await;
    world.arrives(SHARE);
    market.deliver(&call).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_paid_listing_takes_a_payout_wallet_and_a_draft_or_a_free_one_takes_none() {
    let world = RelayMarket::open().await;
    let api = &world.market.gateway.api;
    let account = Account::register(api, "unpaid").await;
    give(&world.market.gateway, &account.id, "auth,recovery");
    let listing = |more: Value| {
        let mut listing = json!({
            "name": "Paid Nowhere", "description": "A listing whose seller has no wallet to be paid at.",
            "pricing_model": "per_call", "pricing_amount": 1, "private_endpoint_url": world.market.seller.url(),
        });
        listing.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        listing
    };
    let refused = account.list(listing(json!({}))).await.refuses(422, "PAYMENT_ROUTE_UNAVAILABLE");
    assert_eq!(refused["recovery"]["next_action"], "link_payout_wallet");
    account.list(listing(json!({ "status": "draft" }))).await.data(201);
    account.list(listing(json!({ "pricing_model": "free", "pricing_amount": 0 }))).await.data(201);
    give(&world.market.gateway, &account.id, "recovery,payout");
    account.list(listing(json!({}))).await.data(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_lost_its_payout_wallet_is_paid_nothing_new_and_what_was_quoted_goes_on() {
    let world = RelayMarket::open().await;
    let (call, _) = world.quoted("quoted before").await;
    give_seller(&world.market, "auth,recovery");
    let body = bytes(&json!({ "task": "after" }));
    assert_error(&world.market.call(None, &body).await, 422, "PAYMENT_ROUTE_UNAVAILABLE");
    assert_eq!(patch(&world.market, json!({ "tags": ["still"] })).await.status, 200);
    world.arrives(SHARE);
    world.market.deliver(&call).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_payments_are_played_a_seller_needs_no_payout_wallet() {
    let market = Market::with(TestGateway::start().await, json!({ "pricing_model": "free" })).await;
    give_seller(&market, "auth,recovery");
    market.set_listing(json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await;
    let call = market.paid("played").await;
    market.deliver(&call).await;
}
