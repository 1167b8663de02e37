//! What every answer has, and what is said without any resource.

use std::time::Duration;

use crochet_http::{Code, Environment};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::exchange;
use crate::world::{PAID, World};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_request_id_and_a_sane_one_is_kept() {
    let world = World::new().await;
    for (method, target) in
        [("GET", "/api/v1/health"), ("GET", "/nowhere"), ("DELETE", "/api/v1/me"), ("GET", "/api/v1/me")]
    {
        let answer = world.request(method, target).send().await;
        let id = answer.header("x-request-id").unwrap();
        assert_eq!((id.len(), &id[14..15]), (36, "7"), "a UUIDv7: {id}");
        let answer = world.request(method, target).header("X-Request-Id", "a.B_9-").send().await;
        assert_eq!(answer.header("x-request-id"), Some("a.B_9-"));
    }
    for bad in ["a b", "<x>", "ä", &"x".repeat(129)] {
        let answer = world.get("/api/v1/health").header("X-Request-Id", bad).send().await;
        assert_ne!(answer.header("x-request-id"), Some(bad));
        answer.has_request_id();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn security_headers_are_on_successes_and_errors_alike() {
    let world = World::new().await;
    for target in ["/api/v1/categories", "/nowhere"] {
        let answer = world.get(target).send().await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"), "the public URL is https");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert!(answer.header("access-control-allow-credentials").is_none());
        assert!(answer.header("access-control-expose-headers").unwrap().contains("Retry-After"));
    }
    let plain = World::with(|config| config.public_url = "http://127.0.0.1:8080".to_owned()).await;
    let answer = plain.get("/api/v1/health").send().await;
    assert_eq!(answer.header("strict-transport-security"), None, "who serves http alone does not ask for https");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_is_a_405_that_lists_those_there_are() {
    let world = World::new().await;
    for (method, target, allow) in [
        ("GET", PAID, "POST, OPTIONS"),
        ("POST", "/api/v1/ledger", "GET, HEAD, OPTIONS"),
        ("PUT", "/api/v1/me", "GET, HEAD, PATCH, OPTIONS"),
        ("GET", "/api/v1/register", "POST, OPTIONS"),
        ("GET", "/api/v1/listings/challenge", "POST, OPTIONS"),
        ("BREW", "/api/v1/categories", "GET, HEAD, OPTIONS"),
    ] {
        let answer = world.request(method, target).send().await;
        answer.refuses(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {target}");
    }
    let answer = world.request("OPTIONS", "/api/v1/me").send().await;
    assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, PATCH, OPTIONS")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_a_get_without_its_body() {
    let world = World::new().await;
    let whole = world.get("/api/v1/categories").send().await;
    let answer = world.request("HEAD", "/api/v1/categories").send().await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.header("content-length"), Some(whole.body.len().to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_are_none_are_404_in_the_envelope() {
    let world = World::new().await;
    for target in ["/x", "/api/v1", "/api/v2/me", "/api/v1/listings/a/b/c", "/%00", "/%ff%fe", "/api/v1/gateway"] {
        world.get(target).send().await.refuses(404, "NOT_FOUND");
    }
    assert_eq!(world.get("/api/v1/categories/").send().await.status, 200);
    assert_eq!(world.get("//api/v1//categories").send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_retired_is_gone_for_every_method() {
    let world = World::new().await;
    for target in [
        "payments/setup",
        "payments/verify",
        "subscribe",
        "subscribe/some-listing",
        "listings/some-listing/subscribe",
        "subscriptions",
        "subscriptions/1/cancel",
        "balance",
        "deposits",
        "deposits/1",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let json = world.request(method, &format!("/api/v1/{target}")).send().await.refuses(410, "GONE");
            assert_eq!(json["error"]["recovery"]["next_action"], "use_direct_gateway");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_alive_and_ready_tells_the_parts() {
    let world = World::new().await;
    let data = world.get("/api/v1/health").send().await.data(200);
    assert_eq!((&data["status"], data["version"].is_string()), (&json!("ok"), true));
    let data = world.get("/api/v1/ready").send().await.data(200);
    assert_eq!(
        (&data["status"], &data["database"], &data["migrations"]),
        (&json!("ready"), &json!("ok"), &json!("ok"))
    );
    assert_eq!((&data["provider"], &data["provider_condition"]), (&json!("mock"), &json!("unknown")));

    let other = World::with(|config| config.environment = Environment::Production).await;
    let json = other.get("/api/v1/ready").send().await.refuses(503, "SERVICE_UNAVAILABLE");
    assert_eq!((&json["data"]["status"], &json["data"]["migrations"]), (&json!("not_ready"), &json!("failing")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_front_page_and_the_error_reference_lead_on() {
    let world = World::new().await;
    let data = world.get("/").send().await.data(200);
    assert_eq!((&data["name"], &data["api"]), (&json!("Crochet"), &json!("https://crochet.test/api/v1")));
    let data = world.get("/docs/errors").send().await.data(200);
    assert_eq!(data["codes"].as_array().unwrap().len(), Code::ALL.len());
    assert!(data["next_actions"].as_array().unwrap().len() > 10);
    for code in Code::ALL {
        let data = world.get(&format!("/docs/errors/{}", code.as_str())).send().await.data(200);
        assert_eq!(data["status"], code.status().as_u16());
    }
    world.get("/docs/errors/NOPE").send().await.refuses(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_is_given_up() {
    let world = World::with(|config| config.head_timeout = Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_requests_go_over_one_connection() {
    let world = World::new().await;
    let get = "GET /api/v1/health HTTP/1.1\r\nHost: t\r\n\r\n";
    let last = "GET /api/v1/nothing HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    let answer = exchange(world.address, format!("{get}{get}{last}").as_bytes()).await;
    let all = format!("HTTP/1.1 200{}", answer.text());
    assert_eq!((answer.status, all.matches("HTTP/1.1 200").count(), all.matches("HTTP/1.1 404").count()), (200, 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_looked_into_once_a_second_however_many_ask() {
    let world = World::new().await;
    let looks = || world.looks.load(std::sync::atomic::Ordering::SeqCst);
    for answer in futures::future::join_all((0..20).map(|_| world.get("/api/v1/ready").send())).await {
        answer.data(200);
    }
    assert_eq!(looks(), 1);
    world.clock.advance(Duration::from_millis(999));
    world.get("/api/v1/ready").send().await.data(200);
    assert_eq!(looks(), 1);
    world.clock.advance(Duration::from_millis(1));
    world.get("/api/v1/ready").send().await.data(200);
    assert_eq!(looks(), 2);
}
