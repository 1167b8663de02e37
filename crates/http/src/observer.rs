//! Who is told of what the server does, so that it can be counted. Nothing here decides anything.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::web;
use crochet_relay::Reply;

use crate::code::Code;

/// What a request that no route is for counts as.
const UNMATCHED: &str = "unmatched";

/// One answered request, without anything that a client could choose freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered<'a> {
    /// `GET`, `POST`, …; `other` for methods that HTTP's own specification does not have.
    pub method: &'static str,
    /// The route's pattern, `/api/v1/listings/{id}`; `unmatched` when there is none. Never the path itself.
    pub route: &'a str,
    /// The status.
    pub status: u16,
    /// The error's code, where the answer is an error of ours.
    pub code: Option<Code>,
    /// From having read the head of the request to having the head of the answer.
    pub took: Duration,
}

/// Is told of what the server does. Every method MUST return at once, and MUST NOT panic: it is called on the threads
/// that serve requests.
pub trait Observer: Send + Sync {
    /// A request came in.
    fn request_started(&self);

    /// A request is over, answered or not: once for each that was started.
    fn request_ended(&self);

    /// A request was answered.
    fn answered(&self, answered: &Answered<'_>);

    /// A request was refused for want of quota. `class` is `read`, `write`, `auth` or `gateway`.
    fn rate_limited(&self, class: &'static str);

    /// A gateway call came to its end; `None` when the storage failed.
    fn replied(&self, reply: Option<&Reply>);
}

/// Nobody is told.
impl Observer for () {
    fn request_started(&self) {}
    fn request_ended(&self) {}
    fn answered(&self, _: &Answered<'_>) {}
    fn rate_limited(&self, _: &'static str) {}
    fn replied(&self, _: Option<&Reply>) {}
}

/// A request that is under way; over when this is dropped, also where a client has hung up.
pub(crate) struct UnderWay(Arc<dyn Observer>);

impl UnderWay {
    pub(crate) fn begin(observer: &Arc<dyn Observer>) -> Self {
        observer.request_started();
        Self(Arc::clone(observer))
    }

    pub(crate) fn answered(
        &self,
        method: &Method,
        route: Option<&str>,
        status: u16,
        code: Option<Code>,
        took: Duration,
    ) {
        let route = route.unwrap_or(UNMATCHED);
        self.0.answered(&Answered { method: known(method), route, status, code, took });
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.request_ended();
    }
}

/// Tells the server's observer that a request was refused for want of quota.
pub(crate) fn rate_limited(req: &HttpRequest, class: &'static str) {
    if let Some(observer) = req.app_data::<web::Data<dyn Observer>>() {
        observer.rate_limited(class);
    }
}

/// Methods are the client's to invent, and each would be a series of its own.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_methods_are_all_the_same() {
        for name in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"] {
            assert_eq!(known(&Method::from_bytes(name.as_bytes()).unwrap()), name);
        }
        for name in ["get", "PROPFIND", "X-1"] {
            assert_eq!(known(&Method::from_bytes(name.as_bytes()).unwrap()), "other");
        }
    }
}
