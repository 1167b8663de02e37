//! The outermost ring: request ids, the access log, security headers, and what becomes of errors and panics.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError, web};
use crochet_primitives::{Clock, Entropy, EntropyExt};
use futures::FutureExt;
use tracing::Instrument;

use crate::caching::{self, Keeping};
use crate::code::Code;
use crate::cors::{self, METHODS, is_preflight, preflight};
use crate::error::ApiError;
use crate::lines::{Line, OnLine};
use crate::observer::{Observer, UnderWay};
use crate::represent::represent;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 128;

/// For a year, in seconds: who came by https once comes by nothing else.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// For answers that bring no policy of their own: nothing here is to be shown as a page, or within one.
const CSP: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// What the edge needs.
pub(crate) struct Edge {
    pub(crate) public_url: String,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) observer: Arc<dyn Observer>,
}

/// Wraps the whole application.
pub(crate) async fn edge(req: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(edge) = req.app_data::<web::Data<Edge>>().cloned() else {
        return next.call(req).await;
    };
    let under_way = UnderWay::begin(&edge.observer);
    let on_line = OnLine::begin(req.conn_data::<Arc<Line>>());
    let request_id = edge.request_id(req.headers());
    let method = req.method().clone();
    // Of the gravest level, so that it is there for every line that is logged, however little is.
    let span = tracing::error_span!("request", request_id = request_id.to_str().unwrap_or_default(), method = %method);
    let started = edge.clock.monotonic();
    let outcome = if is_preflight(&req) {
        Ok(Ok(req.into_response(preflight())))
    } else if req.method() == Method::OPTIONS && req.path() == "*" {
        // Asked of the server, not of a path of it.
        Ok(Ok(req.into_response(HttpResponse::NoContent().insert_header((header::ALLOW, METHODS)).finish())))
    } else {
        // A panic ends this request and nothing else, and is answered like any other fault.
        AssertUnwindSafe(async { next.call(req).await }).catch_unwind().instrument(span.clone()).await
    };
    let finish = |route: Option<&str>, headers: &mut HeaderMap, status: StatusCode, code: Option<Code>| {
        edge.finish_headers(headers, &request_id);
        let took = edge.clock.monotonic().saturating_sub(started);
        under_way.answered(&method, route, status.as_u16(), code, took);
        let latency_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let route = route.unwrap_or("unmatched");
        tracing::info!(target: "crochet_http::access", route, status = status.as_u16(), latency_ms, "answered");
    };
    match outcome {
        Ok(Ok(response)) => {
            let response = span.in_scope(|| edge.render_error(response));
            let code = response.response().extensions().get::<Code>().copied();
            // Once: it is put together from its parts each time.
            let route = response.request().match_pattern();
            let route = route.as_deref();
            let keeping = Keeping::of(response.request(), route, response.status());
            let mut response = represent(response, route, keeping).await;
            let (req, status) = (response.request().clone(), response.status());
            caching::say(keeping, &req, route, response.headers_mut());
            span.in_scope(|| finish(route, response.headers_mut(), status, code));
            if let BodySize::Sized(bytes) = response.response().body().size() {
                on_line.answered(bytes);
            }
            Ok(response)
        }
        Ok(Err(error)) => span
            .in_scope(|| Err(edge.last_resort(ApiError::internal("a middleware failed", error.to_string()), finish))),
        Err(_panic) => span
            .in_scope(|| Err(edge.last_resort(ApiError::internal("panicked", "see the panic's own message"), finish))),
    }
}

impl Edge {
    /// A sane id that came in is kept, so that callers can follow their requests; else there is a new one.
    fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        let is_sane = |value: &&HeaderValue| {
            let bytes = value.as_bytes();
            (1..=MAX_REQUEST_ID).contains(&bytes.len())
                && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        };
        if let Some(value) = headers.get(&REQUEST_ID).filter(is_sane) {
            return value.clone();
        }
        let millis = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or_default();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &self.entropy.bytes()).into_uuid();
        HeaderValue::try_from(id.to_string()).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    }

    /// The one place where errors are logged and get their links.
    fn render_error(&self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        let Some(error) = response.response().error() else {
            return response;
        };
        let (mut rendered, code) = match error.as_error::<ApiError>() {
            Some(error) => {
                log(error);
                (error.render(&self.public_url), error.code())
            }
            None => {
                // Only the framework's own errors are of other types, and all that a client can cause are ours.
                let error = if error.as_response_error().status_code().is_client_error() {
                    ApiError::new(Code::BadRequest, "The request is not well formed.").cause(error.to_string())
                } else {
                    ApiError::internal("the framework failed", error.to_string())
                };
                log(&error);
                (error.render(&self.public_url), error.code())
            }
        };
        // For whoever counts answers.
        rendered.extensions_mut().insert(code);
        let kept = response.headers().clone();
        let mut response = response.into_response(rendered);
        for (name, value) in kept {
            if !response.headers().contains_key(&name) && name != header::CONTENT_LENGTH {
                response.headers_mut().append(name, value);
            }
        }
        response
    }

    /// What every answer has.
    fn finish_headers(&self, headers: &mut HeaderMap, request_id: &HeaderValue) {
        headers.insert(REQUEST_ID, request_id.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
            headers.insert(header::CONTENT_SECURITY_POLICY, CSP);
        }
        if self.public_url.starts_with("https://") {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
        }
        cors::open(headers);
    }

    /// An answer for when there is no request left to answer to.
    fn last_resort(
        &self,
        error: ApiError,
        finish: impl Fn(Option<&str>, &mut HeaderMap, StatusCode, Option<Code>),
    ) -> Error {
        log(&error);
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        finish(None, &mut headers, StatusCode::INTERNAL_SERVER_ERROR, Some(error.code()));
        LastResort { error, headers, public_url: self.public_url.clone() }.into()
    }
}

/// A fault that left the framework without a request: the answer is built when it is written.
struct LastResort {
    error: ApiError,
    headers: HeaderMap,
    public_url: String,
}

impl fmt::Debug for LastResort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for LastResort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl ResponseError for LastResort {
    fn status_code(&self) -> StatusCode {
        self.error.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.error.render(&self.public_url);
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }
}

fn log(error: &ApiError) {
    let status = error.code().status();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        tracing::warn!(code = error.code().as_str(), "{}", error.chain());
    } else if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(code = error.code().as_str(), "{}", error.chain());
    } else {
        // Without the message: it may repeat what the client sent, and somebody may send a key where none belongs.
        tracing::debug!(code = error.code().as_str(), "refused");
    }
}
