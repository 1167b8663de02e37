//! One exchange over HTTP, bounded in time and size. No redirects and no proxy.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::config::FacilitatorConfigError;

const MAX_ANSWER_BYTES: usize = 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// An answer, whatever it says.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after_seconds: Option<u32>,
    /// `None` where it is no JSON, or too large.
    pub(crate) value: Option<Value>,
}

/// There is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// There was no connection: nothing was sent.
    NotSent,
    /// Nobody knows.
    Lost,
}

#[derive(Clone)]
pub(crate) struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Http {
    pub(crate) fn new() -> Result<Self, FacilitatorConfigError> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| FacilitatorConfigError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        // Whether plain http is allowed was decided with the URLs.
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        // Of itself it sends again only what was certainly not sent, on a kept connection that was closed meanwhile.
        Ok(Self(
            Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_TIMEOUT)
                .build(connector),
        ))
    }

    pub(crate) async fn get(
        &self,
        url: &str,
        authorization: Option<&HeaderValue>,
        deadline: Instant,
    ) -> Result<Answer, NoAnswer> {
        self.exchange(Method::GET, url, authorization, Bytes::new(), deadline).await
    }

    pub(crate) async fn post(
        &self,
        url: &str,
        authorization: Option<&HeaderValue>,
        body: &Value,
        deadline: Instant,
    ) -> Result<Answer, NoAnswer> {
        self.exchange(Method::POST, url, authorization, Bytes::from(body.to_string()), deadline).await
    }

    async fn exchange(
        &self,
        method: Method,
        url: &str,
        authorization: Option<&HeaderValue>,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Answer, NoAnswer> {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|_| NoAnswer::NotSent)?;
        if let Some(authorization) = authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let answer = async {
            let response = self
                .0
                .request(request)
                .await
                .map_err(|error| if error.is_connect() { NoAnswer::NotSent } else { NoAnswer::Lost })?;
            let status = response.status();
            let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let value = match Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await {
                Ok(body) => serde_json::from_slice(&body.to_bytes()).ok(),
                Err(error) if error.is::<http_body_util::LengthLimitError>() => None,
                Err(_) => return Err(NoAnswer::Lost),
            };
            Ok(Answer { status, retry_after_seconds: retry_after, value })
        };
        timeout_at(deadline, answer).await.unwrap_or(Err(NoAnswer::Lost))
    }
}
