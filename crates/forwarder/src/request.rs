//! What is sent to a seller, and whether it was sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use crochet_relay::{Dispatch, UpstreamAuth};
use crochet_signing::headers::{ATTEMPT, BUYER_ID};
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use hyper::body::{Body, Frame, SizeHint};
use secrecy::ExposeSecret;
use tokio::time::Instant;

/// The longest value of an upstream auth header.
const MAX_AUTH_BYTES: usize = 8 * 1024;

/// How many headers a request has at most: those here, and what the client adds.
const HEADERS: usize = 16;

/// A header that cannot be sent.
#[derive(Debug)]
pub(crate) struct BadHeader;

/// Builds the request. Nothing of it is the buyer's but the body and the id.
pub(crate) fn build(
    dispatch: &Dispatch,
    uri: Uri,
    user_agent: &HeaderValue,
    gate: &Arc<Gate>,
) -> Result<Request<GatedBody>, BadHeader> {
    let json = HeaderValue::from_static("application/json");
    let body = GatedBody { bytes: Some(dispatch.body.clone()), gate: Arc::clone(gate) };
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = HeaderMap::with_capacity(HEADERS);
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, json.clone());
    headers.insert(ACCEPT, json);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, user_agent.clone());
    if let Some(auth) = &dispatch.endpoint.upstream_auth {
        insert_auth(headers, auth)?;
    }
    for (name, value) in dispatch.seal.headers() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).map_err(|_| BadHeader)?);
    }
    let buyer = HeaderValue::from_str(&dispatch.buyer.to_string()).map_err(|_| BadHeader)?;
    headers.insert(HeaderName::from_static(BUYER_ID), buyer);
    headers.insert(HeaderName::from_static(ATTEMPT), HeaderValue::from(dispatch.attempt));
    Ok(request)
}

/// `Authorization` or an `X-…` name, and none that says something about the call. Checked when it is set, too.
fn insert_auth(headers: &mut HeaderMap, auth: &UpstreamAuth) -> Result<(), BadHeader> {
    let name = HeaderName::from_bytes(auth.name.as_bytes()).map_err(|_| BadHeader)?;
    let text = name.as_str();
    let is_ours = text.starts_with("x-crochet-") || text.starts_with("x-forwarded-");
    if name != AUTHORIZATION && (!text.starts_with("x-") || is_ours) {
        return Err(BadHeader);
    }
    if auth.value.expose_secret().len() > MAX_AUTH_BYTES {
        return Err(BadHeader);
    }
    let mut value = HeaderValue::from_str(auth.value.expose_secret()).map_err(|_| BadHeader)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const CLOSED: u8 = 2;

/// Decides between "the body was taken to be written" and "the call was given up", once: a connection runs in a task
/// of its own, and could otherwise begin to write in the moment after the call was reported as never sent, or, on a
/// machine that was held up, after the lease on the call has ended.
#[derive(Debug)]
pub(crate) struct Gate {
    state: AtomicU8,
    deadline: Instant,
}

impl Gate {
    /// A gate that nothing passes after `deadline`.
    pub(crate) fn new(deadline: Instant) -> Self {
        Self { state: AtomicU8::new(WAITING), deadline }
    }

    /// Whether the body may be taken; from then on it counts as sent.
    fn take(&self) -> bool {
        let next = if Instant::now() < self.deadline { TAKEN } else { CLOSED };
        self.leave_waiting(next).is_ok() && next == TAKEN
    }

    /// Closes the gate. Answers whether the body was taken before.
    pub(crate) fn close(&self) -> bool {
        self.leave_waiting(CLOSED) == Err(TAKEN)
    }

    fn leave_waiting(&self, next: u8) -> Result<u8, u8> {
        self.state.compare_exchange(WAITING, next, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// A body that leaves through a gate. HTTP/1.1 asks for the body before anything of the head is on the wire, and
/// gives the connection up when the body fails: a closed gate keeps all of the request back.
#[derive(Debug)]
pub(crate) struct GatedBody {
    bytes: Option<Bytes>,
    gate: Arc<Gate>,
}

impl Body for GatedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        Poll::Ready(
            this.bytes.take().map(|bytes| {
                if this.gate.take() { Ok(Frame::data(bytes)) } else { Err(io::ErrorKind::TimedOut.into()) }
            }),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.bytes.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn open_gate() -> Gate {
        Gate::new(Instant::now() + Duration::from_secs(3600))
    }

    #[test]
    fn a_gate_is_either_passed_or_closed() {
        let passed = open_gate();
        assert!(passed.take());
        assert!(passed.close());
        let closed = open_gate();
        assert!(!closed.close());
        assert!(!closed.take());
        assert!(!closed.close());
    }

    #[test]
    fn nothing_passes_a_gate_after_its_deadline() {
        let gate = Gate::new(Instant::now());
        assert!(!gate.take());
        assert!(!gate.close());
    }

    fn auth(name: &str, value: &str) -> Result<HeaderMap, BadHeader> {
        let mut headers = HeaderMap::new();
        let auth = UpstreamAuth { name: name.to_owned(), value: value.into() };
        insert_auth(&mut headers, &auth).map(|()| headers)
    }

    #[test]
    fn the_upstream_auth_header_is_not_in_debug_output() {
        let headers = auth("Authorization", "Bearer hidden").unwrap();
        assert_eq!(headers["authorization"], "Bearer hidden");
        assert!(!format!("{headers:?}").contains("hidden"));
        assert!(auth("X-Api-Key", "hidden").unwrap()["x-api-key"].is_sensitive());
    }

    #[test]
    fn an_upstream_auth_header_that_says_something_else_is_refused() {
        for (name, value) in [
            ("Host", "x"),
            ("Content-Length", "1"),
            ("X-Crochet-Signature", "x"),
            ("x-forwarded-for", "x"),
            ("", "x"),
            ("x y", "x"),
            ("x-key", "a\r\nb: c"),
            ("x-key", &"a".repeat(MAX_AUTH_BYTES + 1)),
        ] {
            assert!(auth(name, value).is_err(), "{name}");
        }
    }
}
