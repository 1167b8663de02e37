//! Fills a database and measures a gateway over HTTP: with a gateway of its own, in this process, and a private
//! PostgreSQL that is thrown away afterwards.
//!
//! **Invariant:** what is measured is what an agent gets: real requests to the real server, one at a time, over a
//! connection that stays open. What a target names and misses ends the program with an error.

mod client;
mod gateway;
mod lists;
mod measure;
mod plans;
mod report;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use crochet::commands::{complain, say};
use crochet::telemetry::{self, LogFormat};

/// Measures the gateway.
#[derive(Debug, Parser)]
#[command(name = "crochet-bench", version, about, max_term_width = 110, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Search, catalogue, history and ledger, over a large database
    Lists(lists::Options),
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(missed) if missed.is_empty() => ExitCode::SUCCESS,
        Ok(missed) => {
            for line in missed {
                say(&format!("MISSED  {line}"));
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<Vec<String>> {
    telemetry::start(LogFormat::Text, "warn")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = match &cli.command {
        Command::Lists(options) => runtime.block_on(lists::run(options)),
    };
    runtime.shutdown_background();
    result
}
