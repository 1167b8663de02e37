//! Everything that takes part in a measurement: the gateway as `crochet serve` runs it, in a process of its own with a private
//! PostgreSQL, a seller, and nginx where there is one.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Context;
use tempfile::TempDir;

use super::nginx;
use super::pgbench::Pgbench;
use super::process::{Process, Usage, postgres_pid, usage};
use crate::gateway::throw_away_folder;

/// The gateway's own folder.
const GATEWAY: &str = "gateway";

/// Who uses the machine during a measurement.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usages {
    pub(crate) gateway: Usage,
    pub(crate) postgres: Usage,
    pub(crate) seller: Usage,
    pub(crate) nginx: Usage,
    /// This process, which makes the load.
    pub(crate) load: Usage,
}

/// All of them, running.
#[derive(Debug)]
pub(crate) struct Stage {
    gateway: Process,
    seller: Process,
    nginx: Option<Process>,
    postgres: u32,
    /// Where the gateway is reached.
    pub(crate) gateway_url: String,
    /// The same.
    pub(crate) gateway_address: SocketAddr,
    /// Where the seller is reached without anybody in between.
    pub(crate) seller_address: SocketAddr,
    /// Where nginx is reached.
    pub(crate) nginx_address: Option<SocketAddr>,
    /// Its version.
    pub(crate) nginx_version: Option<String>,
    /// PostgreSQL's own measure, where it is installed.
    pub(crate) pgbench: Option<Pgbench>,
    // Dropped last: the database's files are in it.
    folder: TempDir,
}

impl Stage {
    /// Starts all of them.
    pub(crate) fn set(workers: usize) -> anyhow::Result<Self> {
        let folder = throw_away_folder()?;
        let this = std::env::current_exe().context("this program does not know where it is")?;
        let address = |line: &str| line.trim().parse::<SocketAddr>().ok();
        let (seller, seller_address) = Process::start_and_read(Command::new(&this).arg("seller"), address)?;
        let data_dir = folder.path().join(GATEWAY);
        let mut serve = Command::new(&this);
        serve.args(["gateway", "serve", "--bind", "127.0.0.1:0", "--log", "warn"]).arg("--data-dir").arg(&data_dir);
        // What limits one caller would limit the load: everything else is as it is shipped.
        serve.args(["--rate-limits", "off", "--max-open-quotes", "1000000"]);
        serve.args(["--call-limit", "4096", "--call-limit-per-buyer", "4096"]);
        serve.args(["--pow-difficulty-auth", "1", "--pow-difficulty-listing", "1"]);
        let url = |line: &str| line.trim().strip_prefix("URL").map(|url| url.trim().to_owned());
        let (gateway, gateway_url) = Process::start_and_read(&mut serve, url)?;
        let gateway_address = gateway_url.trim_start_matches("http://").parse().context("the gateway is nowhere")?;
        let (mut process, mut address, mut version) = (None, None, None);
        if let Some((program, installed)) = nginx::installed() {
            let (started, at) = nginx::start(&program, folder.path(), seller_address, workers)?;
            (process, address, version) = (Some(started), Some(at), Some(installed));
        }
        let postgres = postgres_pid(&data_dir)?;
        Ok(Self {
            pgbench: Pgbench::beside(postgres, &data_dir, folder.path())?,
            gateway,
            seller,
            nginx: process,
            postgres,
            gateway_url,
            gateway_address,
            seller_address,
            nginx_address: address,
            nginx_version: version,
            folder,
        })
    }

    /// Where the owner of everything reaches the gateway's database.
    pub(crate) fn database_url(&self) -> anyhow::Result<String> {
        let file = self.folder.path().join(GATEWAY).join("postgres/data/postmaster.pid");
        let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let mut lines = text.lines().skip(3).map(str::trim);
        let (port, socket) = lines.next().zip(lines.next()).context("the database is nowhere")?;
        Ok(format!("host={socket} port={port} user=app dbname=crochet"))
    }

    /// What each has used so far.
    pub(crate) fn usages(&self) -> Usages {
        Usages {
            gateway: usage(self.gateway.pid(), false),
            postgres: usage(self.postgres, true),
            seller: usage(self.seller.pid(), false),
            nginx: self.nginx.as_ref().map(|nginx| usage(nginx.pid(), true)).unwrap_or_default(),
            load: usage(std::process::id(), false),
        }
    }

    /// Stops all of them.
    pub(crate) fn clear(self) -> anyhow::Result<()> {
        self.gateway.stop()
    }
}
