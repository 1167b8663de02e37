//! A gateway to measure: in this process, without rate limits, on a private PostgreSQL that is set up as every private
//! one is, and thrown away afterwards.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use crochet::config::{Config, Settings, Switch, resolve};
use crochet::database::Database;
use crochet::wiring::{self, Running};
use crochet_local_postgres::Host;
use crochet_relay::AuditReport;
use crochet_relay::ports::Books;
use diesel::prelude::*;
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// How long the gateway may take to stop.
const STOP: Duration = Duration::from_secs(10);

/// A gateway that runs.
#[derive(Debug)]
pub(crate) struct Gateway {
    running: Running,
    config: Config,
    database: Database,
    // Dropped last: the database's files are in it.
    _folder: TempDir,
}

impl Gateway {
    /// Makes a database and starts a gateway on it.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = throw_away_folder()?;
        let settings = Settings {
            bind: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            rate_limits: Some(Switch::Off),
            pow_difficulty_auth: Some(1),
            pow_difficulty_listing: Some(1),
            data_dir: Some(folder.path().to_path_buf()),
            ..Settings::default()
        };
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let config = match resolve(settings, None, false, cores) {
            Ok(config) => config,
            Err(problems) => anyhow::bail!("the configuration does not work: {problems:?}"),
        };
        let host = Host::from_variables(std::env::vars_os());
        let database = tokio::task::block_in_place(|| Database::open(&config, &host, &mut |_| {}))?;
        let running = Running::start(&config, &database).await?;
        Ok(Self { running, config, database, _folder: folder })
    }

    /// Stops the gateway and starts another one on the same database: its connections are new.
    pub(crate) async fn restart(self) -> anyhow::Result<Self> {
        self.running.stop(STOP).await;
        let running = Running::start(&self.config, &self.database).await?;
        Ok(Self { running, ..self })
    }

    /// Stops gateway and database.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.running.stop(STOP).await;
        tokio::task::block_in_place(|| self.database.close())
    }

    /// Where it is reached.
    pub(crate) fn url(&self) -> &str {
        self.running.url()
    }

    /// Where the owner of everything reaches its database.
    pub(crate) fn database_url(&self) -> &str {
        self.database.direct_url().expose_secret()
    }

    /// A connection to it.
    pub(crate) fn connection(&self) -> anyhow::Result<PgConnection> {
        PgConnection::establish(self.database_url()).context("the database cannot be reached")
    }

    /// Where the database's own log is.
    pub(crate) fn database_log(&self) -> anyhow::Result<PathBuf> {
        let folder = self.database.private_folder().context("the database is not a private one")?;
        Ok(folder.join("postgres.log"))
    }

    /// Re-adds the books.
    pub(crate) async fn audit(&self) -> anyhow::Result<AuditReport> {
        wiring::books(&self.database.connect(&self.config)).audit().await.context("the books cannot be read")
    }
}

/// PostgreSQL does not run as root: the folder has to be open to the user that it runs as.
pub(crate) fn throw_away_folder() -> anyhow::Result<TempDir> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix("crochet-bench-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()
        .context("no folder for the database could be made")
}
