//! Measures a gateway over HTTP, on a private PostgreSQL that is thrown away afterwards: lists over a large database,
//! calls under load, and how either grows with the database.
//!
//! **Invariant:** what is measured is what an agent gets: real requests to the real server, over connections that stay
//! open. What a target names and misses ends the program with an error.

mod calls;
mod client;
mod gateway;
mod growth;
mod lists;
mod measure;
mod plans;
mod report;

use std::ffi::OsString;
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
    /// Calls through the gateway, beside the same calls to the seller and through nginx: throughput and latency
    Calls(calls::Options),
    /// Calls and lists over a small and over a large database, side by side: what grows with history and listings
    Growth(growth::Options),
    /// The seller of `calls`
    #[command(hide = true)]
    Seller,
    /// The gateway of `calls`: the program `crochet`, as this one was built
    #[command(hide = true)]
    Gateway {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Gateway { arguments } = cli.command {
        return crochet::cli::run_with(std::iter::once(OsString::from("crochet")).chain(arguments));
    }
    match run(&cli) {
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
        Command::Calls(options) => runtime.block_on(calls::run(options)),
        Command::Growth(options) => runtime.block_on(growth::run(options)),
        Command::Seller | Command::Gateway { .. } => runtime.block_on(calls::serve_seller()).map(|()| Vec::new()),
    };
    runtime.shutdown_background();
    result
}
