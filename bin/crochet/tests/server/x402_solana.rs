//! Calls that are paid by x402 on Solana, by somebody without an account.

use std::time::Duration;

use crochet::config::Settings;
use crochet_facilitator::testing::{
    SettleFault, TestChain, TestFacilitator, TestInstruction, TestSolana, TestSolanaPayer, TestTransaction,
};
use crochet_wallet::WalletAddress;
use crochet_x402::{Asset, Network, encode};
use http::Method;
use serde_json::{Value, json};

use crate::support::x402::{FUNDS, PRICE, X402Market, body, header, paid_on, receipt, required};
use crate::support::{Behaviour, Market, TestGateway, assert_error, publish};

/// After so many blocks a payment that was not made never will be, and nobody takes that back.
const OVER: u64 = 150 + 2 * 32 + 2;

/// A market whose seller has a wallet on Solana alone, with a payer there.
type World = X402Market<TestSolana, TestSolanaPayer>;

impl World {
    async fn open() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let chain = TestSolana::start(Asset::usdc(Network::SOLANA_DEVNET).unwrap()).await.unwrap();
        let facilitator = TestFacilitator::start_on_solana(&chain, 1).await.unwrap();
        let payer = TestSolanaPayer::new(7);
        chain.mint(&payer.address(), FUNDS);
        let gateway = TestGateway::with(|settings| {
            paid_on(settings, Network::SOLANA_DEVNET, chain.url(), &facilitator);
            change(settings);
        })
        .await;
        let fields = json!({ "pricing_model": "per_call", "pricing_amount": 0.01 });
        let market = Market::with(gateway, fields).await;
        let world = Self { market, chain, facilitator, payer };
        world.chain.mint(&world.seller_address().await, 0);
        world
    }

    /// What the payer would sign for the first offer of the terms.
    fn draft(&self, terms: &Value) -> TestTransaction {
        let way = &terms["accepts"][0];
        let address = |value: &Value| value.as_str().unwrap().parse::<WalletAddress>().unwrap();
        let amount = way["amount"].as_str().unwrap().parse().unwrap();
        self.payer.draft(&self.chain, &address(&way["extra"]["feePayer"]), &address(&way["payTo"]), amount)
    }

    fn signed(&self, terms: &Value, draft: &TestTransaction) -> String {
        encode(&TestSolanaPayer::v2(terms, &self.payer.sign(draft)))
    }

    /// A new payment, as `PAYMENT-SIGNATURE`.
    async fn payment(&self) -> String {
        let terms = self.terms().await;
        self.signed(&terms, &self.draft(&terms))
    }

    fn paid(&self) -> u64 {
        self.chain.transfers().iter().map(|transfer| transfer.base_units).sum()
    }

    /// Money moved so often, the seller ran so often, and the books say the same.
    fn assert_paid_and_run(&self, payments: u64, runs: usize) {
        assert_eq!((self.paid(), self.market.seller.runs()), (payments * PRICE, runs));
        assert_eq!(self.booked().0, (payments * PRICE).to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_402_of_a_seller_on_solana_names_who_pays_the_fees() {
    let world = World::open().await;
    let answer = world.send(&[], None).await.expect(402).unwrap();
    let terms = required(&answer);
    let way = &terms["accepts"][0];
    assert_eq!(terms["accepts"].as_array().unwrap().len(), 1);
    assert_eq!((&way["network"], &way["amount"]), (&json!(Network::SOLANA_DEVNET.to_string()), &json!("10000")));
    assert_eq!(way["asset"], "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU");
    assert_eq!(way["payTo"], world.seller_address().await.canonical());
    assert_eq!(way["extra"], json!({ "feePayer": TestSolanaPayer::new(1).address().canonical() }));
    assert_eq!(answer.at("/accepts/0/network"), "solana-devnet");
    assert_eq!(world.market.gateway.sql("SELECT count(*) FROM gateway_requests"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_pays_on_solana_and_is_served_once() {
    let world = World::open().await;
    let payment = world.payment().await;
    let answer = world.pay(&payment, &body("once")).await.expect(200).unwrap();
    assert_eq!(answer.at("/data/payment/amount"), "0.010000");
    let paid = receipt(&answer).unwrap();
    assert_eq!((&paid["success"], &paid["network"]), (&json!(true), &json!(Network::SOLANA_DEVNET.to_string())));
    assert_eq!(paid["payer"], world.payer.address().canonical());
    let transfers = world.chain.transfers();
    assert_eq!(paid["transaction"], transfers[0].transaction);
    assert_eq!(world.chain.balance(&world.seller_address().await), PRICE);
    world.assert_paid_and_run(1, 1);
    assert_error(&world.pay(&payment, &body("once")).await, 409, "RESPONSE_NO_LONGER_AVAILABLE");
    world.assert_paid_and_run(1, 1);
    let owner = format!(
        "SELECT w.chain || ' ' || p.role FROM gateway_requests r JOIN profile_wallets w ON w.profile_id = r.buyer_id \
         JOIN profiles p ON p.id = w.profile_id WHERE w.address = '{}' AND r.provider = 'x402'",
        world.payer.address().canonical()
    );
    assert_eq!(world.market.gateway.sql(&owner), "solana buyer");
    assert!(world.market.gateway.audit().await.balances());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_v1_pays_on_solana() {
    let world = World::open().await;
    let answer = world.send(&[("x-crochet-payment-network", "solana-devnet")], None).await.expect(402).unwrap();
    assert!(answer.headers.get("payment-required").is_none());
    let way = answer.at("/accepts/0").clone();
    let terms =
        json!({ "accepts": [{ "amount": way["maxAmountRequired"], "payTo": way["payTo"], "extra": way["extra"] }] });
    let payment = encode(&TestSolanaPayer::v1("solana-devnet", &world.payer.sign(&world.draft(&terms))));
    let answer = world.send(&[("x-payment", &payment)], Some(body("v1"))).await.expect(200).unwrap();
    let paid = header(&answer, "x-payment-response").unwrap();
    assert_eq!((&paid["success"], &paid["network"]), (&json!(true), &json!("solana-devnet")));
    world.assert_paid_and_run(1, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_facilitator_answers_a_payment_that_was_made_is_served_once() {
    for fault in [
        SettleFault::SettleThenHangUp,
        SettleFault::SettleThenStatus(502),
        SettleFault::SettleThenNo("unexpected_settle_error"),
        SettleFault::Pending { status: 202, settles: true },
    ] {
        let world = World::open().await;
        let payment = world.payment().await;
        world.facilitator.will_settle([fault.clone()]);
        let mut answer = world.pay(&payment, &body("once")).await;
        for _ in 0..100 {
            if answer.status != 202 {
                break;
            }
            answer = world.pay(&payment, &body("once")).await;
        }
        assert_eq!(answer.status, 200, "{fault:?}");
        world.assert_paid_and_run(1, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_not_made_is_answered_402_only_once_it_never_can_be() {
    for fault in [SettleFault::No("insufficient_funds"), SettleFault::YesWithoutSettling, SettleFault::HangUp] {
        let world = World::open().await;
        let payment = world.payment().await;
        world.facilitator.will_settle([fault.clone()]);
        assert_eq!(world.pay(&payment, &body("unsettled")).await.status, 202, "{fault:?}");
        world.chain.mine(150);
        assert_eq!(world.pay(&payment, &body("unsettled")).await.status, 202, "{fault:?}");
        world.chain.mine(OVER - 150);
        let answer = world.pay(&payment, &body("unsettled")).await.expect(402).unwrap();
        assert_eq!(receipt(&answer).unwrap()["errorReason"], "blockhash_expired");
        world.assert_paid_and_run(0, 0);
        // The terms of that 402 can be paid.
        let terms = required(&answer);
        let again = world.signed(&terms, &world.draft(&terms));
        world.pay(&again, &body("unsettled")).await.expect(200).unwrap();
        world.assert_paid_and_run(1, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_never_submitted_is_submitted_by_the_retry() {
    let world = World::open().await;
    world.facilitator.will_settle([SettleFault::HangUp]);
    let payment = world.payment().await;
    assert_eq!(world.pay(&payment, &body("again")).await.status, 202);
    world.market.gateway.advance_clock(Duration::from_secs(61));
    world.pay(&payment, &body("again")).await.expect(200).unwrap();
    world.assert_paid_and_run(1, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_payment_pays_for_one_call() {
    let world = World::open().await;
    let fields = json!({ "pricing_model": "per_call", "pricing_amount": 0.01, "name": "Another" });
    let another = publish(&world.market.provider, world.market.seller.url(), fields).await;
    let payment = world.payment().await;
    let headers = [("payment-signature", payment.as_str())];
    let (one, two, elsewhere) = (body("one"), body("two"), another["id"].as_str().unwrap());
    let (first, second, third) = tokio::join!(
        world.send(&headers, Some(one.clone())),
        world.send(&headers, Some(two)),
        world.send_to(elsewhere, &headers, Some(one)),
    );
    let mut statuses = [first.status.as_u16(), second.status.as_u16(), third.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409]);
    world.assert_paid_and_run(1, 1);
    // The same message in other clothes is the same payment: what is no part of it says nothing.
    let mut dressed: Value = {
        use base64::Engine;
        serde_json::from_slice(&base64::engine::general_purpose::STANDARD.decode(&payment).unwrap()).unwrap()
    };
    dressed["accepted"]["asset"] = json!("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v");
    dressed["accepted"]["payTo"] = json!(world.payer.address().canonical());
    let again = world.pay(&encode(&dressed), &body("three")).await;
    assert_error(&again, 409, "RELAY_REQUEST_MISMATCH");
    world.assert_paid_and_run(1, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pay_the_price_to_the_seller_is_refused_before_it_is_submitted() {
    let world = World::open().await;
    let terms = world.terms().await;
    let change = |change: &dyn Fn(&mut TestTransaction)| {
        let mut draft = world.draft(&terms);
        change(&mut draft);
        world.signed(&terms, &draft)
    };
    let extra = TestInstruction { program: [0; 32], accounts: Vec::new(), data: vec![4, 0, 0, 0] };
    let mut refused = vec![
        change(&|draft| draft.instructions[2].accounts[1].0 = [4; 32]),
        change(&|draft| draft.instructions[2].data[1] -= 1),
        change(&|draft| draft.instructions[2].accounts[2].0 = [8; 32]),
        change(&|draft| draft.fee_payer = [6; 32]),
        change(&|draft| draft.instructions.insert(0, extra.clone())),
        change(&|draft| draft.blockhash = [1; 32]),
        change(&|draft| draft.has_lookup = true),
    ];
    refused.push(encode(&TestSolanaPayer::v2(&terms, &TestSolanaPayer::new(9).sign(&world.draft(&terms)))));
    for payment in refused {
        let answer = world.pay(&payment, &body("wrong")).await.expect(402).unwrap();
        assert_eq!(receipt(&answer).unwrap()["success"], false);
    }
    let not_one = encode(&TestSolanaPayer::v2(&terms, &json!({ "transaction": "AAAA" })));
    assert_error(&world.pay(&not_one, &body("wrong")).await, 400, "BAD_REQUEST");
    assert_eq!(world.facilitator.asked("/settle"), 0);
    world.assert_paid_and_run(0, 0);
    assert_eq!(world.market.gateway.sql("SELECT count(*) FROM gateway_requests"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_fails_on_chain_is_never_paid() {
    let world = World::open().await;
    let terms = world.terms().await;
    // Two payments are signed while there is money for one of them.
    let poor = TestSolanaPayer::new(3);
    world.chain.mint(&poor.address(), PRICE);
    let way = &terms["accepts"][0];
    let address = |value: &Value| value.as_str().unwrap().parse::<WalletAddress>().unwrap();
    let sign = || {
        let draft = poor.draft(&world.chain, &address(&way["extra"]["feePayer"]), &address(&way["payTo"]), PRICE);
        encode(&TestSolanaPayer::v2(&terms, &poor.sign(&draft)))
    };
    let (one, two) = (sign(), sign());
    world.facilitator.will_settle([SettleFault::HangUp]);
    assert_eq!(world.pay(&two, &body("two")).await.status, 202);
    world.pay(&one, &body("one")).await.expect(200).unwrap();
    world.market.gateway.advance_clock(Duration::from_secs(61));
    assert_eq!(world.pay(&two, &body("two")).await.status, 202, "it failed in a block that is not final");
    world.chain.mine(32);
    let answer = world.pay(&two, &body("two")).await.expect(402).unwrap();
    assert_eq!(receipt(&answer).unwrap()["errorReason"], "transaction_failed");
    world.assert_paid_and_run(1, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_node_is_behind_or_gone_nobody_is_asked_to_pay_again() {
    let world = World::open().await;
    let payment = world.payment().await;
    world.facilitator.will_settle([SettleFault::SettleThenHangUp]);
    world.chain.lag_in("getSignaturesForAddress", 50);
    assert_eq!(world.pay(&payment, &body("blind")).await.status, 202);
    world.chain.mine(OVER);
    world.chain.lag_in("getSignaturesForAddress", 2 * OVER);
    assert_eq!(world.pay(&payment, &body("blind")).await.status, 202);
    world.chain.lag_in("", 0);
    world.chain.go_down(true);
    assert_eq!(world.pay(&payment, &body("blind")).await.status, 202);
    let other = world.payment().await;
    assert_error(&world.pay(&other, &body("new")).await, 503, "PAYMENT_PROVIDER_UNAVAILABLE");
    world.chain.go_down(false);
    world.pay(&payment, &body("blind")).await.expect(200).unwrap();
    world.assert_paid_and_run(1, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_seller_failure_the_same_payment_is_delivered_free_of_charge() {
    let world = World::open().await;
    world.market.seller.next(Behaviour::Json(500, "{}"));
    let payment = world.payment().await;
    assert_eq!(world.pay(&payment, &body("retry")).await.status, 502);
    world.market.gateway.advance_clock(Duration::from_secs(30));
    world.pay(&payment, &body("retry")).await.expect(200).unwrap();
    world.assert_paid_and_run(1, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_both_chains_taken_the_payer_chooses_and_discovery_names_what_the_seller_has() {
    let base = TestChain::start(Asset::usdc(Network::BASE_SEPOLIA).unwrap(), 1_700_000_000).await.unwrap();
    let on_base = TestFacilitator::start(&base).await.unwrap();
    let world = World::with(|settings| {
        let both = |first: &str, second: String| Some(format!("{first},{second}"));
        let networks = settings.x402_networks.take().unwrap();
        settings.x402_networks = Some([vec![Network::BASE_SEPOLIA.to_string()], networks].concat());
        settings.x402_rpc_urls = both(base.url(), settings.x402_rpc_urls.take().unwrap());
        settings.x402_facilitator_urls.as_mut().unwrap().push(on_base.url().to_owned());
    })
    .await;
    let refused = [("x-crochet-payment-scheme", "exact"), ("x-crochet-payment-network", "eip155:84532")];
    assert_error(&world.send(&refused, None).await, 422, "PAYMENT_ROUTE_UNAVAILABLE");
    let url = format!("{}/discovery/resources", world.market.gateway.api.base());
    let found = world.market.gateway.api.send(Method::GET, &url, &[], None).await.unwrap().expect(200).unwrap();
    assert_eq!(found.at("/items/0/accepts/0/network"), &json!(Network::SOLANA_DEVNET.to_string()));
    assert_eq!(found.at("/items/0/accepts").as_array().unwrap().len(), 1);
    // Once the seller can be paid on both, both are offered; its first choice comes first.
    let seller = world.seller_address().await;
    let insert = "INSERT INTO profile_wallets (id, profile_id, chain, address, is_primary, capabilities, status, created_at) \
                  SELECT gen_random_uuid(), profile_id, 'evm', '0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed', false, \
                  capabilities, status, now() FROM profile_wallets WHERE address = '";
    world.market.gateway.change(&format!("{insert}{}' RETURNING 1", seller.canonical()));
    let terms = world.terms().await;
    let networks: Vec<&str> =
        terms["accepts"].as_array().unwrap().iter().map(|way| way["network"].as_str().unwrap()).collect();
    assert_eq!(networks, [Network::SOLANA_DEVNET.to_string().as_str(), "eip155:84532"]);
    let one = required(&world.send(&[("x-crochet-payment-network", "eip155:84532")], None).await.expect(402).unwrap());
    assert_eq!((one["accepts"].as_array().unwrap().len(), &one["accepts"][0]["network"]), (1, &json!("eip155:84532")));
    let answer = world.send(&[], None).await;
    assert_eq!(answer.at("/accepts/0/network"), "base-sepolia", "a network that v1's clients all know");
    let payment = world.signed(&terms, &world.draft(&terms));
    world.pay(&payment, &body("both")).await.expect(200).unwrap();
    world.assert_paid_and_run(1, 1);
}
