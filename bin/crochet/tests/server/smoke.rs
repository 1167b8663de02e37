//! The shortest way through everything.

use serde_json::json;

use crate::support::Market;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_paid_for_and_delivered() {
    let market = Market::open().await;
    let call = market.paid("smoke").await;
    let answer = market.settle(&call).await.expect(200).unwrap();
    assert_eq!(answer.at("/data/seller_response"), &json!({ "ok": true }));
    assert_eq!(market.seller.runs(), 1);
    assert_eq!(market.ledger().await.len(), 3);
    assert!(market.gateway.audit().await.balances());
}
