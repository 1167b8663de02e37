//! How bodies are framed: what is not framed as HTTP wants it is refused, and its connection is not used again.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Answer, exchange};
use crate::world::{FREE, World};

/// A second request, behind the one that is looked at. Who reads the first one's body otherwise than its sender meant
/// would answer it.
const SMUGGLED: &str = "GET /api/v1/smuggled HTTP/1.1\r\nHost: t\r\n\r\n";

/// The head of a call, kept alive, with these lines in it.
fn head(world: &World, lines: &str) -> String {
    let key = &world.buyer.key;
    format!(
        "POST {FREE} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n{lines}\r\n"
    )
}

async fn send(world: &World, text: &str) -> Answer {
    exchange(world.address, text.as_bytes()).await
}

fn is_alone(answer: &Answer, what: &str) {
    assert!(!answer.text().contains("NOT_FOUND"), "{what}: the second request was answered: {}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_framing_is_refused_and_nothing_behind_it_is_read() {
    let world = World::new().await;
    for lines in [
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 70\r\n",
        "Content-Length: 2, 2\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: -2\r\n",
        "Content-Length: 0x2\r\n",
        "Content-Length: 2 2\r\n",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\x0b: chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "Host: u\r\nContent-Length: 2\r\n",
    ] {
        let answer = send(&world, &format!("{}{{}}{SMUGGLED}", head(&world, lines))).await;
        assert_eq!(answer.status, 400, "{lines:?}");
        is_alone(&answer, lines);
    }
    assert_eq!(world.upstream.sent(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_chunks_are_refused_in_the_envelope_and_the_connection_is_closed() {
    let world = World::new().await;
    for chunks in [
        "x\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}X\r\n0\r\n\r\n",
        "2\n{}\n0\n\n",
        "fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    ] {
        let text = format!("{}{chunks}{SMUGGLED}", head(&world, "Transfer-Encoding: chunked\r\n"));
        let answer = send(&world, &text).await;
        answer.refuses(400, "BAD_REQUEST");
        is_alone(&answer, chunks);
    }
    assert_eq!(world.upstream.sent(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn well_framed_bodies_are_read_to_their_end_and_no_further() {
    let world = World::new().await;
    let last = "GET /api/v1/nothing HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    for (lines, body) in [
        ("Content-Length: 2\r\n", "{}"),
        ("Transfer-Encoding: chunked\r\n", "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: CHUNKED\r\n", "002;ext=1\r\n{}\r\n0\r\n\r\n"),
        ("Expect: 100-continue\r\nContent-Length: 2\r\n", "{}"),
    ] {
        let answer = send(&world, &format!("{}{body}{last}", head(&world, lines))).await;
        let all = format!("{} {}", answer.status, answer.text());
        assert!(all.contains("\"delivered\"") && all.contains("NOT_FOUND"), "{lines:?}: {all}");
    }
    assert_eq!(world.upstream.take_sent().iter().map(|sent| sent.body.len()).collect::<Vec<_>>(), [2, 2, 2, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_for_a_continue_gets_one() {
    let world = World::new().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let lines = "Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n";
    stream.write_all(head(&world, lines).as_bytes()).await.unwrap();
    let expected = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut first = vec![0; expected.len()];
    tokio::time::timeout(Duration::from_secs(20), stream.read_exact(&mut first)).await.unwrap().unwrap();
    assert_eq!(first, expected);
    stream.write_all(b"{}").await.unwrap();
    let mut rest = String::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.starts_with("HTTP/1.1 200") && rest.contains("\"delivered\""), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_early_is_refused_in_the_envelope() {
    let world = World::new().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(format!("{}{{", head(&world, "Content-Length: 9\r\n")).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    // Nobody may be left to read an answer; where there is one, it is a refusal.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(world.upstream.sent(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_without_reading_the_body_closes_the_connection() {
    let world = World::new().await;
    let body = "x".repeat(100_000);
    let text = format!(
        "POST /api/v1/me HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = send(&world, &text).await;
    assert_eq!(answer.header("connection"), Some("close"));
    answer.refuses(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_with_a_body_is_answered_and_its_body_is_not_taken_for_a_request() {
    let world = World::new().await;
    let get = format!("GET /api/v1/health HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n\r\n{SMUGGLED}", SMUGGLED.len());
    let answer = send(&world, &format!("{get}GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")).await;
    assert_eq!(answer.status, 200);
    is_alone(&answer, "a body of a GET");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_1_is_refused_and_closed() {
    let world = World::new().await;
    for bytes in [
        b"GET /api/v1/health HTTP/1.1\r\n\r\n".as_slice(),
        b"GET /api/v1/health HTTP/2.0\r\nHost: t\r\n\r\n",
        b"GET /api/v1/health HTTP/3\r\nHost: t\r\n\r\n",
        b"GET /api/v1/health\r\n\r\n",
        b"GET  /api/v1/health HTTP/1.1\r\nHost: t\r\n\r\n",
        b"G(T / HTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\nHost: t\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: t\r\nX\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: t\r\n: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        // HTTP/2 without TLS is not spoken; a proxy that does speaks HTTP/1.1 to this side.
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    ] {
        let answer = exchange(world.address, bytes).await;
        let what = String::from_utf8_lossy(bytes);
        assert_eq!((answer.status, answer.body.len()), (400, 0), "{what:?}: {}", answer.text());
    }
    let long = format!("GET / HTTP/1.1\r\nHost: t\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    assert_eq!(exchange(world.address, long.as_bytes()).await.status, 431);
    let many = format!("GET / HTTP/1.1\r\nHost: t\r\n{}\r\n", "X: x\r\n".repeat(200));
    assert_eq!(exchange(world.address, many.as_bytes()).await.status, 431);
    world.get("/api/v1/health").send().await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_is_answered_and_ends_with_the_answer() {
    let world = World::new().await;
    let answer = exchange(world.address, b"GET /api/v1/health HTTP/1.0\r\n\r\n").await;
    answer.data(200);
    let key = &world.buyer.key;
    let call = format!(
        "POST {FREE} HTTP/1.0\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: \
         2\r\n\r\n{{}}"
    );
    exchange(world.address, call.as_bytes()).await.data(200);
}
