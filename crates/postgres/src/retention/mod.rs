//! Taking months out of history: which can go, their rows one after the other, and the detaching.
//!
//! Blocks, and works as the owner of the tables, since the application's role may do none of it. The ledger and all that
//! belongs to it is never touched: docs/adr/0034.

mod rows;
mod types;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use crochet_primitives::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use secrecy::SecretString;
use uuid::Uuid;

use self::rows::{DetachedRow, IsDone, Now, Number, PartitionRow, ReasonRow, RowOf};
pub use self::types::{DetachedMonth, ExportHashes, ExportSink, HistoryMonth, HistoryTable, NotFinal, RetentionError};
use crate::conninfo;
use crate::migrations::open;

/// How young a month's last call may not be: until then it counts for what is popular, and the sweeper asks about it.
pub const YOUNGEST: TimeDelta = TimeDelta::days(31);

/// How many rows are read at once.
const BATCH: i32 = 2_000;

/// How often the lock on history is tried, 2 s each, with a second between for those who wait behind.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);

/// What is not final of the partition `{name}`, with ids from `$1` and below `$2`. What is over is what purging keys calls
/// so too; a payment that comes for it afterwards is looked for by nobody (see `relay::sweeps`).
const NOT_FINAL: &str = "
WITH call AS (
    SELECT state, next_check_at IS NOT NULL OR check_wanted_at IS NOT NULL AS is_watched,
           state IN ('delivered', 'quote_refused', 'expired', 'payment_failed', 'mispaid')
               OR state = 'seller_failed' AND gross_micros IS NULL AS is_over
      FROM {calls}
), reason AS (
    SELECT 'are ' || state AS reason, count(*) AS number FROM call WHERE NOT is_over GROUP BY state
    UNION ALL SELECT 'are asked about, for payments and refunds', count(*) FROM call WHERE is_over AND is_watched
    UNION ALL SELECT 'have an idempotency key', count(*) FROM idempotency_keys
               WHERE ($1::uuid IS NULL OR call_id >= $1) AND call_id < $2
    UNION ALL SELECT 'have a response that can be replayed', count(*) FROM response_vault
               WHERE ($1::uuid IS NULL OR call_id >= $1) AND call_id < $2
)
SELECT reason, number FROM reason WHERE number > 0 ORDER BY reason";

const BOOKED: &str = "
SELECT count(*) AS number FROM {calls} call
 WHERE EXISTS (SELECT FROM ledger_entries entry WHERE entry.entry_type = 'gateway_payment' AND entry.call_id = call.id)";

/// Takes months out of history.
pub struct Retention {
    conn: PgConnection,
    url: SecretString,
}

impl fmt::Debug for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retention").finish_non_exhaustive()
    }
}

impl Retention {
    /// Connects as the owner. One at a time works on the schema, retention or migration.
    ///
    /// # Errors
    /// When the database cannot be reached, or another one is at it for longer than a minute.
    pub fn open(url: &SecretString) -> Result<Self, RetentionError> {
        let mut this = Self { conn: open(url)?, url: url.clone() };
        // A month may take long to be written while nothing is asked of the database.
        this.execute(
            "SET statement_timeout = '30min'; SET idle_in_transaction_session_timeout = 0; SET TimeZone = 'UTC'",
        )?;
        Ok(this)
    }

    /// The database's time.
    ///
    /// # Errors
    /// [`RetentionError::Database`].
    pub fn now(&mut self) -> Result<Timestamp, RetentionError> {
        let now = diesel::sql_query("SELECT clock_timestamp() AS now").get_result::<Now>(&mut self.conn);
        now.map(|row| row.now).map_err(|error| self.failed(&error))
    }

    /// The months that end by `cutoff`, oldest first, and what is in the way of taking them out. Reads each of them.
    ///
    /// # Errors
    /// [`RetentionError::Database`].
    pub fn months_before(&mut self, cutoff: Timestamp) -> Result<Vec<HistoryMonth>, RetentionError> {
        let rows = diesel::sql_query(
            "SELECT name, from_id, to_id FROM history_partitions WHERE to_id <= crochet_first_id($1) ORDER BY to_id",
        )
        .bind::<Timestamptz, _>(cutoff)
        .load::<PartitionRow>(&mut self.conn);
        let rows = rows.map_err(|error| self.failed(&error))?;
        rows.into_iter().map(|row| self.look_at(row)).collect()
    }

    fn look_at(&mut self, PartitionRow { name, from_id, to_id }: PartitionRow) -> Result<HistoryMonth, RetentionError> {
        let to = moment(to_id).ok_or_else(|| RetentionError::Database(format!("{name} ends at no time")))?;
        let kept_as =
            self.unused_name(if from_id.is_some() { name.clone() } else { to.format("before_%Y_%m").to_string() })?;
        let month = HistoryMonth {
            from: from_id.and_then(moment),
            to,
            kept_as,
            ids: (from_id, to_id),
            calls: 0,
            attempts: 0,
            not_final: Vec::new(),
            name,
        };
        let (calls, attempts) = (self.count(&month, HistoryTable::Calls)?, self.count(&month, HistoryTable::Attempts)?);
        let not_final = self.not_final(&month)?;
        Ok(HistoryMonth { calls, attempts, not_final, ..month })
    }

    /// What came late for a time that was taken out once goes out under another name.
    fn unused_name(&mut self, name: String) -> Result<String, RetentionError> {
        let used = diesel::sql_query(
            "SELECT count(*) AS number FROM exported_partitions WHERE name = $1 OR starts_with(name, $1 || '_part')",
        )
        .bind::<Text, _>(&name)
        .get_result::<Number>(&mut self.conn);
        Ok(match used.map_err(|error| self.failed(&error))?.number {
            0 => name,
            others => format!("{name}_part{}", others.saturating_add(1)),
        })
    }

    /// Writes a month's rows to `sink`, and takes it out of history; or says what is in the way, and changes nothing.
    /// While it is written its rows can be read and not be changed. What it covered stays covered, by an empty partition.
    ///
    /// # Errors
    /// See [`RetentionError`]; then the month stays as it was, and all of it can be done again.
    pub fn take_out(
        &mut self,
        month: &HistoryMonth,
        sink: &mut dyn ExportSink,
    ) -> Result<Vec<NotFinal>, RetentionError> {
        self.execute("BEGIN")?;
        let taken = self.take_out_locked(month, sink);
        match &taken {
            Ok(not_final) if not_final.is_empty() => self.execute("COMMIT")?,
            // The connection may be what failed; without it the transaction has ended as well.
            _ => drop(self.execute("ROLLBACK")),
        }
        taken
    }

    fn take_out_locked(
        &mut self,
        month: &HistoryMonth,
        sink: &mut dyn ExportSink,
    ) -> Result<Vec<NotFinal>, RetentionError> {
        let [calls, attempts] = [HistoryTable::Calls, HistoryTable::Attempts].map(|table| table_of(month, table));
        self.execute("SET LOCAL lock_timeout = '10s'")?;
        self.execute(&format!("LOCK TABLE ONLY {calls}, ONLY {attempts} IN SHARE MODE"))?;
        let not_final = self.not_final(month)?;
        if !not_final.is_empty() {
            return Ok(not_final);
        }
        let mut written = 0_u64;
        for table in [HistoryTable::Calls, HistoryTable::Attempts] {
            written = written.saturating_add(self.write(month, table, sink)?);
        }
        let hashes = sink.seal()?;
        let counts = (self.count(month, HistoryTable::Calls)?, self.count(month, HistoryTable::Attempts)?);
        let stored = counts.0.saturating_add(counts.1);
        if written != stored {
            return Err(RetentionError::Incomplete { written, stored });
        }
        let booked = self.number(&BOOKED.replace("{calls}", &calls))?;
        self.detach(month)?;
        let kept = diesel::sql_query(
            "INSERT INTO exported_partitions (name, from_id, to_id, calls, attempts, booked_calls, calls_sha256, \
             attempts_sha256) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind::<Text, _>(&month.kept_as)
        .bind::<SqlUuid, _>(month.ids.0.unwrap_or(Uuid::nil()))
        .bind::<SqlUuid, _>(month.ids.1)
        .bind::<BigInt, _>(i64::try_from(counts.0).unwrap_or(i64::MAX))
        .bind::<BigInt, _>(i64::try_from(counts.1).unwrap_or(i64::MAX))
        .bind::<BigInt, _>(i64::try_from(booked).unwrap_or(i64::MAX))
        .bind::<Binary, _>(hashes.calls.as_slice())
        .bind::<Binary, _>(hashes.attempts.as_slice())
        .execute(&mut self.conn);
        kept.map_err(|error| self.failed(&error))?;
        Ok(Vec::new())
    }

    /// Removes a month without a row: what it covered is then covered by the partition before it. Answers whether it
    /// was empty and there was one.
    ///
    /// # Errors
    /// See [`RetentionError`].
    pub fn fold(&mut self, month: &HistoryMonth) -> Result<bool, RetentionError> {
        if month.ids.0.is_none() {
            return Ok(false);
        }
        self.execute("BEGIN")?;
        let folded = self.fold_locked(month);
        match folded {
            Ok(true) => self.execute("COMMIT")?,
            _ => drop(self.execute("ROLLBACK")),
        }
        folded
    }

    fn fold_locked(&mut self, month: &HistoryMonth) -> Result<bool, RetentionError> {
        let partitions = self.number("SELECT count(*) AS number FROM history_partitions")?;
        self.detach(month)?;
        let (calls, attempts) = (self.count(month, HistoryTable::Calls)?, self.count(month, HistoryTable::Attempts)?);
        // With rows before it, its place would be taken by another empty one.
        let is_fewer = self.number("SELECT count(*) AS number FROM history_partitions")? < partitions;
        if !is_fewer || calls.saturating_add(attempts) > 0 {
            return Ok(false);
        }
        self.drop_tables(&month.name)?;
        Ok(true)
    }

    /// Months that were detached and whose tables are still there.
    ///
    /// # Errors
    /// [`RetentionError::Database`].
    pub fn detached(&mut self) -> Result<Vec<DetachedMonth>, RetentionError> {
        let rows = diesel::sql_query(
            "SELECT name, calls_sha256, attempts_sha256 FROM exported_partitions WHERE dropped_at IS NULL ORDER BY to_id",
        )
        .load::<DetachedRow>(&mut self.conn);
        let rows = rows.map_err(|error| self.failed(&error))?;
        let hash = |bytes: Vec<u8>| {
            <[u8; 32]>::try_from(bytes).map_err(|_| RetentionError::Database("a hash is not 32 bytes".to_owned()))
        };
        rows.into_iter()
            .map(|row| {
                let hashes = ExportHashes { calls: hash(row.calls_sha256)?, attempts: hash(row.attempts_sha256)? };
                Ok(DetachedMonth { name: row.name, hashes })
            })
            .collect()
    }

    /// Drops the tables of a detached month, for ever. Whoever calls this has looked at the files.
    ///
    /// # Errors
    /// [`RetentionError::Database`].
    pub fn drop_detached(&mut self, month: &DetachedMonth) -> Result<(), RetentionError> {
        self.execute("BEGIN")?;
        let dropped = self.drop_tables(&month.name).and_then(|()| {
            let marked =
                diesel::sql_query("UPDATE exported_partitions SET dropped_at = clock_timestamp() WHERE name = $1")
                    .bind::<Text, _>(&month.name)
                    .execute(&mut self.conn);
            marked.map(|_| ()).map_err(|error| self.failed(&error))
        });
        self.execute(if dropped.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        dropped
    }

    fn drop_tables(&mut self, name: &str) -> Result<(), RetentionError> {
        let [calls, attempts] = [HistoryTable::Calls, HistoryTable::Attempts].map(|table| quoted(table, name));
        self.execute(&format!("DROP TABLE {calls}, {attempts}"))
    }

    /// With waits that let others go first.
    fn detach(&mut self, month: &HistoryMonth) -> Result<(), RetentionError> {
        self.execute("SET LOCAL lock_timeout = '2s'")?;
        for _ in 0..TRIES {
            let detached = diesel::sql_query("SELECT crochet_take_out($1, $2) AS is_done")
                .bind::<Text, _>(&month.name)
                .bind::<Text, _>(&month.kept_as)
                .get_result::<IsDone>(&mut self.conn);
            if detached.map_err(|error| self.failed(&error))?.is_done {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        Err(RetentionError::Locked)
    }

    fn write(
        &mut self,
        month: &HistoryMonth,
        table: HistoryTable,
        sink: &mut dyn ExportSink,
    ) -> Result<u64, RetentionError> {
        let name = table_of(month, table);
        let (columns, later) = match table {
            HistoryTable::Calls => ("id, 0 AS attempt", "id > $1 AND $2 IS NOT NULL"),
            HistoryTable::Attempts => ("call_id AS id, attempt", "(call_id, attempt) > ($1, $2)"),
        };
        let query = format!(
            "SELECT {columns}, row_to_json(kept)::text AS json FROM ONLY {name} kept \
             WHERE $1::uuid IS NULL OR {later} ORDER BY id, attempt LIMIT {BATCH}"
        );
        let (mut last, mut written): (Option<(Uuid, i32)>, u64) = (None, 0);
        loop {
            let rows = diesel::sql_query(&query)
                .bind::<Nullable<SqlUuid>, _>(last.map(|(id, _)| id))
                .bind::<Integer, _>(last.map_or(0, |(_, attempt)| attempt))
                .load::<RowOf>(&mut self.conn);
            let rows = rows.map_err(|error| self.failed(&error))?;
            let Some(end) = rows.last() else { return Ok(written) };
            last = Some((end.id, end.attempt));
            for row in &rows {
                sink.row(table, &row.json)?;
                written = written.saturating_add(1);
            }
        }
    }

    fn not_final(&mut self, month: &HistoryMonth) -> Result<Vec<NotFinal>, RetentionError> {
        let rows = diesel::sql_query(NOT_FINAL.replace("{calls}", &table_of(month, HistoryTable::Calls)))
            .bind::<Nullable<SqlUuid>, _>(month.ids.0)
            .bind::<SqlUuid, _>(month.ids.1)
            .load::<ReasonRow>(&mut self.conn);
        let rows = rows.map_err(|error| self.failed(&error))?;
        let reason =
            |row: ReasonRow| NotFinal { reason: row.reason, calls: u64::try_from(row.number).unwrap_or_default() };
        Ok(rows.into_iter().map(reason).collect())
    }

    fn count(&mut self, month: &HistoryMonth, table: HistoryTable) -> Result<u64, RetentionError> {
        self.number(&format!("SELECT count(*) AS number FROM ONLY {}", table_of(month, table)))
    }

    fn number(&mut self, query: &str) -> Result<u64, RetentionError> {
        let number = diesel::sql_query(query).get_result::<Number>(&mut self.conn);
        let number = number.map_err(|error| self.failed(&error))?.number;
        Ok(u64::try_from(number).unwrap_or_default())
    }

    fn execute(&mut self, statements: &str) -> Result<(), RetentionError> {
        diesel::connection::SimpleConnection::batch_execute(&mut self.conn, statements)
            .map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &diesel::result::Error) -> RetentionError {
        RetentionError::Database(conninfo::redacted(&error.to_string(), &self.url))
    }
}

/// Names come from the catalog, and hold nothing to quote.
fn quoted(table: HistoryTable, name: &str) -> String {
    format!("\"{}_{}\"", table.as_str(), name.replace('"', ""))
}

fn table_of(month: &HistoryMonth, table: HistoryTable) -> String {
    quoted(table, &month.name)
}

/// The moment in an id.
fn moment(id: Uuid) -> Option<Timestamp> {
    DateTime::from_timestamp_millis(i64::try_from(id.as_u128() >> 80).ok()?)
}
