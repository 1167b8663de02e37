//! A gateway that runs: the server, the sweeper, and what they share.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use anyhow::Context;
use crochet_facilitator::{FacilitatorConfig, Facilitators};
use crochet_forwarder::guard::{Environment as GuardEnvironment, GuardPolicy};
use crochet_forwarder::{Forwarder, ForwarderConfig};
use crochet_http::{
    AppParts, BoundedComputing, ComputingLimits, Environment as HttpEnvironment, HttpConfig, Rate, RateLimits, X402,
    serve,
};
use crochet_limits::Limiter;
use crochet_market::Payouts;
use crochet_market::catalogue::{CatalogueConfig, CatalogueService};
use crochet_market::identity::{IdentityConfig, IdentityService};
use crochet_market::ports::Identities;
use crochet_metrics::{MeasuredProvider, MeasuredUpstream, Metrics, Purpose};
use crochet_payments::{MockProvider, RelayProvider, TimeLimited};
use crochet_postgres::market::{PgCatalogue, PgPayers};
use crochet_postgres::{Db, Invalidations, PgBooks, PgJournal, PgMockPayments, PgSweeps};
use crochet_pow::ChallengeSealer;
use crochet_pricing::MARKETPLACE_FEE;
use crochet_primitives::{Clock, Computing, Entropy};
use crochet_redis::SharedLimits;
use crochet_relay::ports::{HeaderPayments, Journal, MockPayments, Payers, PaymentProvider, Sweeps, Upstream};
use crochet_relay::{Gateway, Policy, Providers, Sweeper, WebhookIntake};
use crochet_secrets::MasterKeys;
use crochet_x402::TermsKey;
use tokio::net::TcpSocket;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::alone::Alone;
use super::caches::{self, Caches};
use super::fail_points::mortal;
use super::glue::{Payments, Probe, UrlGuard};
use super::metrics::{MetricsServer, Requests, Scrape, Waits};
use super::rounds::{purge, sweep};
use crate::config::{Config, Environment};
use crate::database::Database;
use crate::descriptors::connections;
use crate::keys;
use crate::system::{SystemClock, SystemEntropy};

/// What keys are derived from the master keys for.
const TERMS: &str = "x402 terms";
const CHALLENGES: &str = "challenge sealing";

/// How many connections may wait to be accepted. The standard library's 128 are gone with one burst, and the kernel
/// lets who comes later try again after a second.
const BACKLOG: u32 = 4_096;

/// A running gateway.
#[derive(Debug)]
pub struct Running {
    url: String,
    metrics: Option<MetricsServer>,
    db: Db,
    invalidations: Option<Arc<Invalidations>>,
    server: ServerHandle,
    listener: TcpListener,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Running {
    /// Brings the schema up to date, binds the address, and serves. Call it inside of a runtime of several threads.
    ///
    /// # Errors
    /// When the database cannot be brought up to date, the address is taken, or the keys cannot be read.
    pub async fn start(config: &Config, database: &Database) -> anyhow::Result<Self> {
        let listener = bind(config.bind, "--bind")?;
        let metrics_listener = config.metrics_bind.map(|address| bind(address, "--metrics-bind")).transpose()?;
        let url = match &config.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{}", listener.local_addr().context("the address is unknown")?),
        };
        for name in tokio::task::block_in_place(|| database.migrate())? {
            tracing::info!(migration = name, "the schema was brought up to date");
        }
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let master_keys = Arc::new(keys::load(config, entropy.as_ref())?);
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"), config.payment_provider.as_str()));
        let db = database.connect(config).observed(Arc::new(Waits(metrics.pool.clone())));
        let caches = config.cache.then(|| Caches::start(&db, &master_keys, database.direct_url()));
        let building = Building {
            config,
            database,
            url: &url,
            db: &db,
            clock,
            entropy,
            computing: Arc::new(BoundedComputing::new(ComputingLimits::of_this_machine())),
            master_keys,
            metrics: &metrics,
            caches,
        };
        let tasks = TaskTracker::new();
        let (parts, sweeper) = building.parts(tasks.clone(), building.limiter().await?)?;
        let same_listener = listener.try_clone().context("the listener cannot be held twice")?;
        let (server, handle) =
            serve(&building.http_config(), parts, listener).context("the server cannot be started")?;
        let metrics_server = match metrics_listener {
            Some(listener) => Some(building.serve_metrics(listener, tasks.clone())?),
            None => None,
        };
        let invalidations = building.caches.as_ref().map(|caches| Arc::clone(&caches.invalidations));
        let stopping = CancellationToken::new();
        tokio::spawn(server);
        let clock = Arc::clone(&building.clock);
        tokio::spawn(sweep(sweeper, config.sweep_interval, metrics.sweeper.clone(), clock, stopping.clone()));
        let rounds = metrics.sweeper.clone();
        tokio::spawn(purge(building.sweeps(), building.catalogue_store(), db.clone(), rounds, stopping.clone()));
        let listener = same_listener;
        Ok(Self { url, metrics: metrics_server, db, invalidations, server: handle, listener, tasks, stopping })
    }

    /// Under which URL it is reached, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Under which URL its metrics are read, where they are.
    #[must_use]
    pub fn metrics_url(&self) -> Option<&str> {
        self.metrics.as_ref().map(MetricsServer::url)
    }

    /// Its database, for tests that move the clock on.
    #[must_use]
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// Who tells it of changes, where it keeps anything; for tests that wait until it is told.
    #[must_use]
    pub const fn invalidations(&self) -> Option<&Arc<Invalidations>> {
        self.invalidations.as_ref()
    }

    /// Takes no more connections and calls, and waits for what is under way, for `limit` at most.
    pub async fn stop(self, limit: Duration) {
        self.stopping.cancel();
        let drained = async {
            self.server.pause().await;
            // Whoever connects while calls end is refused, and goes to another gateway, instead of waiting to be accepted.
            let refusing = async {
                tokio::time::sleep(PAUSING).await;
                refuse_connections(self.listener);
                std::future::pending::<()>().await;
            };
            // Before the server: the calls run on its threads, those of clients that have hung up, too.
            self.tasks.close();
            tokio::select! {
                () = self.tasks.wait() => {}
                () = refusing => {}
            }
            self.server.stop(true).await;
        };
        if tokio::time::timeout(limit, drained).await.is_err() {
            tracing::warn!(calls = self.tasks.len(), "stopped while calls were under way; they can be retried");
            // Told at once, and not waited for.
            drop(self.server.stop(false));
        }
        // Last, so that the end can be watched.
        if let Some(metrics) = self.metrics {
            metrics.stop().await;
        }
    }
}

/// How long the server is given to let go of its listener when it is paused. It does not say when it has; one that is shut
/// down under its hands makes it complain in the log.
const PAUSING: Duration = Duration::from_millis(50);

/// Lets the kernel refuse connections, while the server still holds the listener. Where a system cannot do that, who
/// connects waits until the server has stopped.
fn refuse_connections(listener: TcpListener) {
    // The standard library shuts down sockets by this type alone.
    let _ = TcpStream::from(OwnedFd::from(listener)).shutdown(Shutdown::Read);
}

/// Inside of a runtime.
fn bind(address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    listen().with_context(|| {
        format!("{address} cannot be listened on: is another gateway running? {option} takes another address")
    })
}

/// What the parts of a gateway are made of.
pub(super) struct Building<'a> {
    pub(super) config: &'a Config,
    pub(super) database: &'a Database,
    pub(super) url: &'a str,
    pub(super) db: &'a Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) computing: Arc<dyn Computing>,
    pub(super) master_keys: Arc<MasterKeys>,
    pub(super) metrics: &'a Arc<Metrics>,
    pub(super) caches: Option<Caches>,
}

impl Building<'_> {
    /// Counts in this process, and in Redis too where that is configured.
    async fn limiter(&self) -> anyhow::Result<Arc<dyn Limiter>> {
        let limits = self.rate_limits();
        let own = limits.in_process(&self.clock);
        let Some(redis) = self.config.redis.as_ref().filter(|_| limits.enabled) else { return Ok(own) };
        let shared = SharedLimits::start(redis, limits.rates(), own).await.context("CROCHET_REDIS_URL")?;
        Ok(Arc::new(shared))
    }

    fn parts(&self, tasks: TaskTracker, limiter: Arc<dyn Limiter>) -> anyhow::Result<(AppParts, Sweeper)> {
        let guard = self.guard_policy();
        let journal: Arc<dyn Journal> = Arc::new(
            PgJournal::new(self.db.clone(), self.policy(), Arc::clone(&self.entropy))
                .witnessed(Arc::new(self.metrics.money.clone())),
        );
        let journal = mortal(journal);
        let payments = self.payments()?;
        let facilitators = self.facilitators()?;
        let header_payments: Option<Arc<dyn HeaderPayments>> =
            facilitators.clone().map(|facilitators| mortal(facilitators as Arc<dyn HeaderPayments>));
        let both = |by_quote| Arc::new(Providers { by_quote, by_header: header_payments.clone() });
        let provider = self.asked(both(payments.provider()));
        let unhurried = self.asked(both(payments.unhurried()));
        let forwarder: Arc<dyn Upstream> = Arc::new(
            Forwarder::new(ForwarderConfig::new(guard.clone())).context("the way to sellers cannot be opened")?,
        );
        let forwarder = mortal(forwarder);
        let directory = caches::directory(self.caches.as_ref(), self.db, &self.master_keys);
        let identities = caches::identities(self.caches.as_ref(), self.db);
        let payers: Arc<dyn Payers> = Arc::new(PgPayers::new(self.db.clone(), Arc::clone(&self.entropy)));
        let gateway = Gateway {
            journal: Arc::clone(&journal),
            directory,
            provider: Arc::clone(&provider),
            header_payments: header_payments.clone(),
            payers: mortal(payers),
            upstream: self.measured(&forwarder, Purpose::Call),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            policy: self.policy(),
            fee_rate: MARKETPLACE_FEE,
        };
        let parts = AppParts {
            gateway: Arc::new(gateway),
            books: Arc::new(PgBooks::new(self.db.clone())),
            upstream: self.measured(&forwarder, Purpose::Test),
            identity: Arc::new(self.identity_service(identities)?),
            catalogue: Arc::new(self.catalogue_service(guard, payments.payouts())),
            mock: payments.till(),
            relay_webhooks: payments
                .relay_webhooks()
                .map(|webhooks| Arc::new(WebhookIntake { webhooks, sweeps: self.sweeps() })),
            x402: facilitators.as_deref().map(|facilitators| Arc::new(self.x402(facilitators))),
            readiness: Arc::new(Probe {
                db: self.db.clone(),
                direct_url: self.database.direct_url().clone(),
                payments,
                facilitators,
                schema_is_current: AtomicBool::new(false),
                alone: Alone::default(),
            }),
            limiter,
            observer: Arc::new(Requests(self.metrics.http.clone())),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            runtime: Handle::current(),
            tasks,
        };
        let sweeper =
            Sweeper { journal, sweeps: self.sweeps(), provider: unhurried, check_interval: self.config.check_interval };
        Ok((parts, sweeper))
    }

    /// In time, and counted.
    fn asked(&self, provider: Arc<dyn PaymentProvider>) -> Arc<dyn PaymentProvider> {
        Arc::new(MeasuredProvider {
            inner: Arc::new(TimeLimited { inner: mortal(provider) }),
            metrics: self.metrics.provider.clone(),
            clock: Arc::clone(&self.clock),
        })
    }

    /// Who takes payments by x402; nobody, where that is not configured.
    pub(super) fn facilitators(&self) -> anyhow::Result<Option<Arc<Facilitators>>> {
        let Some(x402) = &self.config.x402 else { return Ok(None) };
        let config = FacilitatorConfig { resource_url: self.url.to_owned(), ..x402.facilitator.clone() };
        let facilitators = Facilitators::new(config, Arc::clone(&self.clock)).context("x402 cannot be used")?;
        Ok(Some(Arc::new(facilitators.computing(Arc::clone(&self.computing)))))
    }

    /// What the API needs to speak x402.
    fn x402(&self, facilitators: &Facilitators) -> X402 {
        let others = self.master_keys.derive_others(TERMS);
        let key = TermsKey::new(*self.master_keys.derive(TERMS)).recognising(others.iter().map(|key| **key));
        let x402 = X402::new(facilitators.assets().cloned().collect(), key);
        let configured = self.config.x402.as_ref().map(|config| config.max_timeout_seconds);
        X402 { max_timeout_seconds: configured.unwrap_or(x402.max_timeout_seconds), ..x402 }
    }

    pub(super) fn payments(&self) -> anyhow::Result<Payments> {
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        Ok(match &self.config.relay {
            Some(relay) => {
                let relay = RelayProvider::new(relay.clone(), clock, entropy).context("Relay cannot be used")?;
                Payments::Relay(Arc::new(relay))
            }
            None => {
                let store: Arc<dyn MockPayments> = Arc::new(PgMockPayments::new(self.db.clone()));
                let store = mortal(store);
                Payments::Mock(Arc::new(MockProvider::new(store, clock, entropy, self.url.to_owned())))
            }
        })
    }

    fn measured(&self, forwarder: &Arc<dyn Upstream>, purpose: Purpose) -> Arc<dyn Upstream> {
        let (inner, clock) = (Arc::clone(forwarder), Arc::clone(&self.clock));
        Arc::new(MeasuredUpstream { inner, metrics: self.metrics.seller.clone(), purpose, clock })
    }

    fn serve_metrics(&self, listener: TcpListener, tasks: TaskTracker) -> anyhow::Result<MetricsServer> {
        let scrape = Scrape {
            metrics: Arc::clone(self.metrics),
            db: self.db.clone(),
            caches: self.caches.clone(),
            clock: Arc::clone(&self.clock),
            tasks,
            calls_limit: self.http_config().call_limits.altogether,
            sample_every: self.config.metrics_sample_every,
            alone: Alone::default(),
            last: Mutex::default(),
        };
        MetricsServer::start(scrape, listener)
    }

    pub(super) fn policy(&self) -> Policy {
        Policy {
            quote_ttl: self.config.quote_ttl,
            late_payment_grace: self.config.late_payment_grace,
            check_interval: self.config.check_interval,
            max_open_quotes: self.config.max_open_quotes,
            ..Policy::default()
        }
    }

    fn guard_policy(&self) -> GuardPolicy {
        let environment = match self.config.environment {
            Environment::Development => GuardEnvironment::Development,
            Environment::Production => GuardEnvironment::Production,
        };
        let own_host = Url::parse(self.url).ok().and_then(|url| {
            let host = url.host_str()?.to_owned();
            // On loopback sellers are on other ports of the same host; elsewhere the whole host is ours.
            match (self.config.environment, url.port_or_known_default()) {
                (Environment::Development, Some(port)) => Some(format!("{host}:{port}")),
                _ => Some(host),
            }
        });
        GuardPolicy {
            allowed_ports: self.config.seller_ports.clone(),
            own_hosts: own_host.into_iter().collect(),
            ..GuardPolicy::new(environment)
        }
    }

    fn identity_service(&self, identities: Arc<dyn Identities>) -> anyhow::Result<IdentityService> {
        let url = Url::parse(self.url).context("the public URL is not valid")?;
        let domain = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => anyhow::bail!("the public URL has no host"),
        };
        let sealer = ChallengeSealer::new(*self.master_keys.derive(CHALLENGES))
            .recognising(self.master_keys.derive_others(CHALLENGES));
        let config =
            IdentityConfig { difficulty: self.config.auth_difficulty, ..IdentityConfig::new(domain, self.url) };
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        let service = IdentityService::new(identities, clock, entropy, sealer, config);
        Ok(service.computing(Arc::clone(&self.computing)))
    }

    fn catalogue_service(&self, guard: GuardPolicy, payouts: Payouts) -> CatalogueService {
        let config =
            CatalogueConfig { difficulty: self.config.listing_difficulty, payouts, ..CatalogueConfig::new(self.url) };
        CatalogueService::new(
            self.catalogue_store(),
            Arc::new(UrlGuard(guard)),
            Arc::clone(&self.clock),
            Arc::clone(&self.entropy),
            config,
        )
    }

    fn catalogue_store(&self) -> Arc<PgCatalogue> {
        let store = PgCatalogue::new(self.db.clone(), Arc::clone(&self.master_keys), Arc::clone(&self.entropy));
        Arc::new(match &self.caches {
            Some(caches) => store.telling(&caches.invalidations),
            None => store,
        })
    }

    fn sweeps(&self) -> Arc<dyn Sweeps> {
        let sweeps: Arc<dyn Sweeps> = Arc::new(PgSweeps::new(self.db.clone(), self.policy()));
        mortal(sweeps)
    }

    fn rate_limits(&self) -> RateLimits {
        let limits = self.config.rate_limits;
        RateLimits {
            enabled: limits.enabled,
            read: Rate::per_minute(limits.read_per_minute),
            write: Rate::per_minute(limits.write_per_minute),
            auth: Rate { requests: limits.auth_per_five_minutes, window: Duration::from_secs(300) },
            gateway: Rate::per_minute(limits.gateway_per_minute),
        }
    }

    fn http_config(&self) -> HttpConfig {
        let defaults = HttpConfig::default();
        let calls = self.config.call_limits.altogether;
        HttpConfig {
            max_connections: connections(defaults.max_connections, calls, self.config.pool_size),
            bind: self.config.bind,
            public_url: self.url.to_owned(),
            environment: match self.config.environment {
                Environment::Development => HttpEnvironment::Development,
                Environment::Production => HttpEnvironment::Production,
            },
            workers: Some(self.config.workers),
            shutdown_timeout: self.config.shutdown_timeout,
            trusted_proxies: self.config.trusted_proxies.clone(),
            rate_limits: self.rate_limits(),
            wrong_keys: Rate::per_minute(self.config.rate_limits.wrong_keys_per_minute),
            refused_payments: Rate::per_minute(self.config.rate_limits.refused_payments_per_minute),
            call_limits: self.config.call_limits,
            ..defaults
        }
    }
}
