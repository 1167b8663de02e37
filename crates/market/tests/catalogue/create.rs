use crochet_market::catalogue::ListingBody;
use crochet_market::ports::Catalogue;
use crochet_market::{ListingStatus, MarketError, PricingModel};
use crochet_secrets::ExposeSecret;

use crate::support::{Bench, DESCRIPTION, URL, assert_refused, body, endpoint, fields, id, listing, paid_json};

#[tokio::test]
async fn a_free_listing_needs_a_name_and_a_description_only() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let published = bench.free(&seller).await;
    let json = serde_json::to_value(bench.service.published_json(&published)).unwrap();
    for (field, value) in [
        ("name", "\"Free Signals\""),
        ("slug", "\"free-signals\""),
        ("pricing_model", "\"free\""),
        ("pricing_amount", "0"),
        ("pricing_currency", "\"USD\""),
        ("preferred_currency", "\"USDC\""),
        ("delivery_type", "\"api\""),
        ("auth_method", "\"api_key\""),
        ("formats", "[\"json\"]"),
        ("tags", "[]"),
        ("example_outputs", "[]"),
        ("input_schema", "null"),
        ("example_input", "null"),
        ("status", "\"active\""),
        ("docs", "null"),
        ("gateway_url", "null"),
        ("category", "null"),
        ("created_at", "\"2026-05-03T12:00:00.000Z\""),
    ] {
        assert_eq!(json[field].to_string(), value, "{field}");
    }
    assert!(json.get("gateway_endpoint").is_none());
    assert_eq!(json["provider"]["id"], seller.id.to_string());
    assert_eq!(json["provider_id"], seller.id.to_string());
}

#[tokio::test]
async fn a_paid_listing_comes_with_its_gateway_url_and_its_secret_once() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let published = bench.paid(&seller).await;
    let json = serde_json::to_value(bench.service.published_json(&published)).unwrap();
    assert_eq!(json["gateway_url"], format!("https://crochet.example/api/v1/gateway/{}", id(&published)));
    assert_eq!(json["pricing_amount"].to_string(), "0.01");
    let gateway = &json["gateway_endpoint"];
    assert_eq!((&gateway["status"], &gateway["host_hint"]), (&"active".into(), &"s•••.example".into()));
    assert_eq!(gateway["timeout_ms"], 30_000);
    assert_eq!((&gateway["max_request_bytes"], &gateway["max_response_bytes"]), (&262_144.into(), &1_048_576.into()));
    assert!(gateway["signing_secret"].as_str().unwrap().starts_with("whsec_"));
    let stored = bench.store.endpoint(published.view.listing.id).await.unwrap().unwrap();
    assert_eq!(stored.url.expose_secret(), URL);
    assert_eq!(stored.signing_secret.expose(), gateway["signing_secret"]);
}

#[tokio::test]
async fn no_secret_is_printed_or_shown_to_others() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let said = bench.worked(&seller, listing(&paid_json())).await;
    let published = bench.service.create(&seller, &said).await.unwrap();
    let secret = published.endpoint.as_ref().unwrap().signing_secret.expose().to_owned();
    let header = endpoint(r#"{"upstream_auth_header":{"name":"X-Key","value":"very-secret"}}"#);
    let set = bench.service.put_endpoint(seller.id, &id(&published), &header).await.unwrap();
    let view = bench.service.get(&id(&published), None).await.unwrap();
    let shown = [
        format!("{said:?} {published:?} {header:?} {set:?} {:?}", bench.service.published_json(&published)),
        serde_json::to_string(&bench.service.listing_json(&view)).unwrap(),
        serde_json::to_string(&crochet_market::view::EndpointJson::from(&set)).unwrap(),
    ];
    for text in shown {
        for secret in [secret.as_str(), URL, "seller.example", "very-secret"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

#[test]
fn a_secret_of_a_wrong_type_is_not_repeated_in_the_error() {
    for json in [r#"{"private_endpoint_url":["very-secret"]}"#, r#"{"private_endpoint_url":{"very-secret":1}}"#] {
        let error = serde_json::from_str::<ListingBody>(json).unwrap_err().to_string();
        assert!(!error.contains("very-secret"), "{error}");
    }
    for json in [
        r#"{"upstream_auth_header":"very-secret"}"#,
        r#"{"upstream_auth_header":{"name":"X-A","value":1,"very-secret":2}}"#,
    ] {
        let error = serde_json::from_str::<crochet_market::catalogue::EndpointBody>(json).unwrap_err().to_string();
        assert!(!error.contains("very-secret"), "{error}");
    }
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let refused = fields(bench.service.create(&seller, &body("{}")).await);
    assert_eq!(refused, ["pow_nonce", "name", "description"]);
    let unpaid = bench.create(&seller, r#"{"pricing_model":"per_call","pricing_amount":1}"#).await;
    assert_eq!(fields(unpaid), ["private_endpoint_url"]);
}

#[tokio::test]
async fn a_draft_of_a_paid_listing_needs_its_endpoint_too() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let json = r#"{"pricing_model":"per_call","pricing_amount":1,"status":"draft"}"#;
    assert_eq!(fields(bench.create(&seller, json).await), ["private_endpoint_url"]);
}

#[tokio::test]
async fn a_free_listing_may_have_an_endpoint() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let published = bench.create(&seller, &format!(r#"{{"private_endpoint_url":"{URL}"}}"#)).await.unwrap();
    assert!(published.view.has_endpoint && published.is_new_secret);
}

#[tokio::test]
async fn an_endpoint_that_the_guard_refuses_uses_no_challenge_up() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let json = r#"{"private_endpoint_url":"https://forbidden.example"}"#;
    let said = bench.worked(&seller, listing(json)).await;
    assert_refused!(bench.service.create(&seller, &said).await, MarketError::EndpointNotAllowed { .. });
    let allowed = ListingBody { private_endpoint_url: None, ..said };
    bench.service.create(&seller, &allowed).await.unwrap();
}

#[tokio::test]
async fn retired_pricing_models_are_refused_before_anything_else() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    for (name, expected) in [
        ("monthly", PricingModel::Monthly),
        ("yearly", PricingModel::Yearly),
        ("usage_tiered", PricingModel::UsageTiered),
    ] {
        let json = format!(r#"{{"pricing_model":"{name}","pricing_amount":50}}"#);
        match bench.service.create(&seller, &body(&json)).await {
            Err(MarketError::PricingModelUnavailable { model }) => assert_eq!(model, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn listings_of_one_name_get_slugs_of_their_own() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let mut slugs = Vec::new();
    for _ in 0..4 {
        slugs.push(bench.free(&seller).await.view.listing.slug);
    }
    assert_eq!(slugs[0], "free-signals");
    for slug in &slugs[1..] {
        assert!(slug.starts_with("free-signals-") && slug.len() == "free-signals-".len() + 6, "{slug}");
    }
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 4);
}

#[tokio::test]
async fn a_category_has_to_exist() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let category = bench.service.categories().await.unwrap().remove(0);
    let published = bench.create(&seller, &format!(r#"{{"category_id":"{}"}}"#, category.id)).await.unwrap();
    assert_eq!(published.view.category, Some(category));
    let unknown = r#"{"category_id":"0190a0b0-0000-7000-8000-000000000000"}"#;
    assert_eq!(fields(bench.create(&seller, unknown).await), ["category_id"]);
}

#[tokio::test]
async fn a_listing_is_created_as_a_draft_or_active() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let draft = bench.create(&seller, r#"{"status":"draft"}"#).await.unwrap();
    assert_eq!(draft.view.listing.status, ListingStatus::Draft);
    assert_eq!(draft.view.listing.description, DESCRIPTION);
    assert_eq!(fields(bench.create(&seller, r#"{"status":"suspended"}"#).await), ["status"]);
}
