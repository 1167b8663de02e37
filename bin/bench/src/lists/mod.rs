//! `crochet-bench lists`: search over many listings, and pages deep in a long history.

pub(crate) mod fill;
pub(crate) mod questions;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use crochet::commands::say;

use crate::client::Client;
use crate::gateway::Gateway;
use crate::measure::{Latencies, Question, ask};
use crate::plans::Explainer;
use crate::report::{self, progress_bar};

/// What is measured, and how much there is of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many listings to search in
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(200..=10_000_000))]
    listings: u32,
    /// How many ledger entries there are, about; there are as many calls
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(3_000..=100_000_000))]
    ledger_rows: u32,
    /// How often each question is asked
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: u32,
    /// Measure without saying what is too slow: for a machine that is busy, or a build that is not optimised
    #[arg(long)]
    no_targets: bool,
    /// Ask only questions whose name has this in it
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Write what PostgreSQL did for each question here: EXPLAIN (ANALYZE, BUFFERS) of every statement
    #[arg(long, value_name = "FILE")]
    explain: Option<PathBuf>,
    /// Draw the latencies here, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Fills, measures and explains. Answers what was missed: targets, and long tables that were read from end to end.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<String>> {
    let gateway = Gateway::start().await?;
    let accounts = fill::register(gateway.url()).await?;
    let scale = fill::Scale {
        listings: options.listings,
        distinct_listings: options.listings,
        groups: options.ledger_rows.div_ceil(3),
        calls_a_group: 3,
        days: 90,
        has_months: false,
        sessions: 1,
    };
    let filled = tokio::task::block_in_place(|| fill::fill(gateway.database_url(), &scale, &accounts))?;
    for line in &filled.summary {
        say(line);
    }
    let report = gateway.audit().await?;
    ensure!(report.balances(), "the books that were filled in do not balance: {:?}", report.findings);
    say(&format!(
        "audit: {} calls, {} settlements, {} entries balance",
        report.calls, report.settlements, report.entries
    ));

    let mut questions = questions::all(&accounts, &filled);
    if let Some(only) = &options.only {
        questions.retain(|question| question.name.contains(only.as_str()));
    }
    if options.no_targets {
        for question in &mut questions {
            question.target = None;
        }
    }
    ensure!(!questions.is_empty(), "no question has that in its name");
    let requests = usize::try_from(options.requests).context("too many requests")?;
    let measured = measure(&gateway, &questions, requests).await?;
    say(&format!("{requests} requests each, one at a time:"));
    for line in report::table(&measured) {
        say(&line);
    }
    let mut missed = report::missed(&measured);
    if let Some(path) = &options.plot {
        report::draw(&measured, path)?;
    }
    let gateway = explain(gateway, &questions, options.explain.as_ref(), &mut missed).await?;
    gateway.stop().await?;
    Ok(missed)
}

async fn measure(gateway: &Gateway, questions: &[Question], requests: usize) -> anyhow::Result<Vec<Latencies>> {
    let client = Client::new(gateway.url());
    let length = u64::try_from(questions.len() * requests).unwrap_or(u64::MAX);
    let bar = progress_bar(length, "requests");
    let mut measured = Vec::with_capacity(questions.len());
    for question in questions {
        bar.set_message(question.name);
        let latencies = ask(&client, question, requests, &bar).await?;
        ensure!(latencies.count() == requests, "{}: not all was asked", question.name);
        measured.push(latencies);
    }
    bar.finish_and_clear();
    Ok(measured)
}

async fn explain(
    gateway: Gateway,
    questions: &[Question],
    file: Option<&PathBuf>,
    missed: &mut Vec<String>,
) -> anyhow::Result<Gateway> {
    let Some(explainer) = Explainer::prepare(&gateway)? else {
        missed.push("this PostgreSQL has no auto_explain: nobody knows what it did".to_owned());
        return Ok(gateway);
    };
    let gateway = gateway.restart().await?;
    let client = Client::new(gateway.url());
    let mut out = file.map(std::fs::File::create).transpose().context("the file for plans cannot be written")?;
    for question in questions {
        let explained = explainer.explain(&client, question).await?;
        for table in explainer.scanned(&explained) {
            missed.push(format!("{}: {table} was read from end to end", explained.name));
        }
        if let Some(out) = &mut out {
            writeln!(out, "==== {}: GET {}\n{}", explained.name, explained.path, explained.plans)?;
        }
    }
    say("plans: no long table is read from end to end, unless it says so below");
    Ok(gateway)
}
