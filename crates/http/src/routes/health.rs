//! `GET /health`: the process is alive. `GET /ready`: it can do its work.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use async_trait::async_trait;
use crochet_primitives::Clock;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use super::{get, resource};
use crate::code::Code;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::openapi::{rules, vocabulary};

/// Whether a part of the system works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It does.
    Ok,
    /// It does not.
    Failing,
    /// Nobody knows.
    Unknown,
}

/// What a readiness probe found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReadinessReport {
    /// Whether the database answers.
    pub database: Condition,
    /// Whether its schema is at least as new as this program.
    pub migrations: Condition,
    /// The payment provider's name.
    pub provider: String,
    /// Whether it answers. Reported, and never a reason to be not ready: free and paid calls go on without it.
    pub provider_condition: Condition,
    /// Whether payments by x402 can be verified, submitted and read on their chains, as far as anybody has tried; null
    /// where they are not taken. Reported, and never a reason to be not ready.
    #[schema(required)]
    pub x402: Option<Condition>,
}

impl ReadinessReport {
    /// Whether requests can be served.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.database == Condition::Ok && self.migrations == Condition::Ok
    }
}

/// Looks whether the server can do its work.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Looks now. MUST answer within a few seconds, whatever hangs.
    async fn look(&self) -> ReadinessReport;
}

/// How long a report is good.
const RECENT: Duration = Duration::from_secs(1);

/// Looks at most once a second, however many ask: nobody needs a key to ask, and looking costs the database.
pub(crate) struct RecentReadiness {
    readiness: Arc<dyn Readiness>,
    clock: Arc<dyn Clock>,
    /// With the time of the look. Held while somebody looks, so that the others wait for what is found.
    last: Mutex<Option<(Duration, ReadinessReport)>>,
}

impl RecentReadiness {
    pub(crate) fn new(readiness: Arc<dyn Readiness>, clock: Arc<dyn Clock>) -> Self {
        Self { readiness, clock, last: Mutex::default() }
    }

    async fn look(&self) -> ReadinessReport {
        let mut last = self.last.lock().await;
        if let Some((at, report)) = &*last
            && self.clock.monotonic().saturating_sub(*at) < RECENT
        {
            return report.clone();
        }
        let report = self.readiness.look().await;
        *last = Some((self.clock.monotonic(), report.clone()));
        report
    }
}

/// The process is alive.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alive {
    /// Always ok.
    #[schema(schema_with = status_ok)]
    status: &'static str,
    /// The version of the server.
    #[schema(pattern = r"^[0-9]+\.[0-9]+\.[0-9]+")]
    version: &'static str,
}

fn status_ok() -> utoipa::openapi::Object {
    vocabulary::constant("ok")
}

/// Whether the server can do its work, and what stands in its way.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
pub(crate) struct Ready {
    /// Whether it can.
    #[schema(value_type = vocabulary::ReadyOrNot)]
    status: &'static str,
    #[serde(flatten)]
    report: ReadinessReport,
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/health", "GET, HEAD, OPTIONS").route(get().to(health)))
        .service(resource("/ready", "GET, HEAD, OPTIONS").route(get().to(ready)));
}

/// Ask whether the process is alive.
///
/// It answers without looking at anything else; `GET /ready` looks.
#[utoipa::path(
    get,
    path = "/health",
    tag = "Health",
    operation_id = "getHealth",
    responses((status = 200, description = "It is.", body = Success<Alive>)),
    extensions(("x-rules" = json!(rules::open(&[])))),
)]
pub(crate) async fn health() -> Result<HttpResponse, ApiError> {
    envelope::ok(Alive { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Ask whether the server can do its work.
///
/// Whether the database answers and its schema is current. The payment provider is reported, and does not count: what
/// is free or paid for goes on without it.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "Health",
    operation_id = "getReadiness",
    responses((status = 200, description = "It can.", body = Success<Ready>)),
    extensions(("x-rules" = json!(rules::open(&[Code::ServiceUnavailable])))),
)]
pub(crate) async fn ready(readiness: web::Data<RecentReadiness>) -> Result<HttpResponse, ApiError> {
    let report = readiness.look().await;
    if report.is_ready() {
        return envelope::success(StatusCode::OK, Ready { status: "ready", report });
    }
    Err(ApiError::new(Code::ServiceUnavailable, "The server is not ready.")
        .retry_after(5)
        .data(&Ready { status: "not_ready", report }))
}
