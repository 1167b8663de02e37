//! An error as it leaves through HTTP: what the client is told, and what only the log gets.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use crochet_primitives::StorageError;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::code::Code;
use crate::recovery::{Recovery, SentRecovery};

/// How long a client waits after the database was busy.
const BUSY_SECONDS: u32 = 1;
/// How long it waits after the database was gone.
const UNAVAILABLE_SECONDS: u32 = 5;

/// An answer that is an error. Its message and details are for the client and name nothing internal; its cause goes
/// to the log.
pub struct ApiError(Box<Inner>);

struct Inner {
    code: Code,
    message: Cow<'static, str>,
    details: Option<Box<RawValue>>,
    recovery: Recovery,
    data: Option<Box<RawValue>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// `{"success":false,"error":{…},"data":…}`.
#[derive(Serialize)]
pub(crate) struct Failure<'a> {
    success: bool,
    error: Body<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Body<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a RawValue>,
    recovery: SentRecovery<'a>,
}

impl<'a> Failure<'a> {
    /// An error as it is sent, with links below `public_url`.
    pub(crate) fn of(error: &'a ApiError, public_url: &str) -> Self {
        let Inner { code, message, details, recovery, data, headers: _, cause: _ } = &*error.0;
        Self {
            success: false,
            error: Body {
                code: code.as_str(),
                message,
                details: details.as_deref(),
                recovery: recovery.sent(*code, public_url),
            },
            data: data.as_deref(),
        }
    }
}

impl ApiError {
    /// An error with the recovery that its code has by default.
    #[must_use]
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        let headers = match code.status() {
            StatusCode::UNAUTHORIZED => {
                vec![(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"crochet\""))]
            }
            _ => Vec::new(),
        };
        Self(Box::new(Inner {
            code,
            message: message.into(),
            details: None,
            recovery: code.recovery(),
            data: None,
            headers,
            cause: None,
        }))
    }

    /// 400.
    pub(crate) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// 404.
    pub(crate) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// 500: `what` and the cause are for the log alone.
    pub(crate) fn internal(what: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::InternalError, "An unexpected error occurred.").cause(Internal { what, cause: cause.into() })
    }

    /// With further facts, for programs.
    pub(crate) fn details(mut self, details: &impl Serialize) -> Self {
        self.0.details = serde_json::value::to_raw_value(details).ok();
        self
    }

    /// With another recovery.
    pub(crate) fn recovery(mut self, recovery: Recovery) -> Self {
        let wait = self.0.recovery.retry_after_seconds;
        self.0.recovery = Recovery { retry_after_seconds: recovery.retry_after_seconds.or(wait), ..recovery };
        self
    }

    /// With `data` beside the error.
    pub(crate) fn data(mut self, data: &impl Serialize) -> Self {
        self.0.data = serde_json::value::to_raw_value(data).ok();
        self
    }

    /// To be tried again after so many seconds: `Retry-After`, and in the recovery.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.recovery.retry_after_seconds = Some(seconds);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// With a header, in place of one of that name.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.retain(|(known, _)| *known != name);
        self.0.headers.push((name, value));
        self
    }

    /// With a cause, for the log.
    pub(crate) fn cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Code, message and the chain of causes, in one line, for the log.
    pub(crate) fn chain(&self) -> String {
        let mut text = format!("{}: {}", self.0.code.as_str(), self.0.message);
        let mut next: Option<&dyn Error> = self.0.cause.as_deref().map(|cause| cause as &dyn Error);
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        text
    }

    /// The whole answer, with links below `public_url`.
    pub(crate) fn render(&self, public_url: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.code.status());
        response.insert_header(ContentType::json());
        for (name, value) in &self.0.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        // Strings, numbers and checked JSON: writing them cannot fail.
        response.body(serde_json::to_vec(&Failure::of(self, public_url)).unwrap_or_default())
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiError({})", self.chain())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    /// The edge renders it again, with the public URL and the request's id.
    fn error_response(&self) -> HttpResponse {
        self.render("")
    }
}

/// What the log says of a fault.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct Internal {
    what: &'static str,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Busy => Self::new(Code::ServiceUnavailable, "The service is busy. Try again shortly.")
                .retry_after(BUSY_SECONDS)
                .cause(error),
            StorageError::Unavailable(_) => {
                Self::new(Code::ServiceUnavailable, "The service is unavailable for a moment. Nothing is lost.")
                    .retry_after(UNAVAILABLE_SECONDS)
                    .cause(error)
            }
            StorageError::Corrupt(_) => Self::internal("the storage is not as expected", error),
        }
    }
}
