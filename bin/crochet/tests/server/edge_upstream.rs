//! Where a seller may not be, and requests that the gateway sent itself.

use std::time::Duration;

use crochet::config::Environment;
use serde_json::json;

use crate::support::{Account, Market, RawRequest, TestGateway, assert_error, retry_after};

/// Refused wherever the gateway runs.
const NEVER: &[&str] = &[
    "http://10.0.0.1/x",
    "https://10.0.0.1/x",
    "https://172.16.0.1/x",
    "https://192.168.1.1/x",
    "https://100.64.0.1/x",
    "https://0.0.0.0/x",
    "https://169.254.169.254/latest/meta-data",
    "http://169.254.169.254/latest/meta-data",
    "https://[::ffff:10.0.0.1]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[fd00::1]/x",
    "https://[fe80::1]/x",
    "https://[64:ff9b::a00:1]/x",
    "https://[2002:a00:1::]/x",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/x",
    "https://0xa.0.0.1/x",
    "https://167772161/x",
    "https://012.0.0.1/x",
    "https://10.1/x",
    "https://224.0.0.1/x",
    "https://255.255.255.255/x",
    "http://seller.example/x",
    "https://user@seller.example/x",
    "https://user:password@seller.example/x",
    "https://seller.example/x#fragment",
    "https://seller.example:22/x",
    "https://seller.example:5432/x",
    "https://printer.local/x",
    "https://metadata.google.internal/x",
    "https://intranet/x",
    "https://localhost./x",
    "https://LOCALHOST.localdomain/x",
    "https://a..b/x",
    "https://seller.example/a b",
    "https://sel\tler.example/x",
    "http://localhost.evil.example/x",
    "http://127.0.0.1.evil.example/x",
    "http://[::]/x",
    "http://0.0.0.0/x",
];

/// Loopback: for development alone.
const LOOPBACK: &[&str] = &[
    "http://127.0.0.1:9/x",
    "https://127.0.0.1/x",
    "http://[::1]:9/x",
    "http://localhost:9/x",
    "http://2130706433:9/x",
];

async fn publish(seller: &Account, url: &str) -> crate::support::RawAnswer {
    let listing = json!({ "name": "Somewhere", "description": "At some address.", "private_endpoint_url": url });
    let answer = seller.list(listing).await;
    if answer.status == 422 {
        answer.refuses(422, "ENDPOINT_NOT_ALLOWED");
        assert!(!answer.text().contains(url), "the URL is in: {}", answer.text());
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn no_listing_has_an_endpoint_inside_a_network() {
    let gateway = TestGateway::start().await;
    let seller = Account::register(&gateway.api, "seller").await;
    for url in NEVER {
        if *url == "https://localhost./x" {
            continue;
        }
        assert_eq!(publish(&seller, url).await.status, 422, "{url}");
        gateway.sql("DELETE FROM listing_challenges");
    }
    for scheme in ["ftp://seller.example/x", "file:///etc/passwd", "gopher://seller.example", "//seller.example", "x"] {
        assert_eq!(publish(&seller, scheme).await.fields(), ["private_endpoint_url"], "{scheme}");
        gateway.sql("DELETE FROM listing_challenges");
    }
    for url in LOOPBACK.iter().chain(&["https://seller.example/x", "https://seller.example:8443/x"]) {
        publish(&seller, url).await.data(201);
    }
    // The same guard looks at changes.
    let listing = seller.get("/listings?mine=true").await.data(200)[0]["id"].as_str().unwrap().to_owned();
    let change = json!({ "private_endpoint_url": "https://10.0.0.1/x" });
    seller.patch(&format!("/listings/{listing}"), &change).await.refuses(422, "ENDPOINT_NOT_ALLOWED");
    seller.put(&format!("/listings/{listing}/endpoint"), &change).await.refuses(422, "ENDPOINT_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_loopback_is_no_place_for_a_seller_either() {
    let gateway = TestGateway::adapted(|_| {}, |config| config.environment = Environment::Production).await;
    let seller = Account::register(&gateway.api, "seller").await;
    for url in NEVER.iter().chain(LOOPBACK) {
        assert_eq!(publish(&seller, url).await.status, 422, "{url}");
        gateway.sql("DELETE FROM listing_challenges");
    }
    publish(&seller, "https://seller.example/x").await.data(201);
    // Nor is there anybody who plays payments.
    let pay = "/mock-provider/payments/relay_0190a0b0-0000-7000-8000-000000000000/pay";
    RawRequest::new(&gateway.api, "POST", pay).json("{}").send().await.refuses(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_is_no_seller_of_its_own() {
    let gateway = TestGateway::start().await;
    let seller = Account::register(&gateway.api, "seller").await;
    let port = gateway.api.base().rsplit_once(':').unwrap().1.to_owned();
    for url in [
        format!("{}/api/v1/gateway/x", gateway.api.base()),
        format!("http://localhost:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("https://127.0.0.1:{port}/"),
    ] {
        let error = publish(&seller, &url).await.refuses(422, "ENDPOINT_NOT_ALLOWED");
        assert!(error["message"].as_str().unwrap().contains("this gateway"), "{url}: {error}");
        gateway.sql("DELETE FROM listing_challenges");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_gateway_signed_is_not_forwarded_again() {
    let market = Market::open_free().await;
    let buyer = Account::register(&market.gateway.api, "another").await;
    let path = format!("/gateway/{}", market.listing_id());
    let request = buyer.request("POST", &path).json("{}").header("X-Crochet-Signature", "0");
    let error = request.send().await.refuses(400, "BAD_REQUEST");
    assert!(error["message"].as_str().unwrap().contains("X-Crochet-Signature"), "{error}");
    assert_eq!(market.seller.runs(), 0);
    buyer.post(&path, &json!({})).await.data(200);
    assert_eq!(market.seller.runs(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_turns_out_to_be_inside_a_network_is_not_called() {
    // It was on loopback when it was published, in development; now the gateway runs for real.
    let mut market = Market::open_free().await;
    market.gateway.config.environment = Environment::Production;
    market.gateway.restart().await;
    let buyer = Account::register(&market.gateway.api, "another").await;
    let answer = buyer.post(&format!("/gateway/{}", market.listing_id()), &json!({})).await;
    answer.refuses(502, "SELLER_UNREACHABLE");
    assert!(!answer.text().contains("private-canary"));
    assert_eq!(market.seller.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_call_to_an_endpoint_that_has_moved_inside_a_network_is_kept_until_it_is_back() {
    let mut market = Market::open().await;
    let call = market.paid("the seller moves").await;
    // For this gateway, loopback is inside.
    market.gateway.config.environment = Environment::Production;
    let strict = market.gateway.replica().await;
    let mut answer = market.retry_at(&strict.api, &call).await.unwrap();
    while answer.status == 202 {
        answer = market.retry_at(&strict.api, &call).await.unwrap();
    }
    assert_error(&answer, 502, "SELLER_UNREACHABLE");
    assert_eq!(
        (answer.at("/data/status"), answer.at("/data/payment/amount")),
        (&json!("seller_failed"), &json!("0.010000"))
    );
    assert_eq!(answer.at("/error/recovery/next_action"), "retry_same_request");
    assert!((1..=2).contains(&retry_after(&answer)));
    assert!(!answer.json.to_string().contains("private-canary"), "{}", answer.json);
    let history = market.history(&call).await;
    assert_eq!(
        (history["attempts"].as_array().unwrap().len(), &history["attempts"][0]["outcome"]),
        (1, &json!("not_sent"))
    );
    assert_eq!(market.seller.runs(), 0);

    market.gateway.advance_clock(Duration::from_secs(3));
    assert_eq!(market.deliver(&call).await.at("/data/attempt"), 2);
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
    market.assert_balanced().await;
}
