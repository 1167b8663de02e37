//! Answers that end, and are not what they should be: not HTTP, redirects, bombs, and bodies that are hardly JSON.

use std::io::Write;

use crochet_relay::Cause;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::answers::Came::{Broken, Whole};
use super::answers::{DELIVERED, FAILED, INVALID, Row, answers, body, closes, with};

/// What is not HTTP, or not the kind that was asked for.
pub(super) fn foreign() -> Vec<Row> {
    let broken = |name, does| Row(name, does, Broken(Cause::Protocol), INVALID);
    vec![
        broken("SSH", answers("SSH-2.0-OpenSSH_9.2\r\n\r\n")),
        broken("SMTP", answers("220 mail.example ESMTP\r\n\r\n")),
        broken("HTTP/0.9", closes("{\"ok\":true}\n\n")),
        broken("a status in words", answers("HTTP/1.1 abc OK\r\n\r\n")),
        broken("HTTP/3 in the clear", answers("HTTP/3 200 OK\r\n\r\n")),
        broken("a line that is no header", answers("HTTP/1.1 200 OK\r\nbad header\r\n\r\n")),
        broken("a header over two lines", answers("HTTP/1.1 200 OK\r\nx: y\r\n z\r\ncontent-length: 2\r\n\r\n{}")),
        broken("U+0000 in a header", answers("HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 2\r\n\r\n{}")),
        broken("a space before the colon", answers("HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\n{}")),
        Row(
            "a switch of protocols",
            answers("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
            Whole(101),
            FAILED,
        ),
    ]
}

/// Redirects are answers, and lead nowhere: the one address is all that is connected to.
pub(super) fn redirects() -> Vec<Row> {
    let to = |status: u16, target: &str| {
        answers(format!("HTTP/1.1 {status} Moved\r\nlocation: {target}\r\ncontent-length: 2\r\n\r\n{{}}"))
    };
    let mut rows: Vec<_> = [301, 302, 303, 307, 308]
        .into_iter()
        .flat_map(|status| {
            [
                "https://10.0.0.1/",
                "http://169.254.169.254/latest/meta-data/",
                "https://1.1.1.1/",
                "/elsewhere",
                "file:///etc/passwd",
            ]
            .map(|target| Row("a redirect", to(status, target), Whole(status), FAILED))
        })
        .collect();
    rows.push(Row("many choices", to(300, "https://10.0.0.1/"), Whole(300), FAILED));
    rows.push(Row("use a proxy", to(305, "https://10.0.0.1/"), Whole(305), FAILED));
    rows.push(Row("a location of what was made", to(201, "https://10.0.0.1/"), Whole(201), DELIVERED));
    rows.push(Row("a refresh", with("refresh: 0;url=https://10.0.0.1/\r\n", "{}"), Whole(200), DELIVERED));
    rows.push(Row("another service", with("alt-svc: h2=\"10.0.0.1:443\"\r\n", "{}"), Whole(200), DELIVERED));
    rows
}

/// 16 MiB of spaces in 16 KiB.
fn bomb<W: Write>(mut encoder: W, finish: impl FnOnce(W) -> std::io::Result<Vec<u8>>) -> Vec<u8> {
    encoder.write_all(&vec![b' '; 16 << 20]).unwrap();
    finish(encoder).unwrap()
}

/// What is compressed is not unpacked, said or unsaid.
pub(super) fn bombs() -> Vec<Row> {
    let gzip = bomb(GzEncoder::new(Vec::new(), Compression::best()), GzEncoder::finish);
    let zlib = bomb(ZlibEncoder::new(Vec::new(), Compression::best()), ZlibEncoder::finish);
    let deflate = bomb(DeflateEncoder::new(Vec::new(), Compression::best()), DeflateEncoder::finish);
    assert!(gzip.len() < 32 * 1024);
    let mut twice = GzEncoder::new(Vec::new(), Compression::best());
    twice.write_all(&gzip).unwrap();
    let twice = twice.finish().unwrap();
    let says = |coding: &str, body: &[u8]| with(&format!("content-encoding: {coding}\r\n"), body);
    let broken = |name, does| Row(name, does, Broken(Cause::Protocol), INVALID);
    vec![
        broken("a gzip bomb", says("gzip", &gzip)),
        broken("a gzip bomb in capitals", says("GZIP", &gzip)),
        broken("a gzip bomb by its old name", says("x-gzip", &gzip)),
        broken("a zlib bomb", says("deflate", &zlib)),
        broken("a deflate bomb", says("deflate", &deflate)),
        broken("a bomb in a bomb", says("gzip, gzip", &twice)),
        broken("a bomb behind identity", says("identity, gzip", &gzip)),
        broken("what says br", says("br", b"{}")),
        broken("what says zstd", says("zstd", b"{}")),
        broken("what says something unknown", says("aes128gcm", b"{}")),
        broken("two headers", with("content-encoding: identity\r\ncontent-encoding: gzip\r\n", &gzip)),
        Row("a bomb that does not say so", body(&gzip), Whole(200), INVALID),
        Row("what says identity", says("identity", b"{}"), Whole(200), DELIVERED),
    ]
}

/// Bodies that are no JSON, and JSON that is none that anybody wants. It is relayed as it came: not one value of it is
/// built.
pub(super) fn bodies() -> Vec<Row> {
    let invalid = |name, does| Row(name, does, Whole(200), INVALID);
    let delivered = |name, does| Row(name, does, Whole(200), DELIVERED);
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    vec![
        invalid("an empty body", body("")),
        invalid("HTML", body("<html></html>")),
        invalid("two values", body("{}{}")),
        invalid("a byte order mark", body("\u{feff}{}")),
        invalid("bytes that are no UTF-8", body(b"\"\xff\"")),
        invalid("half of a character", body(b"\"\xe2\x82\"")),
        invalid("a surrogate in UTF-8", body(b"\"\xed\xa0\x80\"")),
        invalid("UTF-16", body(b"{\0}\0")),
        invalid("U+0000 as it is", body(b"\"a\0b\"")),
        invalid("a line end in a string", body("\"a\nb\"")),
        invalid("brackets that are not closed", body("[".repeat(60_000))),
        invalid("NaN", body("NaN")),
        delivered("30,000 arrays in one another", body(deep(30_000))),
        delivered("U+0000 escaped", body("\"a\\u0000b\"")),
        delivered("a key twice", body("{\"a\":1,\"a\":2}")),
        delivered("keys that look like ours", body("{\"success\":false,\"__proto__\":{},\"error\":{}}")),
        delivered("a number that no machine holds", body(format!("1{}", "0".repeat(50_000)))),
        delivered("a number beyond all bounds", body("1e999999999")),
        delivered("60,000 keys of nothing", body(format!("{{{}}}", vec!["\"\":0"; 12_000].join(",")))),
        Row("no content", answers("HTTP/1.1 204 No Content\r\n\r\n"), Whole(204), INVALID),
        Row("not modified", answers("HTTP/1.1 304 Not Modified\r\n\r\n"), Whole(304), FAILED),
        Row("a status beyond HTTP", answers("HTTP/1.1 999 Oh\r\ncontent-length: 2\r\n\r\n{}"), Whole(999), FAILED),
        Row(
            "asks for money itself",
            answers("HTTP/1.1 402 Payment Required\r\ncontent-length: 2\r\n\r\n{}"),
            Whole(402),
            DELIVERED,
        ),
    ]
}
