//! What PostgreSQL does for a request: the gateway's own statements, as `auto_explain` writes them to the server's log.
//! Nothing has to be written down here twice, and nothing can differ from what the gateway really asks.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::client::Client;
use crate::gateway::Gateway;
use crate::measure::Question;

/// A table that is at least this long must be read along an index.
const LONG: u32 = 20_000;

/// New connections explain every statement from now on.
const EXPLAIN: &str = "
    ALTER DATABASE crochet SET session_preload_libraries = 'auto_explain';
    ALTER DATABASE crochet SET auto_explain.log_min_duration = 0;
    ALTER DATABASE crochet SET auto_explain.log_analyze = on;
    ALTER DATABASE crochet SET auto_explain.log_buffers = on;
    ALTER DATABASE crochet SET auto_explain.log_level = 'log';
";

/// Explains what it is asked.
#[derive(Debug)]
pub(crate) struct Explainer {
    log: PathBuf,
    long_tables: Vec<String>,
}

/// What one request came to.
#[derive(Debug)]
pub(crate) struct Explained {
    /// The question.
    pub(crate) name: &'static str,
    /// What was asked for.
    pub(crate) path: String,
    /// The part of the server's log.
    pub(crate) plans: String,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

impl Explainer {
    /// Has new connections explain their statements; `None` where PostgreSQL came without the module for it.
    pub(crate) fn prepare(gateway: &Gateway) -> anyhow::Result<Option<Self>> {
        let mut conn = gateway.connection()?;
        if conn.batch_execute("LOAD 'auto_explain'").is_err() {
            return Ok(None);
        }
        conn.batch_execute(EXPLAIN)?;
        let long: Vec<Name> = diesel::sql_query(format!(
            "SELECT relname::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples >= {LONG}"
        ))
        .load(&mut conn)?;
        let own =
            diesel::sql_query("SELECT current_database() = 'crochet' AS answer").get_result::<Answer>(&mut conn)?;
        ensure!(own.answer, "the private database is called otherwise");
        let log = gateway.database_log()?;
        Ok(Some(Self { log, long_tables: long.into_iter().map(|table| table.name).collect() }))
    }

    /// Asks a question once, and reads what the server has to say.
    pub(crate) async fn explain(&self, client: &Client, question: &Question) -> anyhow::Result<Explained> {
        let path = question.path(0, None);
        // The first request looks up the key as well.
        client.get(&path, question.key.as_deref()).await?;
        let began = std::fs::metadata(&self.log).with_context(|| self.log.display().to_string())?.len();
        client.get(&path, question.key.as_deref()).await?;
        let mut log = File::open(&self.log)?;
        log.seek(SeekFrom::Start(began))?;
        let mut plans = String::new();
        log.read_to_string(&mut plans)?;
        ensure!(plans.contains("Query Text"), "{path}: the server's log says nothing of it");
        Ok(Explained { name: question.name, path, plans })
    }

    /// The long tables that were read from end to end.
    pub(crate) fn scanned<'a>(&'a self, explained: &'a Explained) -> impl Iterator<Item = &'a str> {
        let scans = |table: &&String| {
            explained.plans.lines().any(|line| {
                line.split_once("Seq Scan on ").is_some_and(|(_, rest)| rest.split(' ').next() == Some(table.as_str()))
            })
        };
        self.long_tables.iter().filter(scans).map(String::as_str)
    }
}
