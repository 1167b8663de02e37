//! An HTTP/1.1 client that sends exactly what it is told to, well formed or not.

use std::time::Duration;

use crochet::demo::client::ApiClient;
use crochet_http::testing::Exchange;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::contract;

/// No answer takes longer, not even when the database is away.
const PATIENCE: Duration = Duration::from_secs(45);

/// One request in the making.
#[derive(Debug, Clone)]
pub(crate) struct RawRequest {
    authority: String,
    base: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    base: String,
}

impl RawRequest {
    /// To a path below `/api/v1`.
    pub(crate) fn new(api: &ApiClient, method: &str, path: &str) -> Self {
        Self::outside(api, method, &format!("/api/v1{path}"))
    }

    /// To any path.
    pub(crate) fn outside(api: &ApiClient, method: &str, target: &str) -> Self {
        let base = api.base().to_owned();
        Self {
            authority: base.trim_start_matches("http://").to_owned(),
            base,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, key: &str) -> Self {
        self.header("Authorization", &format!("Bearer {key}"))
    }

    /// With a body of that type.
    pub(crate) fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    /// With a body of no type.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { authority, method, target, .. } = self;
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
        if !self.body.is_empty() || matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        [head.into_bytes(), self.body.clone()].concat()
    }

    pub(crate) async fn send(self) -> RawAnswer {
        let whole = async {
            let mut stream = TcpStream::connect(&self.authority).await.unwrap();
            let (mut from, mut to) = stream.split();
            let bytes = self.bytes();
            // A server that refuses a body early reads no more of it, and the answer is there already.
            let sent = async {
                let _ = to.write_all(&bytes).await;
                std::future::pending().await
            };
            tokio::select! {
                answer = read(&mut from, self.method == "HEAD") => answer,
                never = sent => never,
            }
        };
        let answer: Vec<u8> = tokio::time::timeout(PATIENCE, whole)
            .await
            .unwrap_or_else(|_| panic!("{} {}: no answer in time", self.method, self.target));
        let answer = RawAnswer::parse(&answer, &self.base);
        contract::hold(&Exchange {
            method: &self.method,
            target: &self.target,
            request_body: Some(&self.body),
            status: answer.status,
            headers: &answer.headers,
            body: &answer.body,
        });
        answer
    }
}

/// Reads one answer to its end, or until the server hangs up.
async fn read(from: &mut (impl AsyncRead + Unpin), is_head: bool) -> Vec<u8> {
    let mut answer = Vec::new();
    loop {
        if let Some(end) = end_of(&answer, is_head)
            && answer.len() >= end
        {
            return answer;
        }
        if !matches!(from.read_buf(&mut answer).await, Ok(read) if read > 0) {
            return answer;
        }
    }
}

/// Where the answer ends, once its head is there.
fn end_of(answer: &[u8], is_head: bool) -> Option<usize> {
    let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&answer[..head_end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let has_no_body = is_head || head.starts_with("http/1.1 204");
    if has_no_body { Some(head_end) } else { length.map(|length| head_end + length) }
}

impl RawAnswer {
    fn parse(bytes: &[u8], base: &str) -> Self {
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let split = split.unwrap_or_else(|| panic!("not an answer: {:?}", String::from_utf8_lossy(bytes)));
        let mut lines = std::str::from_utf8(&bytes[..split]).unwrap().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { status, headers, body: bytes[split + 4..].to_vec(), base: base.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn seconds(&self, name: &str) -> u64 {
        let value = self.header(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        value.parse().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `data`, of an answer with this status.
    pub(crate) fn data(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        let json = self.json();
        assert_eq!(json["success"], true, "{json}");
        self.has_request_id();
        json["data"].clone()
    }

    /// Asserts status and code, and that the error has everything an error has; answers the error.
    pub(crate) fn refuses(&self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, &self.error()["code"]), (status, &Value::from(code)), "{}", self.text());
        self.error()
    }

    /// The error, which is one in the form that all errors have.
    pub(crate) fn error(&self) -> Value {
        let json = self.json();
        let error = &json["error"];
        assert!(self.status >= 400, "{} {json}", self.status);
        assert_eq!(json["success"], false, "{json}");
        let code = error["code"].as_str().unwrap_or_else(|| panic!("no code: {json}"));
        assert!(error["message"].as_str().is_some_and(|text| text.len() > 5), "{json}");
        let recovery = &error["recovery"];
        assert!(recovery["retryable"].is_boolean() && recovery["summary"].is_string(), "{json}");
        assert!(recovery["preserve"].is_array() && recovery["discard"].is_array(), "{json}");
        assert!(recovery["next_action"].is_string(), "{json}");
        assert_eq!(recovery["docs_url"], format!("{}/docs/errors/{code}", self.base));
        assert_eq!(recovery["reference_url"], format!("{}/docs/errors", self.base));
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.has_request_id();
        match self.header("retry-after") {
            Some(seconds) => assert_eq!(recovery["retry_after_seconds"].to_string(), seconds, "{json}"),
            None => assert!(recovery["retry_after_seconds"].is_null(), "{json}"),
        }
        error.clone()
    }

    /// The fields that a 400 names.
    pub(crate) fn fields(&self) -> Vec<String> {
        let error = self.refuses(400, "BAD_REQUEST");
        match (error["details"]["fields"].as_array(), error["details"]["path"].as_str()) {
            (Some(fields), _) => fields.iter().map(|field| field["field"].as_str().unwrap().to_owned()).collect(),
            (None, Some(path)) => vec![path.to_owned()],
            (None, None) => panic!("no field is named: {error}"),
        }
    }

    fn has_request_id(&self) {
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty()), "{:?}", self.headers);
    }
}
