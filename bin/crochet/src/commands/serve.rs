//! `crochet serve`.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use crochet_local_postgres::Host;
use tokio::signal::unix::{SignalKind, signal};

use super::{progress, runtime, say};
use crate::config::{Config, PaymentProviderName};
use crate::database::Database;
use crate::demo::screen::shown;
use crate::wiring::Running;

/// Runs the gateway until Ctrl-C or SIGTERM, and ends what is under way before it stops.
///
/// # Errors
/// When something that it needs cannot be had.
pub fn serve(config: &Config, host: &Host) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    #[cfg(feature = "fail-points")]
    let _armed = crate::wiring::fail_points::armed();
    crate::descriptors::raise_limit();
    let runtime = runtime()?;
    let database = Database::open(config, host, &mut progress)?;
    let outcome = runtime.block_on(async {
        let running = Running::start(config, &database).await?;
        say(&banner(config, &database, &running, began));
        wait_for_the_end().await?;
        say("\nStopping: calls that are under way are ended first. Ctrl-C again stops at once.");
        tokio::select! {
            () = running.stop(config.shutdown_timeout) => {}
            again = wait_for_the_end() => again?,
        }
        Ok::<_, anyhow::Error>(())
    });
    runtime.shutdown_background();
    database.close()?;
    outcome?;
    say("Stopped.");
    Ok(ExitCode::SUCCESS)
}

/// Waits for Ctrl-C or SIGTERM.
pub(super) async fn wait_for_the_end() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be waited for")?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.context("Ctrl-C cannot be waited for"),
        _ = terminate.recv() => Ok(()),
    }
}

fn banner(config: &Config, database: &Database, running: &Running, began: Instant) -> String {
    let url = running.url();
    let metrics = running.metrics_url().unwrap_or("off (--metrics-bind 127.0.0.1:9464 shows them)");
    let data = match database.private_folder() {
        Some(folder) => format!("{} (a private PostgreSQL)", folder.display()),
        None => "the configured PostgreSQL".to_owned(),
    };
    let payments = match config.payment_provider {
        PaymentProviderName::Mock => "mock: nothing is charged",
        PaymentProviderName::Relay => "Relay",
    };
    format!(
        "\nCrochet {version} is ready after {took}.\n\n  \
         URL       {url}\n  \
         data      {data}\n  \
         payments  {payments}\n  \
         metrics   {metrics}\n\n\
         Try next:\n  \
         curl {url}/api/v1/categories\n  \
         curl {url}/api/v1/listings\n  \
         cargo run --release -- demo --url {url}   the whole story, with this gateway\n\n\
         Ctrl-C stops it.",
        version = env!("CARGO_PKG_VERSION"),
        took = shown(began.elapsed()),
    )
}
