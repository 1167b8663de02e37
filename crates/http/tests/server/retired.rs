//! Paths that are gone.

use crate::world::World;

const PATHS: &[&str] = &[
    "/payments/setup",
    "/payments/setup/card",
    "/payments/verify",
    "/payments/verify/0190a0b0",
    "/subscribe",
    "/subscribe/0190a0b0",
    "/listings/some-listing/subscribe",
    "/subscriptions",
    "/subscriptions/0190a0b0/cancel",
    "/subscriptions/",
    "/balance",
    "/balance/history",
    "/deposits",
    "/deposits/0190a0b0",
];
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "PROPFIND", "BREW", "TRACE"];

#[tokio::test]
async fn a_retired_path_is_gone_for_every_method_with_the_way_that_there_is_now() {
    let world = World::new().await;
    for path in PATHS {
        for method in METHODS {
            let answer = world.request(method, &format!("/api/v1{path}")).send().await;
            let error = answer.refuses(410, "GONE");
            assert_eq!(error["error"]["recovery"]["next_action"], "use_direct_gateway", "{method} {path}");
        }
        let head = world.request("HEAD", &format!("/api/v1{path}")).send().await;
        assert_eq!((head.status, head.body.len()), (410, 0), "{path}");
    }
}

#[tokio::test]
async fn that_it_is_gone_comes_before_key_headers_body_and_rate() {
    let world = World::with(|config| {
        config.rate_limits.enabled = true;
        config.rate_limits.write = crochet_http::Rate::per_minute(1);
    })
    .await;
    let gone = || world.post("/api/v1/subscriptions");
    for request in [
        gone().bearer(&world.buyer.key),
        gone().bearer("am_k_wrong"),
        gone().header("Authorization", "Basic abc"),
        gone().header("Accept", "text/html"),
        gone().json("{\"plan\":"),
        gone().header("Content-Type", "text/plain").raw("plan=1"),
        gone().header("Content-Encoding", "gzip").json("x"),
        world.post("/api/v1/subscriptions?plan=%ff"),
    ] {
        request.send().await.refuses(410, "GONE");
    }
}

#[tokio::test]
async fn a_browsers_preflight_is_answered_as_everywhere() {
    let world = World::new().await;
    let preflight = world
        .request("OPTIONS", "/api/v1/subscriptions")
        .header("Origin", "https://app.example")
        .header("Access-Control-Request-Method", "POST")
        .send()
        .await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, Some("*")));
}
