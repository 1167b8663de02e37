//! Pages and cursors of long lists that grow while they are read.

use std::collections::BTreeSet;

use crochet::demo::agent::Agent;
use crochet::demo::client::Answer;
use http::Method;
use serde_json::{Value, json};

use crate::support::{Market, assert_error};

async fn get(agent: &Agent, path: &str) -> Answer {
    agent.send(Method::GET, path, &[], None).await.unwrap()
}

fn ids(page: &Answer) -> Vec<String> {
    page.at("/data").as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Follows the cursors to the end; `between` happens after every page.
async fn walk<F: Future<Output = ()>>(agent: &Agent, path: &str, between: impl Fn(usize) -> F) -> Vec<String> {
    let mut page = get(agent, path).await.expect(200).unwrap();
    let mut walked = ids(&page);
    for number in 1.. {
        let Some(cursor) = page.at("/pagination/next_cursor").as_str() else { break };
        between(number).await;
        page = get(agent, &format!("{path}&cursor={cursor}")).await.expect(200).unwrap();
        walked.extend(ids(&page));
    }
    assert_eq!(page.at("/pagination/next_cursor"), &Value::Null);
    walked
}

fn assert_each_once(walked: &[String], at_first: &[String]) {
    let unique: BTreeSet<_> = walked.iter().collect();
    assert_eq!(unique.len(), walked.len(), "a row came twice");
    for id in at_first {
        assert!(unique.contains(id), "{id} was left out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_by_cursor_sees_what_was_there_exactly_once_though_calls_come_in() {
    let market = Market::open().await;
    for number in 0..6 {
        let call = market.paid(&format!("before {number}")).await;
        market.deliver(&call).await;
    }
    let all = |path: &str| format!("{path}?limit=100");
    for (agent, path) in [
        (&market.buyer, "/gateway-requests"),
        (&market.provider, "/gateway-requests"),
        (&market.buyer, "/ledger"),
        (&market.provider, "/ledger"),
    ] {
        let at_first = ids(&get(agent, &all(path)).await.expect(200).unwrap());
        assert!(at_first.len() >= 6);
        // Calls come in at the same time as pages are read, and between them.
        let arrivals = async {
            for number in 0..3 {
                let call = market.paid(&format!("beside {number} {path}")).await;
                market.deliver(&call).await;
            }
        };
        let small_pages = format!("{path}?limit=2");
        let reading = walk(agent, &small_pages, |number| {
            let market = &market;
            async move {
                let call = market.paid(&format!("between {number}")).await;
                market.deliver(&call).await;
            }
        });
        let (walked, ()) = tokio::join!(reading, arrivals);
        assert_each_once(&walked, &at_first);
        let filtered = if path == "/ledger" { "direction=debit&limit=1" } else { "status=delivered&limit=1" };
        let found = walk(agent, &format!("{path}?{filtered}"), |_| async {}).await;
        assert_each_once(&found, &[]);
        assert!(!found.is_empty());
    }
    market.assert_balanced().await;
}

/// Rows of a transaction that was slow to commit have ids below those that were read already.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_committed_late_makes_no_other_come_twice_or_not_at_all() {
    let market = Market::open().await;
    insert_calls(&market, "generate_series(100, 6000, 100)");
    let at_first = ids(&get(&market.buyer, "/gateway-requests?limit=100").await.expect(200).unwrap());
    assert_eq!(at_first.len(), 60);
    let walked = walk(&market.buyer, "/gateway-requests?limit=10", |number| {
        insert_calls(&market, &format!("generate_series({number}, 6000, 500)"));
        async {}
    })
    .await;
    assert!(walked.len() > at_first.len(), "some of the late ones are below the cursor");
    assert_each_once(&walked, &at_first);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_down_to_the_ten_thousandth_row_and_totals_no_further() {
    let market = Market::open().await;
    insert_calls(&market, "generate_series(1, 10000)");
    insert_entries(&market, "generate_series(1, 10000)");
    for path in ["/gateway-requests", "/ledger"] {
        let last = get(&market.buyer, &format!("{path}?page=100&limit=100")).await.expect(200).unwrap();
        assert_eq!(ids(&last).len(), 100);
        let expected = json!({ "page": 100, "limit": 100, "total": 10_000, "totalPages": 100, "next_cursor": null, "total_is_capped": false });
        assert_eq!(last.at("/pagination"), &expected);
        let beyond = get(&market.buyer, &format!("{path}?page=101&limit=100")).await;
        assert_error(&beyond, 400, "USE_CURSOR");
        assert_error(&get(&market.buyer, &format!("{path}?page=10001&limit=1")).await, 400, "USE_CURSOR");
    }
    let call = market.paid("one more").await;
    market.deliver(&call).await;
    for path in ["/gateway-requests", "/ledger"] {
        let last = get(&market.buyer, &format!("{path}?page=100&limit=100")).await.expect(200).unwrap();
        let pagination = last.at("/pagination");
        assert_eq!((&pagination["total"], &pagination["total_is_capped"]), (&json!(10_000), &json!(true)));
        // The cursor goes on where pages end.
        let cursor = last.text("/pagination/next_cursor").unwrap();
        let rest = get(&market.buyer, &format!("{path}?limit=100&cursor={cursor}")).await.expect(200).unwrap();
        assert_eq!((ids(&rest).len(), rest.at("/pagination/next_cursor")), (1, &Value::Null));
        assert_eq!(rest.at("/pagination/page"), &Value::Null);
    }
}

/// Ids of yesterday, in the order of these numbers.
fn ids_of(numbers: &str) -> String {
    format!(
        "(SELECT (lpad(to_hex((extract(epoch FROM date_trunc('day', now() - interval '1 day')) * 1000)::bigint), 12, '0') \
          || '70008000' || lpad(number::text, 12, '0'))::uuid AS id FROM {numbers} number) ids"
    )
}

/// Free calls of the buyer, with ids in the order of these numbers.
fn insert_calls(market: &Market, numbers: &str) {
    market.gateway.sql(&format!(
        "INSERT INTO gateway_requests (id, buyer_id, seller_id, listing_id, body_sha256, origin, state, quote_fence, attempt, \
         payment_seen, failures, checks, created_at, updated_at) \
         SELECT id, '{}', '{}', '{}', sha256(''), '{{\"wallet_id\": null, \"currency\": null, \"chain_id\": null}}', \
         'seller_failed', 0, 1, false, 1, 0, now() - interval '1 day', now() FROM {}",
        market.buyer.profile_id,
        market.provider.profile_id,
        market.listing_id(),
        ids_of(numbers)
    ));
}

/// Payments of the buyer, with ids in the order of these numbers. The books do not balance afterwards.
fn insert_entries(market: &Market, numbers: &str) {
    market.gateway.sql(&format!(
        "INSERT INTO ledger_entries (id, settlement_id, entry_type, direction, profile_id, call_id, listing_id, \
         amount_micros, currency, fee_status, provider, provider_reference, created_at) \
         SELECT id, id, 'gateway_payment', 'debit', '{}', id, '{}', 1, 'USD', 'accrued', 'mock', id::text, now() FROM {}",
        market.buyer.profile_id,
        market.listing_id(),
        ids_of(numbers)
    ));
}
