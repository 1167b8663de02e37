//! Sessions of the pool: what each is set to, and when one is not used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Error as R2d2Error, HandleError, ManageConnection, R2D2Connection};
use diesel::sql_types::{Bool, Nullable, Text};
use secrecy::{ExposeSecret, SecretString};

use crate::config::DbConfig;
use crate::conninfo;

/// For how long a session is kept that may only read. It stays so until its end, whatever becomes of the database: of
/// `default_transaction_read_only` it knows what held when it began.
const READ_ONLY_LIFETIME: Duration = Duration::from_secs(1);

/// A connection that answered within this time is taken to answer still, by those who can do their work again.
const RECENT: Duration = Duration::from_secs(1);

/// One of the pool's places. Its connection is taken out for the time that somebody works with it, so that a place can
/// be given up while a connection hangs.
pub(crate) struct Session {
    conn: Option<PgConnection>,
    epoch: Epoch,
    made_in: u64,
    read_only_since: Option<Instant>,
    used_at: Instant,
}

impl Session {
    /// The connection; `None` while it is used.
    pub(crate) fn take(&mut self) -> Option<PgConnection> {
        self.conn.take()
    }

    /// Whether it is to be left alone: it may hang, or it may only read and perhaps others no longer do.
    pub(crate) fn is_stale(&self) -> bool {
        self.made_in < self.epoch.now()
            || self.read_only_since.is_some_and(|since| since.elapsed() >= READ_ONLY_LIFETIME)
    }

    /// Whether it was given back, or made, a moment ago.
    pub(crate) fn was_used_just_now(&self) -> bool {
        self.used_at.elapsed() < RECENT
    }

    /// Gives the connection back.
    pub(crate) fn put_back(&mut self, conn: PgConnection) {
        self.used_at = Instant::now();
        self.conn = Some(conn);
    }
}

/// Makes sessions for the pool.
#[derive(Debug)]
pub(crate) struct Sessions {
    connections: ConnectionManager<PgConnection>,
    settings: Settings,
    epoch: Epoch,
    statements: Statements,
}

impl Sessions {
    pub(crate) fn new(config: &DbConfig, epoch: Epoch, statements: Statements) -> Self {
        let url = conninfo::with_bounds(&config.url, config.connect_timeout, "crochet");
        let connections = ConnectionManager::new(url.expose_secret());
        Self { connections, settings: Settings::of(config), epoch, statements }
    }
}

impl ManageConnection for Sessions {
    type Connection = Session;
    type Error = R2d2Error;

    fn connect(&self) -> Result<Session, R2d2Error> {
        let (epoch, made_in) = (self.epoch.clone(), self.epoch.now());
        let mut conn = self.connections.connect()?;
        let is_read_only = self.settings.apply(&mut conn).map_err(R2d2Error::QueryError)?;
        conn.set_instrumentation(self.statements.clone());
        let now = Instant::now();
        Ok(Session { conn: Some(conn), epoch, made_in, read_only_since: is_read_only.then_some(now), used_at: now })
    }

    /// Whoever takes a session out asks it for a sign of life, where that can be given up: see `crate::seat`.
    fn is_valid(&self, _: &mut Session) -> Result<(), R2d2Error> {
        Ok(())
    }

    fn has_broken(&self, session: &mut Session) -> bool {
        session.is_stale() || session.conn.as_mut().is_none_or(|conn| std::thread::panicking() || conn.is_broken())
    }
}

/// How many statements were sent on connections that were set up: a round trip each, BEGIN and COMMIT among them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statements(Arc<AtomicU64>);

impl Statements {
    pub(crate) fn sent(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Instrumentation for Statements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Ends whenever a connection hangs: those that were made before are not used again, since the same may have happened
/// to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    pub(crate) fn end(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a session is set to. Not sent with the connection string: poolers refuse that.
#[derive(Debug)]
struct Settings {
    statement_timeout: String,
    lock_timeout: String,
    idle_in_transaction_timeout: String,
    role: Option<String>,
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Bool)]
    is_read_only: bool,
}

impl Settings {
    fn of(config: &DbConfig) -> Self {
        let millis = |duration: Duration| duration.as_millis().to_string();
        Self {
            statement_timeout: millis(config.statement_timeout),
            lock_timeout: millis(config.lock_timeout),
            idle_in_transaction_timeout: millis(config.idle_in_transaction_timeout),
            role: config.role.clone(),
        }
    }

    /// Sets a new session up; answers whether it may only read.
    ///
    /// Compiling a plan (`jit`) takes longer than running any statement of ours: PostgreSQL does so by a plan's estimated
    /// cost, which is high over many months and not known before a prepared statement has its values.
    fn apply(&self, conn: &mut PgConnection) -> QueryResult<bool> {
        let applied: Applied = diesel::sql_query(
            "SELECT set_config('TimeZone', 'UTC', false), set_config('jit', 'off', false), \
             set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false), \
             set_config('idle_in_transaction_session_timeout', $3, false), \
             set_config('role', coalesce($4, current_setting('role')), false), \
             current_setting('transaction_read_only')::bool AS is_read_only",
        )
        .bind::<Text, _>(&self.statement_timeout)
        .bind::<Text, _>(&self.lock_timeout)
        .bind::<Text, _>(&self.idle_in_transaction_timeout)
        .bind::<Nullable<Text>, _>(self.role.as_deref())
        .get_result(conn)?;
        Ok(applied.is_read_only)
    }
}

/// r2d2's own handler would log connection errors as they are.
#[derive(Debug)]
pub(crate) struct Quiet(pub(crate) SecretString);

impl HandleError<R2d2Error> for Quiet {
    fn handle_error(&self, error: R2d2Error) {
        let error = conninfo::redacted(&error.to_string(), &self.0);
        tracing::debug!(error, "a database connection failed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;

    #[derive(QueryableByName)]
    struct Shown {
        #[diesel(sql_type = Text)]
        jit: String,
    }

    #[tokio::test]
    async fn no_session_compiles_plans() {
        let database = TestDatabase::new().await;
        let shown = database.db().read(|conn| Ok(diesel::sql_query("SHOW jit").get_result::<Shown>(conn)?)).await;
        assert_eq!(shown.unwrap().jit, "off");
    }
}
