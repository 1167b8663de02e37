//! A seller over plain HTTP on loopback that answers as it is told, and remembers what it was sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use tokio::sync::Notify;

use crate::listening::listen;

/// What the seller does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// Answers this status and body, as application/json.
    Json(u16, &'static str),
    /// Answers this status, content type and body.
    Raw(u16, &'static str, &'static [u8]),
    /// Answers so many bytes of JSON.
    Long(usize),
    /// Answers 200 after this long.
    Late(Duration),
    /// Holds the request until [`TestSeller::release`] is called, then answers 200.
    Held,
    /// Never ends its answer.
    Endless,
    /// Closes the connection in the middle of its answer.
    BreaksOff,
    /// Sends the caller elsewhere.
    Redirect(&'static str),
}

/// One request as the seller received it.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[derive(Default)]
struct Inner {
    script: Mutex<VecDeque<Behaviour>>,
    received: Mutex<Vec<Received>>,
    arrived: Notify,
    released: Notify,
}

pub(crate) struct TestSeller {
    inner: Arc<Inner>,
    handle: ServerHandle,
    url: String,
}

impl TestSeller {
    pub(crate) fn start() -> Self {
        let inner = Arc::new(Inner::default());
        let (handle, address) = listen(&inner, answer);
        let url = format!("http://{address}/private-canary-endpoint");
        Self { inner, handle, url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What it does with the next request that has no instruction yet; without one it answers `{"ok":true}`.
    pub(crate) fn next(&self, behaviour: Behaviour) {
        self.inner.script.lock().unwrap().push_back(behaviour);
    }

    /// Everything it was sent so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.inner.received.lock().unwrap().clone()
    }

    /// How often it was called.
    pub(crate) fn runs(&self) -> usize {
        self.inner.received.lock().unwrap().len()
    }

    /// Returns once it was called `count` times in all.
    pub(crate) async fn until_runs(&self, count: usize) {
        loop {
            let arrived = self.inner.arrived.notified();
            if self.runs() >= count {
                return;
            }
            tokio::time::timeout(Duration::from_secs(30), arrived).await.expect("the seller is called");
        }
    }

    /// Lets all held requests go.
    pub(crate) fn release(&self) {
        self.inner.released.notify_waiters();
    }

    /// Stops it: its port refuses connections afterwards.
    pub(crate) async fn stop(self) {
        self.handle.stop(false).await;
    }
}

async fn answer(request: HttpRequest, body: Bytes, inner: web::Data<Inner>) -> HttpResponse {
    let released = inner.released.notified();
    tokio::pin!(released);
    released.as_mut().enable();
    inner.received.lock().unwrap().push(Received { headers: request.headers().clone(), body });
    let behaviour = inner.script.lock().unwrap().pop_front();
    inner.arrived.notify_waiters();
    match behaviour.unwrap_or(Behaviour::Json(200, "{\"ok\":true}")) {
        Behaviour::Json(status, body) => respond(status, "application/json", body.as_bytes().to_vec()),
        Behaviour::Raw(status, content_type, body) => respond(status, content_type, body.to_vec()),
        Behaviour::Long(bytes) => respond(200, "application/json", format!("\"{}\"", "x".repeat(bytes)).into_bytes()),
        Behaviour::Late(by) => {
            tokio::time::sleep(by).await;
            respond(200, "application/json", b"{\"late\":true}".to_vec())
        }
        Behaviour::Held => {
            released.await;
            respond(200, "application/json", b"{\"held\":true}".to_vec())
        }
        Behaviour::Endless => {
            let chunks = futures::stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Ok::<_, actix_web::Error>(Bytes::from_static(b" ")), ()))
            });
            HttpResponse::Ok().content_type("application/json").streaming(chunks)
        }
        Behaviour::BreaksOff => {
            let chunks =
                [Ok(Bytes::from_static(b"{\"half\":")), Err(actix_web::error::ErrorInternalServerError("gone"))];
            HttpResponse::Ok().content_type("application/json").streaming(futures::stream::iter(chunks))
        }
        Behaviour::Redirect(to) => HttpResponse::Found().insert_header(("location", to)).finish(),
    }
}

fn respond(status: u16, content_type: &str, body: Vec<u8>) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap();
    HttpResponse::build(status).content_type(content_type).body(body)
}
