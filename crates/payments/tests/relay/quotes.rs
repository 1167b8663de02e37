//! Terms.

use crochet_payments::testing::Fault;
use crochet_pricing::MicroUsd;
use crochet_relay::ports::PaymentProvider;
use crochet_relay::{BASE, FeeStatus, OriginCurrency, QuoteOutcome, QuoteRefusal, SOLANA};
use serde_json::json;

use crate::bench::{BUYER, FEES, SELLER, SOLANA_BUYER, USDC_ON_BASE, bench, from_evm, from_solana};

#[tokio::test]
async fn relay_is_asked_for_the_sellers_share_exactly_and_takes_the_fee_at_its_end() {
    let bench = bench().await;
    bench.terms().await;
    assert_eq!(
        bench.relay.last_body(),
        json!({
            "user": BUYER, "recipient": SELLER.to_lowercase(), "refundTo": BUYER,
            "originChainId": 8453, "originCurrency": USDC_ON_BASE,
            "destinationChainId": 8453, "destinationCurrency": USDC_ON_BASE,
            "tradeType": "EXACT_OUTPUT", "amount": "951000",
            "appFees": [{ "recipient": FEES.to_lowercase(), "fee": "490" }],
            "referrer": format!("crochet-{}", FEES.to_lowercase()),
            "ttl": 900,
        })
    );
}

#[tokio::test]
async fn terms_hold_all_that_a_later_look_is_compared_to() {
    let bench = bench().await;
    let terms = bench.terms().await;
    assert_eq!((terms.provider.as_str(), terms.scheme.as_str()), ("relay", "relay"));
    assert_eq!(terms.provider_request_id, format!("0x{:064x}", 0xcb42));
    assert_eq!(terms.asset, "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913");
    assert_eq!((terms.recipient.as_str(), terms.expected_base_units), (SELLER.to_lowercase().as_str(), 951_000));
    assert_eq!((terms.fee_status, terms.expires_at), (FeeStatus::Accrued, bench.ask().expires_at));
}

#[tokio::test]
async fn a_buyer_gets_the_steps_as_relay_gave_them_and_no_empty_ones() {
    let bench = bench().await;
    let instructions = bench.terms().await.instructions;
    assert_eq!(instructions["steps"].as_array().unwrap().len(), 1);
    assert_eq!(instructions["steps"][0]["items"][0]["data"]["to"], "0xEa04F61d00AFD8649B39b873306949aa11630067");
    assert_eq!(instructions["steps"][0]["items"][0]["data"]["gas"], "27300");
    assert_eq!(
        instructions["pay"],
        json!({ "amount": "1020000", "amount_usd": "1.02", "symbol": "USDC", "decimals": 6 })
    );
    assert_eq!(instructions["fees"]["app"]["amount"], "49980");
    assert_eq!(instructions["fees"]["relayerService"]["amount"], "-12");
    assert_eq!((&instructions["payer"], &instructions["refund_to"]), (&json!(BUYER), &json!(BUYER)));
}

#[tokio::test]
async fn a_payment_in_sol_reaches_a_seller_on_base() {
    let bench = bench().await;
    let mut ask = bench.ask();
    ask.route = from_solana();
    let QuoteOutcome::Issued(terms) = bench.provider.quote(&ask).await else { panic!("no terms") };
    let body = bench.relay.last_body();
    assert_eq!((&body["originChainId"], &body["destinationChainId"]), (&json!(SOLANA), &json!(BASE)));
    assert_eq!((&body["user"], &body["originCurrency"]), (&json!(SOLANA_BUYER), &json!("1".repeat(32))));
    assert!(terms.instructions["steps"][0]["items"][0]["data"]["instructions"].is_array());
}

#[tokio::test]
async fn a_seller_on_solana_is_paid_there() {
    let bench = bench().await;
    let mut ask = bench.ask();
    ask.recipient = SOLANA_BUYER.to_owned();
    let QuoteOutcome::Issued(terms) = bench.provider.quote(&ask).await else { panic!("no terms") };
    assert_eq!(terms.recipient, SOLANA_BUYER);
    assert!(terms.asset.starts_with("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp/token:EPjF"), "{}", terms.asset);
}

#[tokio::test]
async fn without_a_payout_wallet_or_an_origin_wallet_relay_is_not_even_asked() {
    let bench = bench().await;
    let mut ask = bench.ask();
    ask.recipient = ask.listing.to_string();
    let refused = bench.provider.quote(&ask).await;
    assert!(matches!(refused, QuoteOutcome::Refused(QuoteRefusal::RouteUnavailable { .. })));
    let mut ask = bench.ask();
    ask.route.wallet = None;
    let refused = bench.provider.quote(&ask).await;
    assert!(matches!(refused, QuoteOutcome::Refused(QuoteRefusal::OriginWalletInvalid { .. })));
    let mut ask = bench.ask();
    ask.route = from_evm(OriginCurrency::Sol, BASE);
    let refused = bench.provider.quote(&ask).await;
    assert!(matches!(refused, QuoteOutcome::Refused(QuoteRefusal::RouteUnavailable { .. })));
    assert!(bench.relay.asked().is_empty());
}

#[tokio::test]
async fn a_refusal_is_told_for_its_reason_and_never_in_relays_words() {
    for (status, code) in
        [(400, "AMOUNT_TOO_LOW"), (400, "NO_QUOTES"), (400, "INVALID_ADDRESS"), (403, "SANCTIONED_WALLET_ADDRESS")]
    {
        let bench = bench().await;
        bench.relay.will([Fault::Says(status, json!({ "message": "see https://internal", "errorCode": code }))]);
        let QuoteOutcome::Refused(refusal) = bench.quote().await else { panic!("{code} is no refusal") };
        assert!(!format!("{refusal:?}").contains("internal"), "{refusal:?}");
        assert_eq!(bench.relay.asked().len(), 1, "a final no is not asked for twice");
        match code {
            "AMOUNT_TOO_LOW" => {
                let minimum = MicroUsd::from_micros(1_000_001);
                assert_eq!(refusal, QuoteRefusal::RouteMinimumNotMet { minimum });
            }
            "INVALID_ADDRESS" => assert!(matches!(refusal, QuoteRefusal::OriginWalletInvalid { .. })),
            _ => assert!(matches!(refusal, QuoteRefusal::RouteUnavailable { .. })),
        }
    }
}

#[tokio::test]
async fn a_quote_that_is_not_what_was_asked_for_is_not_shown() {
    type Change = fn(&mut serde_json::Value);
    let changes: [(&str, Change); 16] = [
        ("another recipient", |quote| quote["details"]["recipient"] = json!(BUYER)),
        ("another chain", |quote| quote["details"]["currencyOut"]["currency"]["chainId"] = json!(1)),
        ("another currency", |quote| quote["details"]["currencyOut"]["currency"]["address"] = json!(BUYER)),
        ("too little", |quote| quote["details"]["currencyOut"]["minimumAmount"] = json!("950999")),
        ("an amount that is none", |quote| quote["details"]["currencyOut"]["amount"] = json!(951000.5)),
        ("no steps", |quote| quote["steps"] = json!([])),
        ("no request id", |quote| quote["steps"][1]["requestId"] = json!(null)),
        ("a request id that is none", |quote| quote["steps"][1]["requestId"] = json!("0x01&id=2")),
        ("request ids that differ", |quote| quote["steps"][0]["requestId"] = json!(format!("0x{}", "1".repeat(64)))),
        ("an unknown kind", |quote| quote["steps"][1]["kind"] = json!("surprise")),
        ("a transaction on another chain", |quote| quote["steps"][1]["items"][0]["data"]["chainId"] = json!(1)),
        ("a transaction of somebody else", |quote| quote["steps"][1]["items"][0]["data"]["from"] = json!(FEES)),
        ("a deposit address elsewhere", |quote| quote["steps"][1]["depositAddress"] = json!(SOLANA_BUYER)),
        ("a value beyond exact numbers", |quote| {
            quote["steps"][1]["items"][0]["data"]["value"] = serde_json::from_str("100000000000000000000").unwrap();
        }),
        ("a NUL", |quote| quote["steps"][1]["items"][0]["data"]["note"] = json!("\u{0}")),
        ("more than 64 KiB", |quote| {
            quote["steps"][1]["items"][0]["data"]["data"] = json!(format!("0x{}", "00".repeat(40_000)));
        }),
    ];
    for (what, change) in changes {
        let bench = bench().await;
        bench.relay.quotes_with(change);
        assert!(matches!(bench.quote().await, QuoteOutcome::Unavailable { .. }), "{what}");
    }
}

#[tokio::test]
async fn a_window_that_is_over_is_not_quoted_for() {
    let bench = bench().await;
    let mut ask = bench.ask();
    ask.expires_at -= std::time::Duration::from_secs(900);
    assert_eq!(bench.provider.quote(&ask).await, QuoteOutcome::Unavailable { retry_after_seconds: None });
    assert!(bench.relay.asked().is_empty());
}
