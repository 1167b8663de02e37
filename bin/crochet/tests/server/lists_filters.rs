//! Filters of history and ledger over the real database.

use crochet::demo::agent::Agent;
use http::Method;
use serde_json::{Value, json};

use crate::support::{Behaviour, Market, publish};

async fn values(agent: &Agent, path: &str, field: &str) -> Vec<Value> {
    let page = agent.send(Method::GET, path, &[], None).await.unwrap().expect(200).unwrap();
    let values: Vec<_> = page.at("/data").as_array().unwrap().iter().map(|item| item[field].clone()).collect();
    // The list's length is that of what was found.
    assert_eq!(page.at("/pagination/total"), &json!(values.len()), "{path}");
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn history_and_ledger_take_every_filter_together() {
    let mut market = Market::open().await;
    let delivered = market.paid("first").await;
    market.deliver(&delivered).await;
    let quoted = market.quoted("never paid").await;
    let failed = market.paid("fails").await;
    market.seller.next(Behaviour::Json(503, "{}"));
    market.settle(&failed).await.expect(502).unwrap();
    let first_listing = market.listing_id().to_owned();
    market.listing =
        publish(&market.provider, market.seller.url(), json!({ "pricing_model": "per_call", "pricing_amount": 1 }))
            .await;
    let elsewhere = market.quoted("elsewhere").await;
    let ids = [&elsewhere, &failed, &quoted, &delivered].map(|call| json!(call.relay_id));

    let calls = async |agent: &Agent, query: &str| -> Vec<Value> {
        values(agent, &format!("/gateway-requests?limit=50&{query}"), "relay_request_id").await
    };
    for agent in [&market.buyer, &market.provider] {
        assert_eq!(calls(agent, "").await, ids);
        assert_eq!(calls(agent, &format!("listing_id={first_listing}")).await, ids[1..]);
        assert_eq!(calls(agent, "status=seller_failed,delivered").await, [ids[1].clone(), ids[3].clone()]);
        assert_eq!(calls(agent, &format!("status=quoted&listing_id={first_listing}")).await, ids[2..3]);
        assert_eq!(calls(agent, "superseded=true").await, [] as [Value; 0]);
        assert_eq!(calls(agent, "superseded=false&status=quoted").await, [ids[0].clone(), ids[2].clone()]);
        assert_eq!(calls(agent, &format!("buyer_id={}", market.buyer.profile_id)).await, ids);
    }
    let created = values(&market.buyer, "/gateway-requests", "created_at").await;
    let [from, to] = [&created[2], &created[0]].map(|at| at.as_str().unwrap());
    let everything = format!(
        "role=seller&status=quoted,seller_failed&listing_id={first_listing}&buyer_id={}&superseded=false\
         &created_from={from}&created_to={to}",
        market.buyer.profile_id
    );
    assert_eq!(calls(&market.provider, &everything).await, ids[1..3]);
    assert_eq!(calls(&market.buyer, &everything).await, [] as [Value; 0]);

    let entries = async |agent: &Agent, query: &str| values(agent, &format!("/ledger?limit=50&{query}"), "type").await;
    assert_eq!(entries(&market.provider, "").await.len(), 4);
    assert_eq!(entries(&market.provider, "direction=credit").await, ["seller_credit", "seller_credit"]);
    let of_call = format!("relay_request_id={}", failed.relay_id);
    assert_eq!(entries(&market.buyer, &of_call).await, ["gateway_payment"]);
    assert_eq!(
        entries(&market.provider, &format!("{of_call}&type=marketplace_fee,adjustment")).await,
        ["marketplace_fee"]
    );
    let written = values(&market.buyer, "/ledger", "created_at").await;
    let [from, to] = [&written[1], &written[0]].map(|at| at.as_str().unwrap());
    let everything = format!(
        "type=seller_credit&direction=credit&listing_id={first_listing}&relay_request_id={}&created_from={from}&created_to={to}",
        delivered.relay_id
    );
    assert_eq!(entries(&market.provider, &everything).await, ["seller_credit"]);
    assert_eq!(entries(&market.provider, &format!("created_from={from}&created_to={from}")).await, [] as [Value; 0]);
}
