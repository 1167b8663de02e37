//! Puts the routes together and serves them.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{NormalizePath, from_fn};
use actix_web::{App, HttpServer, web};
use crochet_limits::Limiter;
use crochet_market::catalogue::CatalogueService;
use crochet_market::identity::IdentityService;
use crochet_primitives::{Clock, Entropy};
use crochet_relay::ports::{Books, Upstream};
use crochet_relay::{Gateway, WebhookIntake};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::admit::Admission;
use crate::config::{Environment, HttpConfig};
use crate::documents::{Documents, Facts};
use crate::edge::{Edge, edge};
use crate::extract::BodyLimits;
use crate::in_flight::InFlight;
use crate::lines::Lines;
use crate::observer::Observer;
use crate::openapi::OpenApiConfig;
use crate::routes::gateway::CallRunner;
use crate::routes::health::{Readiness, RecentReadiness};
use crate::routes::mock_provider::MockPay;
use crate::routes::openapi::OpenApiDocument;
use crate::routes::{self, API};
use crate::wrong_keys::WrongKeys;
use crate::x402::X402;

/// What the routes are served from. The binary fills it with adapters, tests with memories.
#[derive(Clone)]
pub struct AppParts {
    /// The gateway's use case.
    pub gateway: Arc<Gateway>,
    /// History and ledger.
    pub books: Arc<dyn Books>,
    /// The way to sellers; for test requests to endpoints.
    pub upstream: Arc<dyn Upstream>,
    /// Profiles, wallets and keys.
    pub identity: Arc<IdentityService>,
    /// Listings, endpoints and categories.
    pub catalogue: Arc<CatalogueService>,
    /// The mock provider's till; left out, and never there in production.
    pub mock: Option<Arc<dyn MockPay>>,
    /// What is needed to take payments by a header; left out where they are not taken.
    pub x402: Option<Arc<X402>>,
    /// Relay's webhooks; left out where buyers do not pay through it.
    pub relay_webhooks: Option<Arc<WebhookIntake>>,
    /// Whether the server can do its work.
    pub readiness: Arc<dyn Readiness>,
    /// Who is told of what the server does: metrics, or `()`.
    pub observer: Arc<dyn Observer>,
    /// Counts requests: [`RateLimits::in_process`](crate::RateLimits::in_process), or what several processes share.
    pub limiter: Arc<dyn Limiter>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where what goes on beside the requests runs.
    pub runtime: Handle,
    /// Counts gateway calls, each of which runs on the thread that serves its connection, whether or not its client is
    /// still there. Close it, which lets no more begin, and wait for it before the server is stopped: the threads end
    /// with the server.
    pub tasks: TaskTracker,
}

/// What each worker's copy of the application shares.
#[derive(Clone)]
struct Shared {
    edge: web::Data<Edge>,
    documents: web::Data<Documents>,
    openapi: web::Data<OpenApiDocument>,
    admission: web::Data<Admission>,
    body_limits: web::Data<BodyLimits>,
    runner: web::Data<CallRunner>,
    books: web::Data<dyn Books>,
    upstream: web::Data<dyn Upstream>,
    clock: web::Data<dyn Clock>,
    entropy: web::Data<dyn Entropy>,
    identity: web::Data<IdentityService>,
    catalogue: web::Data<CatalogueService>,
    readiness: web::Data<RecentReadiness>,
    observer: web::Data<dyn Observer>,
    mock: Option<web::Data<dyn MockPay>>,
    relay_webhooks: Option<web::Data<WebhookIntake>>,
    x402: Option<web::Data<X402>>,
}

impl Shared {
    fn new(config: &HttpConfig, parts: AppParts, documents: Documents, openapi: OpenApiDocument) -> Self {
        Self {
            documents: web::Data::new(documents),
            openapi: web::Data::new(openapi),
            edge: web::Data::new(Edge {
                public_url: config.public_url.trim_end_matches('/').to_owned(),
                clock: Arc::clone(&parts.clock),
                entropy: Arc::clone(&parts.entropy),
                observer: Arc::clone(&parts.observer),
            }),
            admission: web::Data::new(Admission {
                identity: Arc::clone(&parts.identity),
                limiter: parts.limiter,
                wrong_keys: WrongKeys::new(
                    "wrong-keys",
                    config.rate_limits.enabled.then_some(config.wrong_keys),
                    Arc::clone(&parts.clock),
                ),
                refused_payments: WrongKeys::new(
                    "refused-payments",
                    config.rate_limits.enabled.then_some(config.refused_payments),
                    Arc::clone(&parts.clock),
                ),
                trusted_proxies: config.trusted_proxies.clone(),
            }),
            body_limits: web::Data::new(BodyLimits {
                max_bytes: config.max_body_bytes,
                timeout: config.body_timeout,
                large: InFlight::new("large bodies", config.call_limits),
            }),
            runner: web::Data::new(CallRunner {
                gateway: parts.gateway,
                in_flight: InFlight::new("calls", config.call_limits),
                tasks: parts.tasks,
                observer: Arc::clone(&parts.observer),
            }),
            books: web::Data::from(parts.books),
            upstream: web::Data::from(parts.upstream),
            readiness: web::Data::new(RecentReadiness::new(parts.readiness, Arc::clone(&parts.clock))),
            observer: web::Data::from(parts.observer),
            clock: web::Data::from(parts.clock),
            entropy: web::Data::from(parts.entropy),
            identity: web::Data::from(parts.identity),
            catalogue: web::Data::from(parts.catalogue),
            mock: match config.environment {
                Environment::Development => parts.mock.map(web::Data::from),
                Environment::Production => None,
            },
            relay_webhooks: parts.relay_webhooks.map(web::Data::from),
            x402: parts.x402.map(web::Data::from),
        }
    }

    fn configure(&self, config: &mut web::ServiceConfig) {
        config
            .app_data(self.edge.clone())
            .app_data(self.documents.clone())
            .app_data(self.openapi.clone())
            .app_data(self.admission.clone())
            .app_data(self.body_limits.clone())
            .app_data(self.runner.clone())
            .app_data(self.books.clone())
            .app_data(self.upstream.clone())
            .app_data(self.clock.clone())
            .app_data(self.entropy.clone())
            .app_data(self.identity.clone())
            .app_data(self.catalogue.clone())
            .app_data(self.readiness.clone())
            .app_data(self.observer.clone())
            // The API before the documents: routes are tried one after the other.
            .service(
                web::scope(API)
                    .configure(|api| routes::configure_api(api, self.mock.is_some(), self.relay_webhooks.is_some())),
            )
            .configure(|documents| routes::configure_documents(documents, self.x402.is_some()))
            .default_service(web::to(routes::unknown_path));
        if let Some(mock) = &self.mock {
            config.app_data(mock.clone());
        }
        if let Some(x402) = &self.x402 {
            config.app_data(x402.clone());
        }
        if let Some(webhooks) = &self.relay_webhooks {
            config.app_data(webhooks.clone());
        }
    }
}

/// Serves the API on `listener`. Run it inside of a tokio runtime; the server runs while its future is polled, and
/// stops gracefully when the handle is told to.
///
/// # Errors
/// When the listener cannot be used, or a document cannot be written.
pub fn serve(config: &HttpConfig, parts: AppParts, listener: TcpListener) -> io::Result<(Server, ServerHandle)> {
    let documents = Documents::render(&Facts::of(config, &parts)).map_err(io::Error::other)?;
    let has_mock = config.environment == Environment::Development && parts.mock.is_some();
    let openapi = OpenApiDocument::write(&OpenApiConfig {
        public_url: config.public_url.clone(),
        has_mock,
        has_relay: parts.relay_webhooks.is_some(),
        has_x402: parts.x402.is_some(),
    })?;
    let lines = Lines::new(config);
    parts.runtime.spawn(Lines::watch(Arc::downgrade(&lines)));
    let shared = Shared::new(config, parts, documents, openapi);
    let workers = config.workers.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(2);
    let server = HttpServer::new(move || {
        let shared = shared.clone();
        App::new().configure(|app| shared.configure(app)).wrap(NormalizePath::trim()).wrap(from_fn(edge))
    })
    .on_connect(move |io, data| lines.connected(io, data))
    .workers(workers)
    .max_connections((config.max_connections / workers.max(1)).max(1))
    .client_request_timeout(config.head_timeout)
    .client_disconnect_timeout(config.disconnect_timeout)
    .keep_alive(config.keep_alive)
    .shutdown_timeout(config.shutdown_timeout.as_secs())
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    Ok((server, handle))
}
