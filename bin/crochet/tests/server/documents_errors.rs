//! Errors as they are answered, beside the pages that explain them.

use std::collections::BTreeSet;

use bytes::Bytes;
use crochet::demo::agent::bytes;
use serde_json::{Value, json};

use crate::support::routes::{self, Body, Server, shows_nothing_internal};
use crate::support::{Account, Behaviour, Market, RawAnswer, RawRequest};

const RELAY_ID: &str = "x-crochet-relay-request-id";
const KEY: &str = "idempotency-key";

/// Errors of calls, each made in the way that its page describes.
async fn errors_of_calls(market: &Market) -> Vec<RawAnswer> {
    let base = &market.gateway.api;
    let key = Account::register(base, "caller").await.key;
    let call = |headers: &[(&str, &str)], body: &Bytes| {
        let request = RawRequest::new(base, "POST", &format!("/gateway/{}", market.listing_id())).bearer(&key);
        headers.iter().fold(request, |request, (name, value)| request.header(name, value)).json(body.to_vec()).send()
    };
    let body = bytes(&json!({ "task": "errors" }));
    let other = bytes(&json!({ "task": "another" }));
    let quoted = call(&[], &body).await;
    let id = quoted.json()["data"]["relay_request_id"].as_str().unwrap().to_owned();
    let mut answers = vec![
        quoted,
        call(&[(RELAY_ID, &id)], &body).await,
        call(&[(RELAY_ID, &id)], &other).await,
        call(&[(RELAY_ID, "relay_0190a0b0-0000-7000-8000-000000000000")], &body).await,
        call(&[(RELAY_ID, "nonsense")], &body).await,
        call(&[(KEY, "one")], &body).await,
        call(&[(KEY, "one")], &other).await,
        call(&[("x-crochet-origin-currency", "USDC")], &body).await,
        call(&[("x-crochet-origin-currency", "SOL")], &body).await,
        call(&[("x-crochet-origin-currency", "BTC")], &body).await,
        call(&[("x-crochet-origin-chain-id", "4711")], &body).await,
        call(&[("x-crochet-origin-wallet-id", "0190a0b0-0000-7000-8000-000000000000")], &body).await,
        call(&[("x-crochet-payment-scheme", "nonsense")], &body).await,
        call(&[("x-crochet-signature", "abc")], &body).await,
    ];
    for failure in [json!({ "outcome": "failure" }), json!({ "amount_micros": 1 })] {
        let quoted = call(&[], &body).await;
        let id = quoted.json()["data"]["relay_request_id"].as_str().unwrap().to_owned();
        let pay = RawRequest::new(base, "POST", &format!("/mock-provider/payments/{id}/pay")).json(failure.to_string());
        pay.send().await.data(200);
        answers.push(settled(|| call(&[(RELAY_ID, &id)], &body)).await);
    }
    for behaviour in [
        Behaviour::Json(500, "{\"trace\":\"at crochet_seller::main (/srv/app/src/main.rs:1)\"}"),
        Behaviour::Raw(200, "text/html", b"<h1>SELECT * FROM users</h1>"),
        Behaviour::Long(2 * 1024 * 1024),
        Behaviour::BreaksOff,
        Behaviour::Redirect("http://private.example/elsewhere"),
    ] {
        market.seller.next(behaviour);
        let quoted = call(&[], &body).await;
        let id = quoted.json()["data"]["relay_request_id"].as_str().unwrap().to_owned();
        RawRequest::new(base, "POST", &format!("/mock-provider/payments/{id}/pay")).send().await.data(200);
        answers.push(settled(|| call(&[(RELAY_ID, &id)], &body)).await);
    }
    answers
}

/// The first answer that is no 202.
async fn settled<F: Future<Output = RawAnswer>>(call: impl Fn() -> F) -> RawAnswer {
    for _ in 0..100 {
        let answer = call().await;
        if answer.status != 202 {
            return answer;
        }
    }
    panic!("still under way")
}

/// Errors of every route: without a key, with a wrong one, with bodies, queries and paths that are wrong.
async fn errors_of_routes(server: &Server) -> Vec<RawAnswer> {
    let listing = server.own_listing().await;
    let api = &server.market.gateway.api;
    let mut answers = Vec::new();
    for route in routes::ROUTES {
        let path = server.path(route, &listing);
        answers.push(RawRequest::new(api, route.method, &path).bearer("am_k_wrong").send().await);
        answers.push(RawRequest::new(api, "BREW", &path).send().await);
        if ["/listings", "/gateway-requests", "/ledger"].contains(&route.path) && route.method == "GET" {
            answers.push(server.agent.get(&format!("{path}?select=1%27%20OR%20%271")).await);
        }
        answers.push(RawRequest::new(api, route.method, &path).header("Accept", "image/png").send().await);
        if route.needs_key {
            answers.push(RawRequest::new(api, route.method, &path).send().await);
        }
        if route.body != Body::None {
            for body in ["", "{", "[]", "{\"nothing\":1}", "{\"name\":{\"$ne\":null}}", "\"\\u0000\""] {
                answers.push(server.to(route, &listing).json(body).send().await);
            }
            answers.push(server.to(route, &listing).header("Content-Type", "text/xml").body("<a/>").send().await);
        }
    }
    for path in
        ["/listings/%00", "/listings/'%20OR%201=1", "/gateway-requests/..%2f..%2fetc", "/me/wallets/abc", "/nothing"]
    {
        answers.push(server.agent.get(path).await);
    }
    let somebody_elses = server.market.listing_id();
    answers.push(server.agent.patch(&format!("/listings/{somebody_elses}"), &json!({ "name": "Mine" })).await);
    answers.push(server.agent.get(&format!("/listings/{somebody_elses}/endpoint")).await);
    for endpoint in
        ["http://127.0.0.1:1/x", "https://10.0.0.1/", "https://user:secret@a.example/", "ftp://a.example", "x"]
    {
        answers.push(
            server
                .agent
                .put(&format!("/listings/{listing}/endpoint"), &json!({ "private_endpoint_url": endpoint }))
                .await,
        );
    }
    let monthly = json!({ "name": "Monthly", "description": "A subscription.", "pricing_model": "monthly" });
    answers.push(server.agent.list(monthly).await);
    answers
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

/// Whether an answer is what its page says: action, links, wait, and the fields of `data`.
async fn is_as_documented(answer: &RawAnswer, market: &Market, actions: &[Value]) {
    let error = answer.error();
    let code = error["code"].as_str().unwrap();
    let page = RawRequest::outside(&market.gateway.api, "GET", &format!("/docs/errors/{code}")).send().await.data(200);
    assert_eq!(page["status"], answer.status, "{error}");
    assert!(actions.iter().any(|action| action["next_action"] == error["recovery"]["next_action"]), "{error}");
    let data = &answer.json()["data"];
    let shown = &page["example"]["body"]["data"];
    if !data.is_null() && !shown.is_null() {
        assert_eq!(keys(data), keys(shown), "{code}");
    }
    let waits = matches!(answer.status, 429 | 502 | 503 | 504);
    assert!(!waits || answer.header("retry-after").is_some(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_names_an_internal_and_each_is_as_its_page_says() {
    let server = Server::open().await;
    let market = &server.market;
    let index = RawRequest::outside(&market.gateway.api, "GET", "/docs/errors").send().await.data(200);
    let actions = index["next_actions"].as_array().unwrap().clone();
    let mut codes = BTreeSet::new();
    let mut answers = errors_of_routes(&server).await;
    answers.extend(errors_of_calls(market).await);
    let seller = market.seller.url().trim_start_matches("http://").to_owned();
    let host = seller.split('/').next().unwrap();
    for answer in answers.iter().filter(|answer| answer.status >= 400) {
        let code = answer.error()["code"].as_str().unwrap().to_owned();
        // Headers are named, crates are not.
        let mut without_headers = answer.clone();
        without_headers.body = answer.text().replace("X-Crochet-", "X-").into_bytes();
        shows_nothing_internal(&without_headers, &code);
        assert!(!answer.text().contains(host), "{code}: {}", answer.text());
        is_as_documented(answer, market, &actions).await;
        codes.insert(code);
    }
    let expected = [
        "BAD_REQUEST",
        "ENDPOINT_NOT_ALLOWED",
        "FORBIDDEN",
        "IDEMPOTENCY_KEY_REUSED",
        "METHOD_NOT_ALLOWED",
        "NOT_ACCEPTABLE",
        "NOT_FOUND",
        "ORIGIN_WALLET_INVALID",
        "PAYMENT_FAILED",
        "PAYMENT_MISMATCH",
        "PAYMENT_REQUIRED",
        "PAYMENT_ROUTE_MINIMUM_NOT_MET",
        "PAYMENT_ROUTE_UNAVAILABLE",
        "PRICING_MODEL_UNAVAILABLE",
        "RELAY_REQUEST_MISMATCH",
        "SELLER_ERROR",
        "SELLER_INVALID_RESPONSE",
        "SELLER_RESPONSE_TOO_LARGE",
        "SELLER_UNREACHABLE",
        "UNAUTHORIZED",
        "UNSUPPORTED_MEDIA_TYPE",
    ];
    for code in expected {
        assert!(codes.contains(code), "{code} was not answered: {codes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_that_an_error_links_to_has_a_page_in_every_form() {
    let market = Market::open().await;
    let api = &market.gateway.api;
    let all = RawRequest::outside(api, "GET", "/docs/errors").send().await.data(200);
    for entry in all["codes"].as_array().unwrap() {
        let code = entry["code"].as_str().unwrap();
        let page = RawRequest::outside(api, "GET", &format!("/docs/errors/{code}")).send().await.data(200);
        for field in ["code", "status", "meaning", "recovery"] {
            assert_eq!(page[field], entry[field], "{code}");
        }
        let example = &page["example"]["body"];
        assert_eq!((&example["error"]["code"], &example["success"]), (&entry["code"], &json!(false)));
        assert!(page["causes"].as_array().is_some_and(|causes| !causes.is_empty()), "{code}");
        assert!(page["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{code}");
        let lower = RawRequest::outside(api, "GET", &format!("/docs/errors/{}", code.to_lowercase())).send().await;
        assert_eq!(lower.data(200), page);
        for (accept, kind) in [("text/html", "text/html; charset=utf-8"), ("text/plain", "text/plain; charset=utf-8")] {
            let path = format!("/docs/errors/{code}");
            let answer = RawRequest::outside(api, "GET", &path).header("Accept", accept).send().await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{code}");
            assert!(answer.text().contains(code), "{code}");
        }
    }
}
