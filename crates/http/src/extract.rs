//! How a request becomes typed values.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use crochet_market::Scope;
use crochet_primitives::ProfileId;
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::admit::{Credentials, is_read};
use crate::code::Code;
use crate::error::ApiError;
use crate::in_flight::InFlight;
use crate::json_text::{Flaw, Nul, check, duplicate, position};
use crate::recovery::{NextAction, Recovery};
use crate::routes::gateway::stand_in;

/// The longest part of a parser's message that is passed on.
const MAX_MESSAGE: usize = 300;
/// The longest part of a path that is told, in characters.
const MAX_PATH: usize = 100;
/// A longer name is none that was misspelt, in bytes; and comparing takes time.
const MAX_NAME: usize = 64;
/// From 0 to 1: how alike two names are of which one may have been meant for the other.
const ALIKE: f64 = 0.84;

/// From so many bytes on a piece of a body is kept as it came, instead of being copied.
const WORTH_KEEPING: usize = 4 * 1024;

/// How much of a body is read, in bytes, before it needs a place among the large ones.
const SMALL: usize = 16 * 1024;

/// Bounds of a request's body.
#[derive(Clone)]
pub(crate) struct BodyLimits {
    pub(crate) max_bytes: usize,
    pub(crate) timeout: Duration,
    /// How many may be longer than 16 KiB at once, until they have come as a whole.
    pub(crate) large: InFlight,
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

/// A caller whose key may call the gateway, or one without a key.
pub(crate) struct MaybeGatewayCaller(pub(crate) Option<Rc<Credentials>>);

impl FromRequest for MaybeGatewayCaller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(match credentials(req) {
            Some(_) => with_scope(req, Scope::Gateway).map(|caller| Self(Some(caller))),
            None => Ok(Self(None)),
        })
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

/// A JSON body as it came: checked, and unchanged. Nothing in it is read here, so that keys that come twice are for
/// its receiver to judge ([ADR 15](../../../docs/adr/0015-http-manners.md)).
pub(crate) struct RawJson(pub(crate) Bytes);

impl FromRequest for RawJson {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let bytes = read_json_bytes(&req, payload).await?;
            check_raw(&bytes)?;
            Ok(Self(bytes))
        })
    }
}

/// Checks a text that is not read.
pub(crate) fn check_raw(bytes: &[u8]) -> Result<(), ApiError> {
    if bytes.is_empty() {
        return Err(ApiError::bad_request("The body is empty, and JSON is expected."));
    }
    let text = check(bytes, Nul::Taken).map_err(|flaw| flawed(&flaw, bytes))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map(|_| ()).map_err(|error| malformed(&error))
}

/// A body as it came, of whatever type: for those who sign bytes.
pub(crate) struct RawBytes(pub(crate) Bytes);

impl FromRequest for RawBytes {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, mut payload) = (req.clone(), payload.take());
        Box::pin(async move {
            refuse_encoding(&req)?;
            read(&req, &mut payload).await.map(Self)
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
        Some(_) => {
            let error = ApiError::new(Code::UnsupportedMediaType, "Bodies are taken without a Content-Encoding.");
            Err(error.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")))
        }
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
    let message = "The Content-Type of a body is application/json, once, and of no charset other than utf-8. Types that \
                   end in +json are not taken.";
    ApiError::new(Code::UnsupportedMediaType, message)
        .details(&serde_json::json!({ "accepted": ["application/json"] }))
        .header(header::ACCEPT, HeaderValue::from_static("application/json"))
}

async fn read(req: &HttpRequest, payload: &mut Payload) -> Result<Bytes, ApiError> {
    let limits = req
        .app_data::<web::Data<BodyLimits>>()
        .cloned()
        .ok_or_else(|| ApiError::internal("misconfigured", "the application was built without its body limits"))?;
    let announced = req.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > u64::try_from(limits.max_bytes).unwrap_or(u64::MAX)) {
        return Err(too_large(limits.max_bytes));
    }
    let whole = async {
        let mut body = Gathered::default();
        let mut place = None;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| {
                ApiError::bad_request("The body broke off, or is not framed as HTTP wants it.").cause(error.to_string())
            })?;
            if body.len().saturating_add(chunk.len()) > limits.max_bytes {
                return Err(too_large(limits.max_bytes));
            }
            if place.is_none() && body.len() + chunk.len() > SMALL {
                place = Some(limits.large.take(counted_as(req))?);
            }
            body.add(chunk);
        }
        Ok(body.whole())
    };
    tokio::time::timeout(limits.timeout, whole)
        .await
        .unwrap_or_else(|_| Err(ApiError::new(Code::RequestTimeout, "The body did not arrive in time.")))
}

/// A body as it comes: one large piece stays as it is. A small one is copied, since it would keep all of the connection's
/// buffer for as long as the call takes.
#[derive(Default)]
struct Gathered {
    first: Bytes,
    all: BytesMut,
}

impl Gathered {
    fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    fn add(&mut self, piece: Bytes) {
        if self.len() == 0 && piece.len() >= WORTH_KEEPING {
            self.first = piece;
            return;
        }
        if !self.first.is_empty() {
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&piece);
    }

    fn whole(self) -> Bytes {
        if self.first.is_empty() { self.all.freeze() } else { self.first }
    }
}

/// By whom what a request holds is counted: the caller, or its address.
fn counted_as(req: &HttpRequest) -> ProfileId {
    credentials(req).map_or_else(|| stand_in(req), |credentials| credentials.profile_id())
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(Code::PayloadTooLarge, format!("The body is longer than {limit} bytes."))
        .details(&serde_json::json!({ "limit_bytes": limit }))
}

/// Checks a text and reads it into a type, and says where it does not fit.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = check(bytes, Nul::Refused).map_err(|flaw| flawed(&flaw, bytes))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| malformed(&error))?;
    if !text.trim_ascii_start().starts_with('{') {
        // A list of values in the fields' order would be read as well: nobody means that.
        return Err(
            ApiError::bad_request("The body is not a JSON object.").details(&serde_json::json!({ "path": "." }))
        );
    }
    // Of two values for one key, readers choose different ones: also where the type would take both, in maps.
    if let Some(flaw) = duplicate(text) {
        return Err(flawed(&flaw, bytes));
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

/// Where in a body something is wrong, and what would have been right.
#[derive(Serialize)]
struct Place<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    line: usize,
    column: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    did_you_mean: Option<&'a str>,
}

impl Place<'_> {
    fn new((line, column): (usize, usize)) -> Self {
        Self { path: None, line, column, unknown_field: None, did_you_mean: None }
    }
}

fn flawed(flaw: &Flaw, bytes: &[u8]) -> ApiError {
    let path = match flaw {
        Flaw::Duplicate { path, .. } => Some(path.as_str()),
        Flaw::Encoding { .. } | Flaw::ByteOrderMark | Flaw::Depth { .. } | Flaw::Nul { .. } => None,
    };
    ApiError::bad_request(flaw.to_string()).details(&Place { path, ..Place::new(position(bytes, flaw.at())) })
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::bad_request(format!("The body is not valid JSON: {}.", message(error)))
        .details(&Place::new((error.line(), error.column())))
}

fn misfit(error: &serde_json::Error, path: &str) -> ApiError {
    let said = error.to_string();
    // The path holds what the client called its fields, at any length.
    let path = &in_one_line(path, MAX_PATH);
    let (unknown_field, did_you_mean) = unknown_field(&said).unzip();
    let mut told = match path.as_str() {
        "." => format!("The body does not fit: {}.", message(error)),
        path => format!("{path}: {}.", message(error)),
    };
    if let Some(Some(meant)) = did_you_mean {
        told.push_str(&format!(" Did you mean `{meant}`?"));
    }
    let place = Place::new((error.line(), error.column()));
    let path = Some(path.as_str());
    ApiError::bad_request(told).details(&Place { path, unknown_field, did_you_mean: did_you_mean.flatten(), ..place })
}

/// The field that nobody knows, and the known one whose name is closest: in no other way does serde tell them than by
/// its message. Where that should ever read otherwise, no name is proposed.
fn unknown_field(said: &str) -> Option<(&str, Option<&str>)> {
    let (unknown, expected) = said.strip_prefix("unknown field `")?.split_once("`, expected ")?;
    if unknown.len() > MAX_NAME {
        return None;
    }
    // The names stand between backticks, at every other place.
    let known = expected.split('`').skip(1).step_by(2);
    let closest = known.max_by(|a, b| likeness(unknown, a).total_cmp(&likeness(unknown, b)));
    Some((unknown, closest.filter(|name| likeness(unknown, name) > ALIKE)))
}

fn likeness(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}

/// The parser's message, without the names of our types, and cut to a bound.
fn message(error: &serde_json::Error) -> String {
    in_one_line(&without_type_names(&error.to_string()), MAX_MESSAGE)
}

/// The first characters of what may hold a client's own text: as one line, which cannot pass for two.
fn in_one_line(text: &str, most: usize) -> String {
    text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect()
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
    NUMBERS.iter().fold(told, |told, number| told.replace(&format!("expected {number}"), "expected a whole number"))
}

/// Our names of whole numbers.
const NUMBERS: [&str; 8] = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_one_large_piece_is_not_copied_and_one_of_several_is_whole() {
        let large = Bytes::from(vec![b'1'; WORTH_KEEPING]);
        let mut body = Gathered::default();
        body.add(large.clone());
        assert_eq!(body.whole().as_ptr(), large.as_ptr());
        for pieces in [vec![large.clone(), Bytes::from_static(b"2"), large.clone()], vec![Bytes::from_static(b"3"); 3]]
        {
            let mut body = Gathered::default();
            pieces.iter().for_each(|piece| body.add(piece.clone()));
            assert_eq!(body.len(), pieces.iter().map(Bytes::len).sum::<usize>());
            assert_eq!(body.whole(), pieces.concat());
        }
    }

    #[test]
    fn the_name_that_was_meant_is_proposed_and_no_other() {
        let said =
            "unknown field `pricing_ammount`, expected one of `name`, `pricing_amount`, `tags` at line 1 column 9";
        assert_eq!(unknown_field(said), Some(("pricing_ammount", Some("pricing_amount"))));
        let said = "unknown field `zebra`, expected one of `name`, `tags` at line 1 column 9";
        assert_eq!(unknown_field(said), Some(("zebra", None)));
        let said = "unknown field `nam`, expected `name` at line 1 column 9";
        assert_eq!(unknown_field(said), Some(("nam", Some("name"))));
        let said = "unknown field `x`, there are no fields at line 1 column 9";
        assert_eq!(unknown_field(said), None);
        assert_eq!(unknown_field("invalid type: null, expected a string"), None);
    }

    #[test]
    fn what_is_told_of_a_body_is_one_line_whatever_its_fields_are_called() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Known {
            #[serde(rename = "known")]
            _known: std::collections::HashMap<String, u8>,
        }
        for body in [r#"{"a\n2026-05-03 ERROR\u001b[31m":1}"#, r#"{"known":{"a\r\nb":"c"}}"#] {
            let told = parse::<Known>(body.as_bytes()).unwrap_err().to_string();
            assert!(!told.contains(char::is_control), "{told:?}");
        }
    }

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
            ("invalid value: integer `-1`, expected u64", "invalid value: integer `-1`, expected a whole number"),
        ] {
            assert_eq!(without_type_names(said), told);
        }
    }
}
