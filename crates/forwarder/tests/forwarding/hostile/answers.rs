//! What sellers answer, and what ends it: those that are slow, without end, and misframed. `kinds` has the others.

use std::time::{Duration, Instant};

use crochet_relay::ports::Upstream;
use crochet_relay::{Arrival, Cause, Dispatch, Ending, FailureKind, judge};
use futures::future::join_all;

use super::kinds::{bodies, bombs, foreign, redirects};
use super::stage::{DIALLED, Does, IN_BUFFERS, Stage};
use crate::call::{LONG, SHORT, dispatch};
use crate::tls::{Authority, FAR};

/// What has come when the call is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// An answer with this status; who waits for the end of it waits for the seller, and no longer than that.
    Whole(u16),
    /// An answer with this status that is longer than it may be.
    TooLarge(u16),
    /// Something else, and the seller may have run.
    Broken(Cause),
}
use Came::{Broken, TooLarge, Whole};

/// What the buyer gets.
pub(super) type Verdict = Result<(), FailureKind>;
pub(super) const DELIVERED: Verdict = Ok(());
pub(super) const INVALID: Verdict = Err(FailureKind::InvalidResponse);
const LARGE: Verdict = Err(FailureKind::ResponseTooLarge);
pub(super) const FAILED: Verdict = Err(FailureKind::Error);
const LATE: Verdict = Err(FailureKind::Timeout);
const GONE: Verdict = Err(FailureKind::Unreachable);

pub(super) struct Row(pub(super) &'static str, pub(super) Does, pub(super) Came, pub(super) Verdict);

const PAUSE: Duration = Duration::from_millis(10);
pub(super) const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

pub(super) fn answers(text: impl AsRef<[u8]>) -> Does {
    Does::Answers(text.as_ref().to_vec())
}

pub(super) fn closes(text: impl AsRef<[u8]>) -> Does {
    Does::Closes(text.as_ref().to_vec())
}

fn vanishes(text: impl AsRef<[u8]>) -> Does {
    Does::Vanishes(text.as_ref().to_vec())
}

fn floods(head: &str, piece: impl AsRef<[u8]>) -> Does {
    Does::Repeats(head.into(), piece.as_ref().to_vec(), Duration::ZERO)
}

fn trickles(head: &str, piece: &str) -> Does {
    Does::Repeats(head.into(), piece.into(), PAUSE)
}

/// A whole answer with these header lines and this body.
pub(super) fn with(lines: &str, body: impl AsRef<[u8]>) -> Does {
    let body = body.as_ref();
    let head = format!("{HEAD}{lines}content-length: {}\r\n\r\n", body.len());
    Does::Answers([head.as_bytes(), body].concat())
}

pub(super) fn body(body: impl AsRef<[u8]>) -> Does {
    with("", body)
}

fn chunked(chunks: &str) -> Does {
    closes(format!("{HEAD}transfer-encoding: chunked\r\n\r\n{chunks}"))
}

fn with_length(lines: &str) -> Does {
    closes(format!("{HEAD}{lines}\r\n{{}}"))
}

/// Sellers that take their time: the deadline ends them.
fn slow() -> Vec<Row> {
    let chunked = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    vec![
        Row("no answer", answers(""), Broken(Cause::Timeout), LATE),
        Row("the half of a status line", answers("HTTP/1.1 2"), Broken(Cause::Timeout), LATE),
        Row("headers that trickle", trickles("HTTP/1.1 200 OK\r\n", "x: y\r\n"), Broken(Cause::Timeout), LATE),
        Row("one header that trickles", trickles("HTTP/1.1 200 OK\r\nx: ", "y"), Broken(Cause::Timeout), LATE),
        Row("chunks that trickle", trickles(&chunked, "1\r\n \r\n"), Broken(Cause::Timeout), LATE),
        Row("a chunk's length that trickles", trickles(&chunked, "0"), Broken(Cause::Timeout), LATE),
        Row(
            "a body that trickles",
            trickles("HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n", " "),
            Broken(Cause::Timeout),
            LATE,
        ),
        Row(
            "a body that ends with the connection",
            trickles("HTTP/1.0 200 OK\r\n\r\n", " "),
            Broken(Cause::Timeout),
            LATE,
        ),
        Row("interim answers that trickle", trickles("", "HTTP/1.1 102 Processing\r\n"), Broken(Cause::Timeout), LATE),
        Row(
            "a body shorter than announced, held open",
            answers("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}"),
            Broken(Cause::Timeout),
            LATE,
        ),
    ]
}

/// Sellers that never end: a size ends them, long before the deadline.
fn endless() -> Vec<Row> {
    let chunked = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    let (kibibyte, chunk) = (" ".repeat(1024), format!("400\r\n{}\r\n", " ".repeat(1024)));
    vec![
        Row("a header without end", floods("HTTP/1.1 200 OK\r\nx: ", &kibibyte), Broken(Cause::Protocol), INVALID),
        Row("headers without number", floods("HTTP/1.1 200 OK\r\n", "x: y\r\n"), Broken(Cause::Protocol), INVALID),
        Row("a status line without end", floods("HTTP/1.1 200 ", &kibibyte), Broken(Cause::Protocol), INVALID),
        Row("line ends without number", floods("", "\r\n"), Broken(Cause::Protocol), INVALID),
        Row("continues without number", floods("", "HTTP/1.1 100 Continue\r\n\r\n"), Broken(Cause::Protocol), INVALID),
        Row(
            "hints without number",
            floods("", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"),
            Broken(Cause::Protocol),
            INVALID,
        ),
        Row("chunks without end", floods(&chunked, &chunk), TooLarge(200), LARGE),
        Row("chunks of one byte without end", floods(&chunked, "1\r\n \r\n".repeat(256)), TooLarge(200), LARGE),
        Row(
            "a body until the end that never comes",
            floods("HTTP/1.0 200 OK\r\n\r\n", &kibibyte),
            TooLarge(200),
            LARGE,
        ),
        Row(
            "an extension of a chunk without end",
            floods(&format!("{chunked}2;"), &kibibyte),
            Broken(Cause::Connection),
            GONE,
        ),
        Row(
            "trailers without number",
            floods(&format!("{chunked}2\r\n{{}}\r\n0\r\n"), "x: y\r\n"),
            Broken(Cause::Connection),
            GONE,
        ),
        Row("an error's body without end", floods("HTTP/1.0 500 Oh\r\n\r\n", &kibibyte), TooLarge(500), LARGE),
        Row(
            "more announced than may be",
            floods("HTTP/1.1 200 OK\r\ncontent-length: 65537\r\n\r\n", &kibibyte),
            TooLarge(200),
            LARGE,
        ),
        Row(
            "2^63 bytes announced",
            floods("HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n", &kibibyte),
            TooLarge(200),
            LARGE,
        ),
    ]
}

/// Lengths and chunks that are wrong.
fn misframed() -> Vec<Row> {
    let broken = |name, does| Row(name, does, Broken(Cause::Protocol), INVALID);
    let cut = |name, does| Row(name, does, Broken(Cause::Connection), GONE);
    vec![
        broken("two lengths", with_length("content-length: 2\r\ncontent-length: 1\r\n")),
        broken("two lengths in a line", with_length("content-length: 2, 1\r\n")),
        broken("a negative length", with_length("content-length: -2\r\n")),
        broken("a length with a plus", with_length("content-length: +2\r\n")),
        broken("a length in hexadecimal", with_length("content-length: 0x2\r\n")),
        broken("a length with a fraction", with_length("content-length: 2.0\r\n")),
        broken("a length over 64 bits", with_length("content-length: 99999999999999999999\r\n")),
        broken("an empty length", with_length("content-length: \r\n")),
        cut("a length that is too long", with_length("content-length: 10\r\n")),
        Row("a length that is too short", with_length("content-length: 1\r\n"), Whole(200), INVALID),
        Row("the same length twice", with_length("content-length: 2\r\ncontent-length: 2\r\n"), Whole(200), DELIVERED),
        cut("a chunk's length in words", chunked("two\r\n{}\r\n0\r\n\r\n")),
        cut("a negative chunk's length", chunked("-2\r\n{}\r\n0\r\n\r\n")),
        cut("no chunk's length", chunked("\r\n{}\r\n0\r\n\r\n")),
        cut("a chunk's length over 64 bits", chunked("10000000000000002\r\n{}\r\n0\r\n\r\n")),
        cut("a chunk that is too long for its length", chunked("1\r\n{}\r\n0\r\n\r\n")),
        cut("a chunk that is too short for its length", chunked("3\r\n{}\r\n0\r\n\r\n")),
        cut("no last chunk", chunked("2\r\n{}\r\n")),
        cut("the half of a chunk", chunked("9\r\n{}")),
        cut("a body cut off", with_length("content-length: 1000\r\n")),
        cut("a head cut off", closes("HTTP/1.1 200 OK\r\ncontent-le")),
        cut("closed without an answer", closes("")),
        cut("gone without an answer", vanishes("")),
        cut("gone in the middle of a body", vanishes(format!("{HEAD}content-length: 9\r\n\r\n{{}}"))),
        cut("gone, and nobody knows whether that was all", vanishes("HTTP/1.0 200 OK\r\n\r\n{}")),
        Row("closed, and TLS says that that was all", closes("HTTP/1.0 200 OK\r\n\r\n{}"), Whole(200), DELIVERED),
        Row(
            "bytes behind the answer",
            answers([crate::seller::OK, b"HTTP/1.1 200 OK\r\n"].concat()),
            Whole(200),
            DELIVERED,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_seller_answers_its_one_address_is_connected_to_once_and_a_bound_ends_it() {
    let authority = Authority::new();
    let tables = [(SHORT, slow()), (LONG, endless()), (LONG, misframed()), (LONG, foreign())];
    let more = [(LONG, redirects()), (LONG, bombs()), (LONG, bodies())];
    for (budget, rows) in tables.into_iter().chain(more) {
        join_all(rows.into_iter().map(|row| play(&authority, budget, row))).await;
    }
}

async fn play(authority: &Authority, budget: Duration, Row(name, does, came, verdict): Row) {
    let stage = Stage::with_seller(authority.root(), authority.server("seller.example", FAR), does).await;
    let began = Instant::now();
    let sent = Dispatch { budget, ..dispatch("https://seller.example/") };
    let arrival = stage.forwarder.forward(sent).await;
    let took = began.elapsed();
    let what = format!("{name}: {arrival:?} after {took:?}");

    let found = match &arrival {
        Arrival::Answered { status, .. } => Whole(*status),
        Arrival::TooLarge { status, .. } => TooLarge(*status),
        Arrival::MayHaveRun { cause, .. } => Broken(*cause),
        Arrival::NeverSent { .. } => panic!("{what}"),
    };
    assert_eq!(found, came, "{what}");
    // Its time is over where that is what ends it, and else there is much of it left.
    assert!((took >= budget) == (came == Broken(Cause::Timeout)), "{what}");
    assert!(took < LONG / 2, "{what}");
    assert!(stage.taken() < IN_BUFFERS, "{name}: {} bytes were taken", stage.taken());

    let judged = match judge(arrival) {
        Ending::Delivered(_) => Ok(()),
        Ending::Failed(failure, _) => Err(failure.kind),
    };
    assert_eq!(judged, verdict, "{what}");
    assert_eq!((stage.dns.asked().len(), stage.dialled(), stage.runs()), (1, vec![DIALLED.to_owned()], 1), "{what}");
}
