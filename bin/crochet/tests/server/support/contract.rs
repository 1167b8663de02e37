//! Every answer that a test gets is held against the OpenAPI document, whatever the test is about.

use std::sync::OnceLock;

use crochet::demo::client::{ApiClient, Watched};
use crochet_http::OpenApiConfig;
use crochet_http::testing::{Contract, Exchange};

/// A client whose every exchange is held against the document.
pub(crate) fn client(url: &str) -> ApiClient {
    ApiClient::new(url).unwrap().watched_by(watched)
}

/// Holds an exchange against the document.
pub(crate) fn hold(exchange: &Exchange<'_>) {
    // The metrics' server is not the API, and numbers no exchanges. That the API does is tested on every route.
    if !exchange.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-request-id")) {
        return;
    }
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    let config =
        || OpenApiConfig { public_url: "http://localhost".to_owned(), has_mock: true, has_relay: true, has_x402: true };
    let contract = CONTRACT.get_or_init(|| Contract::of(&config()));
    contract.check(exchange).unwrap_or_else(|problems| panic!("{problems}"));
}

fn watched(watched: &Watched<'_>) {
    let answer = watched.answer;
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    hold(&Exchange {
        method: watched.method.as_str(),
        target: watched.target,
        request_body: Some(watched.request_body),
        status: answer.status.as_u16(),
        headers: &headers,
        body: &answer.raw,
    });
}
