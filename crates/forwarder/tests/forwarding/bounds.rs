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
async fn an_empty_request_that_is_never_answered_may_have_run() {
    let seller = Seller::start(async |mut visit| visit.wait_for_end().await).await;
    let sent = Dispatch { body: Bytes::new(), ..short_dispatch(&seller.url()) };
    assert_may_have_run(&forward_in_time(&forwarder(), sent).await, Cause::Timeout);
}

#[tokio::test]
async fn the_sellers_own_timeout_bounds_the_budget() {
    let seller = Seller::start(async |mut visit| visit.wait_for_end().await).await;
    let mut sent = dispatch(&seller.url());
    Arc::make_mut(&mut sent.endpoint).timeout = SHORT;
    assert_may_have_run(&forward_in_time(&forwarder(), sent).await, Cause::Timeout);
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
async fn usual_headers_are_no_trouble() {
    let headers = format!("x: {}\r\n", "y".repeat(200)).repeat(50);
    let seller = Seller::answering(format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\n{{}}")).await;
    assert_answered(&forwarder().forward(dispatch(&seller.url())).await, 200);
}
