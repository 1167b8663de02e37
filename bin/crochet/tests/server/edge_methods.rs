//! Paths and methods: what is there, what is not, and what is no more.

use crate::support::{Account, RawRequest, TestGateway};

/// Every path with its methods.
const RESOURCES: &[(&str, &[&str])] = &[
    ("/api/v1/health", &["GET"]),
    ("/api/v1/ready", &["GET"]),
    ("/api/v1/categories", &["GET"]),
    ("/api/v1/listings", &["GET", "POST"]),
    ("/api/v1/listings/challenge", &["POST"]),
    ("/api/v1/listings/some-listing", &["GET", "PATCH", "DELETE"]),
    ("/api/v1/listings/some-listing/endpoint", &["GET", "PUT"]),
    ("/api/v1/listings/some-listing/endpoint/test", &["POST"]),
    ("/api/v1/listings/some-listing/endpoint/rotate-secret", &["POST"]),
    ("/api/v1/auth/challenge", &["POST"]),
    ("/api/v1/register", &["POST"]),
    ("/api/v1/auth/recover", &["POST"]),
    ("/api/v1/me", &["GET", "PATCH"]),
    ("/api/v1/me/wallets", &["GET", "POST"]),
    ("/api/v1/me/wallets/0190a0b0-0000-7000-8000-000000000000", &["GET", "PATCH"]),
    ("/api/v1/api-keys", &["GET", "POST"]),
    ("/api/v1/api-keys/0190a0b0-0000-7000-8000-000000000000", &["DELETE"]),
    ("/api/v1/gateway/some-listing", &["POST"]),
    ("/api/v1/gateway-requests", &["GET"]),
    ("/api/v1/gateway-requests/gw_req_0190a0b0-0000-7000-8000-000000000000", &["GET"]),
    ("/api/v1/ledger", &["GET"]),
    ("/api/v1/mock-provider/payments/relay_0190a0b0-0000-7000-8000-000000000000/pay", &["POST"]),
    ("/", &["GET"]),
    ("/docs/errors", &["GET"]),
    ("/docs/errors/NOT_FOUND", &["GET"]),
];
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "BREW"];

#[tokio::test(flavor = "multi_thread")]
async fn another_method_is_a_405_that_names_those_there_are() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    for (path, methods) in RESOURCES {
        let takes = |method: &str| methods.contains(&method) || (method == "HEAD" && methods.contains(&"GET"));
        for method in METHODS.iter().filter(|method| !takes(method)) {
            let answer = RawRequest::outside(&gateway.api, method, path).bearer(&agent.key).send().await;
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text());
            let allow = answer.header("allow").unwrap().to_owned();
            assert!(methods.iter().all(|method| allow.split(", ").any(|name| name == *method)), "{path}: {allow}");
            assert!(!allow.split(", ").any(|name| name == *method), "{path}: {allow}");
            if *method != "HEAD" {
                let error = answer.refuses(405, "METHOD_NOT_ALLOWED");
                assert_eq!(error["details"]["allow"], allow);
            }
        }
        let options = RawRequest::outside(&gateway.api, "OPTIONS", path).send().await;
        assert_eq!((options.status, options.body.len()), (204, 0), "{path}");
        assert!(options.header("allow").unwrap().contains(methods[0]), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_404_whatever_the_method() {
    let gateway = TestGateway::start().await;
    for path in [
        "/api",
        "/api/v1",
        "/api/v2/listings",
        "/api/v1/nothing",
        "/api/v1/listing",
        "/api/v1/me/secrets",
        "/api/v1/listings/a/b",
        "/admin",
        "/.env",
        "/metrics",
        "/..%2f..%2fetc%2fpasswd",
        "/%00",
        "/docs/errors/NO_SUCH_CODE",
    ] {
        for method in ["GET", "POST", "DELETE", "BREW"] {
            let answer = RawRequest::outside(&gateway.api, method, path).send().await;
            let is_code = path.starts_with("/docs");
            assert!(answer.status == 404 || (is_code && answer.status == 405), "{method} {path}: {}", answer.text());
            answer.error();
            assert!(!answer.text().contains("passwd"), "the path is not repeated");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_at_the_end_changes_nothing() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    for path in ["/categories", "/listings", "/me", "/ledger", "/api-keys", "/health"] {
        let plain = agent.get(path).await.data(200);
        let slashed = agent.get(&format!("{path}/")).await.data(200);
        if path != "/api-keys" && path != "/me" {
            assert_eq!(plain, slashed, "{path}");
        }
    }
    let challenge = RawRequest::new(&gateway.api, "POST", "/auth/challenge/").json("{}").send().await;
    challenge.refuses(400, "BAD_REQUEST");
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_a_body() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    for path in ["/categories", "/listings", "/me/wallets", "/ledger", "/health", "/ready", "/listings/nothing"] {
        let get = agent.get(path).await;
        let head = agent.request("HEAD", path).send().await;
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert!(head.header("x-request-id").is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_in_browsers_may_call_from_anywhere_and_no_credentials_are_sent_along() {
    let gateway = TestGateway::start().await;
    for (path, _) in RESOURCES {
        let preflight = RawRequest::outside(&gateway.api, "OPTIONS", path)
            .header("Origin", "https://app.example")
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization, content-type, x-crochet-relay-request-id")
            .send()
            .await;
        assert_eq!(preflight.status, 204, "{path}");
        assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
        assert_eq!(preflight.header("access-control-allow-credentials"), None);
        assert!(preflight.header("access-control-allow-methods").unwrap().contains("POST"));
        let headers = preflight.header("access-control-allow-headers").unwrap().to_lowercase();
        for name in ["authorization", "content-type", "idempotency-key", "x-crochet-relay-request-id"] {
            assert!(headers.contains(name), "{name}");
        }
    }
    let simple = RawRequest::new(&gateway.api, "GET", "/me").header("Origin", "https://app.example").send().await;
    simple.refuses(401, "UNAUTHORIZED");
    assert_eq!(simple.header("access-control-allow-origin"), Some("*"));
    let exposed = simple.header("access-control-expose-headers").unwrap();
    for name in ["X-Request-Id", "Retry-After", "WWW-Authenticate"] {
        assert!(exposed.contains(name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_retired_says_so_to_every_method_and_points_to_the_gateway() {
    let gateway = TestGateway::start().await;
    let agent = Account::register(&gateway.api, "agent").await;
    for path in [
        "/payments/setup",
        "/payments/verify",
        "/subscribe",
        "/subscribe/some-listing",
        "/listings/some-listing/subscribe",
        "/subscriptions",
        "/subscriptions/1/cancel",
        "/balance",
        "/deposits",
        "/deposits/1",
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            for request in [agent.request(method, path), RawRequest::new(&gateway.api, method, path)] {
                let answer = request.send().await;
                assert_eq!(answer.status, 410, "{method} {path}: {}", answer.text());
                let error = answer.refuses(410, "GONE");
                assert_eq!(error["recovery"]["next_action"], "use_direct_gateway");
                assert!(error["message"].as_str().unwrap().contains("/gateway/"), "{error}");
            }
        }
        let with_body = agent.request("POST", path).json("{\"amount\":").send().await;
        with_body.refuses(410, "GONE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_that_is_linked_to_is_documented() {
    let gateway = TestGateway::start().await;
    let all = RawRequest::outside(&gateway.api, "GET", "/docs/errors").send().await.data(200);
    for code in all["codes"].as_array().unwrap() {
        let name = code["code"].as_str().unwrap();
        let one = RawRequest::outside(&gateway.api, "GET", &format!("/docs/errors/{name}")).send().await.data(200);
        for field in ["code", "status", "meaning", "recovery"] {
            assert_eq!(one[field], code[field], "{name}");
        }
        let next = &code["recovery"]["next_action"];
        let known = all["next_actions"].as_array().unwrap().iter().any(|action| &action["next_action"] == next);
        assert!(known, "{name}: {next}");
    }
}
