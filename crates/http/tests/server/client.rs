//! An HTTP/1.1 client that sends exactly what it is told to.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use crochet_http::OpenApiConfig;
use crochet_http::testing::{Contract, Exchange};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// One request in the making.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    address: SocketAddr,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        Self { address, method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, key: &str) -> Self {
        self.header("Authorization", &format!("Bearer {key}"))
    }

    pub(crate) fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", "application/json").raw(body)
    }

    pub(crate) fn raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n", self.method, self.target);
        if !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        [head.into_bytes(), self.body.clone()].concat()
    }

    /// Sends it, and resets the connection when what is answered is dropped. Merely closing it would not do: a client
    /// that has shut its writing side may still be waiting.
    pub(crate) async fn send_to_hang_up(self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_zero_linger().unwrap();
        stream.write_all(&self.bytes()).await.unwrap();
        stream
    }

    pub(crate) async fn send(self) -> Answer {
        exchange(self.address, &self.bytes()).await
    }
}

/// Sends bytes, and reads until the server hangs up.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    let whole = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // A server that refuses a body early may close before it has read all of it.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Answer::parse(&answer)
    };
    let answer = tokio::time::timeout(PATIENCE, whole).await.unwrap_or_else(|_| panic!("no answer in time"));
    hold_against_the_document(bytes, &answer);
    answer
}

/// Every answer is what the OpenAPI document says of it, whatever the test is about.
fn hold_against_the_document(request: &[u8], answer: &Answer) {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    let config = || OpenApiConfig {
        public_url: "https://crochet.test".to_owned(),
        has_mock: true,
        has_relay: true,
        has_x402: true,
    };
    let contract = CONTRACT.get_or_init(|| Contract::of(&config()));
    let split = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(request.len());
    let head = String::from_utf8_lossy(&request[..split]);
    let first = head.lines().next().unwrap_or_default().to_owned();
    let mut line = first.split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (line.next(), line.next(), line.next(), line.next())
    else {
        return;
    };
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let body = request.get(split + 4..).unwrap_or_default();
    let is_plain = !head.contains("transfer-encoding");
    // Further requests may follow on the same connection, and further answers; the first one is looked at.
    let answered = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(answer.body.len());
    let exchange = Exchange {
        method,
        target,
        request_body: is_plain.then(|| body.get(..length.unwrap_or_default()).unwrap_or(body)),
        status: answer.status,
        headers: &answer.headers,
        body: answer.body.get(..answered).unwrap_or(&answer.body),
    };
    contract.check(&exchange).unwrap_or_else(|problems| panic!("{problems}"));
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let split = split.unwrap_or_else(|| panic!("not an answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..split]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { status, headers, body: bytes[split + 4..].to_vec() }
    }

    /// Names and values of all headers, but for those that differ from one answer to the next.
    pub(crate) fn lasting_headers(&self) -> Vec<(&str, &str)> {
        let changing = ["date", "x-request-id", "connection"];
        let all = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut lasting: Vec<_> = all.filter(|(name, _)| !changing.contains(name)).collect();
        lasting.sort_unstable();
        lasting
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
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
        self.json()["data"].clone()
    }

    /// Asserts status and code, and that the error has everything an error has.
    pub(crate) fn refuses(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        let json = self.json();
        let error = &json["error"];
        assert_eq!((&json["success"], &error["code"]), (&Value::Bool(false), &Value::from(code)), "{json}");
        assert!(error["message"].as_str().is_some_and(|text| text.len() > 5), "{json}");
        let recovery = &error["recovery"];
        assert!(recovery["retryable"].is_boolean() && recovery["summary"].is_string(), "{json}");
        assert!(recovery["preserve"].is_array() && recovery["discard"].is_array(), "{json}");
        assert!(recovery["next_action"].is_string(), "{json}");
        assert_eq!(recovery["docs_url"], format!("https://crochet.test/docs/errors/{code}"));
        assert_eq!(recovery["reference_url"], "https://crochet.test/docs/errors");
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.has_request_id();
        match self.header("retry-after") {
            Some(seconds) => assert_eq!(recovery["retry_after_seconds"].to_string(), seconds, "{json}"),
            None => assert!(recovery["retry_after_seconds"].is_null(), "{json}"),
        }
        json
    }

    pub(crate) fn has_request_id(&self) {
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty()), "{:?}", self.headers);
    }
}
