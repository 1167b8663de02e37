//! Months of history that go, those that stay, and what is left of those that went.

use std::io;

use chrono::TimeDelta;
use crochet_postgres::{ExportHashes, ExportSink, HistoryMonth, HistoryTable, NotFinal, Retention, RetentionError};
use crochet_primitives::{CallId, EntropyExt, OrphanId, Timestamp};
use crochet_relay::UnknownPayment;
use crochet_relay::ports::{Books, Journal, ReconcileStore, Reported};
use diesel::prelude::*;
use secrecy::ExposeSecret;

use crate::support::history::{calls, places, text};
use crate::support::{Store, paid};

/// Keeps what it is given.
#[derive(Default)]
struct Kept {
    rows: Vec<(HistoryTable, String)>,
    refuses: bool,
}

impl ExportSink for Kept {
    fn row(&mut self, table: HistoryTable, json: &str) -> io::Result<()> {
        self.rows.push((table, json.to_owned()));
        Ok(())
    }

    fn seal(&mut self) -> io::Result<ExportHashes> {
        if self.refuses {
            Err(io::Error::other("the disk is full"))
        } else {
            Ok(ExportHashes { calls: [1; 32], attempts: [2; 32] })
        }
    }
}

impl Kept {
    fn of(&self, table: HistoryTable) -> usize {
        self.rows.iter().filter(|(of, _)| *of == table).count()
    }
}

fn retention(store: &Store) -> Retention {
    Retention::open(&store.database.url()).unwrap()
}

/// All of history but the month that begins in some weeks.
fn months(store: &Store) -> Vec<HistoryMonth> {
    let mut retention = retention(store);
    let soon = retention.now().unwrap() + TimeDelta::days(32);
    retention.months_before(soon).unwrap()
}

fn oldest(store: &Store) -> HistoryMonth {
    months(store).remove(0)
}

fn fold(store: &Store, month: &HistoryMonth) -> Result<bool, RetentionError> {
    retention(store).fold(month)
}

fn take_out(store: &Store, month: &HistoryMonth, sink: &mut dyn ExportSink) -> Result<Vec<NotFinal>, RetentionError> {
    retention(store).take_out(month, sink)
}

/// The paid calls of the store, as they are when all is over. Their ids are of 1970.
fn deliver(store: &Store) {
    let delivery = serde_json::json!({"seller_status": 200, "response_sha256": "00", "response_bytes": 2, "latency_ms": 1,
        "attempt": 1, "vault_key_prefix": null, "delivered_at": "2026-05-03T00:00:00.000Z"});
    let done = format!(
        "UPDATE gateway_requests SET state = 'delivered', delivery = '{delivery}', next_check_at = NULL \
         WHERE state = 'settled'"
    );
    store.as_owner(&done).unwrap();
}

fn unknown(store: &Store, reference: &str) -> UnknownPayment {
    UnknownPayment {
        id: OrphanId::new(Timestamp::UNIX_EPOCH, store.entropy.bytes()),
        provider: "mock".into(),
        reported: Reported {
            provider_request_id: "quote".into(),
            reference: reference.into(),
            asset: None,
            recipient: None,
            base_units: None,
        },
        noticed_at: Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn a_month_in_which_all_is_final_goes_and_the_books_stay() {
    let store = Store::new().await;
    let call = store.settled("first").await;
    deliver(&store);
    calls(&store, -60, 2_500);
    calls(&store, 0, 1);
    let before = store.books.audit().await.unwrap();
    let month = oldest(&store);
    assert_eq!((month.calls, month.attempts, month.not_final.as_slice()), (2_501, 2_500, [].as_slice()));
    let mut kept = Kept::default();
    assert!(take_out(&store, &month, &mut kept).unwrap().is_empty());
    assert_eq!((kept.of(HistoryTable::Calls), kept.of(HistoryTable::Attempts)), (2_501, 2_500));
    // Whole rows, which can be read again.
    let row: serde_json::Value = serde_json::from_str(&kept.rows[0].1).unwrap();
    assert_eq!((&row["id"], &row["state"]), (&call.uuid().to_string().into(), &"delivered".into()));
    let json = kept.rows[0].1.replace('\'', "''");
    let read = format!("SELECT (json_populate_record(NULL::gateway_requests, '{json}')).provider_request_id");
    assert_eq!(text(&store, &read), [format!("quote-{call}")]);

    let after = store.books.audit().await.unwrap();
    assert!(before.balances() && after.balances(), "{after:?}");
    assert_eq!((after.settlements, after.gross_micros), (1, before.gross_micros));
    assert_eq!((before.calls, after.calls), (2_502, 1));
    // They are not there any more, and nothing new is refused for it: not even from back then.
    assert!(store.books.history_item(call).await.unwrap().is_none());
    assert!(store.journal.find(call).await.unwrap().is_none());
    calls(&store, -60, 3);
    assert!(places(&store).contains(&"gateway_requests_before 3".to_owned()));
    assert_eq!(store.database.db().make_months().await.unwrap(), crochet_postgres::Months::Enough);
    // That one goes as well, and under another name.
    let again = oldest(&store);
    assert_ne!(again.kept_as, month.kept_as);
    assert!(take_out(&store, &again, &mut Kept::default()).unwrap().is_empty());
    assert!(store.books.audit().await.unwrap().balances());
}

#[tokio::test]
async fn what_is_not_final_stays_and_says_why() {
    let store = Store::new().await;
    let paid = store.settled("first").await;
    let reasons = || oldest(&store).not_final.into_iter().map(|why| (why.reason, why.calls)).collect::<Vec<_>>();
    let one = |reason: &str| vec![(reason.to_owned(), 1)];
    assert_eq!(reasons(), one("are settled"));
    deliver(&store);
    assert!(reasons().is_empty());
    for (change, undo, reason) in [
        ("next_check_at = now()", "next_check_at = NULL", "are asked about, for payments and refunds"),
        ("check_wanted_at = now()", "check_wanted_at = NULL", "are asked about, for payments and refunds"),
        (
            "state = 'seller_failed', last_failure = delivery, delivery = NULL",
            "state = 'delivered', delivery = last_failure, last_failure = NULL",
            "are seller_failed",
        ),
        (
            "state = 'pending', last_failure = delivery, delivery = NULL",
            "state = 'delivered', delivery = last_failure, last_failure = NULL",
            "are pending",
        ),
    ] {
        store.as_owner(&format!("UPDATE gateway_requests SET {change}")).unwrap();
        assert_eq!(reasons(), one(reason), "{change}");
        let mut kept = Kept::default();
        let refused = take_out(&store, &oldest(&store), &mut kept).unwrap();
        assert_eq!((refused.len(), kept.rows.len()), (1, 0), "{change}");
        store.as_owner(&format!("UPDATE gateway_requests SET {undo}")).unwrap();
    }
    let ids = "gen_random_uuid(), gen_random_uuid()";
    for (insert, table, reason) in [
        (format!("({ids}, 'k', '{}', sha256('x'), now())", paid.uuid()), "idempotency_keys", "have an idempotency key"),
        (
            format!("('{}', gen_random_uuid(), 'x', 1, 'am_k_', now(), now())", paid.uuid()),
            "response_vault",
            "have a response that can be replayed",
        ),
    ] {
        store.as_owner(&format!("INSERT INTO {table} VALUES {insert}")).unwrap();
        assert_eq!(reasons(), one(reason));
        store.as_owner(&format!("DELETE FROM {table}")).unwrap();
    }
    assert!(reasons().is_empty());
}

#[tokio::test]
async fn a_payment_for_a_call_that_went_is_seen_and_a_retry_of_it_finds_nothing() {
    let store = Store::new().await;
    let call = store.settled("first").await;
    let expired = store.quoted().await;
    deliver(&store);
    store
        .as_owner("UPDATE gateway_requests SET state = 'expired', next_check_at = NULL WHERE state = 'quoted'")
        .unwrap();
    assert!(take_out(&store, &oldest(&store), &mut Kept::default()).unwrap().is_empty());
    for call in [call, expired] {
        assert!(store.journal.find(call).await.unwrap().is_none());
        assert!(store.journal.advance(call, Some(&paid(call, "late")), None).await.unwrap().is_none());
    }
    // What the provider reports of it: the payment that was taken is in the books, the late one is kept for the operator.
    assert_eq!(store.books.call_of_quote("mock", &format!("quote-{expired}")).await.unwrap(), None);
    assert!(!store.books.keep_unknown(&unknown(&store, "first")).await.unwrap());
    assert!(store.books.keep_unknown(&unknown(&store, "late")).await.unwrap());
    let report = store.books.audit().await.unwrap();
    assert_eq!((report.unknown_payments, report.balances()), (1, true), "{report:?}");
}

#[tokio::test]
async fn an_audit_knows_which_calls_went() {
    let store = Store::new().await;
    store.settled("first").await;
    deliver(&store);
    assert!(take_out(&store, &oldest(&store), &mut Kept::default()).unwrap().is_empty());
    for (tampering, check) in [
        ("UPDATE exported_partitions SET booked_calls = 2", "exported_calls_differ"),
        ("DELETE FROM exported_partitions", "entry_without_call"),
    ] {
        store.as_owner(tampering).unwrap();
        let findings = store.books.audit().await.unwrap().findings;
        assert!(findings.iter().any(|finding| finding.check == check), "{tampering}: {findings:?}");
        assert!(store.as_application(tampering).is_err());
    }
}

#[tokio::test]
async fn while_a_month_is_written_nothing_of_it_changes() {
    struct Meddling<'a>(&'a Store, Vec<String>);
    impl ExportSink for Meddling<'_> {
        fn row(&mut self, _: HistoryTable, _: &str) -> io::Result<()> {
            let mut conn = PgConnection::establish(self.0.database.url().expose_secret()).unwrap();
            diesel::sql_query("SET lock_timeout = '50ms'").execute(&mut conn).unwrap();
            let change = diesel::sql_query("UPDATE gateway_requests SET checks = checks + 1").execute(&mut conn);
            self.1.push(change.unwrap_err().to_string());
            // Those of other months, and reading, go on.
            diesel::sql_query("SELECT * FROM gateway_requests").execute(&mut conn).unwrap();
            calls(self.0, 0, 1);
            Ok(())
        }

        fn seal(&mut self) -> io::Result<ExportHashes> {
            Ok(ExportHashes { calls: [1; 32], attempts: [2; 32] })
        }
    }
    let store = Store::new().await;
    calls(&store, -60, 1);
    let mut meddling = Meddling(&store, Vec::new());
    assert!(take_out(&store, &oldest(&store), &mut meddling).unwrap().is_empty());
    assert_eq!(meddling.1.len(), 2);
    assert!(meddling.1.iter().all(|error| error.contains("lock timeout")), "{:?}", meddling.1);
    let now = text(&store, "SELECT count(*) FROM gateway_requests");
    assert_eq!(now, ["2"]);
}

#[tokio::test]
async fn a_month_whose_files_cannot_be_kept_stays() {
    let store = Store::new().await;
    calls(&store, -60, 5);
    let before = places(&store);
    let failed = take_out(&store, &oldest(&store), &mut Kept { refuses: true, ..Kept::default() });
    assert!(matches!(failed, Err(RetentionError::Io(_))), "{failed:?}");
    assert_eq!(places(&store), before);
    assert!(retention(&store).detached().unwrap().is_empty());
    // And can go the next time.
    assert!(take_out(&store, &oldest(&store), &mut Kept::default()).unwrap().is_empty());
}

#[tokio::test]
async fn partitions_become_fewer_and_leave_no_gap() {
    let store = Store::new().await;
    let ends = |store: &Store| {
        text(store, "SELECT from_id || ' ' || lag(to_id) OVER (ORDER BY to_id) FROM history_partitions OFFSET 1")
    };
    let number = || text(&store, "SELECT count(*) FROM history_partitions").pop().unwrap().parse::<i32>().unwrap();
    calls(&store, -60, 5);
    calls(&store, 0, 5);
    let all = number();
    // The newer one first: what is before it has rows, so an empty one takes its place.
    let [old, new]: [HistoryMonth; 2] = months(&store).into_iter().take(2).collect::<Vec<_>>().try_into().unwrap();
    assert!(take_out(&store, &new, &mut Kept::default()).unwrap().is_empty());
    assert_eq!(number(), all);
    assert!(take_out(&store, &old, &mut Kept::default()).unwrap().is_empty());
    let gone = months(&store).remove(1);
    assert_eq!((gone.name.as_str(), gone.calls), (format!("gone_{}", new.name).as_str(), 0));
    assert!(fold(&store, &gone).unwrap());
    assert_eq!(number(), all - 1);
    for line in ends(&store) {
        let (from, to) = line.split_once(' ').unwrap();
        assert_eq!(from, to);
    }
    calls(&store, 0, 5);
    calls(&store, -60, 5);
    assert!(!fold(&store, &oldest(&store)).unwrap(), "it is not empty, and has none before it");
    // Tables of what went, until they are dropped.
    let detached = retention(&store).detached().unwrap();
    assert_eq!(detached.iter().map(|month| month.name.as_str()).collect::<Vec<_>>(), [&old.kept_as, &new.kept_as]);
    assert_eq!(text(&store, &format!("SELECT count(*) FROM gateway_requests_{}", old.kept_as)), ["5"]);
    for month in &detached {
        retention(&store).drop_detached(month).unwrap();
    }
    assert!(retention(&store).detached().unwrap().is_empty());
    assert!(store.as_owner(&format!("SELECT FROM gateway_requests_{}", old.kept_as)).is_err());
    assert_eq!(text(&store, "SELECT count(*) FROM exported_partitions WHERE dropped_at IS NOT NULL"), ["2"]);
}

#[tokio::test]
async fn who_reads_history_is_let_finish() {
    let store = Store::new().await;
    calls(&store, -60, 5);
    let month = oldest(&store);
    let reading = store.database.hold("SELECT count(*) FROM gateway_requests").await;
    let url = store.database.url();
    let taking =
        std::thread::spawn(move || Retention::open(&url).unwrap().take_out(&month, &mut Kept::default()).unwrap());
    // It waits for us, and others do not wait for it for long.
    while text(&store, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'gateway_requests'::regclass")
        == ["0"]
    {
        assert!(!taking.is_finished());
        std::thread::yield_now();
    }
    drop(reading);
    assert!(taking.join().unwrap().is_empty());
    assert!(store.journal.find(CallId::new(Timestamp::UNIX_EPOCH, [0; 10])).await.unwrap().is_none());
}
