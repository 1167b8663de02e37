//! Which indexes of which months the queries of every call read: counted by PostgreSQL while they run, over months that
//! all have calls.

use crochet_primitives::{CallId, Cursor, ListingId, PageRequest, ProfileId, Timestamp};
use crochet_relay::IdempotencyKey;
use crochet_relay::ports::HistoryQuery;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::history::History;
use super::lists::Window;
use super::{admit, chain, keys, persist};
use crate::testing::TestDatabase;

/// A year of months before the first that there is, and two thousand calls of forty buyers in each of them and in this one.
/// Without sequential scans where there is another way: the months to come are empty, and cheapest read whole.
const HISTORY: &str = "
ALTER TABLE gateway_requests DETACH PARTITION gateway_requests_before;
ALTER TABLE gateway_attempts DETACH PARTITION gateway_attempts_before;
DO $$
DECLARE
    first constant timestamptz := crochet_month_of(now());
    month timestamptz;
    name text;
BEGIN
    FOR age IN REVERSE 12..1 LOOP
        month := (first AT TIME ZONE 'UTC' - age * interval '1 month') AT TIME ZONE 'UTC';
        name := to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        FOR history IN 1..2 LOOP
            EXECUTE format('CREATE TABLE %1$I PARTITION OF %2$I FOR VALUES FROM (%3$L) TO (%4$L)',
                           (ARRAY['gateway_requests_', 'gateway_attempts_'])[history] || name,
                           (ARRAY['gateway_requests', 'gateway_attempts'])[history],
                           crochet_first_id(month), crochet_first_id(crochet_next_month(month)));
        END LOOP;
        CALL crochet_name_indexes(('gateway_requests_' || name)::regclass, name);
        CALL crochet_name_indexes(('gateway_attempts_' || name)::regclass, name);
    END LOOP;
    month := (first AT TIME ZONE 'UTC' - interval '12 months') AT TIME ZONE 'UTC';
    EXECUTE format('ALTER TABLE gateway_requests ATTACH PARTITION gateway_requests_before FOR VALUES FROM (MINVALUE) TO (%L)', crochet_first_id(month));
    EXECUTE format('ALTER TABLE gateway_attempts ATTACH PARTITION gateway_attempts_before FOR VALUES FROM (MINVALUE) TO (%L)', crochet_first_id(month));
    FOR age IN 0..12 LOOP
        month := (first AT TIME ZONE 'UTC' - age * interval '1 month') AT TIME ZONE 'UTC';
        INSERT INTO gateway_requests (id, buyer_id, seller_id, listing_id, body_sha256, origin, state, quote_fence, attempt,
            payment_seen, failures, checks, created_at, updated_at)
        SELECT crochet_first_id(month + n * interval '1 ms'), md5('buyer' || n % 40)::uuid, md5('seller' || n % 7)::uuid,
               md5('listing' || n % 20)::uuid, sha256('x'), '{}', 'seller_failed', 0, 1, false, 1, 0, month, month
          FROM generate_series(1, 2000) n;
    END LOOP;
END
$$;
INSERT INTO idempotency_keys (buyer_id, listing_id, key, call_id, fingerprint, created_at)
SELECT buyer_id, listing_id, 'a key', id, sha256('y'), now() FROM gateway_requests ORDER BY id DESC LIMIT 1;
ANALYZE;
SET enable_seqscan = off";

/// What this connection has read so far: indexes of calls by their names, and tables that were read whole.
const READ: &str = "
SELECT index.relname::text AS name, pg_stat_get_xact_numscans(indexrelid) AS scans
  FROM pg_index JOIN pg_class index ON index.oid = indexrelid JOIN pg_class held ON held.oid = indrelid
 WHERE held.relname LIKE 'gateway_%' AND index.relkind = 'i'
UNION ALL
SELECT 'ALL OF ' || relname, seq_scan FROM pg_stat_xact_user_tables WHERE relname LIKE 'gateway_%'
 ORDER BY 1";

#[derive(QueryableByName, PartialEq)]
struct Read {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    scans: i64,
}

#[derive(QueryableByName)]
struct Call {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    buyer_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    listing_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    now: Timestamp,
    #[diesel(sql_type = Text)]
    month: String,
}

struct Year {
    conn: PgConnection,
    /// The newest call.
    newest: Call,
    _database: TestDatabase,
}

impl Year {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let mut conn = PgConnection::establish(database.url().expose_secret()).unwrap();
        conn.batch_execute(HISTORY).unwrap();
        let newest = "SELECT id, buyer_id, listing_id, now(), to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM') AS month \
                      FROM gateway_requests ORDER BY id DESC LIMIT 1";
        let newest = diesel::sql_query(newest).get_result(&mut conn).unwrap();
        Self { conn, newest, _database: database }
    }

    /// What `work` reads: the seventh time, when PostgreSQL has settled for a plan.
    fn reads(&mut self, work: impl Fn(&mut PgConnection, &Call)) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..7 {
            self.conn.batch_execute("BEGIN").unwrap();
            let [before, after] = [false, true].map(|is_after| {
                if is_after {
                    work(&mut self.conn, &self.newest);
                }
                diesel::sql_query(READ).load::<Read>(&mut self.conn).unwrap()
            });
            self.conn.batch_execute("ROLLBACK").unwrap();
            let read = after.into_iter().filter(|read| !before.contains(read) && read.scans > 0);
            names = read.map(|read| read.name.replace(&self.newest.month, "NOW")).collect();
        }
        names
    }
}

#[tokio::test]
async fn a_call_is_found_and_locked_by_its_id_in_its_own_month() {
    let mut year = Year::new().await;
    let found = year.reads(|conn, call| assert_eq!(persist::read_all(conn, &[call.id]).unwrap().len(), 1));
    assert_eq!(found, ["gateway_requests_pkey_NOW"]);
    let locked = year.reads(|conn, call| assert!(persist::lock(conn, call.id.into()).unwrap().is_some()));
    assert_eq!(locked, ["gateway_requests_pkey_NOW"]);
}

#[tokio::test]
async fn a_call_is_found_by_its_idempotency_key_in_its_own_month() {
    let mut year = Year::new().await;
    let read = year.reads(|conn, call| {
        let key = IdempotencyKey::parse("a key").unwrap();
        let (buyer, listing) = (ProfileId::from(call.buyer_id), ListingId::from(call.listing_id));
        let kept = keys::find(conn, buyer, listing, &key).unwrap().unwrap();
        assert_eq!(chain::resolve(conn, kept.call).unwrap().unwrap().id, CallId::from(call.id));
    });
    assert_eq!(read, ["gateway_requests_pkey_NOW"]);
}

#[tokio::test]
async fn open_quotes_are_counted_along_one_index_of_each_month() {
    let mut year = Year::new().await;
    let read = year.reads(|conn, call| {
        let buyers = [ProfileId::from(call.buyer_id), ProfileId::from(Uuid::nil())];
        let open = admit::open_quotes(conn, buyers.into_iter(), call.now).unwrap();
        assert_eq!((open.len(), open.values().sum::<u32>()), (2, 0));
    });
    assert!(read.len() >= 13, "{read:?}");
    assert!(read.iter().all(|name| name.starts_with("gateway_requests_by_buyer_and_state_")), "{read:?}");
}

#[tokio::test]
async fn what_is_due_is_found_along_one_index_of_each_month() {
    let mut year = Year::new().await;
    let read = year.reads(|conn, call| {
        assert!(super::sweeps::due(conn, call.now, 100).unwrap().is_empty());
        assert!(super::sweeps::wanted(conn, 100).unwrap().is_empty());
    });
    assert!(read.len() >= 26, "{read:?}");
    let is_expected =
        |name: &str| ["gateway_requests_due_", "gateway_requests_wanted_"].iter().any(|of| name.starts_with(of));
    assert!(read.iter().all(|name| is_expected(name)), "{read:?}");
}

#[tokio::test]
async fn a_page_of_history_reads_no_month_before_those_that_fill_it() {
    let mut year = Year::new().await;
    let read = year.reads(|conn, call| {
        let page = PageRequest::After { cursor: Cursor(call.id), limit: 20 };
        let query = HistoryQuery::of(call.buyer_id.into(), page);
        let window = Window::of(query.page);
        let (ids, _) = History::new(&query, &window, call.now).read(conn).unwrap();
        assert!(ids.len() >= 20);
    });
    let is_of_this_month = |name: &String| name.starts_with("gateway_requests_") && name.ends_with("_NOW");
    assert!(!read.is_empty() && read.iter().all(is_of_this_month), "{read:?}");
}
