//! `crochet-bench growth`: what becomes of calls, lists and searches when history and catalogue grow.
//!
//! Two gateways, each with a database of its own, stand side by side, one small and one large, and are asked the same in
//! turns: what else the machine does meets both alike, and each ratio is of two figures of the same minute.

mod place;
mod results;

use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use crochet::commands::say;
use indicatif::ProgressBar;

use self::place::{Place, Rate, Size};
use self::results::Results;
use crate::calls::workload::Workload;
use crate::report::{Bound, progress_bar};

/// What is measured of calls.
const WORKLOADS: [Workload; 2] = [Workload::Free, Workload::Paid];
/// What calls at the large size are to be at least, of those at the small one.
const FLAT: f64 = 0.9;

/// What is asked of lists; each is the name of a question of `crochet-bench lists`.
const QUESTIONS: [&str; 14] = [
    "catalogue: first page",
    "catalogue: popular",
    "catalogue: a category, cheapest first",
    "search: a rare word",
    "search: a common word",
    "search: two words",
    "search: a prefix",
    "search: a typo",
    "ledger: first page",
    "ledger: by cursor, half down",
    "history: first page",
    "history: of the busy buyer",
    "history: by cursor, half down",
    "history: one state",
];

/// How much there is, and for how long it is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many calls there are in the large database, about
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = clap::value_parser!(u32).range(300..=100_000_000))]
    calls: u32,
    /// How many listings there are in the large database
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(200..=10_000_000))]
    listings: u32,
    /// Over how many months its calls are spread, up to now
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=120))]
    months: u32,
    /// How many calls there are in the small database, about
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(300..=100_000_000))]
    small_calls: u32,
    /// How many listings there are in the small database
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(200..=10_000_000))]
    small_listings: u32,
    /// Over how many months its calls are spread: 1 is a young gateway, as many as the large one's leaves out what months cost
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=120))]
    small_months: u32,
    /// How often all of it is measured, in turns: the table has the medians, and those of the ratios within each round
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long calls are made in a round, of each kind and at each size
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    seconds: f64,
    /// How many agents call at once, each over a connection of its own
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    connections: u32,
    /// How often each list is asked for in a round, at each size
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: u32,
    /// How many buyers and how many sellers register, over the API
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    agents: u32,
    /// How many sessions fill in calls at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=32))]
    sessions: u32,
    /// Measure without saying what has grown too much
    #[arg(long)]
    no_targets: bool,
}

/// Fills two databases and measures both. Answers what grew more than it may.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<String>> {
    ensure!(options.seconds > 0.0 && options.seconds <= 3_600.0, "a measurement takes up to an hour");
    let (agents, sessions) = (usize::try_from(options.agents)?, options.sessions);
    let small = Size { calls: options.small_calls, listings: options.small_listings, months: options.small_months };
    let large = Size { calls: options.calls, listings: options.listings, months: options.months };
    let small = Place::fill(small, agents, sessions).await?;
    let large = Place::fill(large, agents, sessions).await?;
    let mut results = Results::default();
    let asked: Vec<&str> = QUESTIONS.into_iter().filter(|name| small.has(name) && large.has(name)).collect();
    ensure!(asked.len() == QUESTIONS.len(), "lists are asked by names that are not theirs");
    let bar =
        progress_bar(u64::from(options.rounds) * u64::try_from((WORKLOADS.len() + asked.len()) * 2)?, "measurements");
    let pair = Pair { small: &small, large: &large, options };
    // Not counted: caches are filled, connections are opened.
    pair.calls(Workload::Free, true, Duration::from_secs_f64(options.seconds.min(2.0)), &bar).await?;
    bar.reset();
    for round in 0..options.rounds {
        pair.round(round % 2 == 0, &asked, &mut results, &bar).await?;
    }
    bar.finish_and_clear();
    for line in results.lines(&small.size, &large.size) {
        say(&line);
    }
    let missed = if options.no_targets { Vec::new() } else { results.missed() };
    for place in [small, large] {
        tokio::task::block_in_place(|| place.clear())?;
    }
    Ok(missed)
}

/// Both of them.
struct Pair<'a> {
    small: &'a Place,
    large: &'a Place,
    options: &'a Options,
}

impl Pair<'_> {
    /// Everything once, the small one first or the large one.
    async fn round(
        &self,
        is_small_first: bool,
        asked: &[&'static str],
        results: &mut Results,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let length = Duration::from_secs_f64(self.options.seconds);
        for workload in WORKLOADS {
            let [small, large] = self.calls(workload, is_small_first, length, bar).await?;
            let name = workload.name();
            results.add(&format!("{name}, a second"), small.a_second, large.a_second, Some(Bound::AtLeast(FLAT)));
            results.add(&format!("{name}, µs of gateway"), small.gateway_micros, large.gateway_micros, None);
            results.add(&format!("{name}, µs of PostgreSQL"), small.postgres_micros, large.postgres_micros, None);
        }
        let requests = usize::try_from(self.options.requests)?;
        for &name in asked {
            bar.set_message(name);
            let [first, second] = self.order(is_small_first);
            let first = first.ask(name, requests).await?;
            bar.inc(1);
            let second = second.ask(name, requests).await?;
            bar.inc(1);
            let [small, large] = if is_small_first { [first, second] } else { [second, first] };
            let is_of_listings = name.starts_with("catalogue") || name.starts_with("search");
            let [of_small, of_large] = [self.small, self.large]
                .map(|place| if is_of_listings { place.size.listings } else { place.size.calls });
            let logarithm = f64::from(of_large).ln() / f64::from(of_small).ln();
            results.add(&format!("{name}, ms"), small, large, Some(Bound::AtMost(logarithm)));
        }
        Ok(())
    }

    /// Calls of this kind at both sizes: small, large.
    async fn calls(
        &self,
        workload: Workload,
        is_small_first: bool,
        length: Duration,
        bar: &ProgressBar,
    ) -> anyhow::Result<[Rate; 2]> {
        bar.set_message(workload.name());
        let connections = usize::try_from(self.options.connections)?;
        let [first, second] = self.order(is_small_first);
        let first = first.call(workload, connections, length).await?;
        bar.inc(1);
        let second = second.call(workload, connections, length).await?;
        bar.inc(1);
        Ok(if is_small_first { [first, second] } else { [second, first] })
    }

    const fn order(&self, is_small_first: bool) -> [&Place; 2] {
        if is_small_first { [self.small, self.large] } else { [self.large, self.small] }
    }
}
