//! A seller: a private endpoint that takes nothing but requests that Crochet signed.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::Context;
use crochet_primitives::Clock;
use crochet_signing::{Received, SigningSecret, headers, verify};

use crate::system::SystemClock;

/// Part of the private URL's path. A buyer never sees it, and no log ever holds it.
pub const PRIVATE_PATH: &str = "/hidden-from-buyers";
const TOLERANCE: Duration = Duration::from_secs(300);

/// What the seller has seen.
#[derive(Debug, Default)]
struct Work {
    secret: Mutex<Option<SigningSecret>>,
    runs: AtomicU32,
    refused: AtomicU32,
    failures_to_play: AtomicU32,
}

/// A running seller.
#[derive(Debug)]
pub struct Seller {
    work: Arc<Work>,
    handle: ServerHandle,
    url: String,
}

impl Seller {
    /// Starts a seller on a free port of this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("the seller finds no free port")?;
        let address = listener.local_addr().context("the seller's port is unknown")?;
        let work = Arc::new(Work::default());
        let shared = web::Data::from(Arc::clone(&work));
        let server =
            HttpServer::new(move || App::new().app_data(shared.clone()).route(PRIVATE_PATH, web::post().to(answer)))
                .workers(1)
                .disable_signals()
                .shutdown_timeout(1)
                .listen(listener)
                .context("the seller cannot listen")?
                .run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { work, handle, url: format!("http://{address}{PRIVATE_PATH}") })
    }

    /// The private URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Tells the seller what Crochet signs with.
    pub fn trust(&self, secret: SigningSecret) {
        *self.work.secret.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret);
    }

    /// The next `times` requests are answered with 500.
    pub fn fail_next(&self, times: u32) {
        self.work.failures_to_play.store(times, Ordering::SeqCst);
    }

    /// How many requests were handled.
    #[must_use]
    pub fn runs(&self) -> u32 {
        self.work.runs.load(Ordering::SeqCst)
    }

    /// How many requests were refused because their signature was wrong.
    #[must_use]
    pub fn refused(&self) -> u32 {
        self.work.refused.load(Ordering::SeqCst)
    }

    /// Stops the seller.
    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

async fn answer(request: HttpRequest, body: web::Bytes, work: web::Data<Work>) -> HttpResponse {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let received = Received {
        timestamp: header(headers::TIMESTAMP),
        request_id: header(headers::REQUEST_ID),
        listing_id: header(headers::LISTING_ID),
        body_sha256: header(headers::BODY_SHA256),
        signature: header(headers::SIGNATURE),
    };
    let secret = work.secret.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let is_ours =
        secret.is_some_and(|secret| verify(&secret, &received, &body, SystemClock::default().now(), TOLERANCE).is_ok());
    if !is_ours {
        work.refused.fetch_add(1, Ordering::SeqCst);
        return HttpResponse::Unauthorized().json(serde_json::json!({ "error": "not signed by Crochet" }));
    }
    let fails =
        work.failures_to_play.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    if fails {
        return HttpResponse::InternalServerError().json(serde_json::json!({ "error": "played failure" }));
    }
    let run = work.runs.fetch_add(1, Ordering::SeqCst).saturating_add(1);
    HttpResponse::Ok().json(serde_json::json!({
        "signal": "buy",
        "confidence": 0.87,
        "run": run,
        "attempt": header(headers::ATTEMPT),
    }))
}
