//! Filters, pages and cursors of history and ledger, as a client sends them.

use std::sync::Arc;
use std::time::Duration;

use crochet_primitives::{Clock, format_timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::client::Answer;
use crate::world::World;

async fn get(world: &World, key: &str, target: &str) -> Answer {
    world.get(&format!("/api/v1{target}")).bearer(key).send().await
}

/// The values of one field, in order.
async fn values(world: &World, key: &str, target: &str, field: &str) -> Vec<Value> {
    let data = get(world, key, target).await.data(200);
    data.as_array().unwrap().iter().map(|item| item[field].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn history_takes_every_filter_alone_and_together() {
    let world = World::new().await;
    let first = world.delivered().await;
    world.clock.advance(Duration::from_secs(3600));
    let second = world.quote().await;
    // Of one millisecond, nobody knows which was first.
    world.clock.advance(Duration::from_secs(1));
    let third = world.quote().await;
    world.clock.advance(Duration::from_secs(1));
    world.pay_units(&third, 5);
    world.retry(&third).send().await.refuses(402, "PAYMENT_MISMATCH");
    let (buyer, seller) = (world.buyer.key.clone(), world.seller.key.clone());
    let ids = async |key: &str, query: &str| -> Vec<Value> {
        values(&world, key, &format!("/gateway-requests?{query}"), "relay_request_id").await
    };
    let all = ids(&buyer, "").await;
    let successor = all[0].clone();
    assert_eq!(all, [&successor, &json!(third), &json!(second), &json!(first)].map(Clone::clone));
    assert_eq!(ids(&buyer, "status=delivered,mispaid").await, [json!(third), json!(first)]);
    assert_eq!(ids(&buyer, "status=mispaid%2Cquoted").await, [successor.clone(), json!(third), json!(second)]);
    assert_eq!(ids(&buyer, "superseded=true").await, [json!(third)]);
    assert_eq!(ids(&buyer, "superseded=false&status=mispaid").await, [] as [Value; 0]);
    assert_eq!(ids(&seller, &format!("buyer_id={}", world.buyer.id)).await, all);
    assert_eq!(ids(&seller, &format!("buyer_id={}", world.seller.id)).await, [] as [Value; 0]);

    let data = get(&world, &buyer, "/gateway-requests").await.data(200);
    let listing = data[0]["listing_id"].as_str().unwrap();
    let created = data[2]["created_at"].as_str().unwrap();
    assert_eq!(ids(&buyer, &format!("created_from={created}")).await, all[..3]);
    assert_eq!(ids(&buyer, &format!("created_to={created}")).await, all[3..]);
    let everything = format!(
        "role=seller&status=mispaid,quoted&listing_id={listing}&buyer_id={}&superseded=true&created_from={created}\
         &created_to=2999-01-01T00:00:00%2B01:00&limit=5",
        world.buyer.id
    );
    assert_eq!(ids(&seller, &everything).await, [json!(third)]);
    assert_eq!(ids(&buyer, &everything).await, [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_takes_every_filter_alone_and_together() {
    let world = World::new().await;
    let first = world.delivered().await;
    world.clock.advance(Duration::from_secs(3600));
    let between = format_timestamp(world.clock.now());
    world.clock.advance(Duration::from_secs(3600));
    let second = world.delivered().await;
    let key = world.seller.key.clone();
    let calls = async |query: &str| values(&world, &key, &format!("/ledger?{query}"), "relay_request_id").await;
    let [first, second] = [json!(first), json!(second)];
    let both = [&second, &second, &first, &first].map(Clone::clone);
    assert_eq!(calls("").await, both);
    assert_eq!(calls("type=marketplace_fee,seller_credit").await, both);
    assert_eq!(calls("direction=credit").await, [second.clone(), first.clone()]);
    assert_eq!(calls("type=marketplace_fee&direction=credit").await, [] as [Value; 0]);
    assert_eq!(calls(&format!("created_from={between}")).await, both[..2]);
    assert_eq!(calls(&format!("created_to={between}")).await, both[2..]);
    let id = first.as_str().unwrap();
    for name in [id.to_owned(), id.replace("relay_", "gw_req_")] {
        assert_eq!(calls(&format!("relay_request_id={name}")).await, both[2..]);
    }
    let row = get(&world, &key, &format!("/ledger?relay_request_id={id}&direction=debit")).await.data(200)[0].clone();
    let (settlement, listing) = (row["settlement_id"].as_str().unwrap(), row["listing_id"].as_str().unwrap());
    assert_eq!(calls(&format!("settlement_id={settlement}")).await, both[2..]);
    assert_eq!(calls(&format!("listing_id={listing}")).await, both);
    let everything = format!(
        "type=seller_credit,adjustment&direction=credit&listing_id={listing}&relay_request_id={id}\
         &settlement_id={settlement}&created_from=2000-01-01t00:00:00z&created_to={between}&page=1&limit=1"
    );
    assert_eq!(calls(&everything).await, [first]);
    // The other side has entries of its own of the same call.
    let of_buyer = values(&world, &world.buyer.key, &format!("/ledger?settlement_id={settlement}"), "type").await;
    assert_eq!(of_buyer, [json!("gateway_payment")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_there_is_not_is_answered_with_those_that_there_are() {
    let world = World::new().await;
    let key = world.buyer.key.clone();
    for (target, parameter, allowed) in [
        ("/gateway-requests?role=owner", "role", json!(["buyer", "seller"])),
        ("/gateway-requests?superseded=yes", "superseded", json!(["true", "false"])),
        ("/ledger?direction=both", "direction", json!(["debit", "credit"])),
        (
            "/ledger?type=gateway_payment,gift",
            "type",
            json!(["gateway_payment", "marketplace_fee", "seller_credit", "adjustment"]),
        ),
    ] {
        let refused = get(&world, &key, target).await.refuses(400, "BAD_REQUEST");
        assert_eq!(refused["error"]["details"], json!({ "parameter": parameter, "allowed": allowed }), "{target}");
    }
    let refused = get(&world, &key, "/gateway-requests?status=paid").await.refuses(400, "BAD_REQUEST");
    assert_eq!(refused["error"]["details"]["allowed"].as_array().unwrap().len(), 11);
    for target in [
        "/gateway-requests?buyer_id=me",
        "/gateway-requests?created_from=yesterday",
        "/gateway-requests?created_from=2026-05-04T00:00:00Z&created_to=2026-05-03T00:00:00Z",
        "/gateway-requests?limit=0",
        "/gateway-requests?limit=101",
        "/gateway-requests?settlement_id=0190a0b0-0000-7000-8000-000000000000",
        "/ledger?relay_request_id=0190a0b0-0000-7000-8000-000000000000",
        "/ledger?settlement_id=x",
        "/ledger?limit=1000",
        "/ledger?cursor=0190A0B0000070008000000000000000",
    ] {
        let refused = get(&world, &key, target).await.refuses(400, "BAD_REQUEST");
        assert!(refused["error"]["details"]["parameter"].is_string(), "{refused}");
    }
}

/// They come whole, so there is nothing to ask of them; what is asked all the same is not ignored.
#[tokio::test(flavor = "multi_thread")]
async fn lists_that_are_short_have_no_pages() {
    let world = World::new().await;
    let key = world.buyer.key.clone();
    for list in ["/categories", "/api-keys", "/me/wallets"] {
        let answer = get(&world, &key, list).await;
        assert!(answer.data(200).is_array());
        assert_eq!(answer.json().get("pagination"), None);
        let refused = get(&world, &key, &format!("{list}?page=2")).await.refuses(400, "BAD_REQUEST");
        assert_eq!(refused["error"]["details"], json!({ "parameter": "page", "known": [] }), "{list}");
    }
}

/// Whatever comes in behind the question mark, it is read or refused.
#[tokio::test(flavor = "multi_thread")]
async fn any_query_string_is_answered_with_200_or_400() {
    let world = Arc::new(World::new().await);
    world.delivered().await;
    let name = prop_oneof![
        prop::sample::select(vec![
            "role",
            "status",
            "listing_id",
            "buyer_id",
            "superseded",
            "created_from",
            "created_to",
            "page",
            "limit",
            "cursor",
            "type",
            "direction",
            "relay_request_id",
            "settlement_id",
        ])
        .prop_map(str::to_owned),
        "[a-z_%]{0,8}",
    ];
    let value = prop_oneof![
        prop::sample::select(vec![
            "",
            "buyer",
            "delivered",
            "delivered,quoted",
            ",",
            "true",
            "1",
            "0",
            "100",
            "101",
            "-1",
            "4294967296",
            "1e3",
            "2026-05-03T12:00:00Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
            "2026-05-03T23:59:60Z",
            "0190a0b0-0000-7000-8000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "ffffffffffffffffffffffffffffffff",
            "00000000000000000000000000000000",
            "%00",
            "%ff",
            "%",
            "'--",
            "$1",
        ])
        .prop_map(str::to_owned),
        any::<String>().prop_map(|text| url::form_urlencoded::byte_serialize(text.as_bytes()).collect()),
        // What a request line can carry; the rest is refused before there is a query string.
        "[A-Za-z0-9!$'()*+,;:@/?._~%=-]{0,40}",
    ];
    let query = prop::collection::vec((name, value), 0..5).prop_map(|pairs| {
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    });
    let list = prop::sample::select(vec!["/api/v1/gateway-requests", "/api/v1/ledger"]);
    let handle = Handle::current();
    let checked = tokio::task::spawn_blocking(move || {
        TestRunner::new(Config::with_cases(300)).run(&(list, query), |(list, query)| {
            let answer = handle.block_on(world.get(&format!("{list}?{query}")).bearer(&world.buyer.key).send());
            prop_assert!(matches!(answer.status, 200 | 400), "{}", answer.text());
            prop_assert_eq!(answer.json()["success"].as_bool(), Some(answer.status == 200));
            Ok(())
        })
    });
    checked.await.unwrap().unwrap();
}
