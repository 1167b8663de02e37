//! The metrics' own small server: what an operator's scraper sees, on an address that agents do not reach.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::{Method, StatusCode, header};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use async_trait::async_trait;

/// A scraper keeps its connection, and there are few scrapers; more connections wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 32;
/// How long a scraper may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than the usual interval of scrapes, so that a scraper can keep its connection.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// All metrics at one moment, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposed {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The metrics.
    pub text: String,
}

/// Writes all metrics down.
#[async_trait]
pub trait Exposition: Send + Sync {
    /// All metrics as they are now, in a format that these values of `Accept` take. MUST answer within a few seconds,
    /// whatever hangs: scrapers give up after ten.
    async fn expose(&self, accept: &[&str]) -> Exposed;
}

/// Serves `GET /metrics` and `GET /health` on `listener`, to whoever reaches it: there is no authentication. Run it
/// inside of a tokio runtime; the server runs while its future is polled.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve_metrics(exposition: Arc<dyn Exposition>, listener: TcpListener) -> io::Result<(Server, ServerHandle)> {
    let exposition = web::Data::from(exposition);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(exposition.clone())
            .route("/metrics", web::to(metrics))
            .route("/health", web::to(health))
            .default_service(web::to(nothing_here))
    })
    .workers(1)
    .max_connections(MAX_CONNECTIONS)
    .client_request_timeout(HEAD_TIMEOUT)
    .client_disconnect_timeout(HEAD_TIMEOUT)
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(1)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    Ok((server, handle))
}

async fn metrics(req: HttpRequest, exposition: web::Data<dyn Exposition>) -> HttpResponse {
    if let Some(refusal) = refuse_other_than_reading(&req) {
        return refusal;
    }
    let accept: Vec<&str> = req.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok()).collect();
    let Exposed { content_type, text } = exposition.expose(&accept).await;
    answer(StatusCode::OK, content_type, text)
}

async fn health(req: HttpRequest) -> HttpResponse {
    refuse_other_than_reading(&req).unwrap_or_else(|| plain(StatusCode::OK, "alive\n"))
}

async fn nothing_here() -> HttpResponse {
    plain(StatusCode::NOT_FOUND, "There is nothing at this path: metrics are at /metrics.\n")
}

fn refuse_other_than_reading(req: &HttpRequest) -> Option<HttpResponse> {
    if matches!(*req.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD.\n");
    refusal.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
    Some(refusal)
}

fn plain(status: StatusCode, text: &str) -> HttpResponse {
    answer(status, "text/plain; charset=utf-8", text.to_owned())
}

fn answer(status: StatusCode, content_type: &'static str, text: String) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::VARY, "Accept"))
        .body(text)
}
