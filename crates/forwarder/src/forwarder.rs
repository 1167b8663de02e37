//! One call to a seller, from the dispatch to the arrival.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use crochet_relay::ports::Upstream;
use crochet_relay::{Arrival, Cause, Dispatch};
use http::{HeaderValue, Request};
use hyper::ext::on_informational;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::client::legacy::{Builder, Client, Error as ClientError};
use hyper_util::rt::TokioTimer;
use secrecy::ExposeSecret;
use thiserror::Error;
use thread_local::ThreadLocal;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::answer::{Answer, cause_of, read};
use crate::connect::{ConnectError, Connector};
use crate::guard::GuardPolicy;
use crate::known::KnownUrls;
use crate::quiet::{QuietExecutor, quietly};
use crate::request::{Gate, GatedBody, build};
use crate::tls::{CertificateDer, client_config};
use crate::{Dial, Resolve, SystemDialer, SystemResolver};

const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Of each thread. As many calls as share a commit are answered at the same time, and their agents call again at the same
/// time: fewer would be closed and opened again each time.
const MAX_IDLE_PER_SELLER: usize = 128;
/// hyper buffers heads of requests by the same number as heads of answers, and what it cannot buffer it sends before
/// it asks for the body. Ours have at most 2 KiB of URL and 8 KiB of upstream auth, and little else.
const MIN_HEADER_BYTES: usize = 16 * 1024;
const MAX_USER_AGENT_BYTES: usize = 256;
/// No seller may take longer, whatever its endpoint and the budget say.
const LONGEST_CALL: Duration = Duration::from_secs(600);
/// How many headers an answer may have.
const MAX_HEADERS: usize = 100;
/// How many interim answers (1xx) may come before the answer, by HTTP/1.1. The client skips them, however many there
/// are, and would do nothing else until the deadline.
const MAX_INTERIM: usize = 16;

/// How sellers are called.
#[derive(Debug, Clone)]
pub struct ForwarderConfig {
    /// Where the gateway may talk to.
    pub policy: GuardPolicy,
    /// How long resolving, connecting and the TLS handshake may take together; the call's own budget bounds them,
    /// too. 10 s by default.
    pub connect_timeout: Duration,
    /// The `User-Agent` that sellers see, 256 bytes at most: `crochet-gateway/<version>` by default.
    pub user_agent: String,
    /// How large the head of an answer may be, in bytes; 16 KiB at least, 32 KiB by default. It has at most 100
    /// headers.
    pub max_header_bytes: usize,
    /// Certificate authorities to believe beside Mozilla's: a private one, or a test's.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl ForwarderConfig {
    /// The defaults, with this policy.
    #[must_use]
    pub fn new(policy: GuardPolicy) -> Self {
        Self {
            policy,
            connect_timeout: Duration::from_secs(10),
            user_agent: concat!("crochet-gateway/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_header_bytes: 32 * 1024,
            extra_roots: Vec::new(),
        }
    }
}

/// Why there is no forwarder.
#[derive(Debug, Error)]
pub enum BuildError {
    /// An extra root is no certificate.
    #[error("an extra root certificate cannot be used")]
    Root,
    /// The user agent is no header value, or too long.
    #[error("the user agent is longer than {MAX_USER_AGENT_BYTES} bytes, or has characters that a header cannot have")]
    UserAgent,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// The client to sellers. Clones share its connections, which each thread that calls has of its own: a call and its
/// connection wait for the same thread, and never wake another.
#[derive(Clone)]
pub struct Forwarder {
    shared: Arc<Shared>,
}

struct Shared {
    clients: ThreadLocal<Client<Connector, GatedBody>>,
    builder: Builder,
    connector: Connector,
    urls: KnownUrls,
    user_agent: HeaderValue,
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarder").field("policy", self.shared.urls.policy()).finish_non_exhaustive()
    }
}

impl Forwarder {
    /// A forwarder that asks the operating system for addresses.
    ///
    /// # Errors
    /// When the configuration holds what cannot be used.
    pub fn new(config: ForwarderConfig) -> Result<Self, BuildError> {
        Self::with_resolver(config, Arc::new(SystemResolver::default()))
    }

    /// A forwarder with a resolver of one's own.
    ///
    /// # Errors
    /// When the configuration holds what cannot be used.
    pub fn with_resolver(config: ForwarderConfig, resolve: Arc<dyn Resolve>) -> Result<Self, BuildError> {
        Self::with_network(config, resolve, Arc::new(SystemDialer))
    }

    /// A forwarder with a resolver and a dialer of one's own: it sees every name that is looked up and every address
    /// that is connected to.
    ///
    /// # Errors
    /// When the configuration holds what cannot be used.
    pub fn with_network(
        config: ForwarderConfig,
        resolve: Arc<dyn Resolve>,
        dial: Arc<dyn Dial>,
    ) -> Result<Self, BuildError> {
        let tls = client_config(&config.extra_roots)?;
        let user_agent = HeaderValue::try_from(config.user_agent).map_err(|_| BuildError::UserAgent)?;
        if user_agent.len() > MAX_USER_AGENT_BYTES {
            return Err(BuildError::UserAgent);
        }
        let policy = Arc::new(config.policy);
        let connector = Connector::new(Arc::clone(&policy), resolve, dial, tls, config.connect_timeout);
        let max_header_bytes = config.max_header_bytes.max(MIN_HEADER_BYTES);
        // A request is sent again by the client only where a pooled connection was closed before any of it was taken.
        let mut builder = Client::builder(QuietExecutor);
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_PER_SELLER)
            .retry_canceled_requests(true)
            .http1_max_buf_size(max_header_bytes)
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(u32::try_from(max_header_bytes).unwrap_or(u32::MAX));
        let (clients, urls) = (ThreadLocal::new(), KnownUrls::new(policy));
        Ok(Self { shared: Arc::new(Shared { clients, builder, connector, urls, user_agent }) })
    }

    /// This thread's.
    fn client(&self) -> &Client<Connector, GatedBody> {
        let Shared { clients, builder, connector, .. } = &*self.shared;
        clients.get_or(|| builder.build(connector.clone()))
    }

    async fn send(&self, dispatch: &Dispatch, started: Instant) -> Arrival {
        let latency_ms = || u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        let never_sent = |cause| Arrival::NeverSent { cause, latency_ms: latency_ms() };

        let endpoint = &dispatch.endpoint;
        let Ok(target) = self.shared.urls.target(endpoint.url.expose_secret()) else {
            return never_sent(Cause::NotAllowed);
        };
        let deadline = started + dispatch.budget.min(endpoint.timeout).min(LONGEST_CALL);
        if Instant::now() >= deadline {
            return never_sent(Cause::Timeout);
        }
        let gate = Arc::new(Gate::new(deadline));
        let Ok(mut request) = build(dispatch, target, &self.shared.user_agent, &gate) else {
            return never_sent(Cause::NotAllowed);
        };
        let connection = capture_connection(&mut request);
        let too_many_interim = limit_interim(&mut request);
        let exchange = async {
            let response = tokio::select! {
                response = self.client().request(request) => response?,
                () = too_many_interim.notified() => return Ok(Answer::Broken(Cause::Protocol)),
            };
            Ok::<_, ClientError>(read(response, endpoint.max_response_bytes).await)
        };

        let cause = match timeout_at(deadline, quietly(exchange)).await {
            Ok(Ok(Answer::Whole { status, body })) => {
                return Arrival::Answered { status, body, latency_ms: latency_ms() };
            }
            Ok(Ok(Answer::TooLarge { status })) => return Arrival::TooLarge { status, latency_ms: latency_ms() },
            Ok(Ok(Answer::Broken(cause))) => return Arrival::MayHaveRun { cause, latency_ms: latency_ms() },
            Ok(Err(error)) if error.is_connect() => return never_sent(cause_of_client(&error)),
            Ok(Err(error)) if Instant::now() < deadline => cause_of_client(&error),
            Ok(Err(_)) | Err(_) => Cause::Timeout,
        };
        if gate.close() || can_send_unseen(&connection, dispatch) {
            Arrival::MayHaveRun { cause, latency_ms: latency_ms() }
        } else {
            never_sent(cause)
        }
    }
}

/// Notifies when there were more interim answers than may be.
fn limit_interim(request: &mut Request<GatedBody>) -> Arc<Notify> {
    let too_many = Arc::new(Notify::new());
    let (seen, notify) = (AtomicUsize::new(0), Arc::clone(&too_many));
    on_informational(request, move |_| {
        if seen.fetch_add(1, Ordering::Relaxed) >= MAX_INTERIM {
            notify.notify_one();
        }
    });
    too_many
}

/// HTTP/2 can send the head before it asks for the body, and an empty body is never asked for: there, to have had a
/// connection counts as sent.
fn can_send_unseen(connection: &CaptureConnection, dispatch: &Dispatch) -> bool {
    let connection = connection.connection_metadata();
    connection.as_ref().is_some_and(|connected| connected.is_negotiated_h2() || dispatch.body.is_empty())
}

/// What went wrong, from the chain of an error's sources.
fn cause_of_client(error: &ClientError) -> Cause {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<ConnectError>() {
            return match error {
                ConnectError::NotAllowed => Cause::NotAllowed,
                ConnectError::Timeout => Cause::Timeout,
                ConnectError::Resolve(_) | ConnectError::Tcp(_) | ConnectError::Tls(_) => Cause::Connection,
            };
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return cause_of(error);
        }
        source = error.source();
    }
    Cause::Connection
}

#[async_trait]
impl Upstream for Forwarder {
    async fn forward(&self, dispatch: Dispatch) -> Arrival {
        let started = Instant::now();
        let arrival = self.send(&dispatch, started).await;
        log(&dispatch, &arrival);
        arrival
    }
}

/// Ids and outcome only: the URL, the credentials and the bodies are private.
fn log(dispatch: &Dispatch, arrival: &Arrival) {
    let (outcome, status, cause, latency_ms) = match arrival {
        Arrival::Answered { status, latency_ms, .. } => ("answered", Some(*status), None, *latency_ms),
        Arrival::TooLarge { status, latency_ms } => ("too_large", Some(*status), None, *latency_ms),
        Arrival::NeverSent { cause, latency_ms } => ("never_sent", None, Some(*cause), *latency_ms),
        Arrival::MayHaveRun { cause, latency_ms } => ("may_have_run", None, Some(*cause), *latency_ms),
    };
    tracing::debug!(
        listing = %dispatch.seal.listing_id,
        request = %dispatch.seal.request_id,
        attempt = dispatch.attempt,
        outcome,
        status,
        cause = cause.map(tracing::field::debug),
        latency_ms,
        "forwarded"
    );
}
