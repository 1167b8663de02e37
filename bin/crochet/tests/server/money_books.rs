//! History and ledger: who sees what, in which order, and that it adds up.

use crochet::demo::agent::{Agent, bytes};
use crochet::demo::client::Answer;
use http::Method;
use serde_json::{Value, json};

use crate::support::{Behaviour, Market, assert_error, publish, register};

async fn get(agent: &Agent, path: &str) -> Answer {
    agent.send(Method::GET, path, &[], None).await.unwrap()
}

fn ids(page: &Answer) -> Vec<String> {
    page.at("/data").as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Follows the cursors to the end.
async fn all_by_cursor(agent: &Agent, path: &str, limit: usize) -> Vec<String> {
    let mut page = get(agent, &format!("{path}limit={limit}")).await.expect(200).unwrap();
    let mut found = ids(&page);
    while let Some(cursor) = page.at("/pagination/next_cursor").as_str() {
        page = get(agent, &format!("{path}limit={limit}&cursor={cursor}")).await.expect(200).unwrap();
        assert!(!ids(&page).is_empty() && ids(&page).len() <= limit);
        assert_eq!((page.at("/pagination/total"), page.at("/pagination/page")), (&Value::Null, &Value::Null));
        found.extend(ids(&page));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_sees_its_own_entries_and_the_amounts_add_up() {
    let market = Market::open().await;
    market.set_listing(json!({ "pricing_amount": 0.333_333 })).await;
    let call = market.paid("amounts").await;
    let delivered = market.deliver(&call).await;
    let reference = delivered.text("/data/payment/provider_reference").unwrap();
    let paid = get(&market.buyer, "/ledger").await.expect(200).unwrap();
    let earned = get(&market.provider, "/ledger").await.expect(200).unwrap();
    let shown = |page: &Answer| -> Vec<(String, String, u64, String)> {
        let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
        let rows = page.at("/data").as_array().unwrap().iter();
        let mut rows: Vec<_> = rows
            .map(|row| {
                (text(row, "type"), text(row, "direction"), row["amount_micros"].as_u64().unwrap(), text(row, "amount"))
            })
            .collect();
        rows.sort();
        rows
    };
    let row = |kind: &str, direction: &str, micros, amount: &str| {
        (kind.to_owned(), direction.to_owned(), micros, amount.to_owned())
    };
    assert_eq!(shown(&paid), [row("gateway_payment", "debit", 333_333, "0.333333")]);
    // 4.9% of 333,333 is 16,333.317: the fee is rounded down.
    assert_eq!(
        shown(&earned),
        [row("marketplace_fee", "debit", 16_333, "0.016333"), row("seller_credit", "credit", 317_000, "0.317000")]
    );
    let mut settlements: Vec<&Value> = Vec::new();
    for (page, owner) in [(&paid, &market.buyer), (&earned, &market.provider)] {
        for row in page.at("/data").as_array().unwrap() {
            assert_eq!(row["profile_id"], owner.profile_id.as_str());
            assert_eq!(row["relay_request_id"], call.relay_id.as_str());
            assert_eq!(row["listing_id"], market.listing_id());
            assert_eq!((&row["currency"], &row["provider_reference"]), (&json!("USD"), &json!(reference)));
            settlements.push(&row["settlement_id"]);
        }
    }
    assert!(settlements.iter().all(|id| *id == settlements[0]));
    let fees = get(&market.provider, "/ledger?type=marketplace_fee").await.expect(200).unwrap();
    assert_eq!((fees.at("/pagination/total"), ids(&fees).len()), (&json!(1), 1));
    assert_eq!(get(&market.buyer, "/ledger?type=seller_credit").await.at("/pagination/total"), 0);
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_shows_a_call_to_both_sides_and_to_nobody_else() {
    let market = Market::open().await;
    market.seller.next(Behaviour::Json(200, "{\"a\":1}"));
    let call = market.paid("history").await;
    let delivered = market.deliver(&call).await;
    let stranger = register(&market.gateway.api, "stranger", false).await;
    let seen = market.history(&call).await;
    assert_eq!(seen["id"], call.request_id().as_str());
    assert_eq!(seen["role"], "buyer");
    assert_eq!(
        (&seen["amount"], &seen["fee"], &seen["seller_amount"]),
        (&json!("0.010000"), &json!("0.000490"), &json!("0.009510"))
    );
    assert_eq!(
        (&seen["status"], &seen["seller_status"], &seen["response_bytes"]),
        (&json!("delivered"), &json!(200), &json!(7))
    );
    assert_eq!(seen["response_sha256"], *delivered.at("/data/response_sha256"));
    assert_eq!(seen["body_sha256"], crochet_signing::BodyHash::of(&call.body).to_string());
    assert_eq!(seen["payment"]["provider"], "mock");
    assert_eq!(
        (seen["buyer_id"].as_str().unwrap(), seen["seller_id"].as_str().unwrap()),
        (market.buyer.profile_id.as_str(), market.provider.profile_id.as_str())
    );

    for id in [call.request_id(), call.relay_id.clone()] {
        let path = format!("/gateway-requests/{id}");
        let sold = get(&market.provider, &path).await.expect(200).unwrap();
        assert_eq!(sold.at("/data/role"), "seller");
        assert_error(&get(&stranger, &path).await, 404, "NOT_FOUND");
        let anonymous = market.gateway.api.send(Method::GET, &path, &[], None).await.unwrap();
        assert_error(&anonymous, 401, "UNAUTHORIZED");
    }
    for list in ["/gateway-requests", "/ledger"] {
        assert_eq!(get(&stranger, list).await.at("/pagination/total"), 0);
        assert_error(&market.gateway.api.send(Method::GET, list, &[], None).await.unwrap(), 401, "UNAUTHORIZED");
    }
    for unknown in ["gw_req_0190a0b0-0000-7000-8000-000000000001", "relay_x", "x"] {
        assert_error(&get(&market.buyer, &format!("/gateway-requests/{unknown}")).await, 404, "NOT_FOUND");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orphan_payments_are_shown_to_the_buyer_alone() {
    let market = Market::open().await;
    let call = market.paid("orphans").await;
    market.pay(&call, json!({})).await;
    market.deliver(&call).await;
    assert_eq!(market.history(&call).await["orphan_payments"].as_array().unwrap().len(), 1);
    let sold = get(&market.provider, &format!("/gateway-requests/{}", call.request_id())).await.expect(200).unwrap();
    assert_eq!(sold.at("/data/orphan_payments"), &Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_the_scope_reads_no_books_and_calls_no_gateway() {
    let market = Market::open().await;
    let call = market.quoted("scopes").await;
    let key = |scope: &'static str| {
        let body = bytes(&json!({ "name": scope, "scopes": [scope] }));
        let market = &market;
        async move {
            let made =
                market.buyer.send(Method::POST, "/api-keys", &[], Some(body)).await.unwrap().expect(201).unwrap();
            format!("Bearer {}", made.text("/data/api_key").unwrap())
        }
    };
    let gateway_only = key("gateway").await;
    let read_only = key("read").await;
    let history = format!("/gateway-requests/{}", call.relay_id);
    for path in ["/ledger", "/gateway-requests", history.as_str()] {
        let refused =
            market.gateway.api.send(Method::GET, path, &[("authorization", &gateway_only)], None).await.unwrap();
        assert_error(&refused, 403, "FORBIDDEN");
        assert_eq!(refused.at("/error/recovery/next_action"), "use_key_with_scope");
        market
            .gateway
            .api
            .send(Method::GET, path, &[("authorization", &read_only)], None)
            .await
            .unwrap()
            .expect(200)
            .unwrap();
    }
    let path = format!("/gateway/{}", market.listing_id());
    let headers = [("authorization", read_only.as_str()), ("x-crochet-relay-request-id", call.relay_id.as_str())];
    let refused = market.gateway.api.send(Method::POST, &path, &headers, Some(call.body.clone())).await.unwrap();
    assert_error(&refused, 403, "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_filtered_by_role_state_and_listing() {
    let market = Market::open().await;
    let fields = json!({ "name": "Sold by the buyer", "pricing_model": "per_call", "pricing_amount": 0.02 });
    let own = publish(&market.buyer, market.seller.url(), fields).await;
    let own = own["id"].as_str().unwrap();
    market.deliver(&market.paid("delivered").await).await;
    market.quoted("quoted").await;
    let path = format!("/gateway/{own}");
    for agent in [&market.provider, &market.buyer] {
        agent.send(Method::POST, &path, &[], Some(bytes(&json!({ "n": 1 })))).await.unwrap().expect(402).unwrap();
    }
    let listing = market.listing_id();
    for (query, total) in [
        ("", 4),
        ("?role=buyer", 3),
        ("?role=seller", 2),
        ("?status=delivered", 1),
        ("?status=quoted", 3),
        ("?status=expired", 0),
        (&format!("?listing_id={listing}"), 2),
        (&format!("?listing_id={own}&role=buyer"), 1),
        (&format!("?listing_id={own}&role=seller&status=quoted"), 2),
    ] {
        let page = get(&market.buyer, &format!("/gateway-requests{query}")).await.expect(200).unwrap();
        assert_eq!((page.at("/pagination/total"), ids(&page).len()), (&json!(total), total), "{query}");
    }
    for query in ["?role=owner", "?status=done", "?listing_id=x", "?page=0", "?limit=101", "?cursor=x", "?pag=1"] {
        assert_error(&get(&market.buyer, &format!("/gateway-requests{query}")).await, 400, "BAD_REQUEST");
    }
    for query in ["?type=refund", "?page=0", "?limit=0", "?role=buyer"] {
        assert_error(&get(&market.buyer, &format!("/ledger{query}")).await, 400, "BAD_REQUEST");
    }
    for list in ["/gateway-requests", "/ledger"] {
        let deep = get(&market.buyer, &format!("{list}?page=101&limit=100")).await;
        assert_error(&deep, 400, "USE_CURSOR");
        assert_eq!(deep.at("/error/recovery/next_action"), "follow_cursor");
        get(&market.buyer, &format!("{list}?page=100&limit=100")).await.expect(200).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_cursors_show_the_same_newest_first_and_cursors_stay_while_rows_are_added() {
    let market = Market::open().await;
    for task in ["1", "2", "3", "4", "5"] {
        market.deliver(&market.paid(task).await).await;
    }
    for (agent, list, total) in
        [(&market.buyer, "/ledger?", 5), (&market.provider, "/ledger?", 10), (&market.buyer, "/gateway-requests?", 5)]
    {
        let whole = ids(&get(agent, &format!("{list}limit=100")).await.expect(200).unwrap());
        assert_eq!(whole.len(), total);
        assert!(whole.is_sorted_by(|newer, older| newer > older));
        let mut paged = Vec::new();
        for page in 1..=total.div_ceil(2) {
            let page = get(agent, &format!("{list}limit=2&page={page}")).await.expect(200).unwrap();
            assert_eq!(page.at("/pagination/total"), total);
            assert_eq!(page.at("/pagination/totalPages"), total.div_ceil(2));
            assert_eq!(page.at("/pagination/total_is_capped"), false);
            paged.extend(ids(&page));
        }
        assert_eq!(paged, whole);
        assert_eq!(all_by_cursor(agent, list, 2).await, whole);
        assert_eq!(all_by_cursor(agent, list, 100).await, whole);
    }

    // A call that comes in between moves numbered pages, and no cursor.
    let first = get(&market.buyer, "/ledger?limit=2").await.expect(200).unwrap();
    let before = ids(&get(&market.buyer, "/ledger?limit=100").await);
    market.deliver(&market.paid("in between").await).await;
    let cursor = first.text("/pagination/next_cursor").unwrap();
    let second = get(&market.buyer, &format!("/ledger?limit=100&cursor={cursor}")).await.expect(200).unwrap();
    assert_eq!(ids(&second), before[2..]);
    market.assert_balanced().await;
}
