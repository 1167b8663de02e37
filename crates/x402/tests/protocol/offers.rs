//! What a 402 offers, to clients of both versions.

use crochet_x402::{Asset, MAX_REQUIRED_BYTES, Network, PaymentRequired, Resource, extensions};
use serde_json::{Value, json};

use crate::{SELLER, assets, offer, read_header, required, resource};

#[test]
fn the_header_is_what_v2_clients_expect() {
    let value = read_header(&required().header());
    assert_eq!(value, required().v2());
    assert_eq!(value["x402Version"], 2);
    assert_eq!(value["error"], "Payment is required.");
    assert_eq!(
        value["resource"],
        json!({
            "url": "https://gateway.example/api/v1/gateway/weather",
            "description": "Weather by the hour",
            "mimeType": "application/json",
        })
    );
    assert_eq!(
        value["accepts"][0],
        json!({
            "scheme": "exact",
            "network": "eip155:8453",
            "amount": "10000",
            "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
            "payTo": SELLER,
            "maxTimeoutSeconds": 60,
            "extra": { "name": "USD Coin", "version": "2" },
        })
    );
    assert_eq!(value.get("extensions"), None);
}

#[test]
fn the_body_has_everything_that_v1_clients_insist_on() {
    let value = required().v1().unwrap();
    assert_eq!(value["x402Version"], 1);
    assert!(value["error"].is_string());
    assert_eq!(
        value["accepts"][1],
        json!({
            "scheme": "exact",
            "network": "base-sepolia",
            "maxAmountRequired": "10000",
            "resource": "https://gateway.example/api/v1/gateway/weather",
            "description": "Weather by the hour",
            "mimeType": "application/json",
            "payTo": SELLER,
            "maxTimeoutSeconds": 60,
            "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            "extra": { "name": "USDC", "version": "2" },
        })
    );
}

#[test]
fn networks_that_v1_clients_do_not_know_are_in_the_header_alone() {
    let elsewhere = Asset::new(Network::evm(42161), &format!("0x{}", "aa".repeat(20)), "USDC", 6, "USD Coin", "2");
    let offers = [offer(elsewhere.unwrap()), offer(assets().remove(0))];
    let both = PaymentRequired::new(&resource(), &offers, "Pay.");
    assert_eq!(both.v2()["accepts"].as_array().unwrap().len(), 2);
    let v1 = both.v1().unwrap();
    assert_eq!(v1["accepts"].as_array().unwrap().len(), 1);
    assert_eq!(v1["accepts"][0]["network"], "base");
    assert_eq!(PaymentRequired::new(&resource(), &offers[..1], "Pay.").v1(), None);
}

#[test]
fn a_header_that_would_be_too_long_loses_what_nobody_needs_to_pay() {
    let terms = || extensions::crochet("t1.token", "2026-05-03T12:05:00.000Z");
    let with = |description: &str, schema: &Value| {
        PaymentRequired::new(&Resource::new(resource().url(), description), &[offer(assets().remove(0))], "Pay.")
            .with_extension(extensions::CROCHET, terms())
            .with_extension(extensions::PAYMENT_IDENTIFIER, extensions::payment_identifier())
            .with_extension(extensions::BAZAAR, extensions::bazaar(Some(schema), Some(&json!({})), None))
    };
    let small = json!({ "type": "object" });
    let long = with(&"Wörter ".repeat(1000), &small);
    let value = read_header(&long.header());
    assert!(long.header().len() <= MAX_REQUIRED_BYTES);
    let description = value["resource"]["description"].as_str().unwrap();
    assert!(description.chars().count() <= 161 && description.ends_with('…'), "{description}");
    assert!(value["extensions"].get("bazaar").is_some());

    let wide = json!({ "type": "object", "description": "x".repeat(4000) });
    let header = with("Weather", &wide).header();
    assert!(header.len() <= MAX_REQUIRED_BYTES);
    let value = read_header(&header);
    assert_eq!(value["extensions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["crochet", "payment-identifier"]);
    assert_eq!(value["accepts"], long.v2()["accepts"]);
}

#[test]
fn what_indexers_read_is_allowed_by_its_own_schema() {
    let schema = json!({
        "type": "object",
        "properties": { "city": { "type": "string" } },
        "required": ["city"],
        "additionalProperties": false,
    });
    let example = json!({ "city": "Graz" });
    let output = json!([1, 2]);
    for (schema, example, output) in [
        (Some(&schema), Some(&example), Some(&output)),
        (Some(&schema), None, None),
        (None, Some(&example), None),
        (None, None, Some(&output)),
    ] {
        let bazaar = extensions::bazaar(schema, example, output);
        assert!(jsonschema::is_valid(&bazaar["schema"], &bazaar["info"]), "{bazaar}");
        assert_eq!(bazaar["info"]["input"]["method"], "POST");
        assert_eq!(bazaar["info"]["input"]["bodyType"], "json");
    }
    let full = extensions::bazaar(Some(&schema), Some(&example), Some(&output));
    assert_eq!(full["schema"]["properties"]["input"]["properties"]["body"], schema);
    assert_eq!(full["info"]["input"]["body"], example);
    assert_eq!(full["info"]["output"]["example"], output);
}

#[test]
fn a_schema_without_an_example_is_shown_and_asks_for_no_body() {
    let schema = json!({ "type": "object", "required": ["city"] });
    let bazaar = extensions::bazaar(Some(&schema), None, None);
    assert_eq!(bazaar["schema"]["properties"]["input"]["properties"]["body"], schema);
    assert!(bazaar["info"]["input"].get("body").is_none());
    assert!(jsonschema::is_valid(&bazaar["schema"], &bazaar["info"]), "{bazaar}");
}

#[test]
fn references_of_a_schema_lead_to_its_own_parts_wherever_it_stands() {
    let schema = json!({
        "$ref": "#/$defs/order",
        "$defs": {
            "order": { "properties": { "city": { "$ref": "#/$defs/city" }, "$ref": { "type": "string" } } },
            "city": { "enum": ["Graz", { "$ref": "#/data" }] },
        },
    });
    let of = |example: Value| {
        let bazaar = extensions::bazaar(Some(&schema), Some(&example), None);
        (jsonschema::is_valid(&bazaar["schema"], &bazaar["info"]), bazaar)
    };
    assert!(of(json!({ "city": "Graz", "$ref": "text" })).0);
    assert!(of(json!({ "city": { "$ref": "#/data" } })).0, "what is data stays as it is");
    assert!(!of(json!({ "city": "Wien" })).0);
    assert!(!of(json!({ "city": "Graz", "$ref": 1 })).0);
}

#[test]
fn every_extension_is_allowed_by_its_own_schema() {
    for extension in [extensions::crochet("t1.a.b", "2026-05-03T12:05:00.000Z"), extensions::payment_identifier()] {
        assert!(jsonschema::is_valid(&extension["schema"], &extension["info"]), "{extension}");
        assert!(jsonschema::meta::is_valid(&extension["schema"]));
    }
}
