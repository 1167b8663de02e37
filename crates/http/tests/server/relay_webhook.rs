//! Relay's webhooks.

use std::time::Duration;

use crochet_relay::memory::Fault;
use crochet_relay::ports::{Journal, Sweeps};
use crochet_relay::{State, Sweeper};
use serde_json::json;

use crate::client::Request;
use crate::world::World;

const PATH: &str = "/api/v1/webhooks/relay";

fn webhook(world: &World, body: &str) -> Request {
    let signature = body.len().to_string();
    world.post(PATH).json(body).header("X-Signature-Timestamp", "12:00").header("X-Signature-SHA256", &signature)
}

fn about(id: &str) -> String {
    json!({ "event": "request.status.updated", "data": { "status": "success", "requestId": id } }).to_string()
}

async fn wanted(world: &World) -> usize {
    world.journal.claim_wanted(10, Duration::ZERO).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_has_its_call_looked_at_and_says_nothing_of_it() {
    let world = World::new().await;
    let id = world.quote().await;
    for _ in 0..3 {
        let data = webhook(&world, &about(&id)).send().await.data(200);
        assert_eq!(data, json!({ "status": "received" }));
    }
    assert_eq!(wanted(&world).await, 1);
    // An unknown payment is answered alike.
    let data = webhook(&world, &about("relay_0198c0de-7a00-7000-8000-0000000000ff")).send().await.data(200);
    assert_eq!((data, wanted(&world).await), (json!({ "status": "received" }), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_settles_nothing_whatever_it_says() {
    let world = World::new().await;
    let id = world.quote().await;
    webhook(&world, &about(&id)).send().await.data(200);
    let sweeper = Sweeper {
        journal: world.journal.clone(),
        sweeps: world.journal.clone(),
        provider: world.provider.clone(),
        check_interval: Duration::ZERO,
    };
    // The provider knows of no payment, and that is what counts.
    assert_eq!(sweeper.round().await.unwrap().moved, 0);
    world.retry(&id).send().await.refuses(402, "PAYMENT_REQUIRED");
    // Now it does.
    world.pay(&id);
    webhook(&world, &about(&id)).send().await.data(200);
    assert_eq!(sweeper.round().await.unwrap().moved, 1);
    let call = crochet_primitives::CallId::parse_relay_request_id(&id).unwrap();
    assert_eq!(world.journal.find(call).await.unwrap().unwrap().record.state, State::Settled);
    assert_eq!(world.upstream.sent(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_did_not_sign_is_refused() {
    let world = World::new().await;
    let body = about(&world.quote().await);
    let signature = body.len().to_string();
    let plain = || world.post(PATH).json(body.as_str());
    for request in [
        plain(),
        plain().header("X-Signature-Timestamp", "12:00"),
        plain().header("X-Signature-SHA256", &signature),
        plain().header("X-Signature-SHA256", &signature).header("X-Signature-Timestamp", "11:54"),
        plain().header("X-Signature-SHA256", "1").header("X-Signature-Timestamp", "12:00"),
        // Of two signatures, neither is one.
        webhook(&world, &body).header("X-Signature-SHA256", &signature),
        webhook(&world, &body).header("X-Signature-Timestamp", "12:00"),
        world.post(PATH),
    ] {
        let answer = request.send().await;
        let json = answer.refuses(401, "UNAUTHORIZED");
        assert_eq!(json["error"]["recovery"]["retryable"], false);
        assert!(answer.header("www-authenticate").is_some());
    }
    assert_eq!(wanted(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_webhook_about_nothing_is_a_bad_request() {
    let world = World::new().await;
    for body in ["", "{", "[]", "{\"data\":{}}", "{\"data\":{\"requestId\":7}}"] {
        webhook(&world, body).send().await.refuses(400, "BAD_REQUEST");
    }
    webhook(&world, "{}").header("Content-Encoding", "gzip").send().await.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
    let query = world.post(&format!("{PATH}?a=b")).json("{}");
    query
        .header("X-Signature-Timestamp", "12:00")
        .header("X-Signature-SHA256", "2")
        .send()
        .await
        .refuses(400, "BAD_REQUEST");
    world.get(PATH).send().await.refuses(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_cannot_be_noted_has_to_come_again() {
    let world = World::new().await;
    let body = about(&world.quote().await);
    world.journal.faults().fail_next(1, Fault::BeforeTheEffect);
    let answer = webhook(&world, &body).send().await;
    answer.refuses(503, "SERVICE_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some());
    webhook(&world, &body).send().await.data(200);
    assert_eq!(wanted(&world).await, 1);
}
