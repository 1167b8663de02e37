//! History and ledger.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_of_a_call_see_it_and_nobody_else_does() {
    let world = World::new().await;
    let id = world.delivered().await;
    for (account, role) in [(&world.buyer, "buyer"), (&world.seller, "seller")] {
        let answer = world.get("/api/v1/gateway-requests").bearer(&account.key).send().await;
        let item = answer.data(200)[0].clone();
        assert_eq!((&item["role"], &item["status"]), (&json!(role), &json!("delivered")));
        assert_eq!((&item["relay_request_id"], &item["seller_status"]), (&json!(id), &json!(200)));
        assert_eq!(
            (&item["amount"], &item["fee"], &item["seller_amount"]),
            (&json!("0.010000"), &json!("0.000490"), &json!("0.009510"))
        );
        assert_eq!(item["attempts"][0]["outcome"], "delivered");
        assert_eq!(item["payment"]["provider"], "mock");
        assert_eq!(
            answer.json()["pagination"],
            json!({ "page": 1, "limit": 20, "total": 1, "totalPages": 1, "next_cursor": null, "total_is_capped": false })
        );

        let path = format!("/api/v1/gateway-requests/{}", item["id"].as_str().unwrap());
        let detail = world.get(&path).bearer(&account.key).send().await.data(200);
        assert_eq!(detail["id"], item["id"]);
        assert_eq!(detail.get("orphan_payments").is_some(), role == "buyer");
        let stranger = world.account(&[crochet_market::Scope::Read]).await;
        world.get(&path).bearer(&stranger.key).send().await.refuses(404, "NOT_FOUND");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_bought_nothing_is_shown_to_its_buyer() {
    let world = World::new().await;
    let id = world.quote().await;
    world.pay_units(&id, 5);
    world.retry(&id).send().await.refuses(402, "PAYMENT_MISMATCH");
    let path = format!("/api/v1/gateway-requests/{id}");
    let detail = world.get(&path).bearer(&world.buyer.key).send().await.data(200);
    assert_eq!((&detail["status"], &detail["superseded_by"].is_string()), (&json!("mispaid"), &true));
    let orphan = &detail["orphan_payments"][0];
    assert_eq!((&orphan["reason"], &orphan["base_units"]), (&json!("mismatch"), &json!("5")));
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_filtered() {
    let world = World::new().await;
    let delivered = world.delivered().await;
    let quoted = world.quote().await;
    let ids = async |query: &str, key: &str| -> Vec<Value> {
        let answer = world.get(&format!("/api/v1/gateway-requests?{query}")).bearer(key).send().await;
        answer.data(200).as_array().unwrap().iter().map(|item| item["relay_request_id"].clone()).collect()
    };
    let buyer = world.buyer.key.clone();
    assert_eq!(ids("status=delivered", &buyer).await, [json!(delivered)]);
    assert_eq!(ids("status=quoted&role=buyer", &buyer).await, [json!(quoted)]);
    assert!(ids("role=seller", &buyer).await.is_empty());
    assert_eq!(ids("role=seller", &world.seller.key).await.len(), 2);
    let listing = "listing_id=0190a0b0-0000-7000-8000-000000000000";
    assert!(ids(listing, &buyer).await.is_empty());
    for query in ["status=paid", "role=owner", "listing_id=x", "state=quoted"] {
        let answer = world.get(&format!("/api/v1/gateway-requests?{query}")).bearer(&buyer).send().await;
        answer.refuses(400, "BAD_REQUEST");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_paged_by_cursor_without_repeats() {
    let world = World::new().await;
    for _ in 0..5 {
        world.quote().await;
    }
    let mut target = "/api/v1/gateway-requests?limit=2".to_owned();
    let mut seen: Vec<Value> = Vec::new();
    for _ in 0..3 {
        let json = world.get(&target).bearer(&world.buyer.key).send().await.json();
        seen.extend(json["data"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(cursor) = json["pagination"]["next_cursor"].as_str() else { break };
        target = format!("/api/v1/gateway-requests?limit=2&cursor={cursor}");
    }
    let mut unique = seen.clone();
    unique.dedup();
    assert_eq!((seen.len(), unique.len()), (5, 5));
    let deep = world.get("/api/v1/gateway-requests?page=101&limit=100").bearer(&world.buyer.key).send().await;
    assert_eq!(deep.refuses(400, "USE_CURSOR")["error"]["recovery"]["next_action"], "follow_cursor");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_shows_each_side_its_own_entries() {
    let world = World::new().await;
    let id = world.delivered().await;
    let types = async |query: &str, key: &str| -> Vec<(Value, Value, Value)> {
        let answer = world.get(&format!("/api/v1/ledger{query}")).bearer(key).send().await;
        let part = |item: &Value, name: &str| item[name].clone();
        let rows = answer.data(200).as_array().unwrap().clone();
        rows.iter().map(|row| (part(row, "type"), part(row, "direction"), part(row, "amount_micros"))).collect()
    };
    let payment = (json!("gateway_payment"), json!("debit"), json!(10_000));
    let fee = (json!("marketplace_fee"), json!("debit"), json!(490));
    let credit = (json!("seller_credit"), json!("credit"), json!(9_510));
    assert_eq!(types("", &world.buyer.key).await, [payment]);
    let seller = types("", &world.seller.key).await;
    assert!(seller.len() == 2 && seller.contains(&fee) && seller.contains(&credit), "{seller:?}");
    assert_eq!(types("?type=seller_credit", &world.seller.key).await, [credit]);
    let row = world.get("/api/v1/ledger").bearer(&world.buyer.key).send().await.data(200)[0].clone();
    assert_eq!((&row["relay_request_id"], &row["amount"]), (&json!(id), &json!("0.010000")));
    assert_eq!((&row["currency"], &row["profile_id"]), (&json!("USD"), &json!(world.buyer.id.to_string())));
    assert_eq!((&row["fee_status"], &row["provider_reference"]), (&json!("accrued"), &json!(format!("pay-{id}"))));
    world.get("/api/v1/ledger?type=gift").bearer(&world.buyer.key).send().await.refuses(400, "BAD_REQUEST");
}
