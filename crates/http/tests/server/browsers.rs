//! Agents in web pages: CORS on every answer, whatever it is.

use std::collections::BTreeSet;

use crate::client::{Answer, Request};
use crate::world::{FREE, PAID, World};

const ORIGIN: &str = "https://agent.example";

fn names(answer: &Answer, header: &str) -> BTreeSet<String> {
    let value = answer.header(header).unwrap_or_else(|| panic!("no {header}"));
    value.split(',').map(|name| name.trim().to_lowercase()).collect()
}

fn is_open(answer: &Answer, what: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{what}");
    assert_eq!(answer.header("access-control-allow-credentials"), None, "{what}");
    let exposed = names(answer, "access-control-expose-headers");
    for (name, _) in answer.lasting_headers() {
        let always = ["cache-control", "content-length", "content-type", "vary"];
        let is_security = name.starts_with("access-control-")
            || ["x-content-type-options", "referrer-policy", "content-security-policy", "strict-transport-security"]
                .contains(&name);
        assert!(always.contains(&name) || is_security || exposed.contains(name), "{what}: {name} is hidden from pages");
    }
}

fn preflight(world: &World, target: &str, method: &str) -> Request {
    world.request("OPTIONS", target).header("Origin", ORIGIN).header("Access-Control-Request-Method", method)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_allows_every_method_and_header_that_an_agent_uses() {
    let world = World::new().await;
    for target in [PAID, "/api/v1/listings", "/api/v1/nothing", "/nowhere", "/", "/%00"] {
        let answer =
            preflight(&world, target, "PATCH").header("Access-Control-Request-Headers", "authorization").send();
        let answer = answer.await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{target}");
        is_open(&answer, target);
        assert_eq!(answer.header("access-control-max-age"), Some("86400"));
        let methods = names(&answer, "access-control-allow-methods");
        for method in ["get", "head", "post", "put", "patch", "delete", "options"] {
            assert!(methods.contains(method), "{method}");
        }
        let headers = names(&answer, "access-control-allow-headers");
        for name in [
            // By name: a `*` does not cover it.
            "authorization",
            "content-type",
            "accept",
            "idempotency-key",
            "if-none-match",
            "x-request-id",
            "x-crochet-relay-request-id",
            "x-crochet-origin-wallet-id",
            "x-crochet-origin-currency",
            "x-crochet-origin-chain-id",
            "x-crochet-payment-scheme",
            "x-crochet-payment-network",
            "payment-signature",
            "x-payment",
            "*",
        ] {
            assert!(headers.contains(name), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_answer_can_be_read_by_a_page() {
    let world = World::with(|config| {
        config.rate_limits.enabled = true;
        config.rate_limits.auth.requests = 1;
    })
    .await;
    let from_page = |request: Request| request.header("Origin", ORIGIN).send();
    let tag = from_page(world.get("/api/v1/categories")).await.header("etag").unwrap().to_owned();
    let mut seen = BTreeSet::new();
    for request in [
        world.get("/api/v1/categories"),
        world.get("/api/v1/categories").header("If-None-Match", &tag),
        world.post("/api/v1/register").json("{"),
        world.get("/api/v1/me"),
        world.call(),
        world.get("/api/v1/nothing"),
        world.request("PUT", "/api/v1/me").bearer(&world.buyer.key),
        world.get("/api/v1/me").header("Accept", "text/html"),
        world.get("/api/v1/balance"),
        world.post(FREE).bearer(&world.buyer.key).raw("{}"),
        world.post("/api/v1/register").json("{}"),
        world.post(FREE).bearer(&world.buyer.key).json("{}"),
        world.request("OPTIONS", "/api/v1/me"),
        world.request("OPTIONS", "*"),
    ] {
        let what = format!("{request:?}");
        let answer = from_page(request).await;
        is_open(&answer, &what);
        seen.insert(answer.status);
    }
    let panicking = format!("{{\"outcome\":\"success\",\"settle_after_ms\":{}}}", crate::surroundings::PANIC_AFTER_MS);
    let id = world.quote().await;
    let answer = from_page(world.post(&format!("/api/v1/mock-provider/payments/{id}/pay")).json(panicking)).await;
    is_open(&answer, "a panic");
    answer.refuses(500, "INTERNAL_ERROR");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(seen, BTreeSet::from([200, 204, 304, 400, 401, 402, 404, 405, 406, 410, 415, 429]));
}
