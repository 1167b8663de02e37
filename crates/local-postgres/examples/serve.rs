//! Runs a private PostgreSQL until standard input ends, and says where it is and how long it took to start:
//! `cargo run -p crochet-local-postgres --example serve -- /tmp/my-data`.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use crochet_local_postgres::{Host, LocalPostgres, Options, default_data_dir};

fn main() -> Result<(), Box<dyn Error>> {
    let host = Host::from_variables(std::env::vars_os());
    let named = std::env::args_os().nth(1).map(PathBuf::from);
    let data_dir = named.or_else(|| default_data_dir(&host)).ok_or("name a data directory")?;
    let mut out = io::stdout();
    let started = Instant::now();
    let server = LocalPostgres::start(&Options::new(data_dir, host), &mut |step| {
        // Whoever does not listen misses nothing that matters.
        let _ = writeln!(io::stderr(), "{step} ...");
    })?;
    writeln!(out, "{} started in {} ms", server.url(), started.elapsed().as_millis())?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    let stopping = Instant::now();
    server.stop()?;
    writeln!(out, "stopped in {} ms", stopping.elapsed().as_millis())?;
    Ok(())
}
