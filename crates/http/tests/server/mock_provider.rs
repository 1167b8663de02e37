//! The mock provider's till.

use crochet_http::Environment;
use serde_json::json;

use crate::surroundings::PANIC_AFTER_MS;
use crate::world::World;

fn till(id: &str) -> String {
    format!("/api/v1/mock-provider/payments/{id}/pay")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_payment_needs_no_body_and_no_key() {
    let world = World::new().await;
    let id = world.quote().await;
    let data = world.post(&till(&id)).send().await.data(200);
    assert_eq!(data, json!({ "relay_request_id": id, "status": "success", "provider_reference": "mock_0" }));
    let data = world.post(&till(&id)).json("").send().await.data(200);
    assert_eq!(data["status"], "success");
    let body = "{\"outcome\":\"refund\",\"amount_micros\":7}";
    let data = world.post(&till(&id)).json(body).send().await.data(200);
    assert_eq!((&data["status"], &data["provider_reference"]), (&json!("refund"), &json!("mock_7")));
    let data = world.post(&till(&id)).json("{\"settle_after_ms\":1}").send().await.data(200);
    assert_eq!(data["status"], "pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_mock_payment_cannot_be_is_refused() {
    let world = World::new().await;
    let id = world.quote().await;
    for body in [
        "{\"outcome\":\"theft\"}",
        "{\"amount_micros\":-1}",
        "{\"amount_micros\":1.5}",
        "{\"amount_micros\":18446744073709551615}",
        "{\"settle_after_ms\":3600001}",
        "{\"settle_after\":1}",
        "[]",
        "null",
    ] {
        world.post(&till(&id)).json(body).send().await.refuses(400, "BAD_REQUEST");
    }
    world.post(&till("relay_0190a0b0-0000-7000-8000-000000000000")).send().await.refuses(404, "NOT_FOUND");
    world.post(&till("x")).send().await.refuses(404, "NOT_FOUND");
    world.post(&till(&id)).raw("{}").send().await.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_mock_provider_in_production() {
    let world = World::with(|config| config.environment = Environment::Production).await;
    let id = world.quote().await;
    world.post(&till(&id)).send().await.refuses(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_handler_is_a_500_in_the_envelope() {
    let world = World::new().await;
    let id = world.quote().await;
    let body = json!({ "settle_after_ms": PANIC_AFTER_MS }).to_string();
    let answer = world.post(&till(&id)).json(body).header("X-Request-Id", "find-me").send().await;
    answer.refuses(500, "INTERNAL_ERROR");
    assert_eq!(answer.header("x-request-id"), Some("find-me"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(!answer.text().contains("a test asked"), "{}", answer.text());
    // The server goes on.
    world.get("/api/v1/health").send().await.data(200);
}
