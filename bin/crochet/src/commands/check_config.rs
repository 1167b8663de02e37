//! `crochet check-config`.

use std::process::ExitCode;

use crochet_local_postgres::Host;
use crochet_primitives::StorageError;

use super::rekey::look;
use super::{progress, runtime, say};
use crate::config::Config;
use crate::database::Database;
use crate::keys;
use crate::system::SystemEntropy;
use crate::wiring;

/// Looks at what can only be seen by trying: keys, the database, its schema, its locale. The settings themselves were
/// checked before this is called.
///
/// # Errors
/// When a private database cannot be started.
pub fn check_config(config: &Config, host: &Host) -> anyhow::Result<ExitCode> {
    let mut is_good = true;
    let mut report = |name: &str, outcome: Result<String, String>| match outcome {
        Ok(text) => say(&format!("ok     {name:<10} {text}")),
        Err(text) => {
            is_good = false;
            say(&format!("WRONG  {name:<10} {text}"));
        }
    };
    report("settings", Ok(format!("{:?}, listening on {}", config.environment, config.bind).to_lowercase()));
    let keys = keys::load(config, &SystemEntropy);
    report(
        "keys",
        keys.as_ref()
            .map(|keys| format!("master keys {keys:?}, the first encrypts"))
            .map_err(|error| format!("{error:#}")),
    );
    if let Some(redis) = &config.redis {
        report(
            "redis",
            match runtime()?.block_on(crochet_redis::probe(redis)) {
                Ok(()) => Ok(format!("answers; rate limits are shared under {}:limit:", redis.prefix)),
                Err(error) => Err(format!("rate limits cannot be shared: {error}")),
            },
        );
    }
    match Database::open(config, host, &mut progress) {
        Err(error) => report("database", Err(format!("{error:#}"))),
        Ok(database) => {
            let pending = database.pending_migrations();
            let db = match &pending {
                Ok(pending) if pending.is_empty() => database.connect(config),
                Ok(_) | Err(_) => database.connect_without_a_role(config),
            };
            report("database", runtime()?.block_on(wiring::check_database(&db)));
            if let (Ok(keys), Ok([])) = (keys, pending.as_deref()) {
                report("secrets", runtime()?.block_on(look(&wiring::catalogue(&db, keys))));
            }
            if let Ok([]) = pending.as_deref() {
                report("months", months(runtime()?.block_on(db.calls_without_month())));
            }
            report(
                "schema",
                match pending {
                    Ok(pending) if pending.is_empty() => Ok("up to date".to_owned()),
                    Ok(pending) => {
                        Ok(format!("{} migrations run at the next start: {}", pending.len(), pending.join(", ")))
                    }
                    Err(error) => Err(format!("{error:#}")),
                },
            );
            database.close()?;
        }
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether every call is in a partition of its month's.
fn months(calls: Result<u64, StorageError>) -> Result<String, String> {
    match calls {
        Ok(0) => Ok("there is a partition of history for every call".to_owned()),
        Ok(calls) => Err(format!(
            "{calls} calls or more are from after the last month that has a partition: `crochet migrate` makes them"
        )),
        Err(error) => Err(error.to_string()),
    }
}
