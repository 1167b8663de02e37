//! The database: the one that is configured, or a private one.

use std::path::PathBuf;

use anyhow::Context;
use crochet_local_postgres::{Host, LocalPostgres, Options};
use crochet_postgres::{Db, DbConfig, Months};
use secrecy::SecretString;

use crate::config::Config;

/// A database that can be connected to. Dropping it stops a private one.
#[derive(Debug)]
pub struct Database {
    url: SecretString,
    direct_url: SecretString,
    local: Option<LocalPostgres>,
}

impl Database {
    /// Finds the configured database, or starts a private one in the data directory; `progress` hears what takes
    /// long.
    ///
    /// # Errors
    /// When a private one cannot be started. Whether a configured one can be reached is found out later.
    pub fn open(config: &Config, host: &Host, progress: &mut dyn FnMut(&str)) -> anyhow::Result<Self> {
        if let Some(url) = &config.database_url {
            let direct_url = config.direct_database_url.clone().unwrap_or_else(|| url.clone());
            return Ok(Self { url: url.clone(), direct_url, local: None });
        }
        let mut options = Options::new(private_folder(config), host.clone());
        if let Some(bin_dir) = &config.pg_bin_dir {
            options.pg_bin_dir = Some(bin_dir.clone());
        }
        let local = LocalPostgres::start(&options, progress).context("the private database cannot be started")?;
        let url = SecretString::from(local.url());
        Ok(Self { direct_url: url.clone(), url, local: Some(local) })
    }

    /// Brings the schema up to date; answers the names of the migrations that ran.
    ///
    /// # Errors
    /// When the database cannot be reached, or a migration fails.
    pub fn migrate(&self) -> anyhow::Result<Vec<String>> {
        crochet_postgres::migrate(&self.direct_url).context("the database's schema cannot be brought up to date")
    }

    /// Makes the partitions of the months ahead, and moves calls that are without one, however many they are.
    ///
    /// # Errors
    /// When the database cannot be reached, or somebody else uses history for too long.
    pub fn make_months(&self) -> anyhow::Result<Months> {
        crochet_postgres::make_months(&self.direct_url).context("partitions for the months ahead cannot be made")
    }

    /// The names of the migrations that have not run.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub fn pending_migrations(&self) -> anyhow::Result<Vec<String>> {
        crochet_postgres::pending(&self.direct_url).context("the database's schema cannot be read")
    }

    /// The way into it. Connections are made when they are needed.
    #[must_use]
    pub fn connect(&self, config: &Config) -> Db {
        let db_config = DbConfig {
            pool_size: config.pool_size,
            role: config.database_role.clone(),
            deadline: config.database_deadline,
            ..DbConfig::new(self.url.clone())
        };
        Db::connect(&db_config)
    }

    /// The same as whoever logs in: before the first migration the application's role is not there yet.
    #[must_use]
    pub fn connect_without_a_role(&self, config: &Config) -> Db {
        self.connect(&Config { database_role: None, ..config.clone() })
    }

    /// The way around a pooler, for what needs a session of its own.
    #[must_use]
    pub const fn direct_url(&self) -> &SecretString {
        &self.direct_url
    }

    /// Where a private database's files are.
    #[must_use]
    pub fn private_folder(&self) -> Option<PathBuf> {
        self.local.as_ref().map(|local| local.data_dir().to_path_buf())
    }

    /// Stops a private database and waits for its end.
    ///
    /// # Errors
    /// When it does not stop in time.
    pub fn close(self) -> anyhow::Result<()> {
        match self.local {
            Some(local) => local.stop().context("the private database did not stop"),
            None => Ok(()),
        }
    }
}

fn private_folder(config: &Config) -> PathBuf {
    config.data_dir.join("postgres")
}
