//! `crochet retention`.

mod files;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime};
use clap::Args;
use crochet_local_postgres::Host;
use crochet_postgres::{DetachedMonth, HistoryMonth, HistoryTable, NotFinal, Retention, YOUNGEST};
use crochet_primitives::Timestamp;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::files::{Files, in_hex, path, sha256};
use super::{complain, progress, say};
use crate::config::Config;
use crate::database::Database;

/// Which months, and what becomes of them.
#[derive(Debug, Clone, Args)]
pub struct RetentionArgs {
    /// Months of history before this one: 2026-05
    #[arg(long, value_name = "YYYY-MM", value_parser = month, required_unless_present = "keep_months")]
    before: Option<NaiveDate>,
    /// All months but this one and so many before it
    #[arg(long, value_name = "COUNT", conflicts_with = "before", value_parser = clap::value_parser!(u32).range(1..=1_200))]
    keep_months: Option<u32>,
    /// Write them to files in this folder, and take them out of history; without it nothing is changed
    #[arg(long, value_name = "FOLDER")]
    export: Option<PathBuf>,
    /// Drop the tables of months that were taken out, now or before, once their files in the folder were looked at
    #[arg(long, requires = "export")]
    drop: bool,
}

fn month(text: &str) -> Result<NaiveDate, String> {
    NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").map_err(|_| "2026-05, for instance".to_owned())
}

/// Takes old months out of history. Exits with 0 when nothing is in the way, 1 when a month has to stay, 2 when it could
/// not be done.
pub fn retention(config: &Config, host: &Host, args: &RetentionArgs) -> ExitCode {
    match retain(config, host, args) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Answers how many months have to stay.
fn retain(config: &Config, host: &Host, args: &RetentionArgs) -> anyhow::Result<usize> {
    let database = Database::open(config, host, &mut progress)?;
    let pending = database.pending_migrations()?;
    ensure!(pending.is_empty(), "the schema is not up to date: run `crochet migrate` first");
    let mut retention = Retention::open(database.direct_url()).context("the database cannot be used")?;
    let cutoff = cutoff(args, retention.now()?)?;
    let months = retention.months_before(cutoff).context("history cannot be read")?;
    let stay = match &args.export {
        None => show(&months),
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
            let stay = take_out(&mut retention, &months, folder)?;
            let detached = retention.detached()?;
            if args.drop {
                drop_detached(&mut retention, &detached, folder)?;
            } else if !detached.is_empty() {
                say(
                    "Their tables are still in the database; --drop removes them once their files are found to be whole.",
                );
            }
            stay
        }
    };
    drop(retention);
    database.close()?;
    Ok(stay)
}

/// The first moment that stays.
fn cutoff(args: &RetentionArgs, now: Timestamp) -> anyhow::Result<Timestamp> {
    let this_month = now.date_naive().with_day(1).context("this month has no beginning")?;
    let kept = || this_month.checked_sub_months(Months::new(args.keep_months.unwrap_or_default()));
    let cutoff = args.before.or_else(kept).context("there is no such month")?;
    let cutoff = cutoff.and_time(NaiveTime::MIN).and_utc();
    // What is younger counts for popularity, and may still be paid.
    ensure!(
        cutoff <= now - YOUNGEST,
        "months that ended less than {} days ago stay: --before {} at the latest",
        YOUNGEST.num_days(),
        (now - YOUNGEST).format("%Y-%m")
    );
    Ok(cutoff)
}

/// Says what could be done; nothing is.
fn show(months: &[HistoryMonth]) -> usize {
    let mut stay = 0;
    for month in months.iter().filter(|month| month.calls > 0 || month.attempts > 0) {
        say(&line(month, if month.not_final.is_empty() { "can go" } else { "stays" }));
        if !month.not_final.is_empty() {
            stay += 1;
            explain(&month.not_final);
        }
    }
    say("Nothing was changed: --export FOLDER writes what can go to files there, and takes it out of history.");
    stay
}

fn explain(not_final: &[NotFinal]) {
    for NotFinal { reason, calls } in not_final {
        say(&format!("  {calls} calls {reason}"));
    }
}

fn line(month: &HistoryMonth, what: &str) -> String {
    let day = |at: DateTime<_>| at.format("%Y-%m-%d").to_string();
    let from = month.from.map_or_else(|| "the beginning".to_owned(), day);
    format!(
        "{:<16} {from} to {}  {:>12} calls {:>12} attempts  {what}",
        month.kept_as,
        day(month.to),
        month.calls,
        month.attempts
    )
}

/// Takes out what can go; answers how many months stay.
fn take_out(retention: &mut Retention, months: &[HistoryMonth], folder: &Path) -> anyhow::Result<usize> {
    let mut stay = 0;
    for month in months {
        if month.calls == 0 && month.attempts == 0 {
            if retention.fold(month).context("an empty month cannot be taken out")? {
                say(&line(month, "was empty"));
            }
            continue;
        }
        let not_final = if month.not_final.is_empty() {
            let bar = bar(month);
            let mut files = Files::begin(folder, month, &bar).with_context(|| folder.display().to_string())?;
            let not_final = retention.take_out(month, &mut files).with_context(|| format!("{} stays", month.name))?;
            bar.finish_and_clear();
            not_final
        } else {
            month.not_final.clone()
        };
        say(&line(month, if not_final.is_empty() { "exported and taken out" } else { "stays" }));
        if !not_final.is_empty() {
            stay += 1;
            explain(&not_final);
        }
    }
    Ok(stay)
}

fn bar(month: &HistoryMonth) -> ProgressBar {
    let rows = month.calls.saturating_add(month.attempts);
    let bar = ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {human_pos} of {human_len} rows, {eta} left") {
        bar.set_style(style);
    }
    bar.with_message(month.kept_as.clone())
}

/// Drops what is in files that are whole.
fn drop_detached(retention: &mut Retention, months: &[DetachedMonth], folder: &Path) -> anyhow::Result<()> {
    for month in months {
        for (table, recorded) in
            [(HistoryTable::Calls, month.hashes.calls), (HistoryTable::Attempts, month.hashes.attempts)]
        {
            let path = path(folder, table, &month.name);
            let found =
                sha256(&path).with_context(|| format!("{} cannot be read, and its table stays", path.display()))?;
            ensure!(
                found == recorded,
                "{} is not what was exported, and its table stays: {} and not {}",
                path.display(),
                in_hex(&found),
                in_hex(&recorded)
            );
        }
        retention.drop_detached(month).with_context(|| format!("the tables of {} cannot be dropped", month.name))?;
        say(&format!("{:<16} dropped", month.name));
    }
    Ok(())
}
