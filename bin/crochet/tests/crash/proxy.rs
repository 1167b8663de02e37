//! A plain proxy in front of the gateways: one after the other, and it knows nothing of what they are.
//!
//! It does what such proxies do with requests that are not safe to repeat: where no connection came about, nothing was
//! sent, and the next gateway gets the request; where one broke, the client is told so, or cut off too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::error::ErrorBadGateway;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use http::Request;
use http::response::Parts;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::listening::listen;

/// The header in which it says which of the gateways answered, or broke off, by its number.
pub(crate) const SERVED_BY: &str = "x-served-by";

struct Inner {
    client: Client<HttpConnector, Full<Bytes>>,
    gateways: Arc<[String]>,
    turn: AtomicUsize,
    passed_on: AtomicUsize,
    broken: AtomicUsize,
}

pub(crate) struct Proxy {
    inner: Arc<Inner>,
    handle: ServerHandle,
    pub(crate) url: String,
}

/// What it has done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proxied {
    /// How often it tried another gateway because the first could not be reached.
    pub(crate) passed_on: usize,
    /// How often a connection with a request on it broke.
    pub(crate) broken: usize,
}

impl Proxy {
    pub(crate) fn start(gateways: Arc<[String]>) -> Self {
        // A connection for each request: what cannot be connected to has got nothing.
        let client =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).retry_canceled_requests(false).build_http();
        let [turn, passed_on, broken] = [0; 3].map(AtomicUsize::new);
        let inner = Arc::new(Inner { client, gateways, turn, passed_on, broken });
        let (handle, address) = listen(&inner, pass);
        let url = format!("http://{address}");
        Self { inner, handle, url }
    }

    pub(crate) async fn stop(self) -> Proxied {
        self.handle.stop(false).await;
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        Proxied { passed_on: count(&self.inner.passed_on), broken: count(&self.inner.broken) }
    }
}

async fn pass(request: HttpRequest, body: Bytes, inner: web::Data<Inner>) -> HttpResponse {
    let first = inner.turn.fetch_add(1, Ordering::SeqCst);
    for number in (first..).take(inner.gateways.len()).map(|turn| turn % inner.gateways.len()) {
        let uri = format!("{}{}", inner.gateways[number], request.uri());
        let mut passed = Request::builder().method(request.method().as_str()).uri(uri);
        for (name, value) in request.headers().iter().filter(|(name, _)| is_end_to_end(name.as_str())) {
            passed = passed.header(name.as_str(), value.as_bytes());
        }
        match inner.client.request(passed.body(Full::new(body.clone())).unwrap()).await {
            Ok(answer) => {
                let (head, body) = answer.into_parts();
                let body = body.collect().await.ok().map(|whole| whole.to_bytes());
                return hand_back(&head, body, number, &inner);
            }
            Err(error) if error.is_connect() => {
                inner.passed_on.fetch_add(1, Ordering::SeqCst);
            }
            Err(_) => {
                inner.broken.fetch_add(1, Ordering::SeqCst);
                return bad_gateway(Some(number));
            }
        }
    }
    bad_gateway(None)
}

fn hand_back(head: &Parts, body: Option<Bytes>, number: usize, inner: &Inner) -> HttpResponse {
    let mut back = HttpResponse::build(StatusCode::from_u16(head.status.as_u16()).unwrap());
    for (name, value) in head.headers.iter().filter(|(name, _)| is_end_to_end(name.as_str())) {
        back.append_header((name.as_str(), value.as_bytes()));
    }
    back.insert_header((SERVED_BY, number));
    let Some(body) = body else {
        // A proxy that had passed the head on could only cut its client off, too.
        inner.broken.fetch_add(1, Ordering::SeqCst);
        let broken = ErrorBadGateway("broken off");
        return back.streaming(futures::stream::iter([Err::<Bytes, _>(broken)]));
    };
    back.body(body)
}

fn bad_gateway(number: Option<usize>) -> HttpResponse {
    let mut back = HttpResponse::BadGateway();
    if let Some(number) = number {
        back.insert_header((SERVED_BY, number));
    }
    back.content_type("text/html").body("<html><h1>502 Bad Gateway</h1></html>")
}

/// Whether a header is of the message, and not of one connection.
fn is_end_to_end(name: &str) -> bool {
    !matches!(name, "host" | "connection" | "keep-alive" | "content-length" | "transfer-encoding" | "upgrade")
}
