//! Calls that are paid by x402, v2 and v1, by somebody without an account.

use crochet_facilitator::testing::TestPayer;
use crochet_x402::encode;
use http::Method;
use serde_json::{Value, json};

use crate::support::x402::{PRICE, X402Market, body, header, receipt, required};
use crate::support::{Behaviour, assert_error};

#[tokio::test(flavor = "multi_thread")]
async fn a_402_speaks_v2_in_a_header_and_v1_in_the_body_and_costs_no_row() {
    let world = X402Market::open().await;
    // Indexers send no body, no type, nothing.
    let answer = world.send(&[], None).await.expect(402).unwrap();
    let (v2, v1) = (required(&answer), answer.at("").clone());
    assert_eq!((&v2["x402Version"], &v1["x402Version"]), (&json!(2), &json!(1)));
    let way = &v2["accepts"][0];
    assert_eq!(
        (&way["scheme"], &way["network"], &way["amount"]),
        (&json!("exact"), &json!("eip155:84532"), &json!("10000"))
    );
    assert_eq!(way["extra"], json!({ "name": "USDC", "version": "2" }));
    let seller: String = way["payTo"].as_str().unwrap().to_lowercase();
    assert_eq!(seller, world.seller_address().await.canonical());
    assert!(v1["error"].is_string() && v1["accepts"][0]["network"] == "base-sepolia");
    assert_eq!(v1["accepts"][0]["maxAmountRequired"], "10000");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(world.market.gateway.sql("SELECT count(*) FROM gateway_requests"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_pays_and_is_served_and_the_payers_wallet_is_the_buyer() {
    let world = X402Market::open().await;
    let payment = world.payment().await;
    let answer = world.pay(&payment, &body("v2")).await.expect(200).unwrap();
    assert_eq!(answer.at("/data/payment/amount"), "0.010000");
    let paid = receipt(&answer).unwrap();
    assert_eq!((&paid["success"], &paid["network"]), (&json!(true), &json!("eip155:84532")));
    assert_eq!(paid["payer"], world.payer.address().canonical());
    let transfers = world.chain.transfers();
    let last = transfers.last().unwrap();
    assert_eq!((last.base_units, &paid["transaction"]), (PRICE, &json!(last.transaction)));
    assert_eq!(last.to, world.seller_address().await);
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
    assert_eq!(world.booked(), ("10000".to_owned(), "3".to_owned()));
    let owner = format!(
        "SELECT count(*) FROM gateway_requests r JOIN profile_wallets w ON w.profile_id = r.buyer_id \
         WHERE w.address = '{}' AND r.provider = 'x402'",
        world.payer.address().canonical()
    );
    assert_eq!(world.market.gateway.sql(&owner), "1");
    // What it owes the marketplace, the seller owes: nothing was taken from the payment.
    let fees = "SELECT DISTINCT fee_status || ' ' || coalesce(fee_collected_micros, 0) FROM ledger_entries";
    assert_eq!(world.market.gateway.sql(fees), "accrued 0");
    assert!(world.market.gateway.audit().await.balances());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_v1_pays_by_what_the_body_says() {
    let world = X402Market::open().await;
    let headers = [("x-crochet-payment-network", "base-sepolia")];
    let answer = world.send(&headers, None).await.expect(402).unwrap();
    assert!(answer.headers.get("payment-required").is_none(), "a client of both would take the header");
    let way = answer.at("/accepts/0").clone();
    let terms = json!({ "accepts": [{ "amount": way["maxAmountRequired"], "payTo": way["payTo"] }] });
    let payment = encode(&TestPayer::v1("base-sepolia", &world.authorize(&terms)));
    let answer = world.send(&[("x-payment", &payment)], Some(body("v1"))).await.expect(200).unwrap();
    let paid = header(&answer, "x-payment-response").unwrap();
    assert_eq!((&paid["success"], &paid["network"]), (&json!(true), &json!("base-sepolia")));
    assert!(answer.headers.get("payment-response").is_none());
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_header_again_is_the_same_call_and_moves_no_money() {
    let world = X402Market::open().await;
    let payment = world.payment().await;
    world.pay(&payment, &body("once")).await.expect(200).unwrap();
    let again = world.pay(&payment, &body("once")).await;
    assert_error(&again, 409, "RESPONSE_NO_LONGER_AVAILABLE");
    assert_eq!(receipt(&again).unwrap()["success"], true);
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_call_was_taken_out_of_history_buys_nothing_more_and_nothing_is_charged() {
    let world = X402Market::open().await;
    let payment = world.payment().await;
    world.pay(&payment, &body("once")).await.expect(200).unwrap();
    // As `crochet retention` leaves it.
    world.market.gateway.sql(
        "INSERT INTO exported_partitions (name, from_id, to_id, calls, attempts, booked_calls, calls_sha256, attempts_sha256) \
         SELECT 'taken', id, ('f' || right(id::text, 35))::uuid, 1, 1, 1, sha256('x'), sha256('y') FROM gateway_requests; \
         DELETE FROM idempotency_keys; DELETE FROM response_vault; DELETE FROM gateway_attempts; DELETE FROM gateway_requests",
    );
    for body in [body("once"), body("another")] {
        let again = world.pay(&payment, &body).await;
        assert_error(&again, 404, "NOT_FOUND");
        assert_eq!(again.at("/error/recovery/retryable"), &json!(false));
        assert!(receipt(&again).is_none(), "nothing is said of a payment that was not looked at");
    }
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
    // Another payment is another call.
    world.pay(&world.payment().await, &body("once")).await.expect(200).unwrap();
    assert_eq!((world.paid(), world.market.seller.runs()), (2 * PRICE, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payers_own_identifier_opens_the_response_again() {
    let world = X402Market::open().await;
    let terms = world.terms().await;
    let mut payment = TestPayer::v2(&terms, &world.authorize(&terms));
    payment["extensions"]["payment-identifier"]["info"]["id"] = json!("order-0123456789abcdef");
    let first = world.pay(&encode(&payment), &body("mine")).await.expect(200).unwrap();
    let again = world.pay(&encode(&payment), &body("mine")).await.expect(200).unwrap();
    assert_eq!(first.at("/data/seller_response"), again.at("/data/seller_response"));
    assert_eq!(again.at("/data/replayed"), &json!(true));
    // Another payment of the same name is the same call: nobody pays twice for it.
    let mut second = TestPayer::v2(&terms, &world.authorize(&terms));
    second["extensions"]["payment-identifier"]["info"]["id"] = json!("order-0123456789abcdef");
    world.pay(&encode(&second), &body("mine")).await.expect(200).unwrap();
    assert_error(&world.pay(&encode(&second), &body("other")).await, 409, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 1));
    // It opens the response, so it is kept nowhere.
    let kept = "SELECT count(*) FROM gateway_requests r JOIN idempotency_keys k ON k.call_id = r.id \
                WHERE k.key || r.idempotency_key || r.terms::text LIKE '%order-0123456789abcdef%'";
    assert_eq!(world.market.gateway.sql(kept), "0");
    assert!(!world.facilitator.last_body("/settle").to_string().contains("order-0123456789abcdef"));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_seller_failure_the_same_header_is_delivered_free_of_charge() {
    let world = X402Market::open().await;
    world.market.seller.next(Behaviour::Json(500, "{}"));
    let payment = world.payment().await;
    let failed = world.pay(&payment, &body("retry")).await;
    assert_eq!((failed.status.as_u16(), &receipt(&failed).unwrap()["success"]), (502, &json!(true)));
    world.market.gateway.advance_clock(std::time::Duration::from_secs(30));
    world.pay(&payment, &body("retry")).await.expect(200).unwrap();
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 2));
    assert_eq!(world.booked().1, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyed_agent_may_choose_x402_and_pay_so() {
    let world = X402Market::open().await;
    let choose = [("x-crochet-payment-scheme", "exact")];
    let answer = world.market.call_with(&choose, &body("keyed")).await.expect(402).unwrap();
    let terms = required(&answer);
    let payment = encode(&TestPayer::v2(&terms, &world.authorize(&terms)));
    let headers = [("payment-signature", payment.as_str())];
    world.market.call_with(&headers, &body("keyed")).await.expect(200).unwrap();
    let history =
        world.market.buyer.send(Method::GET, "/gateway-requests", &[], None).await.unwrap().expect(200).unwrap();
    assert_eq!(history.at("/data/0/status"), "delivered");
    // Its key seals the response, and who has the payment alone does not get it.
    let again = world.market.call_with(&headers, &body("keyed")).await.expect(200).unwrap();
    assert_eq!(again.at("/data/replayed"), &json!(true));
    assert_error(&world.pay(&payment, &body("keyed")).await, 409, "RELAY_REQUEST_MISMATCH");
    // And without choosing, it is asked for the provider's terms.
    let native = world.market.call_with(&[], &body("native")).await.expect(402).unwrap();
    assert_eq!(native.at("/error/code"), "PAYMENT_REQUIRED");
    assert!(native.headers.get("payment-required").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyed_agent_that_names_its_paid_call_is_never_asked_to_pay_again() {
    let world = X402Market::open().await;
    world.market.seller.next(Behaviour::Json(500, "{}"));
    let choose = ("x-crochet-payment-scheme", "exact");
    let key = ("idempotency-key", "order-1");
    let terms = required(&world.market.call_with(&[choose, key], &body("keyed")).await.expect(402).unwrap());
    let payment = encode(&TestPayer::v2(&terms, &world.authorize(&terms)));
    let failed = world.market.call_with(&[("payment-signature", &payment), key], &body("keyed")).await;
    assert_eq!(failed.status, 502);
    let relay_id = failed.text("/data/relay_request_id").unwrap().to_owned();
    let named = ("x-crochet-relay-request-id", relay_id.as_str());
    // As a client of x402 repeats a call: without the payment, and with a new one after a 402.
    for headers in [[choose, key], [choose, named]] {
        assert_eq!(world.market.call_with(&headers, &body("keyed")).await.status, 502);
    }
    let another = encode(&TestPayer::v2(&terms, &world.authorize(&terms)));
    for names in [key, named] {
        let again = world.market.call_with(&[("payment-signature", &another), names], &body("keyed")).await;
        assert_eq!(again.status, 502);
    }
    world.market.gateway.advance_clock(std::time::Duration::from_secs(30));
    world.market.call_with(&[choose, named], &body("keyed")).await.expect(200).unwrap();
    assert_eq!((world.paid(), world.market.seller.runs()), (PRICE, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_x402_was_taken_away_a_payment_is_neither_touched_nor_answered_with_other_terms() {
    let mut world = X402Market::open().await;
    let payment = world.payment().await;
    world.market.gateway.config.x402 = None;
    world.market.gateway.restart().await;
    let keyless = world.pay(&payment, &body("gone")).await;
    assert_error(&keyless, 422, "PAYMENT_ROUTE_UNAVAILABLE");
    assert_eq!(world.paid(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_profile_of_a_payer_can_be_recovered_by_its_wallet() {
    let world = X402Market::open().await;
    let payment = world.payment().await;
    world.pay(&payment, &body("history")).await.expect(200).unwrap();
    let name = world.market.gateway.sql(&format!(
        "SELECT p.display_name || ' ' || p.role FROM profiles p JOIN profile_wallets w ON w.profile_id = p.id WHERE w.address = '{}'",
        world.payer.address().canonical()
    ));
    let address = world.payer.address().canonical();
    assert_eq!(name, format!("{}...{} buyer", &address[..6], &address[38..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_paid_by_x402_needs_a_key() {
    let world = X402Market::open().await;
    let free = json!({ "pricing_model": "free", "name": "Free of charge" });
    let free = crate::support::publish(&world.market.provider, world.market.seller.url(), free).await;
    assert_error(&world.send_to(free["id"].as_str().unwrap(), &[], Some(body("free"))).await, 401, "UNAUTHORIZED");
    assert_error(&world.send_to("no-such-listing", &[], None).await, 404, "NOT_FOUND");
    let wrong = [("authorization", "Bearer am_k_wrong")];
    assert_error(&world.send(&wrong, None).await, 401, "UNAUTHORIZED");
    // A key calls the free listing, and the payment that came with it is left alone.
    let payment = world.payment().await;
    let path = format!("/gateway/{}", free["id"].as_str().unwrap());
    let headers = [("payment-signature", payment.as_str())];
    let answer = world.market.buyer.send(Method::POST, &path, &headers, Some(body("free"))).await.unwrap();
    assert_eq!((answer.status.as_u16(), world.paid()), (200, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn schemes_and_networks_that_are_not_offered_are_refused_by_name() {
    let world = X402Market::open().await;
    for (name, value) in [("x-crochet-payment-scheme", "upto"), ("x-crochet-payment-network", "eip155:1329")] {
        assert_error(&world.send(&[(name, value)], None).await, 422, "PAYMENT_ROUTE_UNAVAILABLE");
    }
    let base = [("x-crochet-payment-scheme", "exact"), ("x-crochet-payment-network", "eip155:8453")];
    assert_error(&world.send(&base, None).await, 422, "PAYMENT_ROUTE_UNAVAILABLE");
    for wrong in ["", "not base64!", "e30=", "eyJ4NDAyVmVyc2lvbiI6M30="] {
        let answer = world.send(&[("payment-signature", wrong)], Some(body("wrong"))).await;
        assert_error(&answer, 400, "BAD_REQUEST");
    }
    let twice = world.payment().await;
    let both = [("payment-signature", twice.as_str()), ("x-payment", twice.as_str())];
    assert_error(&world.send(&both, Some(body("twice"))).await, 400, "BAD_REQUEST");
    assert_eq!((world.paid(), world.market.seller.runs()), (0, 0));
    let _: Value = world.terms().await;
}
