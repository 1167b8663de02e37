//! From where, and in what, a call is paid; and what cannot be paid that way.

use bytes::Bytes;
use crochet::demo::agent::{Agent, bytes};
use crochet::demo::client::Answer;
use http::Method;
use serde_json::json;

use crate::support::{Market, Paid, assert_error, pay, register};

const CURRENCY: &str = "x-crochet-origin-currency";
const CHAIN: &str = "x-crochet-origin-chain-id";
const WALLET: &str = "x-crochet-origin-wallet-id";
const KEY: &str = "idempotency-key";

const SOLANA: &str = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp";

fn body() -> Bytes {
    bytes(&json!({ "task": "route" }))
}

async fn call(market: &Market, buyer: &Agent, headers: &[(&str, &str)]) -> Answer {
    let path = format!("/gateway/{}", market.listing_id());
    buyer.send(Method::POST, &path, headers, Some(body())).await.unwrap()
}

async fn wallet_of(agent: &Agent) -> String {
    let me = agent.send(Method::GET, "/me", &[], None).await.unwrap().expect(200).unwrap();
    me.text("/data/wallets/0/id").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_below_the_routes_minimum_is_refused_and_solana_is_offered() {
    let market = Market::open().await;
    let buyer = register(&market.gateway.api, "solana buyer", true).await;
    let headers = [(CURRENCY, "USDC"), (KEY, "cheap")];
    let refused = call(&market, &buyer, &headers).await;
    assert_error(&refused, 422, "PAYMENT_ROUTE_MINIMUM_NOT_MET");
    assert_eq!(refused.at("/error/recovery/next_action"), "retry_with_solana");
    assert_eq!(refused.at("/error/recovery/retryable"), true);
    assert_eq!(refused.at("/error/recovery/preserve"), &json!(["request_body"]));
    assert!(refused.at("/error/recovery/discard").as_array().unwrap().contains(&json!("idempotency_key")));
    assert_eq!(refused.at("/error/details"), &json!({ "minimum": "0.100000", "minimum_micros": 100_000 }));

    // The refusal is an outcome: the same key has the same answer, and another route needs another key.
    let again = call(&market, &buyer, &headers).await;
    assert_eq!((again.status, &again.json), (refused.status, &refused.json));
    assert_error(&call(&market, &buyer, &[(CURRENCY, "SOL"), (KEY, "cheap")]).await, 409, "IDEMPOTENCY_KEY_REUSED");
    let history = buyer.send(Method::GET, "/gateway-requests", &[], None).await.unwrap();
    assert_eq!((history.at("/pagination/total"), history.at("/data/0/status")), (&json!(1), &json!("quote_refused")));

    let quoted = call(&market, &buyer, &[(CURRENCY, "SOL"), (KEY, "cheap, in SOL")]).await.expect(402).unwrap();
    assert_eq!(quoted.at("/data/payment/origin_currency"), "SOL");
    assert_eq!(quoted.at("/data/payment/network"), SOLANA);
    assert_eq!(quoted.at("/data/retry_headers/X-Crochet-Payment-Network"), SOLANA);
    let id = quoted.text("/data/relay_request_id").unwrap();
    pay(&market.gateway.api, id, json!({})).await.expect(200).unwrap();
    let headers = [
        ("x-crochet-relay-request-id", id),
        ("x-crochet-payment-scheme", "mock"),
        ("x-crochet-payment-network", SOLANA),
    ];
    call(&market, &buyer, &headers).await.expect(200).unwrap();
    assert_eq!(market.seller.runs(), 1);
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_minimum_is_met_at_ten_cents_on_every_evm_chain() {
    let market = Market::open().await;
    market.set_listing(json!({ "pricing_amount": 0.1 })).await;
    for (currency, chain, network) in [
        ("USDC", "8453", "eip155:8453"),
        ("usdc", "137", "eip155:137"),
        ("ETH", "1", "eip155:1"),
        ("ETH", "42161", "eip155:42161"),
    ] {
        let quoted = call(&market, &market.buyer, &[(CURRENCY, currency), (CHAIN, chain)]).await.expect(402).unwrap();
        assert_eq!(quoted.at("/data/payment/network"), network);
    }
    market.set_listing(json!({ "pricing_amount": 0.099_999 })).await;
    let refused = call(&market, &market.buyer, &[(CURRENCY, "ETH"), (CHAIN, "1")]).await;
    assert_error(&refused, 422, "PAYMENT_ROUTE_MINIMUM_NOT_MET");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_wish_a_buyer_pays_in_what_its_wallets_allow() {
    let market = Market::open().await;
    let evm = call(&market, &market.buyer, &[]).await.expect(402).unwrap();
    assert_eq!(
        (evm.at("/data/payment/origin_currency"), evm.at("/data/payment/network")),
        (&json!("USDC"), &json!("eip155:8453"))
    );
    let solana = register(&market.gateway.api, "solana buyer", true).await;
    let quoted = call(&market, &solana, &[]).await.expect(402).unwrap();
    assert_eq!(
        (quoted.at("/data/payment/origin_currency"), quoted.at("/data/payment/network")),
        (&json!("SOL"), &json!(SOLANA))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sol_needs_a_solana_wallet() {
    let market = Market::open().await;
    let refused = call(&market, &market.buyer, &[(CURRENCY, "SOL")]).await;
    assert_error(&refused, 422, "ORIGIN_WALLET_INVALID");
    assert_eq!(refused.at("/error/recovery/next_action"), "link_solana_wallet");
    // The wallet that there is does not become one by being named.
    let wallet = wallet_of(&market.buyer).await;
    let refused = call(&market, &market.buyer, &[(CURRENCY, "SOL"), (WALLET, &wallet)]).await;
    assert_error(&refused, 422, "ORIGIN_WALLET_INVALID");
    assert_eq!(refused.at("/error/recovery/next_action"), "link_solana_wallet");
    assert_eq!(market.seller.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_there_is_not_is_refused() {
    let market = Market::open().await;
    market.set_listing(json!({ "pricing_amount": 1 })).await;
    for headers in [
        &[(CHAIN, "99999")][..],
        &[(CHAIN, "18446744073709551615")],
        &[(CURRENCY, "ETH"), (CHAIN, "137")],
        &[(CURRENCY, "DOGE")],
        &[(CURRENCY, "SOL"), (CHAIN, "8453")],
        &[("x-crochet-payment-scheme", "exact")],
        &[("x-crochet-payment-network", "eip155:5")],
    ] {
        let refused = call(&market, &market.buyer, headers).await;
        assert_error(&refused, 422, "PAYMENT_ROUTE_UNAVAILABLE");
        assert_eq!(refused.at("/error/recovery/next_action"), "fix_request", "{headers:?}");
    }
    for headers in [(CHAIN, "base"), (CHAIN, "-1"), (CHAIN, "18446744073709551616"), (WALLET, "mine"), (KEY, "")] {
        assert_error(&call(&market, &market.buyer, &[headers]).await, 400, "BAD_REQUEST");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_of_somebody_else_does_not_pay() {
    let market = Market::open().await;
    market.set_listing(json!({ "pricing_amount": 1 })).await;
    let other = register(&market.gateway.api, "other", false).await;
    for wallet in [wallet_of(&other).await, "0190a0b0-0000-7000-8000-000000000001".to_owned()] {
        let refused = call(&market, &market.buyer, &[(WALLET, &wallet)]).await;
        assert_error(&refused, 422, "ORIGIN_WALLET_INVALID");
        assert_eq!(refused.at("/error/recovery/next_action"), "fix_request");
    }
    let own = wallet_of(&market.buyer).await;
    call(&market, &market.buyer, &[(WALLET, &own)]).await.expect(402).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_need_not_repeat_its_route() {
    let market = Market::open().await;
    let buyer = register(&market.gateway.api, "solana buyer", true).await;
    let quoted = call(&market, &buyer, &[(CURRENCY, "SOL")]).await.expect(402).unwrap();
    let paid = Paid { relay_id: quoted.text("/data/relay_request_id").unwrap().to_owned(), body: body() };
    market.pay(&paid, json!({ "amount_micros": 1 })).await;
    // Also the terms that replace it are for the route that was asked for.
    let headers = [("x-crochet-relay-request-id", paid.relay_id.as_str())];
    let replaced = call(&market, &buyer, &headers).await;
    assert_error(&replaced, 402, "PAYMENT_MISMATCH");
    assert_eq!(replaced.at("/data/payment/network"), SOLANA);
}
