//! Targets and methods that no honest client sends, and those that only look odd.

use crate::client::{Answer, exchange};
use crate::world::World;

async fn raw(world: &World, request_line: &str) -> Answer {
    let text = format!("{request_line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    exchange(world.address, text.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn slashes_at_the_end_and_doubled_ones_change_nothing() {
    let world = World::new().await;
    let plain = world.get("/api/v1/categories").send().await;
    for target in ["/api/v1/categories/", "/api/v1/categories//", "//api//v1///categories", "/api/v1/categories/?"] {
        let answer = world.get(target).send().await;
        assert_eq!((answer.status, &answer.body), (200, &plain.body), "{target}");
        assert_eq!(answer.header("etag"), plain.header("etag"));
    }
    world.request("POST", "/api/v1/me/").send().await.refuses(405, "METHOD_NOT_ALLOWED");
    world.get("//").send().await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_matched_as_it_is_written_and_steps_lead_nowhere() {
    let world = World::new().await;
    for target in [
        "/api/v1/../v1/categories",
        "/api/v1/./categories",
        "/api/v1/listings/../categories",
        "/api/v1/%2e%2e/v1/categories",
        "/api%2Fv1%2Fcategories",
        "/API/V1/categories",
        "/api/v1/categories;a=b",
        "/api/v1/categories%00",
        "/api/v1/categories%20",
        "/api/v1/categories%2F",
        "/api/v1/listings/%2F",
        "/api/v1/listings/%00",
        "/api/v1/listings/%ff%fe",
        "/api/v1/listings/%",
        "/api/v1/listings/%zz",
        "/api/v1/listings/..",
        "/%2f..%2f..%2fetc%2fpasswd",
        "/docs/errors/%00",
        "/docs/errors/..%2f",
    ] {
        let answer = world.get(target).send().await;
        answer.refuses(404, "NOT_FOUND");
        assert!(!answer.text().contains("passwd") && !answer.text().contains("%2"), "{target} is not repeated");
    }
    // Letters may be written in percent; a slug is what it says.
    world.get("/api/v1/%63ategories").send().await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_targets_are_answered_as_far_as_they_can_be_read() {
    let world = World::new().await;
    world.get(&format!("/{}", "a".repeat(60_000))).send().await.refuses(404, "NOT_FOUND");
    world.get(&format!("/api/v1{}", "/a".repeat(30_000))).send().await.refuses(404, "NOT_FOUND");
    world.get(&format!("/{}", "/".repeat(60_000))).send().await.data(200);
    world.get(&format!("/api/v1/listings/{}", "%C3".repeat(20_000))).send().await.refuses(404, "NOT_FOUND");
    let answer = world.get(&format!("/api/v1/listings?q={}", "a".repeat(60_000))).send().await;
    answer.refuses(400, "BAD_REQUEST");
    let answer = world.get(&format!("/api/v1/listings?{}", "&".repeat(60_000))).send().await;
    assert!([200, 400].contains(&answer.status), "{}", answer.text());
    // Longer than a target can be for the framework: refused before there is a request.
    assert_eq!(raw(&world, &format!("GET /{}", "a".repeat(70_000))).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_cannot_be_read_is_refused_and_never_a_fault() {
    let world = World::new().await;
    for query in ["q=%00", "q=%ff", "q=%", "%00=1", "page=1&page=2", "limit=1e1", "page=%2B1", "q=a&q=b", "x=1"] {
        let answer = world.get(&format!("/api/v1/listings?{query}")).send().await;
        assert!([200, 400].contains(&answer.status), "{query}: {}", answer.text());
        if answer.status == 400 {
            answer.refuses(400, "BAD_REQUEST");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn options_tell_the_methods_of_a_path_and_of_the_server() {
    let world = World::new().await;
    let star = raw(&world, "OPTIONS *").await;
    assert_eq!((star.status, star.body.len()), (204, 0));
    assert_eq!(star.header("allow"), Some("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    star.has_request_id();
    raw(&world, "GET *").await.refuses(404, "NOT_FOUND");
    world.request("OPTIONS", "/nowhere").send().await.refuses(404, "NOT_FOUND");
    // An Origin alone, or a method that is asked for alone, is no preflight.
    for (name, value) in [("Origin", "https://agent.example"), ("Access-Control-Request-Method", "POST")] {
        let answer = world.request("OPTIONS", "/api/v1/ledger").header(name, value).send().await;
        assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_in_their_other_forms_are_answered_in_the_envelope() {
    let world = World::new().await;
    raw(&world, "GET http://elsewhere.example/api/v1/health").await.data(200);
    raw(&world, "GET http://elsewhere.example").await.data(200);
    raw(&world, "TRACE /api/v1/health").await.refuses(405, "METHOD_NOT_ALLOWED");
    raw(&world, "TRACE /nowhere").await.refuses(404, "NOT_FOUND");
    let tunnel = raw(&world, "CONNECT example.com:443").await;
    tunnel.refuses(404, "NOT_FOUND");
    assert_eq!(tunnel.header("connection"), Some("close"));
    assert_eq!(raw(&world, "get /api/v1/health").await.status, 405, "methods are case-sensitive");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_is_not_taken_up() {
    let world = World::new().await;
    for upgrade in ["websocket", "h2c", "TLS/1.2"] {
        let request = world.get("/api/v1/health").header("Upgrade", upgrade);
        request.header("Connection", "Upgrade").send().await.data(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accept_is_honoured_with_its_weights_and_only_where_something_could_be_served() {
    let world = World::new().await;
    let get = |target: &str, accept: &str| world.get(target).header("Accept", accept).send();
    let listings = "/api/v1/listings";
    for accept in ["*/*", "application/*", "application/json;q=0.1, text/html", "APPLICATION/JSON; charset=utf-8", ""] {
        assert_eq!(get(listings, accept).await.status, 200, "{accept}");
    }
    for accept in ["text/html", "application/json;q=0", "application/json;q=0, */*", "*/*;q=0", "application/xml"] {
        let json = get(listings, accept).await.refuses(406, "NOT_ACCEPTABLE");
        assert_eq!(json["error"]["details"]["available"][0], "application/json", "{accept}");
    }
    let two = world.get(listings).header("Accept", "text/html").header("Accept", "application/json").send().await;
    assert_eq!(two.status, 200, "several headers are one list");
    // What is wrong with a request goes before the form that its refusal has.
    get("/api/v1/nowhere", "text/html").await.refuses(404, "NOT_FOUND");
    get("/api/v1/balance", "text/html").await.refuses(410, "GONE");
    let put = world.request("PUT", listings).header("Accept", "text/html").send().await;
    put.refuses(405, "METHOD_NOT_ALLOWED");
    // A refused call does nothing.
    let call = world.post(crate::world::FREE).bearer(&world.buyer.key).json("{}").header("Accept", "text/html");
    call.send().await.refuses(406, "NOT_ACCEPTABLE");
    assert_eq!(world.upstream.sent(), 0);
    // Probes and documents ask for nothing of the kind.
    get("/api/v1/health", "text/html").await.data(200);
    assert_eq!(get("/", "text/html").await.status, 200);
}
