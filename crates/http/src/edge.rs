//! The outermost ring: request ids, the access log, security headers, CORS, and what becomes of errors and panics.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError, web};
use crochet_primitives::{Clock, Entropy, EntropyExt};
use futures::FutureExt;
use tracing::Instrument;

use crate::code::Code;
use crate::error::ApiError;
use crate::observer::{Observer, UnderWay};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 128;

const ALLOWED_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
/// Payment headers included, so that agents in browsers can pay.
const ALLOWED_HEADERS: &str = "Authorization, Content-Type, Accept, Idempotency-Key, X-Request-Id, \
     X-Crochet-Relay-Request-Id, X-Crochet-Origin-Wallet-Id, X-Crochet-Origin-Currency, X-Crochet-Origin-Chain-Id, \
     X-Crochet-Payment-Scheme, X-Crochet-Payment-Network, X-PAYMENT, PAYMENT-SIGNATURE";
const EXPOSED_HEADERS: &str = "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, RateLimit-Limit, \
     RateLimit-Remaining, RateLimit-Reset, WWW-Authenticate, Allow, Location, X-PAYMENT-RESPONSE, PAYMENT-REQUIRED, \
     PAYMENT-RESPONSE";

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
    let request_id = edge.request_id(req.headers());
    let method = req.method().clone();
    // Of the gravest level, so that it is there for every line that is logged, however little is.
    let span = tracing::error_span!("request", request_id = request_id.to_str().unwrap_or_default(), method = %method);
    let has_credentials = req.headers().contains_key(header::AUTHORIZATION);
    let started = edge.clock.monotonic();
    let outcome = if is_preflight(&req) {
        Ok(Ok(req.into_response(preflight())))
    } else {
        // A panic ends this request and nothing else, and is answered like any other fault.
        AssertUnwindSafe(async { next.call(req).await }).catch_unwind().instrument(span.clone()).await
    };
    let _entered = span.enter();
    let finish = |route: Option<String>, headers: &mut HeaderMap, status: StatusCode, code: Option<Code>| {
        finish_headers(headers, &request_id, &method, has_credentials);
        let took = edge.clock.monotonic().saturating_sub(started);
        under_way.answered(&method, route.as_deref(), status.as_u16(), code, took);
        let latency_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let route = route.as_deref().unwrap_or("unmatched");
        tracing::info!(target: "crochet_http::access", route, status = status.as_u16(), latency_ms, "answered");
    };
    match outcome {
        Ok(Ok(response)) => {
            let mut response = edge.render_error(response);
            let route = response.request().match_pattern();
            let status = response.status();
            let code = response.response().extensions().get::<Code>().copied();
            finish(route, response.headers_mut(), status, code);
            Ok(response)
        }
        Ok(Err(error)) => Err(edge.last_resort(ApiError::internal("a middleware failed", error.to_string()), finish)),
        Err(_panic) => Err(edge.last_resort(ApiError::internal("panicked", "see the panic's own message"), finish)),
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

    /// An answer for when there is no request left to answer to.
    fn last_resort(
        &self,
        error: ApiError,
        finish: impl Fn(Option<String>, &mut HeaderMap, StatusCode, Option<Code>),
    ) -> Error {
        log(&error);
        let mut headers = HeaderMap::new();
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
        tracing::debug!(code = error.code().as_str(), "{}", error.chain());
    }
}

fn is_preflight(req: &ServiceRequest) -> bool {
    req.method() == Method::OPTIONS
        && req.headers().contains_key(header::ORIGIN)
        && req.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}

fn finish_headers(headers: &mut HeaderMap, request_id: &HeaderValue, method: &Method, has_credentials: bool) {
    let fixed = HeaderValue::from_static;
    headers.insert(REQUEST_ID, request_id.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, fixed("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(header::REFERRER_POLICY, fixed("no-referrer"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, fixed("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, fixed(EXPOSED_HEADERS));
    headers.insert(header::VARY, fixed("Authorization"));
    if has_credentials || !matches!(*method, Method::GET | Method::HEAD) {
        headers.insert(header::CACHE_CONTROL, fixed("no-store"));
    } else if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, fixed("no-cache"));
    }
}
