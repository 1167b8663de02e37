//! `crochet migrate`.

use std::process::ExitCode;

use crochet_local_postgres::Host;
use crochet_postgres::Months;

use super::{progress, say};
use crate::config::Config;
use crate::database::Database;

/// Brings the database's schema up to date, and history's partitions.
///
/// # Errors
/// When the database cannot be reached, or a migration fails.
pub fn migrate(config: &Config, host: &Host) -> anyhow::Result<ExitCode> {
    let database = Database::open(config, host, &mut progress)?;
    let ran = database.migrate()?;
    if ran.is_empty() {
        say("The schema is up to date.");
    }
    for name in ran {
        say(&format!("ran {name}"));
    }
    if let Months::Made(months) = database.make_months()? {
        say(&format!("made partitions of history for {months} months"));
    }
    database.close()?;
    Ok(ExitCode::SUCCESS)
}
