//! How a request becomes typed values.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use crochet_market::Scope;
use futures::StreamExt;
use serde::de::DeserializeOwned;

use crate::admit::{Credentials, is_read};
use crate::code::Code;
use crate::error::ApiError;
use crate::json_text::{Nul, check};
use crate::recovery::{NextAction, Recovery};

/// The longest part of a parser's message that is passed on.
const MAX_MESSAGE: usize = 300;

/// Bounds of a request's body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    pub(crate) max_bytes: usize,
    pub(crate) timeout: Duration,
}

/// A caller whose key may read (GET) or change things (everything else).
pub(crate) struct Authenticated(pub(crate) Rc<Credentials>);

impl FromRequest for Authenticated {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let scope = if is_read(req.method()) { Scope::Read } else { Scope::Write };
        ready(with_scope(req, scope).map(Self))
    }
}

/// A caller whose key may call the gateway.
pub(crate) struct GatewayCaller(pub(crate) Rc<Credentials>);

impl FromRequest for GatewayCaller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(with_scope(req, Scope::Gateway).map(Self))
    }
}

/// Whoever calls, with a key or without.
pub(crate) struct MaybeAuthenticated(pub(crate) Option<Rc<Credentials>>);

impl FromRequest for MaybeAuthenticated {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self(credentials(req))))
    }
}

fn credentials(req: &HttpRequest) -> Option<Rc<Credentials>> {
    req.extensions().get::<Rc<Credentials>>().map(Rc::clone)
}

fn with_scope(req: &HttpRequest, scope: Scope) -> Result<Rc<Credentials>, ApiError> {
    let credentials =
        credentials(req).ok_or_else(|| ApiError::new(Code::Unauthorized, "An API key is needed for this."))?;
    if credentials.caller.key.scopes.has(scope) {
        return Ok(credentials);
    }
    let summary = format!("Use a key with the scope {}; GET /api-keys lists the profile's keys.", scope.as_str());
    Err(ApiError::new(Code::Forbidden, format!("The API key has not the scope {}.", scope.as_str()))
        .details(&serde_json::json!({ "missing_scope": scope.as_str() }))
        .recovery(Recovery::change(NextAction::UseKeyWithScope, summary)))
}

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let bytes = read_json_bytes(&req, payload).await?;
            if bytes.is_empty() {
                return Err(ApiError::bad_request("The body is empty, and JSON is expected."));
            }
            parse(&bytes).map(Self)
        })
    }
}

/// A JSON body that may be left out altogether.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalJson<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, mut payload) = (req.clone(), payload.take());
        Box::pin(async move {
            if req.headers().get(header::CONTENT_TYPE).is_none() {
                // Nothing is said to come, and nothing comes.
                refuse_encoding(&req)?;
                if read(&req, &mut payload).await?.is_empty() {
                    return Ok(Self(T::default()));
                }
                return Err(not_json());
            }
            let bytes = read_json_bytes(&req, payload).await?;
            if bytes.is_empty() { Ok(Self(T::default())) } else { parse(&bytes).map(Self) }
        })
    }
}

/// A JSON body as it came: checked, and unchanged.
pub(crate) struct RawJson(pub(crate) Bytes);

impl FromRequest for RawJson {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let bytes = read_json_bytes(&req, payload).await?;
            if bytes.is_empty() {
                return Err(ApiError::bad_request("The body is empty, and JSON is expected."));
            }
            let text = check(&bytes, Nul::Taken).map_err(|flaw| ApiError::bad_request(flaw.to_string()))?;
            serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| malformed(&error))?;
            Ok(Self(bytes))
        })
    }
}

async fn read_json_bytes(req: &HttpRequest, mut payload: Payload) -> Result<Bytes, ApiError> {
    refuse_encoding(req)?;
    if !is_json(req) {
        return Err(not_json());
    }
    read(req, &mut payload).await
}

fn refuse_encoding(req: &HttpRequest) -> Result<(), ApiError> {
    match req.headers().get(header::CONTENT_ENCODING) {
        None => Ok(()),
        Some(_) => Err(ApiError::new(Code::UnsupportedMediaType, "Bodies are taken without a Content-Encoding.")),
    }
}

/// `application/json`, with no charset other than UTF-8.
fn is_json(req: &HttpRequest) -> bool {
    let mut values = req.headers().get_all(header::CONTENT_TYPE);
    let (Some(value), None) = (values.next().and_then(|value| value.to_str().ok()), values.next()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
        && parts.filter_map(|part| part.split_once('=')).all(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}

fn not_json() -> ApiError {
    ApiError::new(Code::UnsupportedMediaType, "The Content-Type of a body is application/json.")
}

async fn read(req: &HttpRequest, payload: &mut Payload) -> Result<Bytes, ApiError> {
    let limits = req
        .app_data::<web::Data<BodyLimits>>()
        .map(|limits| ***limits)
        .ok_or_else(|| ApiError::internal("misconfigured", "the application was built without its body limits"))?;
    let announced = req.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > u64::try_from(limits.max_bytes).unwrap_or(u64::MAX)) {
        return Err(too_large(limits.max_bytes));
    }
    let whole = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| {
                ApiError::bad_request("The body broke off, or is not framed as HTTP wants it.").cause(error.to_string())
            })?;
            if body.len().saturating_add(chunk.len()) > limits.max_bytes {
                return Err(too_large(limits.max_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(limits.timeout, whole)
        .await
        .unwrap_or_else(|_| Err(ApiError::new(Code::RequestTimeout, "The body did not arrive in time.")))
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(Code::PayloadTooLarge, format!("The body is longer than {limit} bytes."))
        .details(&serde_json::json!({ "limit_bytes": limit }))
}

/// Reads a checked text into a type, and says where it does not fit.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = check(bytes, Nul::Refused).map_err(|flaw| ApiError::bad_request(flaw.to_string()))?;
    if !text.trim_ascii_start().starts_with('{') {
        // A list of values in the fields' order would be read as well: nobody means that.
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| malformed(&error))?;
        return Err(
            ApiError::bad_request("The body is not a JSON object.").details(&serde_json::json!({ "path": "." }))
        );
    }
    let mut track = serde_path_to_error::Track::new();
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(serde_path_to_error::Deserializer::new(&mut parser, &mut track));
    match value {
        Ok(value) => parser.end().map(|()| value).map_err(|error| malformed(&error)),
        Err(error) if error.is_data() => Err(misfit(&error, &track.path().to_string())),
        Err(error) => Err(malformed(&error)),
    }
}

fn malformed(error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    ApiError::bad_request(format!("The body is not valid JSON: {}.", message(error)))
        .details(&serde_json::json!({ "line": line, "column": column }))
}

fn misfit(error: &serde_json::Error, path: &str) -> ApiError {
    let (line, column) = (error.line(), error.column());
    let message = match path {
        "." => format!("The body does not fit: {}.", message(error)),
        path => format!("{path}: {}.", message(error)),
    };
    ApiError::bad_request(message).details(&serde_json::json!({ "path": path, "line": line, "column": column }))
}

/// The parser's message, without the names of our types, and cut to a bound that does not split a character.
fn message(error: &serde_json::Error) -> String {
    without_type_names(&error.to_string()).chars().take(MAX_MESSAGE).collect()
}

/// `expected struct NewWalletProof` tells a client nothing: what is expected is an object.
fn without_type_names(message: &str) -> String {
    let mut told = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once("struct ") {
        told.push_str(before);
        told.push_str("an object");
        rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    }
    told.push_str(rest);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_of_ours_is_named() {
        for (said, told) in [
            (
                "invalid type: null, expected struct NewWalletProof at line 1",
                "invalid type: null, expected an object at line 1",
            ),
            (
                "invalid length 1, expected struct A with 2 elements",
                "invalid length 1, expected an object with 2 elements",
            ),
            ("invalid type: integer `1`, expected a string", "invalid type: integer `1`, expected a string"),
        ] {
            assert_eq!(without_type_names(said), told);
        }
    }
}
