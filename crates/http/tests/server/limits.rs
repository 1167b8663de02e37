//! What answers say of limits, whatever the answer.

use std::collections::BTreeSet;

use crochet_http::{Rate, RateLimits};
use crochet_market::Scope;

use crate::client::Answer;
use crate::surroundings::PANIC_AFTER_MS;
use crate::world::{FREE, World};

const HEADERS: [&str; 5] =
    ["ratelimit-policy", "ratelimit", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];

fn says(answer: &Answer, class: &str, what: &str) {
    for header in HEADERS {
        assert!(answer.header(header).is_some(), "{what}: {} without {header}", answer.status);
    }
    assert!(answer.header("ratelimit").unwrap().starts_with(&format!("\"{class}\";r=")), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_a_limited_route_says_where_its_caller_stands() {
    let world = World::with(|config| {
        config.max_body_bytes = 1_000;
        let rate = Rate::per_minute(200);
        config.rate_limits = RateLimits { enabled: true, read: rate, write: rate, auth: rate, gateway: rate };
    })
    .await;
    let tag = world.get("/api/v1/categories").send().await.header("etag").unwrap().to_owned();
    let narrow = world.account(&[Scope::Gateway]).await;
    let key = &world.buyer.key;
    let mut seen = BTreeSet::new();
    for (class, request) in [
        ("read", world.get("/api/v1/listings")),
        ("read", world.request("HEAD", "/api/v1/listings")),
        ("read", world.request("OPTIONS", "/api/v1/listings")),
        ("read", world.get("/api/v1/categories").header("If-None-Match", &tag)),
        ("read", world.get("/api/v1/listings?limit=0")),
        ("read", world.get("/api/v1/me")),
        ("read", world.get("/api/v1/me").header("Authorization", "Bearer nonsense")),
        ("read", world.get("/api/v1/ledger").bearer(&narrow.key)),
        ("read", world.get("/api/v1/listings/nothing")),
        ("read", world.get("/api/v1/categories").header("Accept", "text/html")),
        ("write", world.request("PUT", "/api/v1/me").bearer(key)),
        ("write", world.request("PATCH", "/api/v1/me").bearer(key).raw("{}")),
        ("auth", world.post("/api/v1/register").json("{")),
        ("auth", world.get("/api/v1/register")),
        ("gateway", world.call()),
        ("gateway", world.post(FREE).bearer(key).json("{}")),
        ("gateway", world.post(FREE).bearer(key).json("[".to_owned() + &" ".repeat(2_000) + "]")),
    ] {
        let what = format!("{request:?}");
        let answer = request.send().await;
        says(&answer, class, &what);
        seen.insert(answer.status);
    }
    let panicking = format!("{{\"outcome\":\"success\",\"settle_after_ms\":{PANIC_AFTER_MS}}}");
    let id = world.quote().await;
    let answer = world.post(&format!("/api/v1/mock-provider/payments/{id}/pay")).json(panicking).send().await;
    answer.refuses(500, "INTERNAL_ERROR");
    says(&answer, "gateway", "a panic");
    assert_eq!(seen, BTreeSet::from([200, 204, 304, 400, 401, 402, 403, 404, 405, 406, 413, 415]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_limited_says_nothing_of_limits() {
    let world = World::with(|config| config.rate_limits = RateLimits::default()).await;
    for request in [
        world.get("/api/v1/health"),
        world.get("/api/v1/ready"),
        world.get("/api/v1/nothing"),
        world.get("/docs/errors"),
        world
            .request("OPTIONS", "/api/v1/me")
            .header("Origin", "https://agent.example")
            .header("Access-Control-Request-Method", "GET"),
    ] {
        let what = format!("{request:?}");
        let answer = request.send().await;
        for header in HEADERS {
            assert_eq!(answer.header(header), None, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_wrong_keys_names_that_limit() {
    let world = World::with(|config| {
        config.rate_limits = RateLimits::default();
        config.wrong_keys = Rate::per_minute(2);
    })
    .await;
    let guess = || world.get("/api/v1/me").bearer(&format!("am_k_{}", "1".repeat(43)));
    for _ in 0..2 {
        says(&guess().send().await, "read", "a wrong key");
    }
    let answer = guess().send().await;
    answer.refuses(429, "RATE_LIMITED");
    assert_eq!(answer.header("ratelimit-policy"), Some("\"wrong-keys\";q=2;w=60"));
    assert_eq!(answer.header("ratelimit"), Some("\"wrong-keys\";r=0;t=30"));
    assert_eq!((answer.header("retry-after"), answer.header("ratelimit-reset")), (Some("30"), Some("60")));
}
