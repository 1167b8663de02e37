//! A seller that counts, fails now and then, and is sometimes too slow.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_signing::BodyHash;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::listening::listen;

/// What the listing's endpoint has as its time limit.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(1_000);

/// Longer than the time limit, and shorter than until the next attempt may come.
const TOO_LONG: Duration = Duration::from_millis(1_500);

/// One request as the seller saw it.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) request_id: String,
    pub(crate) attempt: u32,
    /// Whether the listing that it was called for costs nothing.
    pub(crate) is_free: bool,
    /// Of what it answers.
    pub(crate) sha256: String,
    pub(crate) from: Instant,
    pub(crate) until: Option<Instant>,
    pub(crate) status: u16,
}

struct Inner {
    runs: Mutex<Vec<Run>>,
    rng: Mutex<StdRng>,
}

pub(crate) struct Seller {
    inner: Arc<Inner>,
    handle: ServerHandle,
    url: String,
}

/// The path of the capability that costs nothing.
const FREE: &str = "/free";

impl Seller {
    pub(crate) fn start(seed: u64) -> Self {
        let inner = Arc::new(Inner { runs: Mutex::default(), rng: Mutex::new(StdRng::seed_from_u64(seed)) });
        let (handle, address) = listen(&inner, answer);
        let url = format!("http://{address}");
        Self { inner, handle, url }
    }

    /// Where it is called for money.
    pub(crate) fn paid_url(&self) -> String {
        format!("{}/run", self.url)
    }

    /// Where it is called for nothing.
    pub(crate) fn free_url(&self) -> String {
        format!("{}{FREE}", self.url)
    }

    /// Everything that it was asked for, in the order of arrival.
    pub(crate) fn runs(&self) -> Vec<Run> {
        self.inner.runs.lock().unwrap().clone()
    }

    pub(crate) async fn stop(self) {
        self.handle.stop(false).await;
    }
}

async fn answer(request: HttpRequest, _body: web::Bytes, inner: web::Data<Inner>) -> HttpResponse {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (request_id, attempt) = (header("x-crochet-request-id").to_owned(), header("x-crochet-attempt"));
    let attempt = attempt.parse().unwrap_or_default();
    let (status, takes) = {
        let mut rng = inner.rng.lock().unwrap();
        match rng.random_range(0..100) {
            0..10 => (500, Duration::ZERO),
            10..13 => (200, TOO_LONG),
            _ => (200, Duration::from_millis(rng.random_range(0..40))),
        }
    };
    let is_free = request.path() == FREE;
    let (number, body) = {
        let mut runs = inner.runs.lock().unwrap();
        let body = json!({ "request_id": request_id, "attempt": attempt, "run": runs.len() }).to_string();
        let sha256 = BodyHash::of(body.as_bytes()).to_string();
        runs.push(Run { request_id, attempt, is_free, sha256, from: Instant::now(), until: None, status });
        (runs.len() - 1, body)
    };
    // Runs to its end, whether or not the caller is still there.
    let worked = tokio::spawn(async move {
        sleep(takes).await;
        inner.runs.lock().unwrap()[number].until = Some(Instant::now());
    });
    worked.await.unwrap();
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).content_type(ContentType::json()).body(body)
}
