//! What a listing may say, to the last character and the last micro-dollar.

use serde_json::{Value, json};

use crate::support::{Account, TestGateway};

fn free(name: &str) -> Value {
    json!({ "name": name, "description": "A capability without a price." })
}

fn with(field: &str, value: Value) -> Value {
    let mut listing = free("Bounded");
    listing[field] = value;
    listing
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
    let schema = |length: usize| json!({ "title": "x".repeat(length - "{\"title\":\"\"}".len()) });
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
        ("input_schema", schema(16_384), schema(16_385), "input_schema"),
        ("input_schema", json!({ "$ref": "#/$defs/a" }), json!({ "$ref": "https://a.example" }), "input_schema"),
        ("example_input", json!("x".repeat(4_094)), json!("x".repeat(4_095)), "example_input"),
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
