//! How many instructions a gateway call takes: a figure that is the same on a busy machine and on an idle one, to hold
//! a change against.

mod counting;
mod path;
mod world;

use std::io::Write;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::path::Path;

/// Counts the instructions that a gateway call takes.
#[derive(Debug, Parser)]
enum Options {
    /// Count under valgrind, and compare with the baseline: an error when a path takes over 5% more
    Check {
        /// Take what is counted as the new baseline
        #[arg(long)]
        bless: bool,
    },
    /// Make calls, for a profiler
    Run {
        /// Along which path
        path: Path,
        /// How many
        calls: u32,
    },
}

fn main() -> anyhow::Result<()> {
    match Options::parse() {
        Options::Check { bless } => counting::check(bless, say),
        Options::Run { path, calls } => {
            // Lines are written as they are by default, to nowhere.
            let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new("info"));
            lines.with_ansi(false).with_target(false).with_writer(std::io::sink).init();
            path.run(calls)
        }
    }
}

fn say(line: &str) {
    // Whoever closed the other end does not want to know.
    let _ = writeln!(std::io::stdout(), "{line}");
}
