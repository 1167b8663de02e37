//! `crochet audit`.

use std::process::ExitCode;

use anyhow::{Context, ensure};
use crochet_local_postgres::Host;
use crochet_relay::AuditReport;
use crochet_relay::ports::Books;

use super::{progress, runtime, say};
use crate::config::Config;
use crate::database::Database;
use crate::wiring;

/// Re-adds the books.
///
/// # Errors
/// When they cannot be read. Books that do not add up are no error but an exit code of 1.
pub fn audit(config: &Config, host: &Host) -> anyhow::Result<ExitCode> {
    let database = Database::open(config, host, &mut progress)?;
    let pending = database.pending_migrations()?;
    ensure!(pending.is_empty(), "the schema is not up to date: run `crochet migrate` first");
    let books = wiring::books(&database.connect(config));
    let report = runtime()?.block_on(books.audit()).context("the books cannot be read")?;
    database.close()?;
    show(&report);
    Ok(if report.balances() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what an audit found.
fn show(report: &AuditReport) {
    say(&format!("settlements        {:>20}", report.settlements));
    say(&format!("ledger entries     {:>20}", report.entries));
    say(&format!("calls              {:>20}", report.calls));
    say(&format!("orphan payments    {:>20}", report.orphans));
    say(&format!("unknown payments   {:>20}", report.unknown_payments));
    say(&format!("paid               {:>20} USD", dollars(report.gross_micros)));
    say(&format!("  marketplace fees {:>20} USD", dollars(report.fee_micros)));
    say(&format!("  seller credits   {:>20} USD", dollars(report.seller_micros)));
    for finding in &report.findings {
        say(&format!("WRONG  {}: {}", finding.check, finding.detail));
    }
    say(if report.balances() { "The books balance." } else { "The books do NOT balance." });
}

/// Micro-dollars with six decimals, and a sign where there is one.
fn dollars(micros: i128) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let absolute = micros.unsigned_abs();
    format!("{sign}{}.{:06}", absolute / 1_000_000, absolute % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn sums_are_shown_with_six_decimals_and_their_sign() {
        assert_eq!(dollars(10_490_000), "10.490000");
        assert_eq!(dollars(-1), "-0.000001");
        assert_eq!(dollars(0), "0.000000");
    }
}
