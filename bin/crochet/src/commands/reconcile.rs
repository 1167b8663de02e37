//! `crochet reconcile`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use crochet_local_postgres::Host;
use crochet_primitives::{Timestamp, parse_timestamp};
use crochet_relay::ports::Period;
use crochet_relay::{Counts, Difference, NotAsked, Watcher};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::{complain, progress, runtime, say};
use crate::config::Config;
use crate::database::Database;
use crate::wiring;

/// What to compare, and how.
#[derive(Debug, Clone, Args)]
pub struct ReconcileArgs {
    /// The first moment of the period: 2026-05-03, which is midnight UTC, or 2026-05-03T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Timestamp,
    /// The first moment after the period; now unless said
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
    /// One JSON object a line, for programs
    #[arg(long)]
    json: bool,
    /// Let the journal apply what providers say where its own rules do so; else nothing of a call is changed
    #[arg(long)]
    repair: bool,
    /// How often a provider is asked in a minute at most
    #[arg(long, value_name = "COUNT", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    per_minute: u32,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let midnight = || parse_timestamp(&format!("{text}T00:00:00Z"));
    parse_timestamp(text).or_else(midnight).ok_or_else(|| "2026-05-03 or 2026-05-03T12:00:00Z".to_owned())
}

/// Compares the books with what the providers say. Exits with 0 when all agree, 1 when something differs, 2 when
/// something could not be asked, or nothing at all.
pub fn reconcile(config: &Config, host: &Host, args: &ReconcileArgs) -> ExitCode {
    match compare(config, host, args) {
        Ok(counts) if counts.differences > 0 => ExitCode::FAILURE,
        Ok(counts) if counts.not_asked > 0 => ExitCode::from(2),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn compare(config: &Config, host: &Host, args: &ReconcileArgs) -> anyhow::Result<Counts> {
    ensure!(args.to.is_none_or(|to| args.from < to), "--from has to be before --to");
    let database = Database::open(config, host, &mut progress)?;
    let pending = database.pending_migrations()?;
    ensure!(pending.is_empty(), "the schema is not up to date: run `crochet migrate` first");
    let db = database.connect(config);
    let mut screen = Screen::new(args.json);
    let pause = Duration::from_secs(60) / args.per_minute;
    let counts = runtime()?.block_on(async {
        let reconciler = wiring::reconciler(config, &database, &db, pause, args.repair)?;
        let to = args.to.unwrap_or_else(|| reconciler.clock.now());
        let period = Period { from: Some(args.from), to: Some(to) };
        reconciler.run(period, &mut screen).await.context("the books cannot be read, or not be written")
    })?;
    database.close()?;
    screen.finish(&counts);
    Ok(counts)
}

/// Results on standard output as they are found, progress on standard error where that is a terminal.
struct Screen {
    is_json: bool,
    bar: ProgressBar,
}

impl Screen {
    fn new(is_json: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self { is_json, bar }
    }

    fn line(&self, json: &Value, text: impl FnOnce() -> String) {
        let line = if self.is_json { json.to_string() } else { text() };
        self.bar.suspend(|| say(&line));
    }

    fn finish(&self, counts: &Counts) {
        self.bar.finish_and_clear();
        let Counts { calls, settled, reported, known_orphans, differences, repaired, not_asked } = *counts;
        let json = json!({
            "type": "summary", "calls": calls, "settled": settled, "reported": reported, "known_orphans": known_orphans,
            "differences": differences, "repaired": repaired, "not_asked": not_asked,
        });
        self.line(&json, || {
            let lines = [
                ("calls compared", calls),
                ("  settled", settled),
                ("payments reported", reported),
                ("  unknown, recorded before", known_orphans),
                ("repaired", repaired),
                ("differences", differences),
                ("not asked", not_asked),
            ];
            let table: String = lines.map(|(name, count)| format!("{name:<28}{count:>12}\n")).concat();
            let verdict = match (differences, not_asked) {
                (0, 0) => "The books and the providers agree.",
                (0, _) => "Not everything could be asked.",
                _ => "The books and the providers do NOT agree.",
            };
            table + verdict
        });
    }
}

impl Watcher for Screen {
    fn compared(&mut self, counts: &Counts) {
        self.bar.set_message(format!("{} calls compared, {} differences", counts.calls, counts.differences));
        self.bar.tick();
    }

    fn differs(&mut self, difference: &Difference) {
        let Difference { kind, call, provider, reference, here, there, is_repaired } = difference;
        let call = call.map(|call| call.relay_request_id());
        let json = json!({
            "type": "difference", "kind": kind.as_str(), "relay_request_id": call, "provider": provider,
            "provider_reference": reference, "here": here, "there": there, "repaired": is_repaired,
        });
        self.line(&json, || {
            let word = if *is_repaired { "REPAIRED" } else { "DIFFERS" };
            let call = call.clone().unwrap_or_else(|| "no call".to_owned());
            format!(
                "{word:<9}{} {call} {provider} {reference}\n           here:  {here}\n           there: {there}",
                kind.as_str()
            )
        });
    }

    fn not_asked(&mut self, what: &NotAsked) {
        let call = what.call.map(|call| call.relay_request_id());
        let json = json!({ "type": "not_asked", "relay_request_id": call, "provider": what.provider, "why": what.why });
        self.line(&json, || {
            let call = call.clone().unwrap_or_else(|| "its report".to_owned());
            format!("NOT ASKED {call} {}: {}", what.provider, what.why)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_day_or_a_timestamp() {
        assert_eq!(moment("2026-05-03"), moment("2026-05-03T00:00:00Z"));
        assert!(moment("2026-05-03T12:00:00+02:00").is_ok());
        for text in ["", "yesterday", "2026-05", "2026-02-30", "1777809600"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
