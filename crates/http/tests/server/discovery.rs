//! What programs find that pay by x402 and never heard of this server.

use crochet_relay::ports::{Directory, Input, PayoutWallets};
use serde_json::{Value, json};

use crate::world::{PAYOUT, World};

async fn listing(world: &World, slug: &str) -> String {
    world.directory.offer(slug).await.unwrap().unwrap().listing.to_string()
}

async fn found(world: &World, query: &str) -> Value {
    let answer = world.get(&format!("/discovery/resources{query}")).send().await;
    assert_eq!(answer.status, 200);
    serde_json::from_str(&answer.text()).unwrap()
}

fn described() -> Input {
    Input {
        schema: Some(
            json!({ "$ref": "#/$defs/task", "$defs": { "task": { "type": "object", "required": ["task"] } } }),
        ),
        example: Some(json!({ "task": "run" })),
    }
}

#[tokio::test]
async fn what_can_be_paid_by_a_header_is_found_with_its_price_and_what_to_send() {
    let world = World::new().await;
    let id = world.directory.offer("paid").await.unwrap().unwrap().listing;
    world.directory.set_input(id, described());
    let page = found(&world, "").await;
    assert_eq!(page["x402Version"], 2);
    assert_eq!(page["pagination"], json!({ "limit": 20, "offset": 0, "total": 1 }));
    let [item] = page["items"].as_array().unwrap().as_slice() else { panic!("{page}") };
    assert_eq!(item["resource"], format!("https://crochet.test/api/v1/gateway/{id}"));
    assert_eq!((&item["type"], &item["x402Version"]), (&json!("http"), &json!(2)));
    assert_eq!(item["metadata"]["name"], "Weather by the hour");
    let way = &item["accepts"][0];
    assert_eq!(
        (&way["scheme"], &way["network"], &way["amount"]),
        (&json!("exact"), &json!("eip155:8453"), &json!("10000"))
    );
    assert!(way["payTo"].as_str().unwrap().eq_ignore_ascii_case(PAYOUT));
    let bazaar = &item["extensions"]["bazaar"];
    assert_eq!(bazaar["info"]["input"]["body"], json!({ "task": "run" }));
    assert_eq!(
        bazaar["schema"]["properties"]["input"]["properties"]["body"]["$ref"],
        "#/properties/input/properties/body/$defs/task"
    );
    let manifest: Value = serde_json::from_str(&world.get("/.well-known/x402").send().await.text()).unwrap();
    assert_eq!(manifest, json!({ "version": 1, "resources": [item["resource"]] }));
}

#[tokio::test]
async fn the_402_of_a_listing_says_what_to_send_where_its_seller_says_it() {
    let world = World::new().await;
    let required = async || {
        let answer = world.post("/api/v1/gateway/paid").json("{}").send().await;
        assert_eq!(answer.status, 402);
        let header = answer.header("payment-required").unwrap().to_owned();
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, header).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    assert!(required().await["extensions"].get("bazaar").is_none());
    let id = world.directory.offer("paid").await.unwrap().unwrap().listing;
    world.directory.set_input(id, described());
    assert_eq!(required().await["extensions"]["bazaar"]["info"]["input"]["body"], json!({ "task": "run" }));
}

#[tokio::test]
async fn what_takes_no_calls_or_cannot_be_paid_so_is_not_found() {
    let world = World::new().await;
    let total = async || found(&world, "").await["pagination"]["total"].clone();
    assert_eq!(total().await, 1);
    world.directory.change_offer("paid", |offer| offer.payout_wallets = PayoutWallets::default());
    assert_eq!(total().await, 0);
    world.directory.change_offer("paid", |offer| {
        offer.payout_wallets = PayoutWallets { evm: Some(PAYOUT.to_owned()), solana: None };
        offer.is_available = false;
    });
    assert_eq!(found(&world, "").await["items"], json!([]));
    let manifest: Value = serde_json::from_str(&world.get("/.well-known/x402").send().await.text()).unwrap();
    assert_eq!(manifest["resources"], json!([]));
}

#[tokio::test]
async fn resources_have_pages_within_bounds() {
    let world = World::new().await;
    let pagination = async |query: &str| found(&world, query).await["pagination"].clone();
    assert_eq!(pagination("?limit=1000&offset=0").await, json!({ "limit": 100, "offset": 0, "total": 1 }));
    let beyond = found(&world, "?limit=1&offset=1&type=http").await;
    assert_eq!((&beyond["items"], &beyond["pagination"]["total"]), (&json!([]), &json!(1)));
    assert_eq!(pagination("?type=mcp").await["total"], 0);
    for query in ["?limit=0", "?limit=x", "?offset=10001", "?offset=-1", "?page=2", "?limit="] {
        let answer = world.get(&format!("/discovery/resources{query}")).send().await;
        answer.refuses(400, "BAD_REQUEST");
    }
    world.get("/.well-known/x402?a=1").send().await.refuses(400, "BAD_REQUEST");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let world = World::new().await;
    for path in ["/discovery/resources", "/.well-known/x402"] {
        let first = world.get(path).send().await;
        let tag = first.header("etag").unwrap().to_owned();
        assert_eq!(first.header("cache-control"), Some("no-cache"));
        let again = world.get(path).header("If-None-Match", &tag).send().await;
        assert_eq!(again.status, 304, "{path}");
    }
    let listing = listing(&world, "paid").await;
    assert!(found(&world, "").await["items"][0]["resource"].as_str().unwrap().ends_with(&listing));
}

#[tokio::test]
async fn documents_say_where_it_is_found() {
    let world = World::new().await;
    let url = "https://crochet.test/discovery/resources";
    assert!(world.get("/llms.txt").send().await.text().contains(url));
    let protocol: Value =
        serde_json::from_str(&world.get("/.well-known/agent-protocol.json").send().await.text()).unwrap();
    assert_eq!(protocol["discovery"]["resources"], url);
}
