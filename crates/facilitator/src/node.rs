//! A node of a chain, by JSON-RPC: bounded in time, and left alone for a while where it does not answer.

use std::sync::Arc;
use std::time::Duration;

use crochet_primitives::Clock;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::breaker::Breaker;
use crate::http::Http;

const ATTEMPTS: u32 = 2;

/// The node does not answer, or with nothing that can be used. It says nothing about the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// The node's own number of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) Option<i64>);

pub(crate) struct Node {
    http: Http,
    /// Not shown: often it has a key in it.
    url: String,
    attempt: Duration,
    breaker: Breaker,
}

impl Node {
    /// `name` is the network's, for the log.
    pub(crate) fn new(http: Http, url: String, name: &str, attempt: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { http, url, attempt, breaker: Breaker::new(&format!("the node of {name}"), clock) }
    }

    /// Whether it has answered lately, as far as anybody has asked.
    pub(crate) fn is_answering(&self) -> bool {
        self.breaker.is_closed()
    }

    /// Asks twice at most: reading changes nothing.
    pub(crate) async fn call(&self, method: &str, params: &Value, deadline: Instant) -> Result<Value, Unreadable> {
        let mut result = Err(Unreadable);
        for _ in 0..ATTEMPTS {
            result = self.ask(method, params, deadline).await.and_then(|answer| answer.map_err(|_| Unreadable));
            if result.is_ok() || Instant::now() >= deadline {
                break;
            }
        }
        result
    }

    /// Asks once; the node's own refusal is an answer.
    pub(crate) async fn ask(
        &self,
        method: &str,
        params: &Value,
        deadline: Instant,
    ) -> Result<Result<Value, Refusal>, Unreadable> {
        let permit = self.breaker.permit().ok_or(Unreadable)?;
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let deadline = deadline.min(Instant::now() + self.attempt);
        let Ok(answer) = self.http.post(&self.url, None, &body, deadline).await else {
            permit.tell(false);
            return Err(Unreadable);
        };
        let value = answer.value.filter(Value::is_object);
        permit.tell(value.is_some() || answer.status == StatusCode::TOO_MANY_REQUESTS);
        let Some(Value::Object(mut value)) = value else { return Err(Unreadable) };
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            let code = error.get("code").and_then(Value::as_i64);
            tracing::debug!(method, code, "a node refused a call");
            return Ok(Err(Refusal(code)));
        }
        value.remove("result").map(Ok).ok_or(Unreadable)
    }
}
