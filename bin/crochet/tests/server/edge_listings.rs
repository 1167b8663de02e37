//! Listings: published, found, changed and taken away, by their owners and within bounds.

use serde_json::{Value, json};

use crate::support::{Account, RawRequest, TestGateway};

fn free(name: &str) -> Value {
    json!({ "name": name, "description": "A capability without a price." })
}

async fn show(gateway: &TestGateway, id: &Value) -> crate::support::RawAnswer {
    RawRequest::new(&gateway.api, "GET", &format!("/listings/{}", id.as_str().unwrap())).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn categories_are_there_from_the_start_and_in_order() {
    let gateway = TestGateway::start().await;
    let categories = RawRequest::new(&gateway.api, "GET", "/categories").send().await.data(200);
    let categories = categories.as_array().unwrap();
    assert!(categories.len() >= 10);
    let orders: Vec<_> = categories.iter().map(|category| category["sort_order"].as_u64().unwrap()).collect();
    assert!(orders.is_sorted());
    for category in categories {
        for field in ["id", "name", "slug", "description"] {
            assert!(category[field].as_str().is_some_and(|text| !text.is_empty()), "{category}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_keeps_every_field_that_it_was_created_with() {
    let gateway = TestGateway::start().await;
    let seller = Account::register(&gateway.api, "seller").await;
    let category = RawRequest::new(&gateway.api, "GET", "/categories").send().await.data(200)[0].clone();
    let listing = json!({
        "name": "DeFi Alpha Signals",
        "description": "Real-time trading signals,\nfor agents.",
        "category_id": category["id"],
        "pricing_model": "per_call",
        "pricing_amount": 0.012345,
        "pricing_currency": "USD",
        "preferred_currency": "SOL",
        "delivery_type": "batch",
        "auth_method": "bearer_token",
        "formats": ["json", "csv"],
        "docs": "# How\n\tto",
        "connection_instructions": "Call the gateway_url.",
        "example_outputs": [{ "label": "one", "content": "{\"a\":1}" }],
        "input_schema": { "type": "object", "properties": { "pair": { "type": "string" } }, "required": ["pair"] },
        "example_input": { "pair": "ETH/USDC" },
        "demo_endpoint": "https://seller.example/demo",
        "github_url": "https://code.example/seller",
        "logo_url": "https://seller.example/logo.png",
        "expected_delivery": "a second",
        "risk_disclaimers": "Signals can be wrong.",
        "sla": "99%",
        "tags": ["defi", "signals"],
        "status": "active",
        "private_endpoint_url": "https://seller.example/private-canary",
    });
    let answer = seller.list(listing.clone()).await;
    let created = answer.data(201);
    for (field, value) in listing.as_object().unwrap() {
        if field != "private_endpoint_url" && field != "pricing_amount" {
            assert_eq!(&created[field], value, "{field}");
        }
    }
    assert!(answer.text().contains("\"pricing_amount\":0.012345,"), "{}", answer.text());
    assert_eq!(created["slug"], "defi-alpha-signals");
    let id = created["id"].as_str().unwrap();
    assert_eq!(created["gateway_url"], format!("{}/api/v1/gateway/{id}", gateway.api.base()));
    let endpoint = &created["gateway_endpoint"];
    assert_eq!((&endpoint["status"], &endpoint["host_hint"]), (&json!("active"), &json!("s•••.example")));
    assert_eq!((&endpoint["timeout_ms"], &endpoint["max_request_bytes"]), (&json!(30_000), &json!(262_144)));
    assert_eq!(endpoint["max_response_bytes"], 1_048_576);
    assert!(endpoint["signing_secret"].as_str().unwrap().starts_with("whsec_"));

    let shown = show(&gateway, &created["id"]).await;
    let mut expected = created.clone();
    expected.as_object_mut().unwrap().remove("gateway_endpoint");
    assert_eq!(shown.data(200), expected);
    assert_eq!(show(&gateway, &json!("defi-alpha-signals")).await.data(200), expected);
    assert_eq!(expected["category"]["slug"], category["slug"]);
    assert_eq!(expected["provider"]["id"], seller.id.as_str());
    for text in [answer.text(), shown.text()] {
        assert!(!text.contains("private-canary"), "the private URL is never shown");
    }
    assert!(!shown.text().contains("whsec_"), "a secret is shown once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_of_two_fields_has_the_documented_defaults() {
    let gateway = TestGateway::start().await;
    let seller = Account::register(&gateway.api, "seller").await;
    let created = seller.list(free("Plain")).await.data(201);
    for (field, value) in [
        ("pricing_model", json!("free")),
        ("pricing_amount", json!(0)),
        ("pricing_currency", json!("USD")),
        ("preferred_currency", json!("USDC")),
        ("delivery_type", json!("api")),
        ("auth_method", json!("api_key")),
        ("formats", json!(["json"])),
        ("tags", json!([])),
        ("status", json!("active")),
        ("gateway_url", Value::Null),
        ("category", Value::Null),
    ] {
        assert_eq!(created[field], value, "{field}");
    }
    assert!(created.get("gateway_endpoint").is_none());
    // The next of that name has another slug.
    let second = seller.list(free("Plain")).await.data(201);
    assert!(second["slug"].as_str().unwrap().starts_with("plain-"), "{}", second["slug"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_is_changed_by_its_owner_alone() {
    let gateway = TestGateway::start().await;
    let seller = Account::register(&gateway.api, "seller").await;
    let other = Account::register(&gateway.api, "other").await;
    let created = seller.list(free("Mine")).await.data(201);
    let path = format!("/listings/{}", created["slug"].as_str().unwrap());
    let changed = seller.patch(&path, &json!({ "name": "Still mine", "tags": ["x"], "docs": "d" })).await.data(200);
    assert_eq!((&changed["name"], &changed["slug"]), (&json!("Still mine"), &created["slug"]));
    let changed = seller.patch(&path, &json!({ "docs": null })).await.data(200);
    assert_eq!((&changed["docs"], &changed["tags"]), (&Value::Null, &json!(["x"])));
    assert_eq!(show(&gateway, &created["id"]).await.data(200), changed);

    let change = json!({ "name": "Not yours" });
    other.patch(&path, &change).await.refuses(403, "FORBIDDEN");
    other.delete(&path).await.refuses(403, "FORBIDDEN");
    let nobody = RawRequest::new(&gateway.api, "PATCH", &path).json(change.to_string()).send().await;
    nobody.refuses(401, "UNAUTHORIZED");
    assert_eq!(show(&gateway, &created["id"]).await.data(200), changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_exists_for_its_owner_alone_until_it_is_published_or_deleted() {
    let gateway = TestGateway::start().await;
    let seller = Account::register(&gateway.api, "seller").await;
    let other = Account::register(&gateway.api, "other").await;
    let mut listing = free("A draft");
    listing["status"] = json!("draft");
    let id = seller.list(listing).await.data(201)["id"].clone();
    let path = format!("/listings/{}", id.as_str().unwrap());
    show(&gateway, &id).await.refuses(404, "NOT_FOUND");
    show(&gateway, &json!("a-draft")).await.refuses(404, "NOT_FOUND");
    other.get(&path).await.refuses(404, "NOT_FOUND");
    other.patch(&path, &json!({ "name": "Mine now" })).await.refuses(404, "NOT_FOUND");
    other.delete(&path).await.refuses(404, "NOT_FOUND");
    assert_eq!(other.get("/listings?q=draft").await.data(200), json!([]));
    assert_eq!(other.get("/listings?mine=true").await.data(200), json!([]));
    assert_eq!(seller.get(&path).await.data(200)["status"], "draft");
    assert_eq!(seller.get("/listings?mine=true").await.data(200)[0]["id"], id);
    RawRequest::new(&gateway.api, "GET", "/listings?mine=true").send().await.refuses(401, "UNAUTHORIZED");
    other.post(&format!("/gateway/{}", id.as_str().unwrap()), &json!({})).await.error();

    seller.patch(&path, &json!({ "status": "active" })).await.data(200);
    assert_eq!(show(&gateway, &id).await.data(200)["status"], "active");
    seller.patch(&path, &json!({ "status": "draft" })).await.data(200);
    assert_eq!(seller.delete(&path).await.data(200), json!({ "deleted": true }));
    seller.get(&path).await.refuses(404, "NOT_FOUND");
    seller.delete(&path).await.refuses(404, "NOT_FOUND");
    // Its slug is nobody's afterwards.
    assert_ne!(seller.list(free("A draft")).await.data(201)["slug"], "a-draft");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_active_listing_is_suspended_once_and_comes_back_when_its_owner_wants() {
    let gateway = TestGateway::start().await;
    let seller = Account::register(&gateway.api, "seller").await;
    let id = seller.list(free("Suspended")).await.data(201)["id"].clone();
    let path = format!("/listings/{}", id.as_str().unwrap());
    assert_eq!(seller.delete(&path).await.data(200), json!({ "deleted": false, "status": "suspended" }));
    seller.delete(&path).await.refuses(409, "CONFLICT");
    show(&gateway, &id).await.refuses(404, "NOT_FOUND");
    assert_eq!(seller.get(&path).await.data(200)["suspended_by"], "owner");
    let back = seller.patch(&path, &json!({ "status": "active" })).await.data(200);
    assert_eq!((&back["status"], &back["suspended_by"]), (&json!("active"), &Value::Null));
    // What the operator suspends, the operator alone lifts.
    gateway.change("UPDATE listings SET status = 'suspended', suspended_by = 'operator'");
    let error = seller.patch(&path, &json!({ "status": "active" })).await.refuses(403, "FORBIDDEN");
    assert_eq!(error["recovery"]["next_action"], "contact_operator");
    assert_eq!(seller.get(&path).await.data(200)["status"], "suspended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_challenge_is_good_once_for_its_profile_and_while_it_lasts() {
    let gateway = TestGateway::start().await;
    let seller = Account::register(&gateway.api, "seller").await;
    let other = Account::register(&gateway.api, "other").await;
    let (challenge, nonce) = seller.listing_challenge().await;
    let mut listing = free("Worked for");
    listing["pow_nonce"] = json!(nonce);
    listing["pow_challenge"] = json!(challenge);
    other.post("/listings", &listing).await.refuses(400, "CHALLENGE_EXPIRED");
    seller.post("/listings", &listing).await.data(201);
    let error = seller.post("/listings", &listing).await.refuses(400, "CHALLENGE_EXPIRED");
    assert_eq!(error["recovery"]["next_action"], "request_new_challenge");
    listing["pow_challenge"] = json!("'; DROP TABLE listings; --");
    seller.post("/listings", &listing).await.refuses(400, "CHALLENGE_EXPIRED");

    // Unsolved: used up all the same. Solved too late: expired.
    let (challenge, nonce) = seller.listing_challenge().await;
    listing["pow_challenge"] = json!(challenge);
    listing["pow_nonce"] = json!("not a solution, not even with luck: \u{1F9F6}");
    let first = seller.post("/listings", &listing).await;
    if first.status == 403 {
        first.refuses(403, "CAPTCHA_FAILED");
        listing["pow_nonce"] = json!(nonce);
        seller.post("/listings", &listing).await.refuses(400, "CHALLENGE_EXPIRED");
    }
    let (_, nonce) = seller.listing_challenge().await;
    gateway.sql("UPDATE listing_challenges SET expires_at = now() - interval '1 second'");
    listing.as_object_mut().unwrap().remove("pow_challenge");
    listing["pow_nonce"] = json!(nonce);
    seller.post("/listings", &listing).await.refuses(400, "CHALLENGE_EXPIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_listing_challenges_may_be_open_and_where_several_are_the_solved_one_is_named() {
    let gateway = TestGateway::start().await;
    let seller = Account::register(&gateway.api, "seller").await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(seller.listing_challenge().await);
    }
    let sixth = seller.request("POST", "/listings/challenge").send().await;
    let error = sixth.refuses(429, "RATE_LIMITED");
    assert_eq!((&error["details"]["limit"], sixth.seconds("retry-after")), (&json!(5), 60));

    let (challenge, nonce) = open.pop().unwrap();
    let mut listing = free("One of five");
    listing["pow_nonce"] = json!(nonce);
    let error = seller.post("/listings", &listing).await.refuses(409, "CONFLICT");
    assert!(error["recovery"]["summary"].as_str().unwrap().contains("pow_challenge"), "{error}");
    listing["pow_challenge"] = json!(challenge);
    seller.post("/listings", &listing).await.data(201);
    seller.listing_challenge().await;
    // Another profile has challenges of its own.
    let other = Account::register(&gateway.api, "other").await;
    let (_, nonce) = other.listing_challenge().await;
    let mut listing = free("Of another");
    listing["pow_nonce"] = json!(nonce);
    other.post("/listings", &listing).await.data(201);
}
