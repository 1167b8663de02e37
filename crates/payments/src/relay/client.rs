//! One call to Relay: within the budget, past the breaker, never without a bound, and tried again only where asking
//! twice changes nothing. Quotes are such calls, too: one that nobody pays costs nothing and ends by itself.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crochet_primitives::{Clock, Entropy, EntropyExt};
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::breaker::Breaker;
use super::budget::Budget;
use super::config::{RelayConfig, RelayConfigError, RelayTimes};
use super::errors::ErrorCode;
use super::json;

const MAX_ANSWER_BYTES: usize = 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const ATTEMPTS: u32 = 3;
/// The most that is waited before the second attempt; doubled before the third.
const BACKOFF: Duration = Duration::from_millis(400);
/// How long a 429 that does not say so is heeded.
const PAUSE_AFTER_429: Duration = Duration::from_secs(5);

/// Why there is no answer that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallError {
    /// Not sent: our budget of Relay's limits is used up, or Relay does not answer at the moment; or Relay said 429.
    NotNow {
        /// When to ask again.
        retry_after: Duration,
    },
    /// No answer, or not in time, or none that is JSON.
    NoAnswer,
    /// Relay said no.
    Refused {
        /// Its status.
        status: u16,
        /// Its code, where that is a documented one.
        code: Option<ErrorCode>,
    },
}

/// What kind of call, which decides whose budget pays for it and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Quote,
    /// A buyer waits for the answer.
    Read,
    /// Nobody waits: it comes after those for which somebody does.
    Sweep,
}

pub(super) struct Client {
    http: HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    api_key: HeaderValue,
    times: RelayTimes,
    quotes: Budget,
    reads: Budget,
    /// The part of the reads that the sweeper may take at most: half of them.
    sweeps: Budget,
    breaker: Breaker,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Client {
    pub(super) fn new(
        config: RelayConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, RelayConfigError> {
        let base = config.checked_url()?;
        let api_key = config.checked_api_key()?;
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| RelayConfigError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        // Whether plain http is allowed was decided with the URL.
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        let http = HyperClient::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Ok(Self {
            http,
            base,
            api_key,
            times: config.times,
            quotes: Budget::new(config.quotes_per_minute),
            reads: Budget::new(config.reads_per_minute),
            sweeps: Budget::new(NonZeroU32::new(config.reads_per_minute.get() / 2).unwrap_or(NonZeroU32::MIN)),
            breaker: Breaker::new(Arc::clone(&clock)),
            clock,
            entropy,
        })
    }

    /// Whether Relay has answered lately, as far as anybody has asked.
    pub(super) fn is_answering(&self) -> bool {
        self.breaker.is_closed()
    }

    /// Until when everything of one quote or one check has to be done.
    pub(super) fn deadline(&self, kind: Kind) -> Instant {
        let length = match kind {
            Kind::Quote => self.times.quote,
            Kind::Read | Kind::Sweep => self.times.check,
        };
        Instant::now() + length
    }

    /// `POST`s JSON for a quote.
    pub(super) async fn post_quote(&self, path: &str, body: &Value, deadline: Instant) -> Result<Value, CallError> {
        self.call(Kind::Quote, &Method::POST, path, Bytes::from(body.to_string()), deadline).await
    }

    /// `GET`s what is known of a request.
    pub(super) async fn get(&self, kind: Kind, path: &str, deadline: Instant) -> Result<Value, CallError> {
        self.call(kind, &Method::GET, path, Bytes::new(), deadline).await
    }

    async fn call(
        &self,
        kind: Kind,
        method: &Method,
        path: &str,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Value, CallError> {
        let mut outcome = Err(CallError::NoAnswer);
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                let pause = self.jittered(BACKOFF.saturating_mul(attempt));
                if Instant::now() + pause >= deadline {
                    break;
                }
                self.clock.sleep(pause).await;
            }
            outcome = self.attempt(kind, method, path, body.clone(), deadline).await;
            if !is_worth_another(&outcome) {
                break;
            }
        }
        outcome
    }

    async fn attempt(
        &self,
        kind: Kind,
        method: &Method,
        path: &str,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Value, CallError> {
        let (budget, limit) = match kind {
            Kind::Quote => (&self.quotes, self.times.quote_attempt),
            Kind::Read | Kind::Sweep => (&self.reads, self.times.check_attempt),
        };
        let not_now = |retry_after| CallError::NotNow { retry_after };
        if kind == Kind::Sweep {
            self.wait_for_turn(deadline).await.map_err(not_now)?;
        }
        let permit = self.breaker.permit().map_err(not_now)?;
        if let Err(wait) = budget.take(self.clock.as_ref()) {
            // Nothing was sent, so nothing was learnt of Relay.
            permit.unused();
            return Err(not_now(wait));
        }
        let deadline = deadline.min(Instant::now() + limit);
        let Ok(Some((status, retry_after, bytes))) = timeout_at(deadline, self.exchange(method, path, body)).await
        else {
            permit.failed();
            return Err(CallError::NoAnswer);
        };
        // A 4xx is about this call. A 5xx with a code of one route's is so, too.
        let value = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let code = value.as_ref().and_then(|value| json::text(value, &["errorCode"])).and_then(ErrorCode::parse);
        if status.is_server_error() && !code.is_some_and(ErrorCode::is_of_one_route) {
            permit.failed();
        } else {
            permit.answered();
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            let pause = retry_after.unwrap_or(PAUSE_AFTER_429);
            budget.pause(self.clock.as_ref(), pause);
            return Err(not_now(pause));
        }
        if !status.is_success() {
            return Err(CallError::Refused { status: status.as_u16(), code });
        }
        value.filter(Value::is_object).ok_or(CallError::NoAnswer)
    }

    /// Waits until a call of the sweeper's is in its turn: within its part of the budget, and with nobody before it who
    /// had no room. Answers how long that would still be, where that is too long.
    async fn wait_for_turn(&self, deadline: Instant) -> Result<(), Duration> {
        let clock = self.clock.as_ref();
        loop {
            let wait = match self.reads.crowded_for(clock) {
                Some(wait) => wait,
                None => match self.sweeps.take(clock) {
                    Ok(()) => return Ok(()),
                    Err(wait) => wait,
                },
            };
            if Instant::now() + wait >= deadline {
                return Err(wait);
            }
            self.clock.sleep(wait).await;
        }
    }

    /// Status, `Retry-After`, and the body unless it is too large; `None` when the connection broke.
    async fn exchange(
        &self,
        method: &Method,
        path: &str,
        body: Bytes,
    ) -> Option<(StatusCode, Option<Duration>, Option<Bytes>)> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("x-api-key", &self.api_key)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .ok()?;
        let response = self.http.request(request).await.ok()?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = match Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await {
            Ok(body) => Some(body.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => None,
            Err(_) => return None,
        };
        Some((status, retry_after.map(Duration::from_secs), body))
    }

    /// Between half of it and all of it: callers that failed together do not come back together.
    fn jittered(&self, pause: Duration) -> Duration {
        let random = u32::from(u16::from_le_bytes(self.entropy.bytes()));
        let half = pause / 2;
        half + half * random / u32::from(u16::MAX)
    }
}

fn is_worth_another(outcome: &Result<Value, CallError>) -> bool {
    match outcome {
        Ok(_) | Err(CallError::NotNow { .. }) => false,
        Err(CallError::NoAnswer) => true,
        Err(CallError::Refused { status, code }) => *status >= 500 || code.is_some_and(ErrorCode::is_passing),
    }
}
