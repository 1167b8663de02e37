//! Two gateways on one database, and a client that hangs up.

use std::io::Write;
use std::net::TcpStream;

use http::Method;
use serde_json::json;

use crate::support::{Behaviour, Market, retry_after, seller_bytes};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_waits_for_the_first_and_replays_what_it_delivered() {
    let market = Market::open().await;
    let replica = market.gateway.replica().await;
    let call = market.paid("two gateways").await;
    market.seller.next(Behaviour::Held);
    let (first, waiting) = tokio::join!(market.retry(&call), async {
        market.seller.until_runs(1).await;
        let waiting = market.retry_at(&replica.api, &call).await.unwrap();
        market.seller.release();
        waiting
    });
    let waiting = waiting.expect(202).unwrap();
    assert_eq!(waiting.at("/data/status"), "forwarding");
    assert_eq!(waiting.at("/data/reason"), "in_flight");
    assert!((1..=45).contains(&retry_after(&waiting)));
    let first = first.expect(200).unwrap();
    let replay = market.retry_at(&replica.api, &call).await.unwrap().expect(200).unwrap();
    assert_eq!((first.at("/data/replayed"), replay.at("/data/replayed")), (&json!(false), &json!(true)));
    assert_eq!(seller_bytes(&replay), seller_bytes(&first));
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_at_two_gateways_at_once_run_the_seller_once() {
    let market = Market::open().await;
    let replica = market.gateway.replica().await;
    let calls = futures::future::join_all((0..5).map(|number| market.paid(["a", "b", "c", "d", "e"][number]))).await;
    for call in &calls {
        let here = futures::future::join_all((0..5).map(|_| market.retry(call)));
        let there = futures::future::join_all((0..5).map(|_| market.retry_at(&replica.api, call)));
        let (here, there) = tokio::join!(here, there);
        for answer in here.into_iter().chain(there.into_iter().map(Result::unwrap)) {
            assert!(matches!(answer.status.as_u16(), 200 | 202), "{}", answer.json);
        }
    }
    for call in &calls {
        market.deliver(call).await;
    }
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (5, 15));
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_attempt_of_a_first_gateway_does_not_undo_what_a_second_one_delivered() {
    let market = Market::open().await;
    let replica = market.gateway.replica().await;
    let call = market.paid("stale").await;
    market.seller.next(Behaviour::Held);
    let (first, second) = tokio::join!(market.retry(&call), async {
        market.seller.until_runs(1).await;
        // The first gateway's lease ends while it still waits for the seller.
        market.gateway.database.execute("UPDATE gateway_requests SET lease_until = clock_timestamp()").await;
        let second = market.deliver_at(&replica.api, &call).await;
        market.seller.release();
        second
    });
    assert_eq!(second.at("/data/attempt"), 2);
    // The first one learns that another attempt has delivered, and answers with that.
    let first = first.expect(200).unwrap();
    assert_eq!((first.at("/data/attempt"), first.at("/data/replayed")), (&json!(2), &json!(true)));
    assert_eq!(seller_bytes(&first), seller_bytes(&second));
    assert_eq!(market.history(&call).await["status"], "delivered");
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (2, 3));
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_in_the_middle_finds_its_call_delivered() {
    let market = Market::open().await;
    let key = market.further_key("hangs up").await;
    let call = market.paid("hangs up").await;
    market.seller.next(Behaviour::Held);
    let mut connection = TcpStream::connect(market.gateway.api.base().trim_start_matches("http://")).unwrap();
    let head = format!(
        "POST /api/v1/gateway/{} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\nx-crochet-relay-request-id: {}\r\ncontent-length: {}\r\n\r\n",
        market.listing_id(),
        call.relay_id,
        call.body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(&call.body).unwrap();
    market.seller.until_runs(1).await;
    drop(connection);
    market.seller.release();
    crate::support::eventually("the delivery", || async { market.history(&call).await["status"] == "delivered" }).await;
    let replay = market.call_as(&key, Some(&call.relay_id), &call.body).await.expect(200).unwrap();
    assert_eq!(replay.at("/data/replayed"), true);
    assert_eq!(replay.at("/data/seller_response"), &json!({ "held": true }));
    assert_eq!((market.seller.runs(), market.ledger().await.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_stopped_ends_what_is_under_way_first() {
    let market = Market::open().await;
    let call = market.paid("stopping").await;
    market.seller.next(Behaviour::Held);
    let path = format!("{}/api/v1/gateway/{}", market.gateway.api.base(), market.listing_id());
    let Market { mut gateway, seller, buyer, listing, .. } = market;
    let headers = [("x-crochet-relay-request-id", call.relay_id.as_str())];
    let (answer, ()) = tokio::join!(buyer.send(Method::POST, &path, &headers, Some(call.body.clone())), async {
        seller.until_runs(1).await;
        tokio::join!(gateway.restart(), async { seller.release() });
    });
    assert_eq!(answer.unwrap().expect(200).unwrap().at("/data/replayed"), false);
    let path = format!("{}/api/v1/gateway/{}", gateway.api.base(), listing["id"].as_str().unwrap());
    let replay = buyer.send(Method::POST, &path, &headers, Some(call.body.clone())).await.unwrap().expect(200).unwrap();
    assert_eq!(replay.at("/data/replayed"), true);
    assert_eq!(seller.runs(), 1);
}
