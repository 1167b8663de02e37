//! A gateway over a database of one size.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use crochet::commands::say;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use indicatif::ProgressBar;

use crate::calls::load;
use crate::calls::market::Market;
use crate::calls::stage::Stage;
use crate::calls::workload::Workload;
use crate::client::Client;
use crate::lists::fill::{Scale, fill, register};
use crate::lists::questions;
use crate::measure::{Question, ask};
use crate::report::progress_bar;

/// So many listings have texts of their own; more repeat them.
const DISTINCT_LISTINGS: u32 = 50_000;
/// Of ten calls one was not paid, one was, and eight were free.
const CALLS_A_GROUP: u32 = 10;

/// For as long as it is filled: nobody needs what a crash would lose, nor looks at statistics that are changing.
const WHILE_FILLED: [(&str, &str); 5] = [
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("autovacuum", "off"),
    ("max_wal_size", "'4GB'"),
    ("checkpoint_timeout", "'30min'"),
];

/// How much a database holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) calls: u32,
    pub(super) listings: u32,
    pub(super) months: u32,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls, {} listings", self.calls, self.listings)
    }
}

/// What calls came to, once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) a_second: f64,
    /// Processor time of one call.
    pub(super) gateway_micros: f64,
    pub(super) postgres_micros: f64,
}

/// A gateway, and what is asked of it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) size: Size,
    stage: Stage,
    market: Arc<Market>,
    questions: Vec<Question>,
    client: Client,
}

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    fact: String,
}

#[derive(QueryableByName)]
struct Bytes {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

impl Place {
    /// Starts a gateway, lets agents register with it, and fills its database.
    pub(super) async fn fill(size: Size, agents: usize, sessions: u32) -> anyhow::Result<Self> {
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let stage = tokio::task::block_in_place(|| Stage::set(workers))?;
        let bar = progress_bar(u64::try_from(agents * 2)?, "agents");
        bar.set_message("register");
        let market = Arc::new(Market::open(&stage, agents, agents, &bar).await?);
        bar.finish_and_clear();
        let accounts = register(&stage.gateway_url).await?;
        let scale = Scale {
            listings: size.listings,
            distinct_listings: size.listings.min(DISTINCT_LISTINGS),
            groups: size.calls.div_ceil(CALLS_A_GROUP),
            calls_a_group: CALLS_A_GROUP,
            days: size.months.saturating_mul(365) / 12,
            has_months: true,
            sessions,
        };
        let filled = tokio::task::block_in_place(|| {
            let url = stage.database_url()?;
            change_settings(&url, |name, value| format!("ALTER SYSTEM SET {name} = {value}"))?;
            let filled = fill(&url, &scale, &accounts)?;
            settle(&url)?;
            Ok::<_, anyhow::Error>(filled)
        })?;
        for line in &filled.summary {
            say(line);
        }
        let client = Client::new(&stage.gateway_url);
        Ok(Self { size, market, questions: questions::all(&accounts, &filled), client, stage })
    }

    /// Whether there is a question of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.questions.iter().any(|question| question.name == name)
    }

    /// As many calls as so many agents can make.
    pub(super) async fn call(&self, workload: Workload, connections: usize, length: Duration) -> anyhow::Result<Rate> {
        let before = self.stage.usages();
        let outcome = load::closed(workload, &self.market, self.stage.gateway_address, connections, length).await?;
        let after = self.stage.usages();
        ensure!(outcome.done > 0, "no {} ended within {} s", workload.name(), length.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
        let calls = outcome.done as f64;
        let each = |before: Duration, after: Duration| after.saturating_sub(before).as_secs_f64() * 1e6 / calls;
        Ok(Rate {
            a_second: outcome.rate(),
            gateway_micros: each(before.gateway.cpu, after.gateway.cpu),
            postgres_micros: each(before.postgres.cpu, after.postgres.cpu),
        })
    }

    /// The median time of the answer to a question, in milliseconds.
    pub(super) async fn ask(&self, name: &str, requests: usize) -> anyhow::Result<f64> {
        let question = self.questions.iter().find(|question| question.name == name);
        let question = question.with_context(|| format!("there is no question {name:?}"))?;
        let latencies = ask(&self.client, question, requests, &ProgressBar::hidden()).await?;
        Ok(latencies.percentile(50).as_secs_f64() * 1000.0)
    }

    /// Stops it, and throws its database away.
    pub(super) fn clear(self) -> anyhow::Result<()> {
        self.stage.clear()
    }
}

/// Each for itself: none of it can be in a transaction with others.
fn change_settings(url: &str, statement: impl Fn(&str, &str) -> String) -> anyhow::Result<()> {
    let mut conn = PgConnection::establish(url).context("the database cannot be reached")?;
    for (name, value) in WHILE_FILLED {
        conn.batch_execute(&statement(name, value))?;
    }
    conn.batch_execute("SELECT pg_reload_conf()")?;
    Ok(())
}

/// Everything is on disk, and from now on again whenever it is to be.
fn settle(url: &str) -> anyhow::Result<()> {
    change_settings(url, |name, _| format!("ALTER SYSTEM RESET {name}"))?;
    let mut conn = PgConnection::establish(url).context("the database cannot be reached")?;
    conn.batch_execute("CHECKPOINT")?;
    let said: Fact = diesel::sql_query("SELECT current_setting('fsync') AS fact").get_result(&mut conn)?;
    ensure!(said.fact == "on", "fsync is {}", said.fact);
    let stored: Bytes =
        diesel::sql_query("SELECT pg_database_size(current_database()) AS bytes").get_result(&mut conn)?;
    say(&format!("the database takes {} MB", stored.bytes >> 20));
    Ok(())
}
