//! `crochet-bench calls`: what a call through the gateway costs, beside the same call without anybody in between and
//! through nginx; as much as can be done, and so much a second.

mod connection;
pub(crate) mod load;
pub(crate) mod market;
mod nginx;
mod pgbench;
mod process;
mod results;
mod seller;
pub(crate) mod stage;
mod targets;
pub(crate) mod workload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use crochet::commands::say;
use indicatif::ProgressBar;

use self::connection::Connection;
use self::load::Outcome;
use self::market::Market;
use self::results::{Results, Share};
use self::stage::Stage;
use self::targets::{Target, targets};
use self::workload::Workload;
use crate::report::progress_bar;

pub(crate) use self::results::median;
pub(crate) use self::seller::serve as serve_seller;

/// The parts of what can be done at most at which latencies are measured.
const SHARES: [f64; 3] = [0.25, 0.5, 0.75];

/// What is measured, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often all of it is measured, in turns: the table has the medians
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long each measurement takes
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    seconds: f64,
    /// How many agents call at once, each over a connection of its own, to find out how much can be done
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    connections: u32,
    /// How many buyers there are in mixed traffic
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    buyers: u32,
    /// How many sellers there are in mixed traffic
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sellers: u32,
    /// Measure only these, beside the direct call and nginx: free call, paid cycle, catalogue, history, mixed
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Do not measure latencies
    #[arg(long)]
    throughput_only: bool,
    /// End with an error where a target is missed
    #[arg(long)]
    targets: bool,
    /// Draw throughput and latencies here, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Measures, and says what came of it.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<String>> {
    ensure!(options.seconds > 0.0 && options.seconds <= 3_600.0, "a measurement takes up to an hour");
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let stage = tokio::task::block_in_place(|| Stage::set(workers))?;
    let (buyers, sellers) = (usize::try_from(options.buyers)?, usize::try_from(options.sellers)?);
    let bar = progress_bar(u64::from(options.buyers) + u64::from(options.sellers), "agents");
    bar.set_message("register");
    let market = Arc::new(Market::open(&stage, buyers, sellers, &bar).await?);
    bar.finish_and_clear();
    match &stage.nginx_version {
        Some(version) => say(&format!("beside nginx {version}, {workers} workers")),
        None => say("nginx is not installed: nothing to compare with"),
    }
    let measurement = Measurement::new(options, stage, market)?;
    let results = measurement.rounds(options.rounds).await?;
    for line in results.lines() {
        say(&line);
    }
    let (before, after) = measurement.idle_connections().await?;
    let memory = format!(
        "memory of the gateway: {} MB after the load, {} MB with 1000 more open connections",
        before >> 20,
        after >> 20
    );
    say(&memory);
    #[expect(clippy::cast_precision_loss, reason = "bytes of memory")]
    let targets = targets(&results, (after >> 10) as f64 / 1024.0);
    targets.iter().for_each(|target| say(&target.line()));
    if let Some(path) = &options.plot {
        results.draw(path)?;
    }
    tokio::task::block_in_place(|| measurement.stage.clear())?;
    let missed = targets.iter().filter(|target| options.targets && !target.is_reached());
    Ok(missed.map(Target::line).collect())
}

struct Measurement {
    stage: Stage,
    market: Arc<Market>,
    workloads: Vec<Workload>,
    length: Duration,
    connections: usize,
    with_latencies: bool,
}

impl Measurement {
    fn new(options: &Options, stage: Stage, market: Arc<Market>) -> anyhow::Result<Self> {
        let is_asked_for = |workload: &Workload| {
            let is_yardstick = matches!(workload, Workload::Direct | Workload::Nginx);
            is_yardstick || options.only.is_empty() || options.only.iter().any(|name| name == workload.name())
        };
        for name in &options.only {
            ensure!(Workload::ALL.iter().any(|workload| workload.name() == name), "there is no {name:?} to measure");
        }
        let is_there = |workload: &Workload| workload.address(&stage).is_some();
        Ok(Self {
            workloads: Workload::ALL.into_iter().filter(is_asked_for).filter(is_there).collect(),
            length: Duration::from_secs_f64(options.seconds),
            connections: usize::try_from(options.connections)?,
            with_latencies: !options.throughput_only,
            stage,
            market,
        })
    }

    async fn rounds(&self, rounds: u32) -> anyhow::Result<Results> {
        let mut results = Results::default();
        let measurements =
            if self.with_latencies { self.workloads.len() * (1 + SHARES.len()) } else { self.workloads.len() };
        let bar = progress_bar(u64::from(rounds) * u64::try_from(measurements)?, "measurements");
        // Not counted: caches are filled, connections are opened, the just-made database finds its pages.
        for &workload in &self.workloads {
            bar.set_message(format!("{}, to warm up", workload.name()));
            self.saturate(workload, self.length.min(Duration::from_secs(2))).await?;
        }
        for round in 0..rounds {
            self.round(round, &mut results, &bar).await?;
        }
        bar.finish_and_clear();
        Ok(results)
    }

    async fn round(&self, round: u32, results: &mut Results, bar: &ProgressBar) -> anyhow::Result<()> {
        let mut most = Vec::with_capacity(self.workloads.len());
        for &workload in &self.workloads {
            bar.set_message(format!("{}, as much as can be done", workload.name()));
            let before = self.stage.usages();
            let outcome = self.saturate(workload, self.length).await?;
            let shares = Share::of(before, self.stage.usages(), outcome.done + outcome.refused);
            most.push((workload, outcome.rate()));
            results.saturated(round, workload, &outcome, shares);
            if let Some(pgbench) = self.stage.pgbench.as_ref().filter(|_| workload == Workload::Paid) {
                bar.set_message("the same statements by pgbench");
                let rate = tokio::task::block_in_place(|| pgbench.cycles(self.connections, self.length))?;
                results.statements(outcome.rate(), rate);
            }
            bar.inc(1);
        }
        if !self.with_latencies {
            return Ok(());
        }
        // The direct call and nginx at the gateway's rate: how much is added is asked at the same load.
        let free = most.iter().find(|(workload, _)| *workload == Workload::Free).map(|(_, rate)| *rate);
        for (workload, rate) in most {
            let yardstick = matches!(workload, Workload::Direct | Workload::Nginx).then_some(free).flatten();
            for share in SHARES {
                bar.set_message(format!("{} at {:.0}%", workload.name(), share * 100.0));
                let address = workload.address(&self.stage).context("nobody is there")?;
                let rate = yardstick.unwrap_or(rate) * share;
                let outcome = load::open(workload, &self.market, address, 512, rate, self.length).await?;
                results.offered(workload, share, &outcome);
                bar.inc(1);
            }
        }
        Ok(())
    }

    async fn saturate(&self, workload: Workload, length: Duration) -> anyhow::Result<Outcome> {
        let address = workload.address(&self.stage).context("nobody is there")?;
        load::closed(workload, &self.market, address, self.connections, length).await
    }

    /// The gateway's memory in bytes, and with a thousand connections more that have each had an answer and stay open.
    async fn idle_connections(&self) -> anyhow::Result<(u64, u64)> {
        let before = self.stage.usages().gateway.resident;
        let mut open = Vec::with_capacity(1_000);
        for number in 0..1_000 {
            let mut connection = Connection::open(self.stage.gateway_address).await?;
            Workload::Free.once(&self.market, &mut connection, u64::MAX - number).await?;
            open.push(connection);
        }
        let after = self.stage.usages().gateway.resident;
        Ok((before, after))
    }
}
