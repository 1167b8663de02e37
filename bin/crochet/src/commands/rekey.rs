//! `crochet rekey`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use crochet_local_postgres::Host;
use crochet_postgres::market::{KeySurvey, PgCatalogue, Rekeyed};
use crochet_primitives::{ListingId, StorageError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{complain, progress, runtime, say};
use crate::config::Config;
use crate::database::Database;
use crate::system::SystemEntropy;
use crate::{keys, wiring};

/// How often a step is tried while the database cannot be used or a row is locked, and how long the pause between is.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// How to seal anew.
#[derive(Debug, Clone, Args)]
pub struct RekeyArgs {
    /// Change nothing: open every secret, and say which master keys they need
    #[arg(long)]
    check: bool,
    /// How many endpoints are sealed anew in one transaction
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    batch: u32,
    /// Go on without this master key, which is lost: what is sealed with it stays, and its owners have to set it again
    #[arg(long, value_name = "ID", value_parser = keys::read_id)]
    lost: Vec<String>,
}

/// Seals everything with the first master key. Exits with 0 when no other key is needed any more, 1 when one is, or
/// something does not open, 2 when the keys or the database cannot be used.
pub fn rekey(config: &Config, host: &Host, args: &RekeyArgs) -> ExitCode {
    match rotate(config, host, args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Whether the first master key is all that is needed now.
fn rotate(config: &Config, host: &Host, args: &RekeyArgs) -> anyhow::Result<bool> {
    let keys = keys::load(config, &SystemEntropy)?;
    let current = keys.current().to_owned();
    let database = Database::open(config, host, &mut progress)?;
    let pending = database.pending_migrations()?;
    ensure!(pending.is_empty(), "the schema is not up to date: run `crochet migrate` first");
    let catalogue = wiring::catalogue(&database.connect(config), keys);
    let is_done = runtime()?.block_on(seal_anew(&catalogue, &current, args))?;
    database.close()?;
    Ok(is_done)
}

async fn seal_anew(catalogue: &PgCatalogue, current: &str, args: &RekeyArgs) -> anyhow::Result<bool> {
    let mut survey = catalogue.survey_keys().await.context("the secrets cannot be read")?;
    let is_missing = |survey: &KeySurvey| survey.missing.keys().any(|id| !args.lost.contains(id));
    if !args.check && is_missing(&survey) {
        report(&survey, current);
        say("Nothing was changed: put the missing master key behind the first, or, if it is lost, name it by --lost.");
        return Ok(false);
    }
    if !args.check {
        let secrets = seal_all(catalogue, survey.endpoints_to_reseal, args.batch).await?;
        say(&line("sealed anew", secrets));
        survey = catalogue.survey_keys().await.context("the secrets cannot be read")?;
    }
    report(&survey, current);
    let is_done = survey.endpoints_to_reseal == 0 && survey.broken == 0 && !is_missing(&survey);
    say(&if is_done && !survey.missing.is_empty() {
        format!("No other master key than {current} is needed, but for what is lost.")
    } else if is_done {
        format!("No other master key than {current} is needed for what is stored.")
    } else if survey.endpoints_to_reseal > 0 && args.check {
        "Older master keys are still needed: run `crochet rekey`.".to_owned()
    } else if survey.endpoints_to_reseal > 0 {
        "Older master keys are still needed: a gateway seals with one. Restart it with the new one first, and run this \
         again."
            .to_owned()
    } else {
        "Not every secret opens.".to_owned()
    });
    Ok(is_done)
}

/// Answers how many secrets were sealed anew.
async fn seal_all(catalogue: &PgCatalogue, endpoints: u64, batch: u32) -> anyhow::Result<u64> {
    let bar = ProgressBar::with_draw_target(Some(endpoints), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len} endpoints, {eta} left") {
        bar.set_style(style);
    }
    let (mut after, mut secrets) = (None, 0);
    while let Some(step) = step(catalogue, after, batch).await? {
        (after, secrets) = (Some(step.last), secrets + step.secrets);
        bar.inc(step.endpoints);
    }
    bar.finish_and_clear();
    Ok(secrets)
}

async fn step(catalogue: &PgCatalogue, after: Option<ListingId>, batch: u32) -> anyhow::Result<Option<Rekeyed>> {
    let mut tries = 1;
    loop {
        match catalogue.rekey(after, batch).await {
            Err(error @ (StorageError::Unavailable(_) | StorageError::Busy)) if tries < TRIES => {
                tracing::warn!(%error, "a step of the rotation could not be taken and is tried again");
                tokio::time::sleep(PAUSE).await;
                tries += 1;
            }
            taken => return taken.context("interrupted: what is sealed anew stays so, and running this again goes on"),
        }
    }
}

fn report(survey: &KeySurvey, current: &str) {
    say(&line(&format!("sealed with {current}"), survey.opened.get(current).copied().unwrap_or_default()));
    for (id, secrets) in survey.opened.iter().filter(|(id, _)| *id != current) {
        say(&line(&format!("sealed with {id}, older"), *secrets));
    }
    for (id, secrets) in &survey.missing {
        say(&format!("WRONG  {secrets} secrets are sealed with master key {id:?}, which is not configured"));
    }
    for unopened in &survey.examples {
        say(&format!("WRONG  {} of listing {} does not open: {}", unopened.column, unopened.listing, unopened.reason));
    }
    let unnamed = survey.broken.saturating_sub(u64::try_from(survey.examples.len()).unwrap_or(u64::MAX));
    if unnamed > 0 {
        say(&format!("WRONG  and {unnamed} more"));
    }
}

fn line(what: &str, count: u64) -> String {
    format!("{what:<60}{count:>12}")
}

/// For `crochet check-config`: which keys the stored secrets need.
pub(super) async fn look(catalogue: &PgCatalogue) -> Result<String, String> {
    let survey = catalogue.survey_keys().await.map_err(|error| error.to_string())?;
    let count: u64 = survey.opened.values().sum();
    match (survey.missing.keys().collect::<Vec<_>>(), survey.broken) {
        (missing, 0) if missing.is_empty() => {
            let older = if survey.endpoints_to_reseal > 0 { "; `crochet rekey` makes older keys needless" } else { "" };
            Ok(format!("{count} open{older}"))
        }
        (missing, 0) => Err(format!("some are sealed with master keys that are not configured: {missing:?}")),
        (_, broken) => Err(format!("{broken} do not open: `crochet rekey --check` names them")),
    }
}
