//! How often one caller may ask, and who counts as one caller.

use crochet::config::{Settings, Switch};
use serde_json::json;

use crate::support::{Account, Market, RawAnswer, RawRequest, TestGateway};

fn tight(settings: &mut Settings) {
    settings.rate_limits = Some(Switch::On);
    settings.rate_limit_read = Some(5);
    settings.rate_limit_write = Some(3);
    settings.rate_limit_auth = Some(4);
    settings.rate_limit_gateway = Some(6);
}

fn is_limited(answer: &RawAnswer, class: &str, limit: u64, window: u64) {
    let error = answer.refuses(429, "RATE_LIMITED");
    assert_eq!(
        (&error["recovery"]["next_action"], &error["recovery"]["retryable"]),
        (&json!("retry_later"), &json!(true))
    );
    let wait = answer.seconds("retry-after");
    assert!((1..=window.div_ceil(limit)).contains(&wait), "{wait} s");
    assert_eq!(answer.seconds("ratelimit-limit"), limit);
    assert_eq!(answer.seconds("ratelimit-remaining"), 0);
    assert!(answer.seconds("ratelimit-reset") <= window);
    assert_eq!(answer.header("ratelimit-policy"), Some(format!("\"{class}\";q={limit};w={window}").as_str()));
    assert!(answer.header("ratelimit").unwrap().starts_with(&format!("\"{class}\";r=0;t=")));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_class_has_a_limit_of_its_own_for_each_key() {
    let gateway = TestGateway::with(tight).await;
    // Each account takes two of the four sign-ins of this address.
    let agent = Account::register(&gateway.api, "agent").await;
    let other = Account::register(&gateway.api, "other").await;
    let challenge = json!({ "wallet_address": agent.wallet.address() }).to_string();
    let refused = RawRequest::new(&gateway.api, "POST", "/auth/challenge").json(challenge).send().await;
    is_limited(&refused, "auth", 4, 300);

    for left in (0..5).rev() {
        let answer = agent.get("/me").await;
        answer.data(200);
        assert_eq!(answer.seconds("ratelimit-remaining"), left);
    }
    is_limited(&agent.get("/ledger").await, "read", 5, 60);
    for _ in 0..3 {
        agent.patch("/me", &json!({ "bio": "b" })).await.data(200);
    }
    is_limited(&agent.patch("/me", &json!({ "bio": "b" })).await, "write", 3, 60);
    for _ in 0..6 {
        agent.post("/gateway/nothing", &json!({})).await.refuses(404, "NOT_FOUND");
    }
    is_limited(&agent.post("/gateway/nothing", &json!({})).await, "gateway", 6, 60);
    // Another key is not concerned, nor is who comes without one.
    other.get("/me").await.data(200);
    RawRequest::new(&gateway.api, "GET", "/listings").send().await.data(200);
    // Whether the server lives can be asked as often as one likes.
    for _ in 0..20 {
        RawRequest::new(&gateway.api, "GET", "/health").send().await.data(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_refused_for_its_limit_is_neither_recorded_nor_forwarded() {
    let market = Market::open_free().await;
    let gateway = TestGateway::with(|settings| {
        tight(settings);
        settings.rate_limit_gateway = Some(1);
        settings.database_url = Some(market.gateway.database_url());
    })
    .await;
    let agent = Account::register(&gateway.api, "agent").await;
    let path = format!("/gateway/{}", market.listing_id());
    // The second gateway has other keys and cannot open the endpoint; what counts here is what is recorded.
    agent.post(&path, &json!({})).await;
    let recorded = market.gateway.sql("SELECT count(*) FROM gateway_requests");
    is_limited(&agent.post(&path, &json!({})).await, "gateway", 1, 60);
    assert_eq!(market.gateway.sql("SELECT count(*) FROM gateway_requests"), recorded);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_key_is_counted_by_the_address_that_it_comes_from() {
    let gateway = TestGateway::with(tight).await;
    for n in 0..5 {
        let request = RawRequest::new(&gateway.api, "GET", "/listings");
        request.header("X-Forwarded-For", &format!("198.51.100.{n}")).send().await.data(200);
    }
    let request = RawRequest::new(&gateway.api, "GET", "/listings").header("X-Forwarded-For", "198.51.100.99");
    is_limited(&request.send().await, "read", 5, 60);
    // Guessing at keys is counted by the address too.
    let guess = format!("am_k_{}", "0".repeat(43));
    is_limited(&RawRequest::new(&gateway.api, "GET", "/me").bearer(&guess).send().await, "read", 5, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_the_client_is_whom_the_proxy_names() {
    let gateway = TestGateway::with(|settings| {
        tight(settings);
        settings.trusted_proxies = Some(vec!["127.0.0.0/8".parse().unwrap()]);
    })
    .await;
    let from =
        |clients: &str| RawRequest::new(&gateway.api, "GET", "/listings").header("X-Forwarded-For", clients).send();
    for _ in 0..5 {
        from("198.51.100.1").await.data(200);
    }
    is_limited(&from("198.51.100.1").await, "read", 5, 60);
    // What stands in front was written by the client itself.
    is_limited(&from("203.0.113.7, 198.51.100.1").await, "read", 5, 60);
    from("198.51.100.2").await.data(200);
    // Of IPv6 the network counts.
    for n in 1..=5 {
        from(&format!("2001:db8:1:2::{n}")).await.data(200);
    }
    is_limited(&from("2001:db8:1:2:ffff::1").await, "read", 5, 60);
    from("2001:db8:1:3::1").await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_limits_nobody_is_ever_refused() {
    let gateway = TestGateway::start().await;
    for _ in 0..200 {
        let answer = RawRequest::new(&gateway.api, "GET", "/categories").send().await;
        answer.data(200);
        assert_eq!(answer.header("ratelimit-limit"), None);
    }
}
