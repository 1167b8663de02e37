//! Publishing a listing and keeping its endpoint.

use crochet_market::Scope;
use crochet_relay::{Arrival, Cause};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::world::{World, solved};

pub(crate) fn listing() -> Value {
    json!({
        "name": "Signal Router",
        "description": "Routes buyer JSON requests to a specialist agent.",
        "pricing_model": "per_call",
        "pricing_amount": 0.01,
        "private_endpoint_url": "https://seller.example/private/path",
    })
}

pub(crate) async fn publish(world: &World, mut body: Value) -> Answer {
    let challenge = world.post("/api/v1/listings/challenge").bearer(&world.seller.key).send().await.data(200);
    body["pow_nonce"] = json!(solved(&challenge));
    body["pow_challenge"] = challenge["challenge"].clone();
    world.post("/api/v1/listings").bearer(&world.seller.key).json(body.to_string()).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_is_published_found_changed_and_suspended() {
    let world = World::new().await;
    let answer = publish(&world, listing()).await;
    let data = answer.data(201);
    assert!(answer.text().contains("\"pricing_amount\":0.01,"), "money is never a float: {}", answer.text());
    let id = data["id"].as_str().unwrap();
    assert_eq!(data["gateway_url"], format!("https://crochet.test/api/v1/gateway/{id}"));
    assert!(data["gateway_endpoint"]["signing_secret"].as_str().unwrap().starts_with("whsec_"));
    assert!(!answer.text().contains("seller.example/private"), "the private URL is never shown");

    let found = world.get("/api/v1/listings?q=signal&pricing_model=per_call&sort=price_low").send().await;
    assert_eq!(found.data(200)[0]["id"], id);
    assert_eq!(found.json()["pagination"]["total"], 1);
    let one = world.get("/api/v1/listings/signal-router").send().await.data(200);
    assert_eq!((&one["id"], &one["provider"]["id"]), (&json!(id), &json!(world.seller.id.to_string())));

    let path = format!("/api/v1/listings/{id}");
    let patch = |key: &str| world.request("PATCH", &path).bearer(key).json("{\"pricing_amount\":75}");
    assert_eq!(patch(&world.seller.key).send().await.data(200)["pricing_amount"], 75);
    patch(&world.buyer.key).send().await.refuses(403, "FORBIDDEN");

    let delete = || world.request("DELETE", &path).bearer(&world.seller.key).send();
    assert_eq!(delete().await.data(200), json!({ "deleted": false, "status": "suspended" }));
    delete().await.refuses(409, "CONFLICT");
    world.get(&path).send().await.refuses(404, "NOT_FOUND");
    assert_eq!(world.get(&path).bearer(&world.seller.key).send().await.data(200)["status"], "suspended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_its_owners_alone_and_can_be_deleted() {
    let world = World::new().await;
    let mut body = listing();
    body["status"] = json!("draft");
    let id = publish(&world, body).await.data(201)["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/listings/{id}");
    world.get(&path).send().await.refuses(404, "NOT_FOUND");
    assert_eq!(world.get("/api/v1/listings").send().await.data(200), json!([]));
    let mine = world.get("/api/v1/listings?mine=true").bearer(&world.seller.key).send().await.data(200);
    assert_eq!(mine[0]["id"], id.as_str());
    let writer = world.further_key(world.seller.id, &[Scope::Write]).await;
    world.get(&path).bearer(&writer).send().await.refuses(404, "NOT_FOUND");
    world.get("/api/v1/listings?mine=true").bearer(&writer).send().await.refuses(403, "FORBIDDEN");
    assert_eq!(world.get("/api/v1/listings?mine=false").bearer(&writer).send().await.data(200), json!([]));
    world.get("/api/v1/listings?mine=true").send().await.refuses(401, "UNAUTHORIZED");
    let answer = world.request("DELETE", &path).bearer(&world.seller.key).send().await;
    assert_eq!(answer.data(200), json!({ "deleted": true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_published_has_its_code() {
    let world = World::new().await;
    let with = |name: &str, value: Value| {
        let mut body = listing();
        body[name] = value;
        body
    };
    let json = publish(&world, with("pricing_model", json!("monthly"))).await;
    json.refuses(400, "PRICING_MODEL_UNAVAILABLE");
    let answer = publish(&world, with("private_endpoint_url", json!("https://localhost/x"))).await;
    answer.refuses(422, "ENDPOINT_NOT_ALLOWED");
    assert!(!answer.text().contains("localhost/x"), "{}", answer.text());
    let json = publish(&world, with("name", json!("x"))).await.refuses(400, "BAD_REQUEST");
    assert_eq!(json["error"]["details"]["fields"][0]["field"], "name");
    let secret = "https://user:hunter2@seller.example";
    let answer = publish(&world, with("private_endpoint_url", json!({ "secret": secret }))).await;
    answer.refuses(400, "BAD_REQUEST");
    assert!(!answer.text().contains("hunter2"), "{}", answer.text());

    let buyer = world.post("/api/v1/listings/challenge").bearer(&world.buyer.key).send().await;
    buyer.refuses(403, "FORBIDDEN");
    let unsolved = json!({ "pow_nonce": "1", "name": "abc", "description": "0123456789" });
    let answer = world.post("/api/v1/listings").bearer(&world.seller.key).json(unsolved.to_string()).send().await;
    assert!([400, 403, 409].contains(&answer.status), "{}", answer.text());
    world.post("/api/v1/listings").json(listing().to_string()).send().await.refuses(401, "UNAUTHORIZED");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_an_end_to_open_listing_challenges() {
    let world = World::new().await;
    let ask = || world.post("/api/v1/listings/challenge").bearer(&world.seller.key).send();
    for _ in 0..5 {
        let data = ask().await.data(200);
        assert_eq!((&data["algorithm"], &data["expires_in"]), (&json!("sha256"), &json!(300)));
    }
    ask().await.refuses(429, "RATE_LIMITED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_shown_without_its_secrets_changed_and_rotated() {
    let world = World::new().await;
    let id = publish(&world, listing()).await.data(201)["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/listings/{id}/endpoint");
    let shown = world.get(&path).bearer(&world.seller.key).send().await;
    assert_eq!((&shown.data(200)["status"], &shown.data(200)["timeout_ms"]), (&json!("active"), &json!(30_000)));
    assert!(!shown.text().contains("whsec_") && !shown.text().contains("private/path"), "{}", shown.text());

    let put = |body: &str| world.request("PUT", &path).bearer(&world.seller.key).json(body).send();
    let body = "{\"timeout_ms\":5000,\"upstream_auth_header\":{\"name\":\"X-Token\",\"value\":\"s3cret\"}}";
    let changed = put(body).await;
    assert_eq!(changed.data(200)["timeout_ms"], 5000);
    assert!(!changed.text().contains("s3cret"));
    put("{\"timeout_ms\":1}").await.refuses(400, "BAD_REQUEST");

    let rotate = format!("{path}/rotate-secret");
    let first = world.post(&rotate).bearer(&world.seller.key).send().await.data(200);
    assert!(
        first["signing_secret"].as_str().unwrap().starts_with("whsec_") && first.get("previous_valid_until").is_none()
    );
    let body = "{\"overlap_seconds\":60}";
    let second = world.post(&rotate).bearer(&world.seller.key).json(body).send().await.data(200);
    assert_eq!(second["previous_valid_until"], "2026-05-03T12:01:00.000Z");
    world.get(&path).bearer(&world.buyer.key).send().await.refuses(403, "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_request_is_signed_and_is_no_call() {
    let world = World::new().await;
    let created = publish(&world, listing()).await.data(201);
    let path = format!("/api/v1/listings/{}/endpoint/test", created["id"].as_str().unwrap());
    let payload = "{\"payload\":{\"b\":1.50, \"a\":2}}";
    let data = world.post(&path).bearer(&world.seller.key).json(payload).send().await.data(200);
    assert_eq!((&data["ok"], &data["seller_status"]), (&json!(true), &json!(200)));
    let names = data["signature_headers"].as_array().unwrap();
    assert!(names.contains(&json!("x-crochet-signature")), "{names:?}");

    let sent = world.upstream.take_sent().remove(0);
    assert_eq!(sent.body.as_ref(), b"{\"b\":1.50, \"a\":2}");
    assert_eq!(
        (sent.seal.request_id.as_str(), sent.seal.listing_id.as_str()),
        (data["request_id"].as_str().unwrap(), created["id"].as_str().unwrap())
    );
    let secret = created["gateway_endpoint"]["signing_secret"].as_str().unwrap();
    assert_eq!(sent.endpoint.signing_secrets.current.expose(), secret);
    let history = world.get("/api/v1/gateway-requests").bearer(&world.seller.key).send().await;
    assert_eq!(history.data(200), json!([]));

    world.upstream.will_answer(Arrival::NeverSent { cause: Cause::NotAllowed, latency_ms: 3 });
    let data = world.post(&path).bearer(&world.seller.key).send().await.data(200);
    assert_eq!((&data["ok"], &data["error"]["code"]), (&json!(false), &json!("SELLER_UNREACHABLE")));
    world.post(&path).bearer(&world.seller.key).json("{\"payload\":[1]}").send().await.refuses(400, "BAD_REQUEST");
    world.post(&path).bearer(&world.buyer.key).send().await.refuses(403, "FORBIDDEN");
}
