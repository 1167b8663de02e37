//! A seller's private endpoint: set, shown without its secrets, tested, and given new secrets.

use std::time::Duration;

use crochet::system::SystemClock;
use crochet_primitives::Clock;
use crochet_signing::{Received, SigningSecret, headers, verify};
use serde_json::{Value, json};

use crate::support::{Account, Behaviour, RawAnswer, TestGateway, TestSeller};

struct Shop {
    gateway: TestGateway,
    owner: Account,
    seller: TestSeller,
    path: String,
    secret: String,
}

impl Shop {
    async fn open() -> Self {
        let gateway = TestGateway::start().await;
        let owner = Account::register(&gateway.api, "owner").await;
        let seller = TestSeller::start();
        let listing = json!({
            "name": "Endpoint",
            "description": "Has a private endpoint.",
            "private_endpoint_url": seller.url(),
        });
        let created = owner.list(listing).await.data(201);
        let path = format!("/listings/{}/endpoint", created["id"].as_str().unwrap());
        let secret = created["gateway_endpoint"]["signing_secret"].as_str().unwrap().to_owned();
        Self { gateway, owner, seller, path, secret }
    }

    async fn put(&self, body: Value) -> RawAnswer {
        self.owner.put(&self.path, &body).await
    }

    async fn test(&self, body: Value) -> Value {
        self.owner.post(&format!("{}/test", self.path), &body).await.data(200)
    }

    async fn rotate(&self, body: Value) -> RawAnswer {
        self.owner.post(&format!("{}/rotate-secret", self.path), &body).await
    }

    /// Whether the last request that the seller got bears a signature by this secret, in this header.
    fn is_signed(&self, secret: &str, header: &str) -> bool {
        let got = self.seller.received().pop().unwrap();
        let value = |name: &str| got.header(name).unwrap_or_default();
        let received = Received {
            timestamp: value(headers::TIMESTAMP),
            request_id: value(headers::REQUEST_ID),
            listing_id: value(headers::LISTING_ID),
            body_sha256: value(headers::BODY_SHA256),
            signature: value(header),
        };
        let secret = SigningSecret::parse(secret.to_owned()).unwrap();
        verify(&secret, &received, &got.body, SystemClock::default().now(), Duration::from_secs(300)).is_ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_shown_to_its_owner_without_its_url_and_its_secrets() {
    let shop = Shop::open().await;
    let body = json!({ "upstream_auth_header": { "name": "X-Token", "value": "header-canary-7" } });
    let answers = [shop.put(body).await, shop.owner.get(&shop.path).await];
    for answer in &answers {
        let data = answer.data(200);
        assert_eq!((&data["status"], &data["host_hint"]), (&json!("active"), &json!("1•••")));
        assert_eq!(data["upstream_auth_header_name"], "X-Token");
        assert!(data.get("signing_secret").is_none());
        for secret in ["private-canary", "header-canary-7", "whsec_", shop.secret.as_str()] {
            assert!(!answer.text().contains(secret), "{secret}");
        }
    }
    let other = Account::register(&shop.gateway.api, "other").await;
    other.get(&shop.path).await.refuses(403, "FORBIDDEN");
    other.put(&shop.path, &json!({ "timeout_ms": 1_000 })).await.refuses(403, "FORBIDDEN");
    other.post(&format!("{}/test", shop.path), &json!({})).await.refuses(403, "FORBIDDEN");
    other.post(&format!("{}/rotate-secret", shop.path), &json!({})).await.refuses(403, "FORBIDDEN");
    assert_eq!(shop.seller.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_changed_within_its_bounds() {
    let shop = Shop::open().await;
    let change = json!({ "timeout_ms": 120_000, "max_request_bytes": 1_048_576, "max_response_bytes": 8_388_608 });
    let data = shop.put(change.clone()).await.data(200);
    for (field, value) in change.as_object().unwrap() {
        assert_eq!(&data[field], value);
    }
    let header = |name: &str, value: &str| json!({ "upstream_auth_header": { "name": name, "value": value } });
    for (body, field) in [
        (json!({ "timeout_ms": 999 }), "timeout_ms"),
        (json!({ "timeout_ms": 120_001 }), "timeout_ms"),
        (json!({ "timeout_ms": -1 }), "timeout_ms"),
        (json!({ "timeout_ms": 1_000.5 }), "timeout_ms"),
        (json!({ "max_request_bytes": 0 }), "max_request_bytes"),
        (json!({ "max_request_bytes": 1_048_577 }), "max_request_bytes"),
        (json!({ "max_response_bytes": 8_388_609 }), "max_response_bytes"),
        (json!({ "status": "off" }), "status"),
        (json!({ "signing_secret": "whsec_mine" }), "signing_secret"),
        (json!({ "private_endpoint_url": null }), "private_endpoint_url"),
        (json!({ "private_endpoint_url": 7 }), "private_endpoint_url"),
        (header("Host", "x"), "upstream_auth_header.name"),
        (header("Cookie", "x"), "upstream_auth_header.name"),
        (header("X-Crochet-Buyer-Id", "x"), "upstream_auth_header.name"),
        (header("x-forwarded-for", "x"), "upstream_auth_header.name"),
        (header("X-A\r\nX-B", "x"), "upstream_auth_header.name"),
        (header("X-Token", "a\r\nX-Evil: 1"), "upstream_auth_header.value"),
        (header("X-Token", ""), "upstream_auth_header.value"),
        (header("X-Token", &"v".repeat(4_097)), "upstream_auth_header.value"),
    ] {
        assert_eq!(shop.put(body).await.fields(), [field]);
    }
    let secret = shop.put(json!({ "upstream_auth_header": { "name": 1, "value": "typed-canary" } })).await;
    secret.refuses(400, "BAD_REQUEST");
    assert!(!secret.text().contains("typed-canary"));
    assert_eq!(shop.owner.get(&shop.path).await.data(200)["timeout_ms"], 120_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_request_is_signed_authenticated_and_recorded_nowhere() {
    let shop = Shop::open().await;
    shop.put(json!({ "upstream_auth_header": { "name": "Authorization", "value": "Bearer upstream" } }))
        .await
        .data(200);
    let tested = shop.test(json!({ "payload": { "probe": 1 } })).await;
    assert_eq!((&tested["ok"], &tested["seller_status"]), (&json!(true), &json!(200)));
    assert!(tested["latency_ms"].is_u64());
    assert!(tested["signature_headers"].as_array().unwrap().contains(&json!("x-crochet-signature")));
    assert!(shop.is_signed(&shop.secret, headers::SIGNATURE));
    let got = shop.seller.received().pop().unwrap();
    assert_eq!(got.header("authorization"), Some("Bearer upstream"));
    assert_eq!(&got.body[..], b"{\"probe\":1}");
    assert_eq!(shop.owner.get("/gateway-requests?role=seller").await.data(200), json!([]));

    shop.put(json!({ "upstream_auth_header": null })).await.data(200);
    shop.test(json!({})).await;
    assert_eq!(shop.seller.received().pop().unwrap().header("authorization"), None, "the caller's key stays here");
    for payload in [json!([1]), json!("x"), json!(1), json!(null)] {
        let answer = shop.owner.post(&format!("{}/test", shop.path), &json!({ "payload": payload })).await;
        if !payload.is_null() {
            answer.refuses(400, "BAD_REQUEST");
        }
    }
    shop.put(json!({ "max_request_bytes": 20 })).await.data(200);
    let long = json!({ "payload": { "long": "x".repeat(20) } });
    let error = shop.owner.post(&format!("{}/test", shop.path), &long).await.refuses(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(error["details"]["limit_bytes"], 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_says_what_is_wrong_with_an_endpoint() {
    let shop = Shop::open().await;
    shop.put(json!({ "timeout_ms": 1_000, "max_response_bytes": 100 })).await.data(200);
    for (behaviour, code, status) in [
        (Behaviour::Json(500, "{}"), "SELLER_ERROR", json!(500)),
        (Behaviour::Json(401, "{}"), "SELLER_ERROR", json!(401)),
        (Behaviour::Json(302, "{}"), "SELLER_ERROR", json!(302)),
        (Behaviour::Raw(200, "text/html", b"<html>hello</html>"), "SELLER_INVALID_RESPONSE", json!(200)),
        (Behaviour::Raw(200, "application/json", b""), "SELLER_INVALID_RESPONSE", json!(200)),
        (Behaviour::Long(200), "SELLER_RESPONSE_TOO_LARGE", json!(200)),
        (Behaviour::Held, "SELLER_TIMEOUT", Value::Null),
    ] {
        shop.seller.next(behaviour.clone());
        let tested = shop.test(json!({})).await;
        assert_eq!((&tested["ok"], &tested["error"]["code"]), (&json!(false), &json!(code)), "{behaviour:?}: {tested}");
        if code != "SELLER_TIMEOUT" {
            assert_eq!(tested["seller_status"], status, "{behaviour:?}");
        }
        assert!(!tested.to_string().contains("hello"), "the seller's answer is not shown");
    }
    shop.seller.next(Behaviour::Json(422, "{\"error\":\"no such task\"}"));
    assert_eq!(shop.test(json!({})).await["ok"], true, "a refusal of the task is an answer");
    shop.seller.release();
    let Shop { owner, seller, path, .. } = shop;
    seller.stop().await;
    let tested = owner.post(&format!("{path}/test"), &json!({})).await.data(200);
    assert_eq!((&tested["ok"], &tested["error"]["code"]), (&json!(false), &json!("SELLER_UNREACHABLE")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_signs_at_once_or_beside_the_old_one_while_they_overlap() {
    let shop = Shop::open().await;
    let answer = shop.rotate(json!({})).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let second = answer.data(200)["signing_secret"].as_str().unwrap().to_owned();
    assert!(answer.data(200).get("previous_valid_until").is_none());
    shop.test(json!({})).await;
    assert!(shop.is_signed(&second, headers::SIGNATURE) && !shop.is_signed(&shop.secret, headers::SIGNATURE));

    let rotated = shop.rotate(json!({ "overlap_seconds": 600 })).await.data(200);
    let third = rotated["signing_secret"].as_str().unwrap().to_owned();
    assert!(rotated["previous_valid_until"].is_string());
    shop.test(json!({})).await;
    assert!(shop.is_signed(&second, headers::SIGNATURE), "a seller that knows only this one goes on working");
    assert!(shop.is_signed(&third, headers::SIGNATURE_NEXT));
    let shown = shop.owner.get(&shop.path).await.data(200);
    assert_eq!(shown["previous_secret_valid_until"], rotated["previous_valid_until"]);

    shop.gateway.change("UPDATE listing_gateway_endpoints SET previous_valid_until = now() - interval '1 second'");
    shop.test(json!({})).await;
    assert!(shop.is_signed(&third, headers::SIGNATURE));
    assert_eq!(shop.seller.received().pop().unwrap().header(headers::SIGNATURE_NEXT), None);
    for overlap in [json!(86_401), json!(-1), json!("1"), json!(0.5)] {
        assert_eq!(shop.rotate(json!({ "overlap_seconds": overlap })).await.fields(), ["overlap_seconds"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_gets_its_first_endpoint_later_and_shows_the_secret_once() {
    let shop = Shop::open().await;
    let listing = json!({ "name": "Bare", "description": "Has no endpoint yet." });
    let created = shop.owner.list(listing).await.data(201);
    let path = format!("/listings/{}/endpoint", created["id"].as_str().unwrap());
    shop.owner.get(&path).await.refuses(404, "NOT_FOUND");
    for action in ["test", "rotate-secret"] {
        shop.owner.post(&format!("{path}/{action}"), &json!({})).await.refuses(409, "LISTING_HAS_NO_ENDPOINT");
    }
    assert_eq!(shop.owner.put(&path, &json!({ "timeout_ms": 5_000 })).await.fields(), ["private_endpoint_url"]);
    let set = shop.owner.put(&path, &json!({ "private_endpoint_url": shop.seller.url() })).await.data(200);
    assert!(set["signing_secret"].as_str().unwrap().starts_with("whsec_"));
    let again = shop.owner.put(&path, &json!({ "private_endpoint_url": shop.seller.url() })).await.data(200);
    assert!(again.get("signing_secret").is_none());
    assert_eq!(shop.owner.post(&format!("{path}/test"), &json!({})).await.data(200)["ok"], true);
    let gateway_url = shop.owner.get(&format!("/listings/{}", created["id"].as_str().unwrap())).await.data(200);
    assert!(gateway_url["gateway_url"].is_string());
    // Switched off, it is not called, and can still be tested.
    shop.owner.put(&path, &json!({ "status": "disabled" })).await.data(200);
    assert_eq!(shop.owner.post(&format!("{path}/test"), &json!({})).await.data(200)["ok"], true);
    let call = format!("/gateway/{}", created["id"].as_str().unwrap());
    shop.owner.post(&call, &json!({})).await.refuses(409, "LISTING_UNAVAILABLE");
}
