//! `crochet demo`.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use crochet_local_postgres::Host;
use crochet_relay::ports::Books;

use super::runtime;
use crate::config::{Config, Environment};
use crate::database::Database;
use crate::demo::play;
use crate::demo::screen::Screen;
use crate::wiring::{self, Running};

/// Plays the story with a gateway made for it, on a free port and with a database that is thrown away afterwards, or
/// with the one at `url`.
///
/// # Errors
/// At the first outcome that is off.
pub fn demo(config: &Config, host: &Host, url: Option<&str>) -> anyhow::Result<ExitCode> {
    let screen = Screen::default();
    let runtime = runtime()?;
    match url {
        Some(url) => runtime.block_on(play(url, &screen))?,
        None => runtime.block_on(play_in_private(config, host, &screen))?,
    }
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

async fn play_in_private(config: &Config, host: &Host, screen: &Screen) -> anyhow::Result<()> {
    ensure!(
        config.environment == Environment::Development,
        "a gateway with mock payments is for development; --url plays the story with one that runs"
    );
    let folder = throw_away_folder()?;
    let config = Config {
        bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        public_url: None,
        database_url: None,
        direct_database_url: None,
        data_dir: folder.path().to_path_buf(),
        ..config.clone()
    };
    let step = screen.step("start a gateway of its own");
    let database = Database::open(&config, host, &mut |_| {})?;
    let running = Running::start(&config, &database).await?;
    step.done(&format!("{}, with a private PostgreSQL", running.url()));
    let played = play(running.url(), screen).await;
    let audited = match &played {
        Ok(()) => audit(&config, &database, screen).await,
        Err(_) => Ok(()),
    };
    running.stop(config.shutdown_timeout).await;
    database.close()?;
    played.and(audited)
}

async fn audit(config: &Config, database: &Database, screen: &Screen) -> anyhow::Result<()> {
    let step = screen.step("audit");
    let report = wiring::books(&database.connect(config)).audit().await.context("the books cannot be read")?;
    ensure!(report.balances(), "the books do not balance: {:?}", report.findings);
    ensure!(report.settlements == 2, "{} settlements for two paid calls", report.settlements);
    step.done(&format!("{} settlements, {} entries: the books balance", report.settlements, report.entries));
    Ok(())
}

/// PostgreSQL does not run as root: the folder has to be open to the user that it runs as.
fn throw_away_folder() -> anyhow::Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix("crochet-demo-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()
        .context("no folder for the demonstration could be made")
}
