//! Wrong input on every route: each answer is the envelope, says what to do, shows nothing internal, and is no fault.

use futures::future::join_all;
use serde_json::Value;

use crate::support::routes::{Body, ROUTES, Server, is_no_fault, shows_nothing_internal};
use crate::support::{Account, RawAnswer, RawRequest};

fn is_refused(answer: &RawAnswer, status: u16, code: &str, what: &str) -> Value {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    shows_nothing_internal(answer, what);
    answer.refuses(status, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_is_refused_with_its_place_on_every_route() {
    let server = Server::open().await;
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65)).into_bytes();
    let deeper = "{\"a\":".repeat(100_000).into_bytes();
    let bad: [(&str, &[u8]); 14] = [
        ("cut off", b"{\"a\":"),
        ("single quotes", b"{'a':1}"),
        ("a comma too many", b"{\"a\":1,}"),
        ("two values", b"{} {}"),
        ("text behind", b"{}x"),
        ("a number that is none", b"{\"a\":01}"),
        ("NaN", b"{\"a\":NaN}"),
        ("invalid UTF-8", b"{\"a\":\"\xff\xfe\"}"),
        ("an overlong NUL", b"{\"a\":\"\xc0\x80\"}"),
        ("a NUL", b"{\"a\":\"\0\"}"),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("half a surrogate", b"{\"a\":\"\\ud800\"}"),
        ("deep", &deep),
        ("deeper", &deeper),
    ];
    let own = server.own_listing().await;
    for route in ROUTES.iter().filter(|route| route.body != Body::None) {
        for (name, body) in bad {
            let what = format!("{} {} {name}", route.method, route.path);
            if name == "half a surrogate" && route.body == Body::Raw {
                // The grammar allows it, and it is for the seller to make sense of.
                continue;
            }
            let answer = server.to(route, &own).json(body).send().await;
            let error = is_refused(&answer, 400, "BAD_REQUEST", &what);
            let (message, details) = (error["message"].as_str().unwrap(), &error["details"]);
            assert!(
                details["line"].is_u64() || details["path"].is_string() || message.contains("at byte"),
                "{what}: {error}"
            );
        }
        if !matches!(route.body, Body::Optional(_)) {
            is_refused(&server.to(route, &own).json("").send().await, 400, "BAD_REQUEST", route.path);
        }
        if route.body != Body::Raw {
            for body in ["[]", "\"text\"", "7", "true", "null", "{\"\\u0000\":1}"] {
                let what = format!("{} {} {body}", route.method, route.path);
                is_refused(&server.to(route, &own).json(body).send().await, 400, "BAD_REQUEST", &what);
            }
        }
    }
    assert_eq!(server.market.seller.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_or_not_plain_json_is_refused_on_every_route() {
    let server = Server::open().await;
    let own = server.own_listing().await;
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(1024 * 1024));
    for route in ROUTES.iter().filter(|route| route.body != Body::None) {
        let to = || server.to(route, &own);
        let error = is_refused(&to().json(long.clone()).send().await, 413, "PAYLOAD_TOO_LARGE", route.path);
        assert!(error["details"]["limit_bytes"].is_u64(), "{error}");
        for kind in ["text/plain", "application/xml", "application/json; charset=utf-16", "application/json5", ""] {
            let request = to().header("Content-Type", kind).body("{}");
            is_refused(&request.send().await, 415, "UNSUPPORTED_MEDIA_TYPE", route.path);
        }
        is_refused(&to().body("{}").send().await, 415, "UNSUPPORTED_MEDIA_TYPE", route.path);
        for encoding in ["gzip", "br", "identity"] {
            let request = to().json("{}").header("Content-Encoding", encoding);
            is_refused(&request.send().await, 415, "UNSUPPORTED_MEDIA_TYPE", route.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_of_any_field_is_a_fault() {
    let server = Server::open().await;
    let own = server.own_listing().await;
    let long = format!("\"{}\"", "x".repeat(100_000));
    let many = format!("[{}1]", "1,".repeat(50_000));
    let digits = "9".repeat(5_000);
    let values = [
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "1e400",
        "-0",
        "18446744073709551616",
        &digits,
        "\"\"",
        "\" \"",
        "\"x\"",
        "\"\\u0000\"",
        "\"\\u202e\\ufeff\"",
        "\"0x0000000000000000000000000000000000000000\"",
        "\"11111111111111111111111111111111\"",
        "\"'; DROP TABLE profiles; --\"",
        "\"0190a0b0-0000-7000-8000-000000000000\"",
        "\"9999-99-99T99:99:99Z\"",
        "[]",
        "[null]",
        "[[[]]]",
        "[\"\"]",
        "{}",
        "{\"a\":{\"b\":[]}}",
        "{\"name\":\"a\",\"name\":\"b\"}",
        &long,
        &many,
    ];
    for route in ROUTES {
        let (Body::Typed(fields) | Body::Optional(fields)) = route.body else { continue };
        for field in fields.iter().chain(&["nobody_knows_this"]) {
            let send = |value: &&str| server.to(route, &own).json(format!("{{\"{field}\":{value}}}")).send();
            for (value, answer) in values.iter().zip(join_all(values.iter().map(send)).await) {
                let what = format!("{} {} {field}={}", route.method, route.path, &value[..value.len().min(60)]);
                is_no_fault(&answer, &what);
                if *field == "nobody_knows_this" {
                    is_refused(&answer, 400, "BAD_REQUEST", &what);
                }
            }
            let twice = format!("{{\"{field}\":null,\"{field}\":null}}");
            let what = format!("{} {} {field} twice", route.method, route.path);
            is_refused(&server.to(route, &own).json(twice).send().await, 400, "BAD_REQUEST", &what);
        }
    }
    // What is passed on is bounded too, and otherwise the seller's affair.
    for value in values {
        let route = ROUTES.iter().find(|route| route.body == Body::Raw).unwrap();
        is_no_fault(&server.to(route, &own).json(value).send().await, value);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_asked_for_where_it_is_needed_and_a_wrong_one_refused_everywhere() {
    let server = Server::open().await;
    let api = &server.market.gateway.api;
    let unknown = format!("am_k_{}", "z".repeat(43));
    for route in ROUTES.iter().filter(|route| route.path != "/health" && route.path != "/ready") {
        let path = server.path(route, server.market.listing_id());
        let request = || RawRequest::new(api, route.method, &path).json("{}");
        if route.needs_key {
            let answer = request().send().await;
            let error = is_refused(&answer, 401, "UNAUTHORIZED", route.path);
            assert_eq!(error["recovery"]["next_action"], "authenticate");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"crochet\""));
        }
        for header in ["Bearer nonsense", "Basic YTpi", &format!("Bearer {unknown}")] {
            let answer = request().header("Authorization", header).send().await;
            is_refused(&answer, 401, "UNAUTHORIZED", route.path);
            assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"));
            assert!(!answer.text().contains(&unknown), "the key is not repeated");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_others_and_ids_that_are_none_lead_nowhere() {
    let server = Server::open().await;
    let stranger = Account::register(&server.market.gateway.api, "stranger").await;
    let own = server.own_listing().await;
    let long = "a".repeat(5_000);
    let ids = [
        "x",
        "%00",
        "%ff",
        "..%2f..%2fetc",
        "'%20OR%201=1",
        "0190a0b0-0000-7000-8000-000000000000",
        "%F0%9F%A7%B6",
        &long,
    ];
    for route in ROUTES.iter().filter(|route| route.path.contains('{')) {
        for id in ids {
            let (start, rest) = route.path.split_once('{').unwrap();
            let path = format!("{start}{id}{}", rest.split_once('}').unwrap().1);
            let what = format!("{} {path}", route.method);
            let request = RawRequest::new(&server.market.gateway.api, route.method, &path).bearer(&stranger.key);
            let answer = request.json("{}").send().await;
            // Some bodies are looked at before the id.
            assert!([400, 404].contains(&answer.status), "{what}: {}", answer.text());
            is_no_fault(&answer, &what);
        }
        if route.needs_key && route.body != Body::Raw {
            let path = server.path(route, &own);
            let request = RawRequest::new(&server.market.gateway.api, route.method, &path).bearer(&stranger.key);
            let answer = request.json("{}").send().await;
            assert!([400, 403, 404].contains(&answer.status), "{path}: {}", answer.text());
            is_no_fault(&answer, &path);
        }
    }
    // Nor does a call of another buyer.
    let path = format!("/gateway/{}", server.market.listing_id());
    let request = stranger.request("POST", &path).json("{\"task\":\"wrong input\"}");
    request.header("X-Crochet-Relay-Request-Id", &server.call).send().await.refuses(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_of_history_and_ledger_is_one_that_there_is() {
    let server = Server::open().await;
    for (path, good) in [("/gateway-requests", "role=buyer&status=quoted"), ("/ledger", "type=gateway_payment")] {
        let ask = |query: &str| server.agent.request("GET", &format!("{path}?{query}")).send();
        for query in [good, "limit=100", "page=100&limit=100", "limit=1&page=2"] {
            ask(query).await.data(200);
        }
        ask("page=101&limit=100").await.refuses(400, "USE_CURSOR");
        for query in [
            "page=0",
            "page=x",
            "page=%2B1",
            "limit=0",
            "limit=101",
            "limit=1e2",
            "cursor=x",
            "cursor=%00",
            "cursor=0190a0b0000070008000000000000001&page=2",
            "role=king",
            "status=gone",
            "type=gift",
            "listing_id=x%27",
            "order=asc",
            "page=1&page=1",
            "%ff=1",
        ] {
            let error = is_refused(&ask(query).await, 400, "BAD_REQUEST", &format!("{path}?{query}"));
            assert!(error["details"]["parameter"].is_string(), "{query}: {error}");
        }
    }
}
