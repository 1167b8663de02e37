//! What operators see of the tables: right, and as quick on long tables as on short ones.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crochet_postgres::WorkInHand;
use crochet_relay::ports::{Journal, Witness};
use crochet_relay::transition::{Change, Write};
use crochet_relay::{OrphanReason, State};
use diesel::prelude::*;
use diesel::sql_types::Text;
use secrecy::ExposeSecret;

use crate::support::{Store, journal, paid};

const LIMIT: Duration = Duration::from_secs(10);

fn calls(work: &WorkInHand, state: State) -> u64 {
    work.calls.iter().find(|(counted, _)| *counted == state).unwrap().1
}

#[tokio::test]
async fn calls_that_are_not_over_are_counted_by_state_and_orphans_by_reason() {
    let store = Store::new().await;
    let db = store.database.db();
    let empty = db.work_in_hand(LIMIT).await.unwrap();
    assert!(empty.calls.iter().all(|(_, number)| *number == 0) && empty.calls.len() == 6, "{empty:?}");
    assert_eq!((empty.leases_held, empty.leases_ended, empty.overdue), (0, 0, Duration::ZERO));

    store.quoted().await;
    let settled = store.settled("first").await;
    store.journal.advance(settled, Some(&paid(settled, "second")), None).await.unwrap().unwrap();
    let forwarded = store.settled("third").await;
    let lease = Duration::from_secs(30);
    let advanced = store.journal.advance(forwarded, Some(&paid(forwarded, "third")), Some(lease)).await.unwrap();
    assert!(advanced.unwrap().forwarding.is_some());
    let work = db.work_in_hand(LIMIT).await.unwrap();
    assert_eq!([State::Quoted, State::Settled, State::Forwarding].map(|state| calls(&work, state)), [1, 1, 1]);
    assert_eq!((work.leases_held, work.leases_ended), (1, 0));
    assert!(work.orphans.contains(&(OrphanReason::SecondPayment, 1)), "{work:?}");
    assert_eq!(work.orphans.iter().map(|(_, number)| number).sum::<u64>(), 1);

    db.skew_clock(Duration::from_secs(3600));
    let later = db.work_in_hand(LIMIT).await.unwrap();
    assert_eq!((later.leases_held, later.leases_ended), (0, 1));
    assert!(later.overdue > Duration::from_secs(3000) && later.overdue <= Duration::from_secs(3600), "{later:?}");
}

/// The lines of a plan.
fn plan(store: &Store, query: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let mut conn = PgConnection::establish(store.database.url().expose_secret()).unwrap();
    let lines: Vec<Line> = diesel::sql_query(format!("EXPLAIN {query}")).load(&mut conn).unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

#[tokio::test]
async fn a_long_history_is_not_read_to_count_what_is_under_way() {
    let store = Store::new().await;
    store.quoted().await;
    let free_and_over = "INSERT INTO gateway_requests (id, buyer_id, seller_id, listing_id, body_sha256, origin, state, \
         quote_fence, attempt, payment_seen, failures, checks, created_at, updated_at) \
         SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), sha256('x'), '{}', \
         'seller_failed', 0, 1, false, 1, 0, now(), now() FROM generate_series(1, 20000); ANALYZE gateway_requests";
    store.as_owner(free_and_over).unwrap();
    let work = store.database.db().work_in_hand(LIMIT).await.unwrap();
    assert_eq!((calls(&work, State::Quoted), calls(&work, State::SellerFailed)), (1, 0));
    for rows in ["state = 'quoted'", "state = 'seller_failed'", "state = 'forwarding' AND lease_until > now()"] {
        let unfinished = "(state IN ('quoting', 'quoted', 'pending', 'settled', 'forwarding') \
             OR (state = 'seller_failed' AND gross_micros IS NOT NULL)) IS TRUE";
        let plan = plan(
            &store,
            &format!(
                "SELECT count(*) FROM (SELECT 1 FROM gateway_requests WHERE {unfinished} AND {rows} LIMIT 10000) few"
            ),
        );
        assert!(plan.iter().any(|line| line.contains("gateway_requests_unfinished")), "{rows}: {plan:?}");
    }
    let plan = plan(&store, "SELECT min(next_check_at) FROM gateway_requests");
    assert!(plan.iter().any(|line| line.contains("gateway_requests_due")), "{plan:?}");
}

#[tokio::test]
async fn what_others_have_under_way_is_not_read_for_one_buyer() {
    let store = Store::new().await;
    store.quoted().await;
    let over = "INSERT INTO gateway_requests (id, buyer_id, seller_id, listing_id, body_sha256, origin, state, \
         quote_fence, attempt, payment_seen, failures, checks, created_at, updated_at) \
         SELECT gen_random_uuid(), ('00000000-0000-7000-8000-0000000000' || number % 90 + 10)::uuid, \
         gen_random_uuid(), gen_random_uuid(), sha256('x'), '{}', \
         'seller_failed', 0, 1, false, 1, 0, now(), now() FROM generate_series(1, 20000) number; \
         ANALYZE gateway_requests";
    store.as_owner(over).unwrap();
    for side in ["buyer_id", "seller_id"] {
        let one = format!("{side} = '00000000-0000-7000-8000-000000000010'");
        for rows in ["state = 'quoted' ORDER BY id DESC", "state IN ('quoting', 'quoted', 'pending')"] {
            let plan = plan(&store, &format!("SELECT id FROM gateway_requests WHERE {one} AND {rows} LIMIT 100"));
            let is_own = plan.iter().any(|line| line.contains("Index Cond") && line.contains(side));
            let is_of_all = plan.iter().any(|line| line.contains("gateway_requests_unfinished"));
            assert!(is_own && !is_of_all, "{side}, {rows}: {plan:?}");
        }
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<(Option<State>, State, usize)>>);

impl Witness for Told {
    fn committed(&self, before: Option<State>, change: &Change) {
        let entries = change.writes.iter().filter(|write| matches!(write, Write::Entry(_))).count();
        self.0.lock().unwrap().push((before, change.record.state, entries));
    }
}

#[tokio::test]
async fn a_witness_is_told_once_of_each_change_that_was_committed() {
    let store = Store::new().await;
    let told = Arc::new(Told::default());
    let journal = journal(store.database.db(), &store.entropy).witnessed(told.clone());
    let call = store.new_call();
    let lease = match journal.admit(&call).await.unwrap() {
        crochet_relay::ports::Admission::Quote(_, lease) => lease,
        other => panic!("{other:?}"),
    };
    // Again, as after an acknowledgement that was lost: there is nothing new to tell.
    journal.admit(&call).await.unwrap();
    journal.issue(lease, &crochet_relay::QuoteOutcome::Unavailable { retry_after_seconds: None }).await.unwrap();
    assert_eq!(
        told.0.lock().unwrap().as_slice(),
        [(None, State::Quoting, 0), (Some(State::Quoting), State::Quoting, 0)]
    );
    let quoted = store.quoted().await;
    let arrived = paid(quoted, "once");
    for _ in 0..2 {
        journal.advance(quoted, Some(&arrived), None).await.unwrap().unwrap();
    }
    let settled = [(Some(State::Quoted), State::Settled, 3), (Some(State::Settled), State::Settled, 0)];
    assert_eq!(told.0.lock().unwrap()[2..], settled);
    // What is rolled back is not told.
    store.as_owner("ALTER TABLE gateway_requests ADD CONSTRAINT never CHECK (state <> 'pending') NOT VALID").unwrap();
    let other = store.quoted().await;
    let refused = journal.advance(other, Some(&crochet_relay::Observation::InProgress), None).await;
    assert!(refused.is_err());
    assert_eq!(told.0.lock().unwrap().len(), 4);
}
