//! Requests that no honest client sends. Each has an answer in the envelope; none is a 500.

use crate::world::{BODY, FREE, PAID, World};

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json_are_refused_with_their_place() {
    let world = World::new().await;
    let bad: [&[u8]; 14] = [
        b"",
        b" ",
        b"{",
        b"}",
        b"{\"a\":}",
        b"{'a':1}",
        b"{\"a\":1,}",
        b"{} {}",
        b"nul",
        b"01",
        b"\"\xff\"",
        b"\"a\0b\"",
        b"\xef\xbb\xbf{}",
        b"NaN",
    ];
    for body in bad {
        for target in [PAID, FREE] {
            let answer = world.post(target).bearer(&world.buyer.key).json(body).send().await;
            answer.refuses(400, "BAD_REQUEST");
        }
        world.post("/api/v1/register").json(body).send().await.refuses(400, "BAD_REQUEST");
    }
    let json = world.post("/api/v1/register").json("{\n  \"nonce\" 1}").send().await.refuses(400, "BAD_REQUEST");
    assert_eq!((&json["error"]["details"]["line"], &json["error"]["details"]["column"]), (&2.into(), &11.into()));
    assert_eq!(world.upstream.sent(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_do_not_fit_are_refused_by_their_path() {
    let world = World::new().await;
    let listing = |body: &str| world.post("/api/v1/listings").bearer(&world.seller.key).json(body);
    for (body, path) in [
        ("{\"name\":1}", "name"),
        ("{\"tags\":[\"a\",2]}", "tags[1]"),
        ("{\"example_outputs\":[{\"label\":\"a\"}]}", "example_outputs[0]"),
        ("{\"category_id\":\"x\"}", "category_id"),
        ("{\"status\":\"gone\"}", "status"),
        ("{\"name\":{}}", "name"),
        ("[]", "."),
    ] {
        let json = listing(body).send().await.refuses(400, "BAD_REQUEST");
        assert_eq!(json["error"]["details"]["path"], path, "{json}");
    }
    for (body, word) in [
        ("{\"nome\":\"x\"}", "nome"),
        ("{\"name\":\"a\",\"name\":\"b\"}", "duplicate field"),
        ("{\"name\":\"a\\u0000b\"}", "U+0000"),
    ] {
        let json = listing(body).send().await.refuses(400, "BAD_REQUEST");
        assert!(json["error"]["message"].as_str().unwrap().contains(word), "{json}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_and_numbers_have_bounds() {
    let world = World::new().await;
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    for depth in [65, 1_000, 400_000] {
        let answer = world.post(FREE).bearer(&world.buyer.key).json(deep(depth)).send().await;
        answer.refuses(400, "BAD_REQUEST");
        world.post("/api/v1/register").json(deep(depth)).send().await.refuses(400, "BAD_REQUEST");
    }
    world.post(FREE).bearer(&world.buyer.key).json(deep(64)).send().await.data(200);
    // The gateway relays numbers that it could not hold itself; where they have a meaning they have bounds.
    let huge = format!("{{\"n\":1{}}}", "0".repeat(10_000));
    world.post(FREE).bearer(&world.buyer.key).json(huge).send().await.data(200);
    for number in ["1e999", "1e-9", "-1", "99999999999999999999999999", "\"5\"", "0.0000001", "true"] {
        let body = format!("{{\"name\":\"abc\",\"description\":\"0123456789\",\"pricing_amount\":{number}}}");
        world.post("/api/v1/listings").bearer(&world.seller.key).json(body).send().await.refuses(400, "BAD_REQUEST");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_a_longest_size_announced_or_not() {
    let world = World::with(|config| config.max_body_bytes = 1000).await;
    let long = format!("\"{}\"", "x".repeat(2000));
    let json = world.post(FREE).bearer(&world.buyer.key).json(long.clone()).send().await;
    assert_eq!(json.refuses(413, "PAYLOAD_TOO_LARGE")["error"]["details"]["limit_bytes"], 1000);
    let head = format!(
        "POST {FREE} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: \
         application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        world.buyer.key
    );
    let chunked = format!("{head}{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    crate::client::exchange(world.address, chunked.as_bytes()).await.refuses(413, "PAYLOAD_TOO_LARGE");
    let flood = format!("\"{}\"", "x".repeat(8 * 1024 * 1024));
    world.post(FREE).bearer(&world.buyer.key).json(flood).send().await.refuses(413, "PAYLOAD_TOO_LARGE");
    let absurd = format!(
        "POST {FREE} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: \
         application/json\r\nContent-Length: 18446744073709551615\r\n\r\n",
        world.buyer.key
    );
    let answer = crate::client::exchange(world.address, absurd.as_bytes()).await;
    assert!([400, 413].contains(&answer.status), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_given_up() {
    let world = World::with(|config| config.body_timeout = std::time::Duration::from_millis(50)).await;
    let head = format!(
        "POST {FREE} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: \
         application/json\r\nContent-Length: 10\r\n\r\n{{",
        world.buyer.key
    );
    crate::client::exchange(world.address, head.as_bytes()).await.refuses(408, "REQUEST_TIMEOUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_plain_json_is_taken() {
    let world = World::new().await;
    let post = || world.post(FREE).bearer(&world.buyer.key).raw(BODY);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "json", ""] {
        post().header("Content-Type", kind).send().await.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    post().send().await.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
    for encoding in ["gzip", "identity", "br, gzip"] {
        let call = post().header("Content-Type", "application/json").header("Content-Encoding", encoding);
        call.send().await.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    for kind in ["application/json", "APPLICATION/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
        post().header("Content-Type", kind).send().await.data(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_broken_are_refused_by_name() {
    let world = World::new().await;
    let long = "x".repeat(256);
    for (name, value) in [
        ("X-Crochet-Relay-Request-Id", "relay_1"),
        ("X-Crochet-Relay-Request-Id", "gw_req_0190a0b0-0000-7000-8000-000000000000"),
        ("Idempotency-Key", ""),
        ("Idempotency-Key", long.as_str()),
        ("Idempotency-Key", "ä"),
        ("X-Crochet-Origin-Wallet-Id", "1; DROP TABLE wallets"),
        ("X-Crochet-Origin-Chain-Id", "-1"),
        ("X-Crochet-Origin-Chain-Id", "99999999999999999999"),
        ("X-Crochet-Origin-Chain-Id", ""),
    ] {
        let json = world.call().header(name, value).send().await.refuses(400, "BAD_REQUEST");
        assert_eq!(json["error"]["details"]["header"], name, "{value}");
    }
    let twice = world.call().header("Idempotency-Key", "a").header("Idempotency-Key", "b");
    twice.send().await.refuses(400, "BAD_REQUEST");
    world.call().header("X-Crochet-Signature", "0").send().await.refuses(400, "BAD_REQUEST");
    let query = world.post(&format!("{PAID}?x=1")).bearer(&world.buyer.key).json(BODY).send().await;
    query.refuses(400, "BAD_REQUEST");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_none_are_not_found() {
    let world = World::new().await;
    for id in
        ["x", "%00", "..%2f..", "%27%20OR%201=1", "0190a0b0-0000-7000-8000-000000000000", "%ff", &"a".repeat(5000)]
    {
        for path in ["gateway-requests", "listings", "me/wallets"] {
            let answer = world.get(&format!("/api/v1/{path}/{id}")).bearer(&world.buyer.key).send().await;
            answer.refuses(404, "NOT_FOUND");
        }
        let answer = world.post(&format!("/api/v1/gateway/{id}")).bearer(&world.buyer.key).json("{}").send().await;
        answer.refuses(404, "NOT_FOUND");
        let answer = world.request("DELETE", &format!("/api/v1/api-keys/{id}")).bearer(&world.buyer.key).send().await;
        answer.refuses(404, "NOT_FOUND");
    }
}
