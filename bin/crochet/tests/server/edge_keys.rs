//! API keys: made from another, for less; gone at once, on every gateway.

use std::time::{Duration, Instant};

use crochet::demo::client::ApiClient;
use serde_json::{Value, json};

use crate::support::{Account, Market, RawRequest, TestGateway};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_hands_on_a_part_of_what_it_may_do_and_nothing_more() {
    let gateway = TestGateway::start().await;
    let mut agent = Account::register(&gateway.api, "agent").await;
    let created = agent.post("/api-keys", &json!({ "name": "reader", "scopes": ["read", "write"] })).await.data(201);
    assert_eq!((&created["name"], &created["scopes"]), (&json!("reader"), &json!(["read", "write"])));
    assert_eq!(created["authorization_header"], format!("Bearer {}", created["api_key"].as_str().unwrap()));

    let reader = agent.with_scopes(&["read"]).await;
    agent.key = created["api_key"].as_str().unwrap().to_owned();
    for scopes in [json!(["gateway"]), json!(["read", "gateway"])] {
        let body = json!({ "name": "more", "scopes": scopes });
        agent.post("/api-keys", &body).await.refuses(403, "FORBIDDEN");
    }
    // Without scopes: all that the calling key has.
    let same = agent.post("/api-keys", &json!({ "name": "same" })).await.data(201);
    assert_eq!(same["scopes"], json!(["read", "write"]));
    for (body, field) in [
        (json!({ "name": "", "scopes": ["read"] }), "name"),
        (json!({ "name": "n".repeat(101) }), "name"),
        (json!({ "name": "none", "scopes": [] }), "scopes"),
        (json!({ "name": "odd", "scopes": ["admin"] }), "scopes[0]"),
        (json!({ "name": "past", "expires_at": "2020-01-01T00:00:00.000Z" }), "expires_at"),
        (json!({ "name": "never", "expires_at": "soon" }), "expires_at"),
        (json!({ "name": "x", "hash": "00" }), "hash"),
    ] {
        assert_eq!(agent.post("/api-keys", &body).await.fields(), [field]);
    }
    agent.key = reader;
    let error = agent.post("/api-keys", &json!({ "name": "no" })).await.refuses(403, "FORBIDDEN");
    assert_eq!(error["details"]["missing_scope"], "write");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_listed_without_the_keys() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let second = agent.with_scopes(&["read"]).await;
    let answer = agent.get("/api-keys").await;
    let keys = answer.data(200);
    let names: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["another", "registration"]);
    for key in [&agent.key, &second] {
        assert!(!answer.text().contains(key.as_str()));
        assert!(!answer.text().contains(&key[9..]), "no more than a prefix");
    }
    let stranger = Account::register(&gateway.api, "stranger").await;
    let id = keys[0]["id"].as_str().unwrap();
    stranger.delete(&format!("/api-keys/{id}")).await.refuses(404, "NOT_FOUND");
    assert_eq!(agent.get("/api-keys").await.data(200).as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_stops_at_once_where_it_is_revoked_and_on_every_gateway_within_a_second() {
    let gateway = TestGateway::start().await;
    let other = gateway.replica().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let key = agent.with_scopes(&["read"]).await;
    let me = |api: &ApiClient| RawRequest::new(api, "GET", "/me").bearer(&key).send();
    // By now it is kept in memory.
    for _ in 0..3 {
        me(&gateway.api).await.data(200);
        me(&other.api).await.data(200);
    }

    let keys = agent.get("/api-keys").await.data(200);
    let path = format!("/api-keys/{}", keys[0]["id"].as_str().unwrap());
    assert_eq!(agent.delete(&path).await.data(200)["revoked"], true);
    let revoked = Instant::now();
    me(&gateway.api).await.refuses(401, "UNAUTHORIZED");
    while me(&other.api).await.status == 200 {
        assert!(revoked.elapsed() < Duration::from_secs(1), "it still works");
    }
    me(&other.api).await.refuses(401, "UNAUTHORIZED");
    agent.delete(&path).await.refuses(404, "NOT_FOUND");
    assert_eq!(agent.get("/api-keys").await.data(200).as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_can_revoke_itself() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let id = agent.get("/me").await.data(200)["api_key"]["id"].as_str().unwrap().to_owned();
    agent.delete(&format!("/api-keys/{id}")).await.data(200);
    agent.get("/me").await.refuses(401, "UNAUTHORIZED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_key_is_no_key() {
    let gateway = TestGateway::start().await;
    let mut agent = Account::register(&gateway.api, "agent").await;
    let body = json!({ "name": "short", "expires_at": "2096-01-01T00:00:00.000Z" });
    let created = agent.post("/api-keys", &body).await.data(201);
    assert_eq!(created["expires_at"], "2096-01-01T00:00:00.000Z");
    agent.key = created["api_key"].as_str().unwrap().to_owned();
    agent.get("/me").await.data(200);
    // What it hands on does not outlive it.
    let body = json!({ "name": "longer", "expires_at": "2097-01-01T00:00:00.000Z" });
    assert_eq!(agent.post("/api-keys", &body).await.fields(), ["expires_at"]);
    gateway.change("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE name = 'short'");
    agent.get("/me").await.refuses(401, "UNAUTHORIZED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_the_gateway_scope_calls_nothing_and_is_told_which_scope_is_missing() {
    let market = Market::open().await;
    let mut agent = Account::register(&market.gateway.api, "agent").await;
    agent.key = agent.with_scopes(&["read", "write"]).await;
    let path = format!("/gateway/{}", market.listing_id());
    let error = agent.post(&path, &json!({ "task": "x" })).await.refuses(403, "FORBIDDEN");
    assert_eq!(error["details"]["missing_scope"], "gateway");
    assert_eq!(error["recovery"]["next_action"], "use_key_with_scope");
    assert_eq!(market.gateway.sql("SELECT count(*) FROM gateway_requests"), "0");

    agent.key = agent.with_scopes(&["read"]).await;
    agent.get("/ledger").await.data(200);
    let error = agent.patch("/me", &json!({ "bio": "x" })).await.refuses(403, "FORBIDDEN");
    assert_eq!(error["details"]["missing_scope"], "write");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_is_wrong_is_a_401_everywhere_and_a_missing_one_where_a_key_is_needed() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let mut flipped = agent.key.clone().into_bytes();
    let last = flipped.last_mut().unwrap();
    *last = if *last == b'0' { b'1' } else { b'0' };
    let flipped = format!("Bearer {}", String::from_utf8(flipped).unwrap());
    let with = |header: String| RawRequest::new(&gateway.api, "GET", "/listings").header("Authorization", &header);
    for header in ["Bearer am_k_", "Bearer ", "Basic YTpi", &flipped, &format!("Bearer {}", &agent.key[..47]), "é"] {
        let answer = with(header.to_owned()).send().await;
        let error = answer.refuses(401, "UNAUTHORIZED");
        assert_eq!(error["recovery"]["next_action"], "authenticate", "{header}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
    }
    let answer = RawRequest::new(&gateway.api, "GET", "/me").send().await;
    answer.refuses(401, "UNAUTHORIZED");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"crochet\""));
    let prefix: Value = agent.get("/me").await.data(200)["api_key"]["prefix"].clone();
    with(format!("Bearer {}", prefix.as_str().unwrap())).send().await.refuses(401, "UNAUTHORIZED");
}
