//! Listings: published, found, changed and taken away, by their owners and within bounds.

use serde_json::{Value, json};

use crate::support::{Account, RawRequest, TestGateway};

fn free(name: &str) -> Value {
    json!({ "name": name, "description": "A capability without a price." })
}

fn with(field: &str, value: Value) -> Value {
    let mut listing = free("Bounded");
    listing[field] = value;
    listing
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
async fn every_bound_that_is_broken_is_named_and_the_bound_itself_is_good() {
    let gateway = TestGateway::start().await;
    let seller = Account::register(&gateway.api, "seller").await;
    let text = |length: usize| json!("ä".repeat(length));
    let list = |items: usize, length: usize| json!((0..items).map(|n| format!("{n:0>length$}")).collect::<Vec<_>>());
    let url = |length: usize| json!(format!("https://a.example/{}", "x".repeat(length - 18)));
    let examples = |count: usize, label: usize, content: usize| {
        json!(vec![json!({ "label": "l".repeat(label), "content": "c".repeat(content) }); count])
    };
    for (field, good, bad, named) in [
        ("name", text(2), text(1), "name"),
        ("name", text(100), text(101), "name"),
        ("name", json!("a b"), json!("a\u{202e}b"), "name"),
        ("description", text(10), text(9), "description"),
        ("description", text(5_000), text(5_001), "description"),
        ("docs", text(50_000), text(50_001), "docs"),
        ("connection_instructions", text(10_000), text(10_001), "connection_instructions"),
        ("expected_delivery", text(100), text(101), "expected_delivery"),
        ("risk_disclaimers", text(5_000), text(5_001), "risk_disclaimers"),
        ("sla", text(5_000), text(5_001), "sla"),
        ("formats", list(20, 50), list(21, 50), "formats"),
        ("formats", list(1, 1), list(1, 51), "formats[0]"),
        ("tags", list(20, 50), list(21, 50), "tags"),
        ("tags", json!(["a", "b"]), json!(["a", ""]), "tags[1]"),
        ("example_outputs", examples(20, 100, 10), examples(21, 1, 1), "example_outputs"),
        ("example_outputs", examples(1, 1, 10_000), examples(1, 101, 1), "example_outputs[0].label"),
        ("example_outputs", examples(0, 0, 0), examples(1, 1, 10_001), "example_outputs[0].content"),
        ("demo_endpoint", url(2_048), url(2_049), "demo_endpoint"),
        ("github_url", json!("http://a.example"), json!("git://a.example"), "github_url"),
        ("logo_url", Value::Null, json!("javascript:alert(1)"), "logo_url"),
        ("pricing_currency", json!("USD"), json!("EUR"), "pricing_currency"),
        ("pricing_amount", json!(0), json!(1), "pricing_amount"),
        ("status", json!("draft"), json!("suspended"), "status"),
        ("private_endpoint_url", json!("https://a.example/x"), json!("no url"), "private_endpoint_url"),
        ("private_endpoint_url", url(2_048), url(2_049), "private_endpoint_url"),
        ("category_id", Value::Null, json!("0190a0b0-0000-7000-8000-000000000000"), "category_id"),
    ] {
        let (challenge, nonce) = seller.listing_challenge().await;
        let mut listing = with(field, bad);
        listing["pow_challenge"] = json!(challenge);
        listing["pow_nonce"] = json!(nonce);
        assert_eq!(seller.post("/listings", &listing).await.fields(), [named], "{field}");
        // A body that breaks a bound uses no challenge up.
        listing[field] = good;
        seller.post("/listings", &listing).await.data(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_none_and_fields_that_are_unknown_are_named() {
    let gateway = TestGateway::start().await;
    let seller = Account::register(&gateway.api, "seller").await;
    for (field, value) in [
        ("category_id", json!("defi")),
        ("pricing_model", json!("weekly")),
        ("preferred_currency", json!("BTC")),
        ("delivery_type", json!("pigeon")),
        ("auth_method", json!("basic")),
        ("status", json!("gone")),
        ("name", json!(7)),
        ("formats", json!("json")),
        ("pricing_amounts", json!(1)),
        ("owner", json!("me")),
        ("slug", json!("mine")),
    ] {
        assert_eq!(seller.list(with(field, value)).await.fields(), [field]);
        while gateway.sql("SELECT count(*) FROM listing_challenges") != "0" {
            gateway.sql("DELETE FROM listing_challenges");
        }
    }
    let nothing = seller.post("/listings", &json!({})).await.fields();
    assert_eq!(nothing, ["pow_nonce", "name", "description"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_are_dollars_with_at_most_six_decimals_up_to_a_million() {
    let gateway = TestGateway::start().await;
    let seller = Account::register(&gateway.api, "seller").await;
    let id = seller.list(free("Priced")).await.data(201)["id"].as_str().unwrap().to_owned();
    let path = format!("/listings/{id}");
    let price = |amount: &str| {
        let body = format!(
            "{{\"pricing_model\":\"per_call\",\"private_endpoint_url\":\"https://a.example/\",\"pricing_amount\":{amount}}}"
        );
        seller.request("PATCH", &path).json(body).send()
    };
    for (amount, shown) in [("0.000001", "0.000001"), ("1000000", "1000000"), ("1.50", "1.5"), ("0.1", "0.1")] {
        let answer = price(amount).await;
        answer.data(200);
        assert!(answer.text().contains(&format!("\"pricing_amount\":{shown},")), "{amount}: {}", answer.text());
    }
    for amount in ["0", "0.0000001", "1000000.000001", "-1", "1e3", "1E-2", "\"1\"", "null_", "true", "[1]", "01"] {
        let answer = price(amount).await;
        assert_eq!(answer.refuses(400, "BAD_REQUEST")["code"], "BAD_REQUEST", "{amount}");
    }
    for model in ["monthly", "yearly", "usage_tiered"] {
        let answer = seller.patch(&path, &json!({ "pricing_model": model })).await;
        let error = answer.refuses(400, "PRICING_MODEL_UNAVAILABLE");
        assert_eq!(error["details"]["available"], json!(["free", "per_call"]));
        seller.list(with("pricing_model", json!(model))).await.refuses(400, "PRICING_MODEL_UNAVAILABLE");
        gateway.sql("DELETE FROM listing_challenges");
    }
    // What costs something needs an endpoint.
    let listing =
        json!({ "name": "Paid", "description": "Costs something.", "pricing_model": "per_call", "pricing_amount": 1 });
    assert_eq!(seller.list(listing).await.fields(), ["private_endpoint_url"]);
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
    gateway.sql("UPDATE listings SET status = 'suspended', suspended_by = 'operator'");
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
