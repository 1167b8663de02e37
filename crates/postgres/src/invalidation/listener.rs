//! One connection that listens, from its beginning to its end.

use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crochet_primitives::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text, Timestamptz};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::supervisor::Progress;
use super::{Change, Invalidations};
use crate::conninfo;

/// What the triggers notify on.
const CHANNEL: &str = "crochet_changes";

/// The time from one heartbeat to the next.
const BEAT: Duration = Duration::from_millis(200);

/// How often the socket is looked at in between; libpq shows it to nobody who could wait for it.
const LOOK: Duration = Duration::from_millis(10);

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a notification from another connection may take to arrive when the listener begins.
const ARRIVAL: Duration = Duration::from_secs(2);

diesel::define_sql_function! {
    /// The number of the server's process that serves this connection.
    fn pg_backend_pid() -> Integer;
}

/// Why a connection listens no more.
#[derive(Debug, Error)]
pub(super) enum Deaf {
    /// None could be made.
    #[error("no connection can be made: {0}")]
    Connection(String),
    /// It broke, or does not answer as it should.
    #[error("the connection is lost: {0}")]
    Lost(#[from] diesel::result::Error),
    /// What another connection notified of did not arrive.
    #[error(
        "notifications do not arrive: is there a pooler in front? CROCHET_DIRECT_DATABASE_URL has to lead around it"
    )]
    Unheard,
}

#[derive(QueryableByName)]
struct Heartbeat {
    #[diesel(sql_type = Timestamptz)]
    now: Timestamp,
    #[diesel(sql_type = Bool)]
    listens: bool,
}

/// Listens until the connection is lost or nobody wants to be told any more. Blocks its thread, for ever if the server
/// says nothing.
pub(super) fn run(url: &SecretString, told: &Weak<Invalidations>, progress: &Progress) -> Result<(), Deaf> {
    let mut conn = connect(url)?;
    diesel::sql_query(format!("LISTEN {CHANNEL}")).execute(&mut conn)?;
    is_heard(url, &mut conn, ARRIVAL)?;
    if let Some(told) = told.upgrade() {
        // What changed while nobody listened was told to nobody.
        told.tell(&Change::Everything);
        told.connections.fetch_add(1, Ordering::Relaxed);
    }
    loop {
        let began = Instant::now();
        let heartbeat: Heartbeat = diesel::sql_query(
            "SELECT clock_timestamp() AS now, EXISTS (SELECT FROM pg_listening_channels() AS name WHERE name = $1) AS listens",
        )
        .bind::<Text, _>(CHANNEL)
        .get_result(&mut conn)?;
        if !heartbeat.listens {
            return Err(Deaf::Unheard);
        }
        {
            let Some(told) = told.upgrade().filter(|_| progress.goes_on()) else { return Ok(()) };
            // The server delivers what was committed before the heartbeat in front of its answer.
            drain(&mut conn, &told)?;
            told.freshness.beat(began, heartbeat.now);
        }
        while began.elapsed() < BEAT {
            sleep(LOOK);
            let Some(told) = told.upgrade() else { return Ok(()) };
            drain(&mut conn, &told)?;
        }
    }
}

fn connect(url: &SecretString) -> Result<PgConnection, Deaf> {
    let bounded = conninfo::with_bounds(url, CONNECT, "crochet-listener");
    PgConnection::establish(bounded.expose_secret())
        .map_err(|error| Deaf::Connection(conninfo::redacted(&error.to_string(), url)))
}

/// Tells of what has come.
fn drain(conn: &mut PgConnection, told: &Invalidations) -> QueryResult<()> {
    for notification in conn.notifications_iter() {
        let notification = notification?;
        let change = Change::parse(&notification.payload);
        // Another listener's first word.
        if change == Change::Everything && notification.payload.starts_with(HELLO) {
            continue;
        }
        told.tell(&change);
        told.told.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// What a listener notifies of to hear itself.
const HELLO: &str = "hello ";

/// Checks that this connection hears another one while it asks for nothing itself. Behind a pooler that lends sessions
/// out for a transaction, it would not, and every heartbeat would be answered all the same.
fn is_heard(url: &SecretString, conn: &mut PgConnection, arrival: Duration) -> Result<(), Deaf> {
    let own: i32 = diesel::select(pg_backend_pid()).get_result(conn)?;
    let hello = format!("{HELLO}{own}");
    diesel::sql_query("SELECT pg_notify($1, $2)")
        .bind::<Text, _>(CHANNEL)
        .bind::<Text, _>(&hello)
        .execute(&mut connect(url)?)?;
    let began = Instant::now();
    while began.elapsed() < arrival {
        for notification in conn.notifications_iter() {
            if notification?.payload == hello {
                return Ok(());
            }
        }
        sleep(LOOK);
    }
    Err(Deaf::Unheard)
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;

    #[tokio::test]
    async fn a_connection_that_notifications_do_not_reach_is_found_out() {
        let database = TestDatabase::new().await;
        let mut conn = connect(&database.url()).unwrap();
        // As behind a pooler: what it asks is answered, and what others notify of goes to nobody.
        let heard = is_heard(&database.url(), &mut conn, Duration::from_millis(300));
        assert!(matches!(heard, Err(Deaf::Unheard)), "{heard:?}");
        diesel::sql_query(format!("LISTEN {CHANNEL}")).execute(&mut conn).unwrap();
        is_heard(&database.url(), &mut conn, Duration::from_secs(20)).unwrap();
    }
}
