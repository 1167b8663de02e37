use crochet_market::catalogue::{EndpointBody, ListingBody};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{Bench, listing};

const FIELDS: [&str; 29] = [
    "pow_nonce",
    "pow_challenge",
    "name",
    "description",
    "category_id",
    "pricing_model",
    "pricing_amount",
    "pricing_currency",
    "preferred_currency",
    "delivery_type",
    "auth_method",
    "formats",
    "docs",
    "connection_instructions",
    "example_outputs",
    "input_schema",
    "example_input",
    "demo_endpoint",
    "github_url",
    "logo_url",
    "expected_delivery",
    "risk_disclaimers",
    "sla",
    "tags",
    "status",
    "private_endpoint_url",
    "upstream_auth_header",
    "timeout_ms",
    "what",
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,60}".prop_map(Value::from),
        "[^x]{0,20}".prop_map(Value::from),
        "(https?://)?[a-z\\[\\]:@.]{0,20}(/\\PC{0,10})?".prop_map(Value::from),
        Just(Value::from("per_call")),
        Just(Value::from("draft")),
        Just(Value::from("USD")),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("label|content|name|value", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = String> {
    prop::collection::hash_map(prop::sample::select(&FIELDS[..]), any_value(), 0..5).prop_map(|map| {
        Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()).to_string()
    })
}

proptest! {
    #[test]
    fn no_json_panics(json in any_object(), garbage in "\\PC*") {
        let _ = serde_json::from_str::<ListingBody>(&garbage);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            let seller = bench.seller().await;
            if serde_json::from_str::<ListingBody>(&json).is_ok() {
                let body = bench.worked(&seller, listing(&json)).await;
                if let Ok(published) = bench.service.create(&seller, &body).await {
                    let id = published.view.listing.id.to_string();
                    let _ = bench.service.update(seller.id, &id, &body).await;
                    serde_json::to_string(&bench.service.published_json(&published)).unwrap();
                }
            }
            if let Ok(body) = serde_json::from_str::<EndpointBody>(&json) {
                let free = bench.free(&seller).await;
                let _ = bench.service.put_endpoint(seller.id, &free.view.listing.id.to_string(), &body).await;
            }
        });
    }

    #[test]
    fn no_amount_goes_through_a_float(dollars in 0_u64..1_000_000, micros in 1_u64..1_000_000) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            let seller = bench.seller().await;
            let amount = format!("{dollars}.{micros:06}");
            let json = format!(
                r#"{{"pricing_model":"per_call","pricing_amount":{amount},"private_endpoint_url":"https://s.example"}}"#
            );
            let published = bench.create(&seller, &json).await.unwrap();
            assert_eq!(published.view.listing.pricing_amount().micros(), dollars * 1_000_000 + micros);
            let shown = serde_json::to_string(&bench.service.published_json(&published)).unwrap();
            let shortest = amount.trim_end_matches('0').trim_end_matches('.');
            let expected = format!("\"pricing_amount\":{shortest},");
            assert!(shown.contains(&expected), "{shown}");
        });
    }
}
