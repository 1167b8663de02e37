//! History in months: made ahead, whoever runs, and nothing is refused for want of one.

use std::time::Duration;

use crochet_postgres::{Months, make_months};
use crochet_primitives::PageRequest;
use crochet_relay::State;
use crochet_relay::ports::{Books, HistoryQuery};

use crate::support::Store;
use crate::support::history::{calls, places, text};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The name of the month of so many days after now.
fn month(store: &Store, days: i32) -> String {
    let month = format!("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '{days} days', 'YYYY_MM')");
    text(store, &month).pop().unwrap()
}

#[tokio::test]
async fn a_new_database_has_this_month_and_the_next_two() {
    let store = Store::new().await;
    assert_eq!(store.database.db().make_months().await.unwrap(), Months::Enough);
    calls(&store, 0, 1);
    let now = month(&store, 0);
    assert_eq!(places(&store), [format!("gateway_attempts_{now} 1"), format!("gateway_requests_{now} 1")]);
}

#[tokio::test]
async fn months_are_made_as_time_goes_on_and_calls_are_put_into_theirs() {
    let store = Store::new().await;
    let db = store.database.db();
    // Nobody made months for half a year, or a gateway's clock was ahead.
    calls(&store, 150, 3);
    assert_eq!(places(&store), ["gateway_attempts_later 3", "gateway_requests_later 3"]);
    assert_eq!(db.calls_without_month().await.unwrap(), 3);
    db.skew_clock(150 * DAY);
    assert!(matches!(db.make_months().await.unwrap(), Months::Made(4..=6)));
    let then = month(&store, 150);
    assert_eq!(places(&store), [format!("gateway_attempts_{then} 3"), format!("gateway_requests_{then} 3")]);
    assert_eq!((db.make_months().await.unwrap(), db.calls_without_month().await.unwrap()), (Months::Enough, 0));
    // An index of a partition is found by its table's name.
    let unnamed = text(
        &store,
        "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid \
         JOIN pg_class parent ON parent.oid = inhparent WHERE child.relkind = 'i' \
         AND NOT starts_with(child.relname, parent.relname)",
    );
    assert!(unnamed.is_empty(), "{unnamed:?}");
}

#[tokio::test]
async fn no_clock_makes_more_than_a_years_months() {
    let store = Store::new().await;
    store.database.db().skew_clock(DAY * 365 * 50);
    assert!(matches!(store.database.db().make_months().await.unwrap(), Months::Made(1..=13)));
}

#[tokio::test]
async fn many_calls_without_a_month_are_left_to_the_operator() {
    let store = Store::new().await;
    let db = store.database.db();
    calls(&store, 100, 10_001);
    db.skew_clock(70 * DAY);
    assert_eq!(db.make_months().await.unwrap(), Months::Crowded);
    assert_eq!(db.calls_without_month().await.unwrap(), 10_000);
    // The clock of the database has not come there yet.
    assert_eq!(make_months(&store.database.url()).unwrap(), Months::Enough);
    store.as_owner("SELECT crochet_make_months(now() + interval '70 days', NULL)").unwrap();
    let then = month(&store, 100);
    assert_eq!(places(&store), [format!("gateway_attempts_{then} 10001"), format!("gateway_requests_{then} 10001")]);
}

#[tokio::test]
async fn who_reads_history_for_long_is_not_waited_for() {
    let store = Store::new().await;
    let db = store.database.db();
    db.skew_clock(70 * DAY);
    let reading = store.database.hold("SELECT count(*) FROM gateway_requests").await;
    assert!(db.make_months().await.is_err());
    drop(reading);
    let made = loop {
        // Its server notices in a moment.
        if let Ok(made) = db.make_months().await {
            break made;
        }
    };
    assert!(matches!(made, Months::Made(_)), "{made:?}");
}

#[tokio::test]
async fn replicas_leave_the_making_to_one_of_them() {
    let store = Store::new().await;
    let db = store.database.db();
    db.skew_clock(40 * DAY);
    let at_it = store.database.hold("SELECT pg_advisory_xact_lock(120337140279411)").await;
    assert_eq!(db.make_months().await.unwrap(), Months::Enough);
    drop(at_it);
    // Its server notices in a moment.
    while db.make_months().await.unwrap() == Months::Enough {}
    assert!(db.make_months().await.unwrap() == Months::Enough);
}

#[tokio::test]
async fn the_application_reaches_partitions_only_through_their_tables() {
    let store = Store::new().await;
    let partitions = "SELECT 'gateway_requests_' || name FROM history_partitions";
    for partition in text(&store, partitions) {
        let error = store.as_application(&format!("SELECT * FROM {partition}")).unwrap_err();
        assert!(error.to_string().starts_with("permission denied"), "{partition}: {error}");
    }
    for statement in ["SELECT crochet_make_months(now(), 1)", "DROP TABLE gateway_requests_before"] {
        assert!(store.as_application(statement).is_err(), "{statement}");
    }
}

/// The migrations that bring months, in their order: up and down.
const MIGRATIONS: [(&str, &str); 3] = [
    (
        include_str!("../../../../migrations/20260504000200_history_bound/up.sql"),
        include_str!("../../../../migrations/20260504000200_history_bound/down.sql"),
    ),
    (
        include_str!("../../../../migrations/20260504000210_history_bound_holds/up.sql"),
        include_str!("../../../../migrations/20260504000210_history_bound_holds/down.sql"),
    ),
    (
        include_str!("../../../../migrations/20260504000220_partitions/up.sql"),
        include_str!("../../../../migrations/20260504000220_partitions/down.sql"),
    ),
];

const KEPT: &str = "SELECT count(*) || ' ' || count(DISTINCT calls.id) || ' ' || md5(string_agg(calls::text, '' ORDER BY calls.id)) \
     FROM gateway_requests calls JOIN gateway_attempts ON call_id = calls.id";

#[tokio::test]
async fn history_from_before_there_were_months_is_kept_as_it_is() {
    // Once with clocks that were right, once with calls from far ahead.
    for ahead in [1, 400] {
        let store = Store::new().await;
        let revert = || MIGRATIONS.iter().rev().for_each(|(_, down)| store.as_owner(down).unwrap());
        for days in [-400, -40, 0, ahead] {
            calls(&store, days, 50);
        }
        let before = text(&store, KEPT);
        revert();
        assert_eq!(text(&store, KEPT), before);
        for (up, _) in MIGRATIONS {
            store.as_owner(up).unwrap();
        }
        assert_eq!(text(&store, KEPT), before);
        let partitions = places(&store);
        assert!(partitions.iter().any(|place| place.starts_with("gateway_requests_before ")), "{partitions:?}");
        assert_eq!(partitions.iter().any(|place| place == "gateway_requests_later 50"), ahead > 1, "{partitions:?}");
        assert_eq!(store.database.db().make_months().await.unwrap(), Months::Enough);
        // Nothing is left of what proved where the bound is.
        assert!(text(&store, "SELECT conname FROM pg_constraint WHERE conname LIKE '%_bound'").is_empty());
    }
}

#[tokio::test]
async fn pages_go_through_all_months_whichever_way_they_are_counted() {
    let store = Store::new().await;
    for days in [-500, -220, -100, -40, -20, -2, 0, 200] {
        calls(&store, days, 7);
    }
    let buyer = store.new_call().buyer;
    // In three states, both sides, and one filter.
    store
        .as_owner(&format!(
            "UPDATE gateway_requests SET buyer_id = '{0}' WHERE failures = 1; \
             UPDATE gateway_requests SET seller_id = '{0}', buyer_id = seller_id WHERE id::text ~ '[0-5]-0000-'; \
             UPDATE gateway_requests SET state = 'delivered', delivery = '{1}' WHERE id::text ~ '[a-d]-0000-'",
            buyer.uuid(),
            serde_json::json!({"seller_status": 200, "response_sha256": "00", "response_bytes": 2, "latency_ms": 1, "attempt": 1,
                "vault_key_prefix": null, "delivered_at": "2026-05-03T00:00:00.000Z"}),
        ))
        .unwrap();
    for states in ["true", "state = 'seller_failed'", "state IN ('seller_failed', 'expired', 'quoted')"] {
        let mine = format!("SELECT id FROM gateway_requests WHERE {states} ORDER BY id DESC");
        let expected = text(&store, &mine);
        assert!(expected.len() > 30, "{expected:?}");
        let query = |page| HistoryQuery {
            states: match states {
                "true" => Vec::new(),
                "state = 'seller_failed'" => vec![State::SellerFailed],
                _ => vec![State::SellerFailed, State::Expired, State::Quoted],
            },
            ..HistoryQuery::of(buyer, page)
        };
        let (mut numbered, mut followed) = (Vec::new(), Vec::new());
        for page in 1..=9 {
            let page = store.books.history(&query(PageRequest::Numbered { page, limit: 8 })).await.unwrap();
            assert_eq!(page.total.unwrap().count, u64::try_from(expected.len()).unwrap());
            numbered.extend(page.items.iter().map(|item| item.record.id.uuid().to_string()));
        }
        let mut next = Some(PageRequest::Numbered { page: 1, limit: 5 });
        while let Some(request) = next {
            let page = store.books.history(&query(request)).await.unwrap();
            followed.extend(page.items.iter().map(|item| item.record.id.uuid().to_string()));
            next = page.next.map(|cursor| PageRequest::After { cursor, limit: 5 });
        }
        assert_eq!(numbered, expected, "{states}");
        assert_eq!(followed, expected, "{states}");
    }
}
