//! Fills a database with listings, and with calls and their money, by the statements in `sql/`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use crochet::demo::agent::{Agent, Wallet};
use crochet::demo::client::ApiClient;
use crochet::demo::screen::Screen;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::report::progress_bar;

const LISTINGS: &str = include_str!("../../sql/listings.sql");
const PEOPLE: &str = include_str!("../../sql/people.sql");
const MONTHS: &str = include_str!("../../sql/months.sql");
const CALLS: &str = include_str!("../../sql/calls.sql");

/// Calls are filled in in so many slices.
const SLICES: i64 = 100;

/// How much there is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) listings: u32,
    /// So many of them have texts of their own, the others repeat these.
    pub(crate) distinct_listings: u32,
    /// Calls come in groups, of each of which one is paid and has three ledger entries, and one is not paid.
    pub(crate) groups: u32,
    /// At least three; the others are free.
    pub(crate) calls_a_group: u32,
    /// Calls are spread over this time, up to now.
    pub(crate) days: u32,
    /// Whether that time is in months, as it would be had it been waited for, or all in the partition before the first.
    pub(crate) has_months: bool,
    /// So many sessions fill in calls at the same time.
    pub(crate) sessions: u32,
}

/// Who asks.
#[derive(Debug)]
pub(crate) struct Accounts {
    /// Makes six of ten calls.
    pub(crate) buyer: Agent,
    /// Receives eight of ten.
    pub(crate) seller: Agent,
    /// Makes one call in 20,000.
    pub(crate) quiet: Agent,
}

/// What there is afterwards, as far as questions need to know.
#[derive(Debug)]
pub(crate) struct Filled {
    /// For people.
    pub(crate) summary: Vec<String>,
    /// Whether every question has something to find.
    pub(crate) is_large: bool,
    /// Words that few listings have.
    pub(crate) rare_words: Vec<String>,
    /// The seller's least called listing, and one of its most called.
    pub(crate) rare_listing: Uuid,
    pub(crate) busy_listing: Uuid,
    /// Places in the seller's ledger: a tenth, half and nine tenths down.
    pub(crate) ledger_places: [Uuid; 3],
    /// The place half down the seller's history.
    pub(crate) history_place: Uuid,
    /// A settlement of the seller's, and its call.
    pub(crate) settlement: Uuid,
    pub(crate) call: Uuid,
    /// The middle of the time over which calls are spread, in milliseconds since 1970.
    pub(crate) middle_millis: i64,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

/// Registers the accounts: over HTTP, as agents do.
pub(crate) async fn register(url: &str) -> anyhow::Result<Accounts> {
    let (api, screen) = (ApiClient::new(url)?, Screen::default());
    let [buyer, seller, quiet] = [Wallet::new_evm()?, Wallet::new_evm()?, Wallet::new_evm()?];
    Ok(Accounts {
        buyer: Agent::register(&api, &buyer, "Busy buyer", &screen).await?,
        seller: Agent::register(&api, &seller, "Busy seller", &screen).await?,
        quiet: Agent::register(&api, &quiet, "Quiet buyer", &screen).await?,
    })
}

/// Fills the database at this address, as the owner of everything.
pub(crate) fn fill(url: &str, scale: &Scale, accounts: &Accounts) -> anyhow::Result<Filled> {
    let mut conn = connect(url)?;
    let conn = &mut conn;
    let began = Instant::now();
    let now: Count =
        diesel::sql_query("SELECT (extract(epoch FROM now()) * 1000)::bigint AS count").get_result(conn)?;
    let span = i64::from(scale.days) * 24 * 3600 * 1000;
    let start = now.count - span;

    let listings = scale.listings;
    set(conn, "listings", &listings)?;
    set(conn, "distinct_listings", &scale.distinct_listings)?;
    set(conn, "start", &start)?;
    let spinner = progress_bar(0, "");
    spinner.set_message(format!("fill in {listings} listings"));
    spinner.enable_steady_tick(Duration::from_millis(500));
    conn.batch_execute(LISTINGS).context("the listings cannot be filled in")?;
    if scale.has_months {
        conn.batch_execute(MONTHS).context("the months cannot be made")?;
    }
    spinner.finish_and_clear();
    let after_listings = began.elapsed();

    let groups = i64::from(scale.groups);
    let parameters = Parameters { start, span, calls_a_group: i64::from(scale.calls_a_group), groups };
    for (name, agent) in
        [("busy_buyer", &accounts.buyer), ("busy_seller", &accounts.seller), ("quiet", &accounts.quiet)]
    {
        set(conn, name, &agent.profile_id)?;
    }
    parameters.set(conn)?;
    conn.batch_execute(PEOPLE).context("the profiles cannot be filled in")?;
    let bar = progress_bar(parameters.calls(groups), "calls");
    bar.set_message("fill in calls and ledger");
    let next = AtomicI64::new(0);
    std::thread::scope(|scope| {
        let session = || parameters.fill(url, &next, |groups| bar.inc(parameters.calls(groups)));
        let sessions: Vec<_> = (0..scale.sessions).map(|_| scope.spawn(session)).collect();
        sessions.into_iter().try_for_each(|session| match session.join() {
            Ok(filled) => filled,
            Err(_) => anyhow::bail!("a session has panicked"),
        })
    })?;
    bar.set_message("vacuum and analyze");
    conn.batch_execute("VACUUM (ANALYZE)")?;
    bar.finish_and_clear();
    let all = began.elapsed();
    let is_large = listings >= 50_000 && scale.groups >= 33_333;
    Ok(Filled { is_large, ..look_around(conn, accounts, start + span / 2, [after_listings, all - after_listings])? })
}

/// What the statements of `calls.sql` are told.
#[derive(Debug, Clone, Copy)]
struct Parameters {
    start: i64,
    span: i64,
    groups: i64,
    calls_a_group: i64,
}

impl Parameters {
    fn calls(self, groups: i64) -> u64 {
        u64::try_from(groups * self.calls_a_group).unwrap_or_default()
    }

    fn set(self, conn: &mut PgConnection) -> anyhow::Result<()> {
        set(conn, "start", &self.start)?;
        set(conn, "span", &self.span)?;
        set(conn, "calls_a_group", &self.calls_a_group)?;
        set(conn, "calls", &(self.groups * self.calls_a_group))
    }

    /// Slice after slice from `next` on, until there is none.
    fn fill(self, url: &str, next: &AtomicI64, filled: impl Fn(i64)) -> anyhow::Result<()> {
        let mut conn = connect(url)?;
        let conn = &mut conn;
        self.set(conn)?;
        let slice = (self.groups / SLICES).clamp(500, 50_000);
        loop {
            let first = next.fetch_add(slice, Ordering::Relaxed);
            if first >= self.groups {
                return Ok(());
            }
            let last = (first + slice).min(self.groups) - 1;
            set(conn, "first", &first)?;
            set(conn, "last", &last)?;
            conn.batch_execute(&format!("BEGIN; {CALLS}; COMMIT;")).context("the calls cannot be filled in")?;
            filled(last - first + 1);
        }
    }
}

/// A connection that loses what it wrote last if the machine stops: the database is thrown away.
fn connect(url: &str) -> anyhow::Result<PgConnection> {
    let mut conn = PgConnection::establish(url).context("the database cannot be reached")?;
    conn.batch_execute("SET synchronous_commit = off")?;
    Ok(conn)
}

/// Sets a parameter of the statements.
fn set(conn: &mut PgConnection, name: &str, value: &impl ToString) -> anyhow::Result<()> {
    diesel::sql_query("SELECT set_config('bench.' || $1, $2, false)")
        .bind::<Text, _>(name)
        .bind::<Text, _>(value.to_string())
        .execute(conn)?;
    Ok(())
}

fn look_around(
    conn: &mut PgConnection,
    accounts: &Accounts,
    middle_millis: i64,
    [listings, calls]: [Duration; 2],
) -> anyhow::Result<Filled> {
    let seller: Uuid = accounts.seller.profile_id.parse().context("a profile's id is no UUID")?;
    let count = |conn: &mut PgConnection, table: &str, condition: &str| -> anyhow::Result<i64> {
        let counted: Count =
            diesel::sql_query(format!("SELECT count(*) AS count FROM {table} WHERE {condition}")).get_result(conn)?;
        Ok(counted.count)
    };
    let own_entries = format!("profile_id = '{seller}'");
    let own_calls = format!("seller_id = '{seller}'");
    let entries = count(conn, "ledger_entries", &own_entries)?;
    let received = count(conn, "gateway_requests", &own_calls)?;
    let summary = vec![
        format!("{} listings, filled in within {} s", count(conn, "listings", "true")?, listings.as_secs()),
        format!(
            "{} calls and {} ledger entries, filled in within {} s",
            count(conn, "gateway_requests", "true")?,
            count(conn, "ledger_entries", "true")?,
            calls.as_secs()
        ),
        format!("of which the seller who asks has {received} calls and {entries} entries"),
    ];
    let one = |conn: &mut PgConnection, sql: String| -> anyhow::Result<Uuid> {
        Ok(diesel::sql_query(&sql).get_result::<Id>(conn).with_context(|| sql.clone())?.id)
    };
    let place = |table: &str, condition: &str, offset: i64| {
        format!("SELECT id FROM {table} WHERE {condition} ORDER BY id DESC OFFSET {offset} LIMIT 1")
    };
    let ledger_places = [
        one(conn, place("ledger_entries", &own_entries, entries / 10))?,
        one(conn, place("ledger_entries", &own_entries, entries / 2))?,
        one(conn, place("ledger_entries", &own_entries, entries / 10 * 9))?,
    ];
    let paid = format!("{own_calls} AND state = 'delivered' AND settlement_id IS NOT NULL");
    let call = one(conn, place("gateway_requests", &paid, 10))?;
    let words: Vec<Word> = diesel::sql_query(
        "SELECT word FROM bench_words WHERE rank BETWEEN 1000 AND 20000 ORDER BY md5(word) LIMIT 100",
    )
    .load(conn)?;
    Ok(Filled {
        summary,
        is_large: false,
        rare_words: words.into_iter().map(|row| row.word).collect(),
        rare_listing: one(conn, "SELECT id FROM bench_listings WHERE place = 1".to_owned())?,
        busy_listing: one(conn, "SELECT id FROM bench_listings WHERE place = 5".to_owned())?,
        ledger_places,
        history_place: one(conn, place("gateway_requests", &own_calls, received / 2))?,
        settlement: one(conn, format!("SELECT settlement_id AS id FROM gateway_requests WHERE id = '{call}'"))?,
        call,
        middle_millis,
    })
}
