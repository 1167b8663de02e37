//! Which answers are compressed, and that they say the same as others.

use actix_web::dev::Decompress;
use actix_web::http::header::ContentEncoding;
use bytes::Bytes;
use futures::{StreamExt, stream};

use crate::client::Answer;
use crate::world::{FREE, PAID, World};

/// Long enough to be compressed.
const LONG: &str = "/docs/errors";
const CODINGS: [(&str, ContentEncoding); 3] =
    [("gzip", ContentEncoding::Gzip), ("br", ContentEncoding::Brotli), ("zstd", ContentEncoding::Zstd)];

async fn unpacked(body: Vec<u8>, coding: ContentEncoding) -> Vec<u8> {
    let sent = stream::iter([Ok(Bytes::from(body))]);
    let parts: Vec<_> = Decompress::new(sent, coding).collect().await;
    parts.into_iter().flat_map(|part| part.unwrap().to_vec()).collect()
}

fn varies(answer: &Answer) -> bool {
    answer.header("vary").is_some_and(|vary| vary.split(", ").any(|name| name == "accept-encoding"))
}

fn is_plain(answer: &Answer) {
    assert_eq!(answer.header("content-encoding"), None, "{:?}", answer.lasting_headers());
    answer.json();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_is_compressed_as_the_client_prefers() {
    let world = World::new().await;
    let plain = world.get(LONG).send().await;
    is_plain(&plain);
    assert!(varies(&plain), "also where it is not compressed");
    for (name, coding) in CODINGS {
        let answer = world.get(LONG).header("Accept-Encoding", name).send().await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, Some(name)));
        assert!(varies(&answer));
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
        assert!(answer.body.len() < plain.body.len() / 2, "{name}: {} of {}", answer.body.len(), plain.body.len());
        assert_eq!(unpacked(answer.body, coding).await, plain.body, "{name}");
    }
    for (accept, coding) in [
        ("gzip;q=0.2, zstd;q=0.9, br;q=0", Some("zstd")),
        ("gzip, deflate, br, zstd", Some("br")),
        ("identity, gzip;q=0.9", None),
        ("deflate", None),
        ("", None),
        ("*", None),
        ("x", None),
        ("gzip;q=0", None),
    ] {
        let answer = world.get(LONG).header("Accept-Encoding", accept).send().await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, coding), "{accept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_the_headers_of_the_compressed_get() {
    let world = World::new().await;
    for coding in ["gzip", "br", "zstd", "identity"] {
        let ask = |method: &str| world.request(method, LONG).header("Accept-Encoding", coding).send();
        let (get, head) = (ask("GET").await, ask("HEAD").await);
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.lasting_headers(), get.lasting_headers(), "{coding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_answer_is_compressed_for_those_alone_that_take_no_plain_one() {
    let world = World::new().await;
    let ask = |accept: &str| world.get("/api/v1/health").header("Accept-Encoding", accept).send();
    is_plain(&ask("gzip, br, zstd").await);
    for accept in ["gzip, identity;q=0", "*;q=0, gzip", "identity;q=0, *, br;q=0, zstd;q=0"] {
        let answer = ask(accept).await;
        assert_eq!(answer.header("content-encoding"), Some("gzip"), "{accept}");
        let plain = unpacked(answer.body, ContentEncoding::Gzip).await;
        assert!(String::from_utf8(plain).unwrap().contains("\"ok\""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_no_coding_at_all_gets_the_plain_answer_all_the_same() {
    let world = World::new().await;
    for accept in ["identity;q=0", "*;q=0", "identity;q=0, *;q=0", "identity;q=0, compress"] {
        for target in [LONG, "/api/v1/health"] {
            let answer = world.get(target).header("Accept-Encoding", accept).send().await;
            assert_eq!(answer.status, 200, "{accept}");
            is_plain(&answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_hold_a_secret_is_never_compressed() {
    let world = World::new().await;
    for accept in ["gzip, br, zstd", "gzip, identity;q=0"] {
        let body = "{\"name\":\"packed\",\"scopes\":[\"read\"]}";
        let request = world.post("/api/v1/api-keys").bearer(&world.buyer.key).json(body);
        let answer = request.header("Accept-Encoding", accept).send().await;
        assert!(answer.data(201)["api_key"].as_str().unwrap().starts_with("am_k_"));
        is_plain(&answer);
        let long = format!("{{\"{}\":1}}", "x".repeat(5000));
        let request = world.post("/api/v1/register").json(long).header("Accept-Encoding", accept);
        is_plain(&request.send().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_seller_answered_is_the_same_byte_for_byte_after_unpacking() {
    let world = World::new().await;
    let response: &'static str = Box::leak(
        format!("{{ \"b\" : 1.50,\"a\":1E2, \"\\u00e4\":\"{}\",\"a\":[ ] }}", "a long text ".repeat(400)).into(),
    );
    for (name, coding) in CODINGS {
        world.upstream.will_answer_with(200, response);
        let call = world.post(FREE).bearer(&world.buyer.key).json("{}").header("Accept-Encoding", name);
        let answer = call.send().await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, Some(name)));
        assert!(answer.body.len() < response.len() / 2);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let whole = String::from_utf8(unpacked(answer.body, coding).await).unwrap();
        assert!(whole.contains(&format!("\"seller_response\":{response}}}")), "{whole}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_compressed_like_other_answers() {
    let world = World::new().await;
    let plain = world.call().send().await;
    plain.refuses(402, "PAYMENT_REQUIRED");
    let packed = world.post(PAID).bearer(&world.buyer.key).json("{}").header("Accept-Encoding", "gzip").send().await;
    assert_eq!((packed.status, packed.header("content-encoding")), (402, Some("gzip")));
    assert_eq!(packed.header("content-type"), Some("application/json"));
    let whole = unpacked(packed.body, ContentEncoding::Gzip).await;
    assert!(String::from_utf8(whole).unwrap().contains("\"PAYMENT_REQUIRED\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_gets_plain_answers_that_end_with_the_connection_or_their_length() {
    let world = World::new().await;
    let get = format!("GET {LONG} HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
    let answer = crate::client::exchange(world.address, get.as_bytes()).await;
    assert_eq!((answer.status, answer.header("transfer-encoding")), (200, None));
    is_plain(&answer);
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
}
