//! The replay vault: a paid response again, for the key that paid, for a day, up to a megabyte.

use std::time::Duration;

use serde_json::json;

use crate::support::{Behaviour, Market, assert_error, seller_bytes};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_replayed_to_the_key_that_paid_and_to_no_other() {
    let market = Market::open().await;
    let (paying, other) = (market.further_key("paying").await, market.further_key("other").await);
    let call = market.paid("vault").await;
    let first = market.call_as(&paying, Some(&call.relay_id), &call.body).await.expect(200).unwrap();
    let replay = market.call_as(&paying, Some(&call.relay_id), &call.body).await.expect(200).unwrap();
    assert_eq!((replay.at("/data/replayed"), seller_bytes(&replay)), (&json!(true), seller_bytes(&first)));

    let refused = market.call_as(&other, Some(&call.relay_id), &call.body).await;
    assert_error(&refused, 409, "RESPONSE_NO_LONGER_AVAILABLE");
    assert_eq!(refused.at("/error/details/api_key_prefix"), &paying[..9]);
    assert_eq!(refused.at("/error/recovery/next_action"), "use_original_api_key");
    assert_eq!(refused.at("/data/response_sha256"), first.at("/data/response_sha256"));
    assert_eq!((refused.at("/data/status"), refused.at("/data/seller_status")), (&json!("delivered"), &json!(200)));
    assert_eq!(refused.at("/data/payment/amount"), "0.010000");
    assert_eq!(refused.at("/data/seller_response"), &json!(null));
    let text = String::from_utf8_lossy(&refused.raw);
    assert!(!text.contains(&paying) && !text.contains(&other));
    assert_eq!(market.seller.runs(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_key_of_the_buyer_paid_another_one_may_deliver() {
    let market = Market::open().await;
    let other = market.further_key("other").await;
    let call = market.paid("quoted under the first key").await;
    market.call_as(&other, Some(&call.relay_id), &call.body).await.expect(200).unwrap();
    market.call_as(&other, Some(&call.relay_id), &call.body).await.expect(200).unwrap();
    assert_error(&market.retry(&call).await, 409, "RESPONSE_NO_LONGER_AVAILABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_of_up_to_a_megabyte_is_kept_and_a_longer_one_is_not() {
    let market = Market::open().await;
    market.set_endpoint(json!({ "max_response_bytes": 2_000_000 })).await;
    for (task, length, kept) in [("fits", 1_048_574, true), ("too long", 1_048_575, false)] {
        market.seller.next(Behaviour::Long(length));
        let call = market.paid(task).await;
        let first = market.deliver(&call).await;
        assert_eq!((first.at("/data/response_bytes"), seller_bytes(&first).len()), (&json!(length + 2), length + 2));
        let again = market.settle(&call).await;
        if kept {
            assert_eq!(seller_bytes(&again), seller_bytes(&first));
        } else {
            assert_error(&again, 409, "RESPONSE_NO_LONGER_AVAILABLE");
            assert_eq!(again.at("/data/response_sha256"), first.at("/data/response_sha256"));
            assert_eq!(again.at("/data/response_bytes"), length + 2);
        }
    }
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (2, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_gone_after_a_day_and_the_call_is_not_run_again() {
    let market = Market::open().await;
    let call = market.paid("a day").await;
    let first = market.deliver(&call).await;
    market.gateway.advance_clock(DAY - Duration::from_secs(60));
    assert_eq!(seller_bytes(&market.deliver(&call).await), seller_bytes(&first));
    market.gateway.advance_clock(Duration::from_secs(61));
    let gone = market.settle(&call).await;
    assert_error(&gone, 409, "RESPONSE_NO_LONGER_AVAILABLE");
    assert_eq!(gone.at("/data/response_sha256"), first.at("/data/response_sha256"));
    assert_eq!(market.history(&call).await["status"], "delivered");
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
    market.assert_balanced().await;
}
