//! A database that is held up while the seller answers: nothing is given out that is not recorded.

use serde_json::json;

use crate::support::{Behaviour, Market, assert_error, eventually, retry_after};

const HELD_UP: &str = "LOCK TABLE gateway_attempts IN ACCESS EXCLUSIVE MODE";
const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted \
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_while_the_database_is_held_up_is_given_out_once_it_is_recorded() {
    let market = Market::open().await;
    let call = market.paid("held up").await;
    market.seller.next(Behaviour::Held);
    let (answer, ()) = tokio::join!(market.retry(&call), async {
        market.seller.until_runs(1).await;
        let held = market.gateway.database.hold(HELD_UP).await;
        market.seller.release();
        eventually("the recording to wait", || async { market.gateway.sql(WAITING) != "0" }).await;
        drop(held);
    });
    assert_eq!(answer.expect(200).unwrap().at("/data/replayed"), false);
    assert_eq!(market.history(&call).await["status"], "delivered");
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_recorded_is_not_given_out_and_the_call_stays_free_to_retry() {
    let market = Market::open().await;
    // The shortest lease there is: sixteen seconds.
    market.set_endpoint(json!({ "timeout_ms": 1_000 })).await;
    let call = market.paid("never recorded").await;
    market.seller.next(Behaviour::Held);
    let (answer, held) = tokio::join!(market.retry(&call), async {
        market.seller.until_runs(1).await;
        let held = market.gateway.database.hold(HELD_UP).await;
        market.seller.release();
        held
    });
    assert_error(&answer, 503, "SERVICE_UNAVAILABLE");
    assert!(!String::from_utf8_lossy(&answer.raw).contains("held"), "the seller's answer is given out");
    assert_eq!(answer.at("/error/recovery/retryable"), true);
    retry_after(&answer);
    drop(held);
    let delivered = market.deliver(&call).await;
    assert_eq!((delivered.at("/data/attempt"), delivered.at("/data/replayed")), (&json!(2), &json!(false)));
    let attempts = market.seller.received();
    assert_eq!(attempts[0].header("x-crochet-request-id"), attempts[1].header("x-crochet-request-id"));
    assert_eq!((attempts.len(), market.ledger().await.len()), (2, 3));
    market.assert_balanced().await;
}
