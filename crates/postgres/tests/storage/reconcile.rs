//! What a reconciliation reads and keeps.

use chrono::TimeDelta;
use crochet_primitives::{EntropyExt, OrphanId};
use crochet_relay::UnknownPayment;
use crochet_relay::ports::{Books, Journal, Period, ReconcileStore, Reported};

use crate::support::Store;

fn unknown(store: &Store, reference: &str) -> UnknownPayment {
    let at = chrono::DateTime::UNIX_EPOCH;
    UnknownPayment {
        id: OrphanId::new(at, store.entropy.bytes()),
        provider: "mock".into(),
        reported: Reported {
            provider_request_id: "quote".into(),
            reference: reference.into(),
            asset: None,
            recipient: Some("nul \u{0}".into()),
            base_units: Some(u64::MAX),
        },
        noticed_at: at,
    }
}

#[tokio::test]
async fn calls_of_a_period_are_those_made_or_settled_in_it_each_once_and_in_order() {
    let store = Store::new().await;
    let (quoted, settled) = (store.quoted().await, store.settled("pay-1").await);
    // Without terms there is nothing to compare.
    store.journal.admit(&store.new_call()).await.unwrap();
    let now = store.journal.find(quoted).await.unwrap().unwrap().now;
    let period =
        |from: i64, to: i64| Period { from: Some(now + TimeDelta::hours(from)), to: Some(now + TimeDelta::hours(to)) };
    let calls = async |period, after, limit| store.books.calls_to_compare(period, after, limit).await.unwrap();
    let mut both = [quoted, settled];
    both.sort();
    assert_eq!(calls(period(-1, 1), None, 10).await, both);
    assert_eq!(calls(Period::default(), None, 1).await, both[..1]);
    assert_eq!(calls(Period::default(), Some(both[0]), 10).await, both[1..]);
    assert!(calls(period(1, 2), None, 10).await.is_empty());
    store.as_owner("UPDATE gateway_requests SET created_at = created_at - interval '10 days'").unwrap();
    assert_eq!(calls(period(-1, 1), None, 10).await, [settled], "it was settled then");
}

#[tokio::test]
async fn a_call_is_found_by_the_quote_of_its_provider() {
    let store = Store::new().await;
    let call = store.quoted().await;
    let id = format!("quote-{call}");
    assert_eq!(store.books.call_of_quote("mock", &id).await.unwrap(), Some(call));
    for (provider, id) in [("relay", id.as_str()), ("mock", "quote"), ("mock", ""), ("mock", "\0")] {
        assert_eq!(store.books.call_of_quote(provider, id).await.unwrap(), None, "{provider} {id:?}");
    }
}

#[tokio::test]
async fn a_payment_that_nobody_knows_is_kept_once_and_for_ever() {
    let store = Store::new().await;
    assert!(store.books.keep_unknown(&unknown(&store, "lost-1")).await.unwrap());
    assert!(!store.books.keep_unknown(&unknown(&store, "lost-1")).await.unwrap());
    assert!(store.books.keep_unknown(&unknown(&store, "lost-2")).await.unwrap());
    let report = store.books.audit().await.unwrap();
    assert_eq!((report.unknown_payments, report.balances()), (2, true));
    for change in
        ["UPDATE unknown_payments SET provider = 'x'", "DELETE FROM unknown_payments", "TRUNCATE unknown_payments"]
    {
        assert!(store.as_application(change).is_err() && store.as_owner(change).is_err(), "{change}");
    }
    store.as_owner("GRANT DELETE ON unknown_payments TO crochet_app").unwrap();
    assert!(!store.books.audit().await.unwrap().balances());
}
