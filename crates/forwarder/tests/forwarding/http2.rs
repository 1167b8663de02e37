//! HTTP/2, where a seller offers it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use crochet_relay::ports::Upstream;
use crochet_relay::{Arrival, Cause, Dispatch};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::call::{BODY, REQUEST_ID, SHORT, assert_answered, assert_may_have_run, body_of, dispatch, short_dispatch};
use crate::tls::Authority;

struct Http2Seller {
    url: String,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

async fn start<S, F>(authority: &Authority, window: Option<u32>, service: S) -> Http2Seller
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/api", listener.local_addr().unwrap().port());
    let mut config = authority.server("localhost", 2999);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut visits = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let (acceptor, service) = (acceptor.clone(), service.clone());
            visits.spawn(async move {
                let stream = acceptor.accept(stream).await.unwrap();
                let mut server = http2::Builder::new(TokioExecutor::new());
                server.initial_stream_window_size(window);
                let _ = server.serve_connection(TokioIo::new(stream), service_fn(service)).await;
            });
        }
    });
    Http2Seller { url, connections, _tasks: tasks }
}

#[tokio::test]
async fn a_seller_that_speaks_http2_gets_the_same_request() {
    let authority = Authority::new();
    let seller = start(&authority, None, async |request| {
        assert_eq!(request.version(), Version::HTTP_2);
        assert_eq!(request.headers()["x-crochet-request-id"], REQUEST_ID);
        assert_eq!(request.headers()["x-api-key"], "upstream-secret");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Ok(Response::new(Full::new(body)))
    })
    .await;
    let forwarder = authority.believer();
    for _ in 0..3 {
        let arrival = forwarder.forward(dispatch(&seller.url)).await;
        assert_answered(&arrival, 200);
        assert_eq!(body_of(&arrival), BODY);
    }
    assert_eq!(seller.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_http2_seller_that_never_answers_may_have_run() {
    let authority = Authority::new();
    let seller = start(&authority, None, async |_| std::future::pending().await).await;
    let arrival = authority.believer().forward(short_dispatch(&seller.url)).await;
    assert_may_have_run(&arrival, Cause::Timeout);
}

#[tokio::test]
async fn an_http2_seller_that_takes_the_head_and_no_body_may_have_run() {
    let authority = Authority::new();
    let seller = start(&authority, Some(0), async |_| std::future::pending().await).await;
    let forwarder = authority.believer();
    for _ in 0..2 {
        assert_may_have_run(&forwarder.forward(short_dispatch(&seller.url)).await, Cause::Timeout);
    }
}

#[tokio::test]
async fn an_http2_answer_over_its_limit_is_cut_off() {
    let authority = Authority::new();
    let seller = start(&authority, None, async |_| Ok(Response::new(Full::from(vec![b' '; 64 * 1024 + 1])))).await;
    let arrival = authority.believer().forward(dispatch(&seller.url)).await;
    assert!(matches!(arrival, Arrival::TooLarge { status: 200, .. }), "{arrival:?}");
}

#[tokio::test]
async fn http2_headers_over_their_limit_are_no_answer() {
    let authority = Authority::new();
    let seller = start(&authority, None, async |_| {
        Ok(Response::builder().header("x", "y".repeat(40 * 1024)).body(Full::default()).unwrap())
    })
    .await;
    let sent = Dispatch { budget: SHORT * 10, ..dispatch(&seller.url) };
    let arrival = authority.believer().forward(sent).await;
    assert!(matches!(arrival, Arrival::MayHaveRun { .. }), "{arrival:?}");
}
