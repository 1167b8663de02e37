//! What PostgreSQL alone can show: many connections at once.

use std::sync::Arc;

use crochet_relay::State;
use crochet_relay::ports::{Books, Journal};

use crate::support::{LEASE, Store, paid};

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_retries_of_one_paid_call_one_forwards_and_the_ledger_has_three_rows() {
    let store = Arc::new(Store::new().await);
    let call = store.quoted().await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.journal.advance(call, Some(&paid(call, "once")), Some(LEASE)).await })
        })
        .collect();
    let mut granted = 0;
    for task in tasks {
        let advanced = task.await.unwrap().unwrap().unwrap();
        assert_eq!(advanced.seen.record.state, State::Forwarding);
        granted += u32::from(advanced.forwarding.is_some());
    }
    let report = store.books.audit().await.unwrap();
    assert_eq!((granted, report.settlements, report.entries), (1, 1, 3));
    assert!(report.balances(), "{:?}", report.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_calls_that_race_to_consume_one_reference_one_settles_and_the_rest_keep_orphans() {
    let store = Arc::new(Store::new().await);
    let mut calls = Vec::new();
    for _ in 0..8 {
        calls.push(store.quoted().await);
    }
    let tasks: Vec<_> = calls
        .iter()
        .map(|&call| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.journal.advance(call, Some(&paid(call, "shared")), None).await })
        })
        .collect();
    let mut settled = 0;
    for task in tasks {
        let record = task.await.unwrap().unwrap().unwrap().seen.record;
        settled += u32::from(record.state == State::Settled);
    }
    let report = store.books.audit().await.unwrap();
    assert_eq!((settled, report.settlements, report.orphans), (1, 1, 7));
    assert!(report.balances(), "{:?}", report.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_consume_the_same_references_in_opposite_orders_do_not_lock_each_other_out() {
    let store = Arc::new(Store::new().await);
    for round in 0..20 {
        let calls = [store.quoted().await, store.quoted().await];
        let tasks = calls.map(|call| {
            let store = Arc::clone(&store);
            let is_first = call == calls[0];
            tokio::spawn(async move {
                let mut payments = Vec::new();
                for reference in ["a", "b", "c", "d"] {
                    let crochet_relay::Observation::Arrived(one) = paid(call, &format!("{reference}-{round}")) else {
                        panic!("nothing arrived")
                    };
                    payments.extend(one);
                }
                if !is_first {
                    payments.reverse();
                }
                let observation = crochet_relay::Observation::Arrived(payments);
                store.journal.advance(call, Some(&observation), None).await
            })
        });
        for task in tasks {
            task.await.unwrap().unwrap().unwrap();
        }
    }
    let report = store.books.audit().await.unwrap();
    assert!(report.balances(), "{:?}", report.findings);
}
