//! Time and size end, whatever a seller does.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use crochet_forwarder::{Forwarder, Resolve};
use crochet_relay::ports::Upstream;
use crochet_relay::{Arrival, Cause, Dispatch};

use crate::call::{
    SHORT, assert_answered, assert_may_have_run, assert_never_sent, body_of, development, dispatch, forwarder,
    short_dispatch,
};
use crate::seller::{OK, Seller};

/// Forwards, and says whether it ended near its budget of [`SHORT`].
async fn forward_in_time(forwarder: &Forwarder, sent: Dispatch) -> Arrival {
    let started = Instant::now();
    let arrival = forwarder.forward(sent).await;
    let took = started.elapsed();
    // Generous above, for a busy machine.
    assert!(took >= SHORT && took < SHORT * 25, "{took:?}");
    arrival
}

#[tokio::test]
async fn a_seller_that_never_answers_may_have_run() {
    let mut seller = Seller::start(async |mut visit| {
        visit.request().await;
        visit.wait_for_end().await;
    })
    .await;
    let arrival = forward_in_time(&forwarder(), short_dispatch(&seller.url())).await;
    assert_may_have_run(&arrival, Cause::Timeout);
    assert_eq!(seller.received().len(), 1);
}

#[tokio::test]
async fn an_empty_request_that_is_never_answered_may_have_run() {
    let seller = Seller::start(async |mut visit| visit.wait_for_end().await).await;
    let sent = Dispatch { body: Bytes::new(), ..short_dispatch(&seller.url()) };
    assert_may_have_run(&forward_in_time(&forwarder(), sent).await, Cause::Timeout);
}

#[tokio::test]
async fn the_sellers_own_timeout_bounds_the_budget() {
    let seller = Seller::start(async |mut visit| visit.wait_for_end().await).await;
    let mut sent = dispatch(&seller.url());
    sent.endpoint.timeout = SHORT;
    assert_may_have_run(&forward_in_time(&forwarder(), sent).await, Cause::Timeout);
}

#[tokio::test]
async fn headers_that_trickle_for_ever_are_cut_off() {
    let seller = Seller::start(async |mut visit| {
        visit.request().await;
        visit.write(b"HTTP/1.1 200 OK\r\n").await;
        let mut pause = tokio::time::interval(SHORT / 20);
        while visit.write(b"x: y\r\n").await {
            pause.tick().await;
        }
    })
    .await;
    assert_may_have_run(&forward_in_time(&forwarder(), short_dispatch(&seller.url())).await, Cause::Timeout);
}

#[tokio::test]
async fn a_body_that_trickles_for_ever_is_cut_off() {
    let seller = Seller::start(async |mut visit| {
        visit.request().await;
        visit.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let mut pause = tokio::time::interval(SHORT / 20);
        while visit.write(b"1\r\n \r\n").await {
            pause.tick().await;
        }
    })
    .await;
    assert_may_have_run(&forward_in_time(&forwarder(), short_dispatch(&seller.url())).await, Cause::Timeout);
}

#[tokio::test]
async fn interim_answers_without_end_are_cut_off() {
    let seller = Seller::start(async |mut visit| {
        visit.request().await;
        while visit.write(b"HTTP/1.1 100 Continue\r\n\r\n").await {}
    })
    .await;
    assert_may_have_run(&forward_in_time(&forwarder(), short_dispatch(&seller.url())).await, Cause::Timeout);
}

#[tokio::test]
async fn a_seller_that_reads_nothing_may_have_run() {
    let seller = Seller::start(async |visit| {
        std::future::pending::<()>().await;
        drop(visit);
    })
    .await;
    let sent = Dispatch { body: vec![b' '; 16 << 20].into(), ..short_dispatch(&seller.url()) };
    assert_may_have_run(&forward_in_time(&forwarder(), sent).await, Cause::Timeout);
}

#[tokio::test]
async fn time_that_is_over_before_it_began_sends_nothing() {
    let mut seller = Seller::answering(OK).await;
    let sent = Dispatch { budget: Duration::ZERO, ..dispatch(&seller.url()) };
    assert_never_sent(&forwarder().forward(sent).await, Cause::Timeout);
    assert!(seller.received().is_empty());
}

struct SilentDns;

#[async_trait]
impl Resolve for SilentDns {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_name_server_that_never_answers_leaves_the_request_unsent() {
    let forwarder = Forwarder::with_resolver(development(), Arc::new(SilentDns)).unwrap();
    let arrival = forward_in_time(&forwarder, short_dispatch("https://seller.example/")).await;
    assert_never_sent(&arrival, Cause::Timeout);
}

#[tokio::test]
async fn connecting_has_a_bound_of_its_own() {
    let mut config = development();
    config.connect_timeout = SHORT;
    let forwarder = Forwarder::with_resolver(config, Arc::new(SilentDns)).unwrap();
    let arrival = forward_in_time(&forwarder, dispatch("https://seller.example/")).await;
    assert_never_sent(&arrival, Cause::Timeout);
}

#[tokio::test]
async fn an_answer_of_exactly_the_limit_is_whole() {
    let body = " ".repeat(64 * 1024);
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let seller = Seller::answering(answer).await;
    let arrival = forwarder().forward(dispatch(&seller.url())).await;
    assert_eq!(body_of(&arrival).len(), body.len());
}

#[tokio::test]
async fn an_answer_that_announces_too_much_is_refused_unread() {
    let seller = Seller::start(async |mut visit| {
        visit.request().await;
        visit.write(b"HTTP/1.1 201 Created\r\ncontent-length: 65537\r\n\r\n").await;
        visit.wait_for_end().await;
    })
    .await;
    let arrival = forwarder().forward(dispatch(&seller.url())).await;
    assert!(matches!(arrival, Arrival::TooLarge { status: 201, .. }), "{arrival:?}");
}

#[tokio::test]
async fn a_body_without_end_is_too_large() {
    for head in ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"] {
        let seller = Seller::start(move |mut visit| async move {
            visit.request().await;
            visit.write(head.as_bytes()).await;
            let chunk = format!("400\r\n{}\r\n", " ".repeat(1024));
            while visit.write(chunk.as_bytes()).await {}
        })
        .await;
        let arrival = forwarder().forward(dispatch(&seller.url())).await;
        assert!(matches!(arrival, Arrival::TooLarge { status: 200, .. }), "{arrival:?}");
    }
}

#[tokio::test]
async fn a_body_shorter_than_announced_may_have_run() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "",
    ] {
        let seller = Seller::start(move |mut visit| async move {
            visit.request().await;
            visit.write(answer.as_bytes()).await;
        })
        .await;
        assert_may_have_run(&forwarder().forward(dispatch(&seller.url())).await, Cause::Connection);
    }
}

#[tokio::test]
async fn huge_and_countless_headers_break_the_protocol() {
    let huge = format!("x: {}\r\n", "y".repeat(64 * 1024));
    for headers in [huge, "x: y\r\n".repeat(200)] {
        let seller = Seller::answering(format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\n{{}}")).await;
        assert_may_have_run(&forwarder().forward(dispatch(&seller.url())).await, Cause::Protocol);
    }
}

#[tokio::test]
async fn usual_headers_are_no_trouble() {
    let headers = format!("x: {}\r\n", "y".repeat(200)).repeat(50);
    let seller = Seller::answering(format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\n{{}}")).await;
    assert_answered(&forwarder().forward(dispatch(&seller.url())).await, 200);
}
