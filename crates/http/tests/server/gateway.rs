//! What a gateway call looks like from outside while all goes well.

use std::time::Duration;

use crochet_primitives::CallId;
use crochet_relay::Observation;
use serde_json::{Value, json};

use crate::surroundings::PANIC_BODY;
use crate::world::{BODY, FREE, PAID, World};

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_call_is_answered_with_everything_that_paying_takes() {
    let world = World::new().await;
    let json = world.call().send().await.refuses(402, "PAYMENT_REQUIRED");
    let data = &json["data"];
    let id = data["relay_request_id"].as_str().unwrap();
    assert!(CallId::parse_relay_request_id(id).is_ok());
    assert_eq!(json["error"]["recovery"]["next_action"], "complete_payment_then_retry", "an agent does what this says");
    assert_eq!(json["error"]["recovery"]["preserve"], json!(["relay_request_id", "request_body"]));
    assert_eq!(data["status"], "payment_required");
    assert_eq!((&data["amount"], &data["amount_micros"]), (&json!("0.010000"), &json!(10_000)));
    assert_eq!(data["fee"], json!({ "rate": "0.049", "amount": "0.000490" }));
    assert_eq!((&data["currency"], &data["payment_seen"]), (&json!("USD"), &json!(false)));
    assert_eq!(data["expires_at"], "2026-05-03T12:15:00.000Z");
    assert_eq!(data["body_sha256"].as_str().unwrap().len(), 64);
    let payment = &data["payment"];
    assert_eq!((&payment["provider"], &payment["scheme"]), (&json!("mock"), &json!("mock")));
    assert_eq!((&payment["network"], &payment["origin_currency"]), (&json!("eip155:8453"), &json!("USDC")));
    assert_eq!(payment["origin_chain_id"], 8453);
    assert!(payment["instructions"]["pay_url"].is_string());
    assert_eq!(
        data["retry_headers"],
        json!({
            "X-Crochet-Relay-Request-Id": id,
            "X-Crochet-Payment-Scheme": "mock",
            "X-Crochet-Payment-Network": "eip155:8453",
        })
    );

    // The same again, with all of the headers that were handed out, as often as asked.
    let again = world
        .retry(id)
        .header("X-Crochet-Payment-Scheme", "mock")
        .header("X-Crochet-Payment-Network", "eip155:8453")
        .send()
        .await
        .refuses(402, "PAYMENT_REQUIRED");
    assert_eq!(again["data"], *data);
    assert!(again["error"]["recovery"]["summary"].as_str().unwrap().contains("do not pay again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_call_is_delivered_once_and_replayed_after_that() {
    let world = World::new().await;
    let id = world.quote().await;
    world.pay(&id);
    let data = world.retry(&id).send().await.data(200);
    assert_eq!((&data["status"], &data["replayed"]), (&json!("delivered"), &json!(false)));
    assert_eq!(data["request_id"].as_str().unwrap(), id.replace("relay_", "gw_req_"));
    assert_eq!((&data["relay_request_id"], &data["seller_status"]), (&json!(id), &json!(200)));
    assert_eq!(data["seller_response"], json!({ "ok": true }));
    let payment = &data["payment"];
    assert_eq!((&payment["amount"], &payment["fee"]), (&json!("0.010000"), &json!("0.000490")));
    assert_eq!((&payment["seller_amount"], &payment["currency"]), (&json!("0.009510"), &json!("USD")));
    assert_eq!(payment["provider_reference"], format!("pay-{id}"));
    assert_eq!(payment["settled_at"], "2026-05-03T12:00:00.000Z");

    let sent = world.upstream.take_sent().remove(0);
    assert_eq!(sent.body.as_ref(), BODY.as_bytes(), "the seller gets the buyer's bytes");
    assert_eq!(sent.buyer, world.buyer.id);

    let replay = world.retry(&id).send().await.data(200);
    assert_eq!((&replay["replayed"], &replay["seller_response"]), (&json!(true), &data["seller_response"]));
    assert_eq!(world.upstream.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sellers_json_comes_through_byte_for_byte() {
    let world = World::new().await;
    let odd = "\n { \"b\":1.10, \"a\" : 12345678901234567890123, \"a\":\"\\u0000\\/\",\"x\":[1e400 ] }\t";
    world.upstream.will_answer_with(201, odd);
    let id = world.quote().await;
    world.pay(&id);
    for _ in 0..2 {
        let answer = world.retry(&id).send().await;
        assert_eq!(answer.status, 200);
        let text = answer.text();
        assert!(text.contains(&format!("\"seller_response\":{odd}}}}}")), "{text}");
        assert!(text.contains("\"seller_status\":201"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_error_of_the_seller_is_a_delivered_call() {
    let world = World::new().await;
    world.upstream.will_answer_with(422, "{\"error\":\"no such symbol\"}");
    let id = world.quote().await;
    world.pay(&id);
    let data = world.retry(&id).send().await.data(200);
    assert_eq!((&data["status"], &data["seller_status"]), (&json!("delivered"), &json!(422)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_call_needs_no_payment_and_has_no_relay_request_id() {
    let world = World::new().await;
    let call = || world.post(FREE).bearer(&world.buyer.key).json("{}").header("Idempotency-Key", "one");
    let data = call().send().await.data(200);
    assert_eq!((&data["relay_request_id"], &data["payment"]), (&Value::Null, &Value::Null));
    assert_eq!(data["seller_response"], json!({ "ok": true }));

    // Of a free call only status and hash are kept.
    let again = call().send().await.data(200);
    assert_eq!((&again["replayed"], &again["seller_response"]), (&json!(true), &Value::Null));
    assert_eq!((&again["response_sha256"], &again["response_bytes"]), (&data["response_sha256"], &json!(11)));
    assert_eq!(world.upstream.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_a_202_that_says_when_to_ask_again() {
    let world = World::new().await;
    let id = world.quote().await;
    for (observation, reason) in [(Observation::Unknown, "unknown"), (Observation::InProgress, "not_final")] {
        world.provider.will_see(observation);
        let answer = world.retry(&id).send().await;
        let data = answer.data(202);
        assert_eq!((&data["status"], &data["reason"]), (&json!("pending"), &json!(reason)));
        assert_eq!((&data["retryable"], &data["relay_request_id"]), (&json!(true), &json!(id)));
        assert_eq!(answer.header("retry-after"), Some(data["retry_after_seconds"].to_string().as_str()));
        assert_eq!(data["payment"]["provider"], "mock");
    }

    let late = World::new().await;
    let id = late.quote().await;
    late.clock.advance(Duration::from_secs(15 * 60 + 1));
    assert_eq!(late.retry(&id).send().await.data(202)["reason"], "late_payment_check");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_at_the_seller_is_a_202_and_a_client_that_hangs_up_does_not_cut_it() {
    let world = World::new().await;
    let id = world.hung_up_at_the_seller().await;
    // Each of these gives the server's threads time to see that the client is gone.
    for _ in 0..20 {
        let data = world.retry(&id).send().await.data(202);
        assert_eq!((&data["status"], &data["reason"]), (&json!("forwarding"), &json!("in_flight")));
    }

    world.upstream.gate().open();
    world.tasks.close();
    world.tasks.wait().await;
    world.tasks.reopen();
    let data = world.retry(&id).send().await.data(200);
    assert_eq!((&data["replayed"], &data["seller_response"]), (&json!(true), &json!({ "ok": true })));
    assert_eq!(world.upstream.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loser_of_a_race_for_one_key_is_told_that_terms_are_being_asked_for() {
    let world = World::new().await;
    let call = || world.call().header("Idempotency-Key", "race");
    world.provider.quote_gate().close();
    let first = tokio::spawn(call().send());
    world.provider.quote_gate().until_arrived(1).await;
    let data = call().send().await.data(202);
    assert_eq!((&data["status"], &data["reason"]), (&json!("quoting"), &json!("in_flight")));
    world.provider.quote_gate().open();
    first.await.unwrap().refuses(402, "PAYMENT_REQUIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn origin_headers_reach_the_provider() {
    let world = World::new().await;
    let call = world.call().header("X-Crochet-Origin-Currency", "eth").header("X-Crochet-Origin-Chain-Id", "10");
    let data = call.send().await.refuses(402, "PAYMENT_REQUIRED")["data"].clone();
    assert_eq!(
        (&data["payment"]["origin_currency"], &data["payment"]["network"]),
        (&json!("ETH"), &json!("eip155:10"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_is_called_by_its_uuid_as_well() {
    let world = World::new().await;
    let data = world.call().send().await.refuses(402, "PAYMENT_REQUIRED")["data"].clone();
    let by_id = format!("/api/v1/gateway/{}", data["listing_id"].as_str().unwrap());
    let answer = world.post(&by_id).bearer(&world.buyer.key).json(BODY).send().await;
    assert_eq!(answer.refuses(402, "PAYMENT_REQUIRED")["data"]["listing_id"], data["listing_id"]);
    assert_eq!(world.post(&format!("{PAID}/")).bearer(&world.buyer.key).json(BODY).send().await.status, 402);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_on_the_money_path_is_a_500_and_not_a_hang() {
    let world = World::new().await;
    let call = world.post(FREE).bearer(&world.buyer.key).json(PANIC_BODY).header("X-Request-Id", "find-me");
    let answer = call.send().await;
    let json = answer.refuses(500, "INTERNAL_ERROR");
    assert_eq!(json["error"]["recovery"]["next_action"], "contact_operator");
    assert_eq!(answer.header("x-request-id"), Some("find-me"));
    assert!(!answer.text().contains("a test asked"), "{}", answer.text());
}
