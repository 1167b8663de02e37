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
async fn a_field_that_nobody_knows_is_named_with_the_one_that_was_meant() {
    let world = World::new().await;
    let refused = async |body: &str| {
        let answer = world.post("/api/v1/listings").bearer(&world.seller.key).json(body).send().await;
        answer.refuses(400, "BAD_REQUEST")["error"].clone()
    };
    let error = refused("{\n \"name\":\"a\",\n \"pricing_ammount\":1}").await;
    let details = &error["details"];
    assert_eq!(
        (&details["unknown_field"], &details["did_you_mean"]),
        (&"pricing_ammount".into(), &"pricing_amount".into())
    );
    assert_eq!((&details["line"], details["column"].is_u64()), (&3.into(), true));
    assert!(error["message"].as_str().unwrap().contains("Did you mean `pricing_amount`?"), "{error}");
    let error = refused("{\"example_outputs\":[{\"label\":\"a\",\"vlaue\":1}]}").await;
    assert_eq!(
        (&error["details"]["path"], &error["details"]["unknown_field"]),
        (&"example_outputs[0].vlaue".into(), &"vlaue".into())
    );
    assert!(refused("{\"zzz\":1}").await["details"]["did_you_mean"].is_null());
    // A long name is neither compared nor repeated as a whole.
    let error = refused(&format!("{{\"{}\":1}}", "n".repeat(100_000))).await;
    assert!(error.to_string().len() < 2000, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_twice_is_refused_by_its_path_at_any_depth() {
    let world = World::new().await;
    for (body, path, at) in [
        ("{\"name\":\"a\",\n\"name\":\"b\"}", "name", (2, 1)),
        ("{\"name\":\"a\",\"n\\u0061me\":\"b\"}", "name", (1, 13)),
        ("{\"nobody\":1,\"nobody\":1}", "nobody", (1, 13)),
        ("{\"example_outputs\":[{},{\"label\":1,\"label\":2}]}", "example_outputs[1].label", (1, 35)),
        ("{\"docs\":{\"a\":[[{\"b\":{},\"b\":{}}]]}}", "docs.a[0][0].b", (1, 24)),
    ] {
        let answer = world.post("/api/v1/listings").bearer(&world.seller.key).json(body).send().await;
        let error = answer.refuses(400, "BAD_REQUEST")["error"].clone();
        assert_eq!(error["details"], serde_json::json!({ "path": path, "line": at.0, "column": at.1 }), "{error}");
        assert!(error["message"].as_str().unwrap().contains(&format!("duplicate field `{path}`")), "{error}");
    }
    // What is passed on is not read here: it is the seller's to judge, and gets there as it came.
    let twice = "{\"a\":1,\"a\":2}";
    world.post(FREE).bearer(&world.buyer.key).json(twice).send().await.data(200);
    assert_eq!(world.upstream.take_sent()[0].body, twice);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flaw_of_the_text_is_told_with_line_and_column() {
    let world = World::new().await;
    let deep = format!("{{\n\"a\":{}", "[".repeat(70));
    for (body, line, column) in [
        (b"\xef\xbb\xbf{}".as_slice(), 1, 1),
        (b"{\n\"a\":\"\xff\"}", 2, 6),
        (b"{\n\n \"a\":\"x\\u0000\"}", 3, 8),
        (deep.as_bytes(), 2, 68),
        (b"{\"nonce\":\n\"\\ud800\"}", 2, 8),
        (b"{\"a\":1}\n {}", 2, 2),
        (b"{\"a\":1e400x}", 1, 11),
        (b" \n ", 2, 1),
    ] {
        let answer = world.post("/api/v1/register").json(body).send().await;
        let error = answer.refuses(400, "BAD_REQUEST")["error"].clone();
        let place = (&error["details"]["line"], &error["details"]["column"]);
        assert_eq!(place, (&line.into(), &column.into()), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_body_is_taken_and_one_byte_more_is_not() {
    let world = World::with(|config| config.max_body_bytes = 4096).await;
    let body = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    for (length, status) in [(4096, 200), (4097, 413)] {
        let post = || world.post(FREE).bearer(&world.buyer.key);
        assert_eq!(post().json(body(length)).send().await.status, status, "{length}");
        let chunked = format!(
            "POST {FREE} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: \
             application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
            world.buyer.key,
            length,
            body(length)
        );
        assert_eq!(crate::client::exchange(world.address, chunked.as_bytes()).await.status, status, "{length}");
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
    let hinted = post().header("Content-Type", "application/merge-patch+json").send().await;
    let error = hinted.refuses(415, "UNSUPPORTED_MEDIA_TYPE")["error"].clone();
    assert_eq!(
        (&error["details"]["accepted"][0], hinted.header("accept")),
        (&"application/json".into(), Some("application/json"))
    );
    let twice = post().header("Content-Type", "application/json").header("Content-Type", "application/json");
    twice.send().await.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
    let packed = post().header("Content-Type", "application/json").header("Content-Encoding", "gzip").send().await;
    assert_eq!(packed.header("accept-encoding"), Some("identity"));
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
