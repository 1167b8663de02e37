//! Payments that nobody can make: what strangers may make the gateway ask of its node and its facilitator.

use crochet::config::Switch;
use crochet_facilitator::testing::{SettleFault, TestPayer};
use crochet_wallet::WalletAddress;
use crochet_x402::{Asset, Authorization, Network, encode};
use futures::future::join_all;

use crate::support::assert_error;
use crate::support::x402::{PRICE, X402Market, body, receipt};

/// A payment whose signature is as long as a contract wallet's, and nobody's.
fn of_no_contract(world: &X402Market, terms: &serde_json::Value, count: usize) -> String {
    let mut forged = world.authorize(terms);
    forged.signature = format!("0x{:0132x}", count + 1);
    encode(&TestPayer::v2(terms, &forged))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_signature_reaches_neither_the_facilitator_nor_the_node() {
    let world = X402Market::open().await;
    let terms = world.terms().await;
    let good = world.authorize(&terms);
    let somebody_elses = Authorization { from: WalletAddress::from_evm_bytes([9; 20]), ..good.clone() };
    let mut a_bit_turned = good.clone();
    let last = if good.signature.ends_with("1b") { "1c" } else { "1b" };
    a_bit_turned.signature.replace_range(130..132, last);
    let more = Authorization { value: PRICE + 1, ..good.clone() };
    let base = Asset::usdc(Network::BASE).unwrap();
    let on_another_chain = world.payer.sign(&base, good.clone());
    let short = Authorization { signature: "0x1b".to_owned(), ..good.clone() };
    for forged in [somebody_elses, a_bit_turned, more, on_another_chain, short] {
        let v1 = encode(&TestPayer::v1("base-sepolia", &forged));
        for (header, payment) in [("payment-signature", encode(&TestPayer::v2(&terms, &forged))), ("x-payment", v1)] {
            let answer = world.send(&[(header, &payment)], Some(body("forged"))).await;
            assert_eq!(answer.status, 402, "{forged:?}");
            assert_eq!(answer.at("/error"), "invalid_exact_evm_payload_signature", "{header}");
        }
    }
    assert_eq!(
        (world.chain.asked(), world.facilitator.asked("/supported"), world.facilitator.asked("/verify")),
        (0, 0, 0)
    );
    // The nonce is still the payer's to use.
    let answer = world.pay(&encode(&TestPayer::v2(&terms, &good)), &body("good")).await.expect(200).unwrap();
    assert_eq!(receipt(&answer).unwrap()["success"], true);
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_wallet_pays_like_any_other() {
    let world = X402Market::open().await;
    let terms = world.terms().await;
    let payment = encode(&TestPayer::v2(&terms, &TestPayer::sign_as_contract(world.authorize(&terms))));
    world.pay(&payment, &body("contract")).await.expect(200).unwrap();
    assert_eq!((world.paid(), world.market.seller.runs(), world.facilitator.asked("/verify")), (PRICE, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_many_refused_payments_none_from_that_address_is_looked_at_for_a_while() {
    let world = X402Market::with(|settings| {
        settings.rate_limits = Some(Switch::On);
        settings.rate_limit_auth = Some(1_000);
        settings.rate_limit_write = Some(1_000);
        settings.rate_limit_refused_payments = Some(2);
        settings.trusted_proxies = Some(vec!["127.0.0.1/32".parse().unwrap()]);
    })
    .await;
    let terms = world.terms().await;
    let poor = TestPayer::new(9).unwrap();
    let seller = world.seller_address().await;
    let without_funds = || {
        let authorization = poor.authorize(&world.chain.asset(), &seller, PRICE, world.in_seconds(60));
        encode(&TestPayer::v2(&terms, &authorization))
    };
    let (good, call) = (encode(&TestPayer::v2(&terms, &world.authorize(&terms))), body("a call"));
    let send = async |address: &str, payment: &str| {
        let headers = [("payment-signature", payment), ("x-forwarded-for", address)];
        world.send(&headers, Some(call.clone())).await
    };
    for _ in 0..2 {
        assert_eq!(send("203.0.113.9", &without_funds()).await.status, 402);
    }
    for payment in [&without_funds(), &good] {
        let answer = send("203.0.113.9", payment).await;
        assert_error(&answer, 429, "RATE_LIMITED");
        assert_eq!(answer.headers["ratelimit-policy"], "\"refused-payments\";q=2;w=60");
        let seconds: u32 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=30).contains(&seconds), "{seconds}");
    }
    assert_eq!(world.facilitator.asked("/verify"), 2);
    // Elsewhere, and without a payment, nobody is kept out; and what is good is not counted.
    world.terms().await;
    for _ in 0..3 {
        assert!([200, 409].contains(&send("203.0.113.10", &good).await.status.as_u16()));
    }
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_payments_that_nobody_made_spends_its_own_budget_and_no_more() {
    let world = X402Market::with(|settings| settings.x402_verifications_per_minute = Some(5)).await;
    let terms = world.terms().await;
    let authorization = world.authorize(&terms);
    let payment = encode(&TestPayer::v2(&terms, &authorization));
    // It is claimed, and never submitted.
    world.facilitator.will_settle([SettleFault::HangUp]);
    assert_eq!(world.pay(&payment, &body("under way")).await.status, 202);

    let forged: Vec<String> = (0..40).map(|count| of_no_contract(&world, &terms, count)).collect();
    let flood = body("flood");
    let answers = join_all(forged.iter().map(|payment| world.pay(payment, &flood))).await;
    let refused = answers.iter().filter(|answer| answer.status == 402).count();
    assert!(refused <= 1, "{refused}");
    for answer in answers.iter().filter(|answer| answer.status != 402) {
        // Never terms: for all that is known this payment may be good.
        assert_error(answer, 503, "PAYMENT_PROVIDER_UNAVAILABLE");
        assert_eq!(answer.at("/error/recovery/next_action"), "retry_same_request");
        let seconds: u32 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
    }
    assert!(world.facilitator.asked("/verify") <= 2, "the one that was claimed, and one of the flood at most");

    // The claimed one is looked at, settled and delivered all the same.
    let before = world.chain.asked();
    assert_eq!(world.pay(&payment, &body("under way")).await.status, 202);
    assert!(world.chain.asked() > before);
    world.chain.submit(&authorization).1.unwrap();
    assert_eq!(world.settle(&payment, &body("under way")).await.status, 200);
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
    assert!(world.market.gateway.audit().await.balances());
}
