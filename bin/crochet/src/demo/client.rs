//! A small HTTP client, such as any agent has: JSON in, JSON out, over plain HTTP.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Talks to one gateway.
#[derive(Debug, Clone)]
pub struct ApiClient {
    http: Client<HttpConnector, Full<Bytes>>,
    base: String,
    watch: Option<fn(&Watched<'_>)>,
}

/// An exchange, for whoever watches a client.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's path and query.
    pub target: &'a str,
    /// The request's body, where it has one.
    pub request_body: &'a [u8],
    /// What came back.
    pub answer: &'a Answer,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it came.
    pub raw: Bytes,
    /// The body, as JSON; null when it is none.
    pub json: Value,
}

impl ApiClient {
    /// For the gateway at `base`, `http://127.0.0.1:8080` for instance.
    ///
    /// # Errors
    /// When the URL is not plain http.
    pub fn new(base: &str) -> anyhow::Result<Self> {
        ensure!(base.starts_with("http://"), "the demonstration speaks plain http, with a gateway on this machine");
        let http = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), watch: None })
    }

    /// The same client, that shows every exchange to `watch`.
    #[must_use]
    pub fn watched_by(self, watch: fn(&Watched<'_>)) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Where the gateway is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request and waits for its whole answer, for 30 s at most. `path` is relative to `/api/v1`, or a whole
    /// URL of this gateway.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> anyhow::Result<Answer> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}/api/v1{path}", self.base) };
        let mut request = Request::builder().method(method.clone()).uri(&url);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.unwrap_or_default();
        let request = request.body(Full::new(body.clone())).context("the request is not valid")?;
        let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let exchange = async {
            let response = self.http.request(request).await.context("the gateway does not answer")?;
            let (parts, body) = response.into_parts();
            let raw = match Limited::new(body, MAX_ANSWER_BYTES).collect().await {
                Ok(collected) => collected.to_bytes(),
                Err(error) => bail!("the answer broke off: {error}"),
            };
            let json = serde_json::from_slice(&raw).unwrap_or(Value::Null);
            Ok(Answer { status: parts.status, headers: parts.headers, raw, json })
        };
        let answer = match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(answer) => answer.with_context(|| format!("{method} {path}"))?,
            Err(_) => bail!("{method} {path}: no answer within {} s", TIMEOUT.as_secs()),
        };
        if let Some(watch) = self.watch {
            watch(&Watched { method: &method, target: &target, request_body: &body, answer: &answer });
        }
        Ok(answer)
    }
}

impl Answer {
    /// A value inside the answer, by JSON pointer: `/data/status`.
    #[must_use]
    pub fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// A text inside the answer.
    ///
    /// # Errors
    /// When there is none.
    pub fn text(&self, pointer: &str) -> anyhow::Result<&str> {
        self.at(pointer).as_str().with_context(|| format!("the answer has no {pointer}: {}", self.shown()))
    }

    /// Fails unless the status is the expected one.
    ///
    /// # Errors
    /// With the status and the error code that came instead.
    pub fn expect(self, status: u16) -> anyhow::Result<Self> {
        ensure!(self.status.as_u16() == status, "expected {status}, got {}: {}", self.status.as_u16(), self.shown());
        Ok(self)
    }

    /// What may be shown of an answer: its error, not its data, which may hold a key.
    fn shown(&self) -> String {
        match self.json.get("error") {
            Some(error) => error.to_string(),
            None => format!("{} bytes without an error", self.raw.len()),
        }
    }
}
