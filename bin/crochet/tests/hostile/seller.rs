//! A seller that answers with what it was sent, at once or when it is let go, and remembers all of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::listening::listen;

struct Inner {
    received: Mutex<Vec<Bytes>>,
    is_open: watch::Sender<bool>,
}

pub(crate) struct Seller {
    inner: Arc<Inner>,
    handle: ServerHandle,
    pub(crate) url: String,
}

impl Seller {
    pub(crate) fn start() -> Self {
        let inner = Arc::new(Inner { received: Mutex::default(), is_open: watch::Sender::new(true) });
        let (handle, address) = listen(&inner, answer);
        let url = format!("http://{address}/run");
        Self { inner, handle, url }
    }

    /// The bodies of all requests, in the order of arrival.
    pub(crate) fn received(&self) -> Vec<Bytes> {
        self.inner.received.lock().unwrap().clone()
    }

    /// Holds what comes from now on, or lets everything go.
    pub(crate) fn set_open(&self, is_open: bool) {
        self.inner.is_open.send_replace(is_open);
    }

    /// Returns once so many requests have come.
    pub(crate) async fn until_received(&self, count: usize) {
        let all = async {
            while self.received().len() < count {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), all).await.expect("the seller is called");
    }

    pub(crate) async fn stop(self) {
        self.set_open(true);
        self.handle.stop(false).await;
    }
}

async fn answer(body: Bytes, inner: web::Data<Inner>) -> HttpResponse {
    inner.received.lock().unwrap().push(body.clone());
    let _ = inner.is_open.subscribe().wait_for(|is_open| *is_open).await;
    HttpResponse::Ok().content_type("application/json").body(body)
}
