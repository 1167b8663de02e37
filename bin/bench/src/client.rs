//! One agent that asks one thing after the other, over a connection that stays open.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Talks to one gateway.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: HyperClient<HttpConnector, Full<Bytes>>,
    base: String,
}

/// What came back, and when the last byte of it was there.
#[derive(Debug)]
pub(crate) struct Answer {
    /// From sending the request to having its whole answer.
    pub(crate) took: Duration,
    /// The body, which is JSON.
    body: Bytes,
}

impl Client {
    /// For the gateway at `base`.
    pub(crate) fn new(base: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { http: HyperClient::builder(TokioExecutor::new()).build(connector), base: format!("{base}/api/v1") }
    }

    /// Reads `path`, with an API key where there is one; anything but 200 is an error.
    pub(crate) async fn get(&self, path: &str, key: Option<&str>) -> anyhow::Result<Answer> {
        let mut request = Request::get(format!("{}{path}", self.base));
        if let Some(key) = key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        let request = request.body(Full::default()).with_context(|| format!("{path} is no path"))?;
        let exchange = async {
            let began = Instant::now();
            let response = self.http.request(request).await.context("no answer")?;
            let (parts, body) = response.into_parts();
            let body = match Limited::new(body, MAX_ANSWER_BYTES).collect().await {
                Ok(collected) => collected.to_bytes(),
                Err(error) => bail!("the answer broke off: {error}"),
            };
            let took = began.elapsed();
            ensure!(parts.status == 200, "{}: {}", parts.status, String::from_utf8_lossy(&body));
            Ok(Answer { took, body })
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(answer) => answer.with_context(|| path.to_owned()),
            Err(_) => bail!("{path}: no answer within {} s", PATIENCE.as_secs()),
        }
    }
}

impl Answer {
    /// How many items it has, and where the next page begins.
    pub(crate) fn page(&self) -> anyhow::Result<(usize, Option<String>)> {
        let json: Value = serde_json::from_slice(&self.body).context("the answer is not JSON")?;
        let items = json.pointer("/data").and_then(Value::as_array).context("the answer is not a list")?;
        let next = json.pointer("/pagination/next_cursor").and_then(Value::as_str).map(str::to_owned);
        Ok((items.len(), next))
    }
}
