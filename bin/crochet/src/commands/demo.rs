//! `crochet demo`.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use crochet_local_postgres::Host;
use crochet_relay::ports::Books;

use super::runtime;
use super::serve::wait_for_the_end;
use crate::config::{Config, Environment};
use crate::database::Database;
use crate::demo::screen::Screen;
use crate::demo::{Played, play};
use crate::wiring::{self, Running};

/// Plays the story with a gateway made for it, on a free port and with a database that is thrown away afterwards, or
/// with the one at `url`. With `keep` gateway and seller go on until Ctrl-C, and the buyer's API key is shown.
///
/// # Errors
/// At the first outcome that is off.
pub fn demo(config: &Config, host: &Host, url: Option<&str>, keep: bool) -> anyhow::Result<ExitCode> {
    let screen = Screen::default();
    let runtime = runtime()?;
    runtime.block_on(async {
        match url {
            Some(url) => {
                let played = play(url, &screen).await?;
                end(played, url, keep, &screen).await
            }
            None => play_in_private(config, host, keep, &screen).await,
        }
    })?;
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

async fn end(played: Played, url: &str, keep: bool, screen: &Screen) -> anyhow::Result<()> {
    let waited = if keep {
        screen.line("\nThe seller answers until Ctrl-C. Whoever wants to call it as the buyer needs:\n");
        screen.line(&played.variables(url.trim_end_matches('/')));
        wait_for_the_end().await
    } else {
        Ok(())
    };
    played.end().await;
    waited
}

async fn play_in_private(config: &Config, host: &Host, keep: bool, screen: &Screen) -> anyhow::Result<()> {
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
    let told = tell(&config, &database, running.url(), keep, screen).await;
    running.stop(config.shutdown_timeout).await;
    database.close()?;
    told
}

async fn tell(config: &Config, database: &Database, url: &str, keep: bool, screen: &Screen) -> anyhow::Result<()> {
    let played = play(url, screen).await?;
    let audited = audit(config, database, screen).await;
    end(played, url, keep && audited.is_ok(), screen).await.and(audited)
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
