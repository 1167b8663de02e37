//! What every route does first: who calls, and whether it calls too often.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use crochet_limits::{Class, Limiter, Subject};
use crochet_market::identity::{Caller, IdentityService};
use crochet_primitives::ProfileId;
use crochet_secrets::ApiKey;
use futures::FutureExt;
use ipnet::IpNet;

use crate::accept::refuse_other_than_json;
use crate::client::client_address;
use crate::code::Code;
use crate::error::ApiError;
use crate::limit_headers::LimitHeaders;
use crate::observer;
use crate::wrong_keys::WrongKeys;
use crate::x402;

/// Whom a key belongs to. In the request's extensions once the key was found good.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    /// The raw key: a paid response is sealed for it.
    pub(crate) key: ApiKey,
    pub(crate) caller: Caller,
}

impl Credentials {
    /// Whose key it is.
    pub(crate) fn profile_id(&self) -> ProfileId {
        self.caller.profile.id
    }
}

/// What admission needs.
pub(crate) struct Admission {
    pub(crate) identity: Arc<IdentityService>,
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) wrong_keys: WrongKeys,
    pub(crate) refused_payments: WrongKeys,
    pub(crate) trusted_proxies: Vec<IpNet>,
}

/// Routes that read with GET and change with everything else.
pub(crate) async fn standard(req: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let class = if is_read(req.method()) { Class::Read } else { Class::Write };
    admit(class, req, next).await
}

/// Challenges, registration and recovery.
pub(crate) async fn sign_in(req: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    admit(Class::Auth, req, next).await
}

/// The gateway.
pub(crate) async fn gateway(req: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    admit(Class::Gateway, req, next).await
}

/// Whether a method changes nothing.
pub(crate) fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

async fn admit(class: Class, req: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(admission) = req.app_data::<web::Data<Admission>>().cloned() else {
        let cause = "the application was built without its admission data";
        return Ok(req.error_response(ApiError::internal("misconfigured", cause)));
    };
    let address = Subject::address(client_address(req.peer_addr(), req.headers(), &admission.trusted_proxies));
    if req.headers().contains_key(header::AUTHORIZATION)
        && let Some((seconds, limit)) = admission.wrong_keys.wait(address)
    {
        let message = format!("Too many wrong API keys came from this address. Try again in {seconds} s.");
        let refused = req.error_response(ApiError::new(Code::RateLimited, message).retry_after(seconds));
        return Ok(with_headers(refused, Some(limit)));
    }
    if class == Class::Gateway
        && x402::came_with(req.request())
        && let Some((seconds, limit)) = admission.refused_payments.wait(address)
    {
        let message = format!("Too many payments from this address were refused. Try again in {seconds} s.");
        let refused = req.error_response(ApiError::new(Code::RateLimited, message).retry_after(seconds));
        return Ok(with_headers(refused, Some(limit)));
    }
    let authenticated = authenticate(&admission, &req).await;
    let counted = match &authenticated {
        // A profile can make itself further keys, but no further profiles without signing in.
        Ok(Some(credentials)) if class != Class::Auth => Subject::Profile(credentials.profile_id()),
        // Whoever guesses at keys is counted by its address, and so is whoever signs in.
        Ok(_) | Err(_) => address,
    };
    if authenticated.as_ref().is_err_and(|error| error.code() == Code::Unauthorized) {
        admission.wrong_keys.count(address);
    }
    let standing = admission.limiter.count(class, counted).await;
    let limit = standing.map(LimitHeaders::from);
    if let Some(seconds) = standing.and_then(|standing| standing.exceeded) {
        observer::rate_limited(req.request(), class.as_str());
        let error = ApiError::new(Code::RateLimited, format!("Too many requests. Try again in {seconds} s."));
        return Ok(with_headers(req.error_response(error.retry_after(seconds)), limit));
    }
    let refusal = match authenticated {
        Err(error) => Some(error),
        Ok(credentials) => {
            if let Some(credentials) = credentials {
                req.extensions_mut().insert(Rc::new(credentials));
            }
            refuse_other_than_json(&req)
        }
    };
    let response = match refusal {
        Some(error) => req.error_response(error),
        None => run(req, next).await,
    };
    Ok(with_headers(response, limit))
}

/// The payment that came with this request was refused, and is no call's.
pub(crate) fn count_refused_payment(req: &HttpRequest) {
    if let Some(admission) = req.app_data::<web::Data<Admission>>() {
        let client = client_address(req.peer_addr(), req.headers(), &admission.trusted_proxies);
        admission.refused_payments.count(Subject::address(client));
    }
}

/// The route's answer, whatever becomes of it: also a fault says where its caller stands.
async fn run(req: ServiceRequest, next: Next<BoxBody>) -> ServiceResponse<BoxBody> {
    let request = req.request().clone();
    match AssertUnwindSafe(async { next.call(req).await }).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => ServiceResponse::from_err(error, request),
        Err(_panic) => {
            ServiceResponse::from_err(ApiError::internal("panicked", "see the panic's own message"), request)
        }
    }
}

/// A header that is there and wrong is never ignored.
async fn authenticate(admission: &Admission, req: &ServiceRequest) -> Result<Option<Credentials>, ApiError> {
    let mut headers = req.headers().get_all(header::AUTHORIZATION);
    let Some(header) = headers.next() else {
        return Ok(None);
    };
    let token = header.to_str().ok().and_then(bearer).filter(|_| headers.next().is_none());
    let key = token
        .and_then(|token| ApiKey::parse(token).ok())
        .ok_or_else(|| wrong_key("The Authorization header is not of the form Bearer am_k_…"))?;
    match admission.identity.authenticate(&key).await? {
        Some(caller) => Ok(Some(Credentials { key, caller })),
        None => Err(wrong_key("The API key is unknown, revoked or expired.")),
    }
}

/// The scheme's name is case-insensitive.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn wrong_key(message: &'static str) -> ApiError {
    let challenge = HeaderValue::from_static("Bearer realm=\"crochet\", error=\"invalid_token\"");
    ApiError::new(Code::Unauthorized, message).header(header::WWW_AUTHENTICATE, challenge)
}

fn with_headers(mut response: ServiceResponse<BoxBody>, limit: Option<LimitHeaders>) -> ServiceResponse<BoxBody> {
    if let Some(limit) = limit {
        limit.write(response.headers_mut());
    }
    response
}
