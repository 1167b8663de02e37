//! A gateway in this process, on a free port, on a database of its own.

use crochet::config::{Config, Settings, Switch, resolve};
use crochet::database::Database;
use crochet::demo::client::ApiClient;
use crochet::wiring::{Running, books};
use crochet_local_postgres::Host;
use crochet_postgres::testing::TestDatabase;
use crochet_relay::AuditReport;
use crochet_relay::ports::Books;
use secrecy::ExposeSecret;
use std::time::Duration;

use super::contract;

/// Runs while it is kept. Tests that use it are `#[tokio::test(flavor = "multi_thread")]`.
pub(crate) struct TestGateway {
    pub(crate) api: ApiClient,
    pub(crate) config: Config,
    running: Option<Running>,
    // Fields are dropped in this order: the database last.
    _data_dir: tempfile::TempDir,
    pub(crate) database: TestDatabase,
}

/// What tests run with: no rate limits, little work to prove, a free port.
pub(crate) fn settings() -> Settings {
    Settings {
        bind: Some(([127, 0, 0, 1], 0).into()),
        rate_limits: Some(Switch::Off),
        pow_difficulty_auth: Some(1),
        pow_difficulty_listing: Some(1),
        workers: Some(1),
        database_pool_size: Some(8),
        ..Settings::default()
    }
}

impl TestGateway {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A gateway whose settings are changed first.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::adapted(change, |_| {}).await
    }

    /// A gateway whose configuration is changed after it was checked: as no file or command line could.
    pub(crate) async fn adapted(change: impl FnOnce(&mut Settings), adapt: impl FnOnce(&mut Config)) -> Self {
        let database = TestDatabase::new().await;
        let data_dir = tempfile::tempdir().unwrap();
        let mut settings = settings();
        settings.database_url = Some(database.url().expose_secret().to_owned());
        settings.data_dir = Some(data_dir.path().to_path_buf());
        change(&mut settings);
        let mut config = resolve(settings, None, false, 2).unwrap();
        adapt(&mut config);
        let running = run(&config).await;
        let api = contract::client(running.url());
        Self { api, config, running: Some(running), _data_dir: data_dir, database }
    }

    /// Stops the gateway and starts another one on the same database and port range.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        let running = run(&self.config).await;
        self.api = contract::client(running.url());
        self.running = Some(running);
    }

    /// Stops the gateway; its database and its keys stay.
    pub(crate) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop(Duration::from_secs(10)).await;
        }
    }

    /// Starts another gateway on the same database, with the same keys.
    pub(crate) async fn replica(&self) -> Replica {
        let running = run(&self.config).await;
        Replica { api: contract::client(running.url()), _running: running }
    }

    /// Moves the clock by which leases, quotes and waits are measured.
    pub(crate) fn advance_clock(&self, by: Duration) {
        self.running.as_ref().expect("the gateway runs").db().skew_clock(by);
    }

    /// The connection string of its database, as the owner.
    pub(crate) fn database_url(&self) -> String {
        self.database.url().expose_secret().to_owned()
    }

    /// What runs.
    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().expect("the gateway runs")
    }

    /// Where its metrics are read.
    pub(crate) fn metrics_url(&self) -> Option<&str> {
        self.running().metrics_url()
    }

    /// Re-adds the books.
    pub(crate) async fn audit(&self) -> AuditReport {
        books(self.database.db()).audit().await.unwrap()
    }
}

/// A second gateway on the database of a first one.
pub(crate) struct Replica {
    pub(crate) api: ApiClient,
    _running: Running,
}

async fn run(config: &Config) -> Running {
    let database = Database::open(config, &Host::default(), &mut |_| {}).unwrap();
    Running::start(config, &database).await.unwrap()
}
