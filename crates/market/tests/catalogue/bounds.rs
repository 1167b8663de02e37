use crate::support::{Bench, body, fields};

/// The fields that a free listing is refused for when it says this too.
async fn refused(json: &str) -> Vec<String> {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let published = bench.free(&seller).await;
    match bench.update(&seller, &published, json).await {
        Ok(_) => Vec::new(),
        refused => fields(refused),
    }
}

#[tokio::test]
async fn texts_have_their_bounds() {
    for (field, min, max) in [
        ("name", 2, 100),
        ("description", 10, 5_000),
        ("docs", 1, 50_000),
        ("connection_instructions", 1, 10_000),
        ("expected_delivery", 1, 100),
        ("risk_disclaimers", 1, 5_000),
        ("sla", 1, 5_000),
    ] {
        for length in [min, max] {
            let json = format!(r#"{{"{field}":"{}"}}"#, "ü".repeat(length));
            assert!(refused(&json).await.is_empty(), "{field} of {length}");
        }
        let long = format!(r#"{{"{field}":"{}"}}"#, "a".repeat(max + 1));
        assert_eq!(refused(&long).await, [field]);
        if min > 1 {
            let short = format!(r#"{{"{field}":"{}"}}"#, "a".repeat(min - 1));
            assert_eq!(refused(&short).await, [field]);
        }
        let control = format!(r#"{{"{field}":"{}\u0000"}}"#, "a".repeat(min));
        assert_eq!(refused(&control).await, [field]);
    }
}

#[tokio::test]
async fn urls_are_web_urls() {
    for field in ["demo_endpoint", "github_url", "logo_url"] {
        assert!(refused(&format!(r#"{{"{field}":"https://a.example/x"}}"#)).await.is_empty());
        assert!(refused(&format!(r#"{{"{field}":null}}"#)).await.is_empty());
        for url in ["javascript:alert(1)", "a.example", "https://u:p@a.example"] {
            assert_eq!(refused(&format!(r#"{{"{field}":"{url}"}}"#)).await, [field], "{url}");
        }
    }
}

#[tokio::test]
async fn lists_have_their_bounds() {
    for field in ["tags", "formats"] {
        let of = |count: usize| {
            format!(r#"{{"{field}":{}}}"#, serde_json::json!((0..count).map(|n| n.to_string()).collect::<Vec<_>>()))
        };
        assert!(refused(&of(0)).await.is_empty());
        assert!(refused(&of(20)).await.is_empty());
        assert_eq!(refused(&of(21)).await, [field]);
        assert_eq!(refused(&format!(r#"{{"{field}":["ok",""]}}"#)).await, [format!("{field}[1]")]);
        assert_eq!(refused(&format!(r#"{{"{field}":["{}"]}}"#, "x".repeat(51))).await, [format!("{field}[0]")]);
        assert!(refused(&format!(r#"{{"{field}":["{}"]}}"#, "x".repeat(50))).await.is_empty());
    }
}

#[tokio::test]
async fn a_tag_is_kept_once() {
    let bench = Bench::new();
    let seller = bench.seller().await;
    let published = bench.create(&seller, r#"{"tags":["b","a"," b "]}"#).await.unwrap();
    assert_eq!(published.view.listing.tags, ["b", "a"]);
}

#[tokio::test]
async fn example_outputs_have_their_bounds() {
    let of = |count: usize| {
        let one = serde_json::json!({ "label": "one", "content": "{\n}" });
        serde_json::json!({ "example_outputs": vec![one; count] }).to_string()
    };
    assert!(refused(&of(20)).await.is_empty());
    assert_eq!(refused(&of(21)).await, ["example_outputs"]);
    let long = serde_json::json!({ "example_outputs": [{ "label": "x".repeat(101), "content": "" }] }).to_string();
    assert_eq!(refused(&long).await, ["example_outputs[0].label", "example_outputs[0].content"]);
    let long = serde_json::json!({ "example_outputs": [{ "label": "x", "content": "x".repeat(10_001) }] }).to_string();
    assert_eq!(refused(&long).await, ["example_outputs[0].content"]);
}

#[tokio::test]
async fn input_schema_and_example_have_their_bounds() {
    let schema = |length: usize| serde_json::json!({ "input_schema": { "title": "x".repeat(length) } }).to_string();
    assert!(refused(&schema(16_384 - 12)).await.is_empty());
    assert_eq!(refused(&schema(16_384 - 11)).await, ["input_schema"]);
    for wrong in ["[]", "true", "\"object\"", r#"{"type":"text"}"#, r#"{"$ref":"https://a.example"}"#] {
        assert_eq!(refused(&format!(r#"{{"input_schema":{wrong}}}"#)).await, ["input_schema"], "{wrong}");
    }
    let example = |length: usize| serde_json::json!({ "example_input": "x".repeat(length) }).to_string();
    assert!(refused(&example(4_094)).await.is_empty());
    assert_eq!(refused(&example(4_095)).await, ["example_input"]);
    let deep = format!(r#"{{"example_input":{}{}}}"#, "[".repeat(33), "]".repeat(33));
    assert_eq!(refused(&deep).await, ["example_input"]);
}

#[tokio::test]
async fn a_private_url_is_an_absolute_web_url() {
    let long = format!("https://a.example/{}", "x".repeat(2048));
    for url in ["", "seller.example", "ftp://seller.example", "https://", "/path", &long] {
        let json = serde_json::json!({ "private_endpoint_url": url }).to_string();
        assert_eq!(refused(&json).await, ["private_endpoint_url"], "{url}");
    }
    assert_eq!(refused(r#"{"private_endpoint_url":null}"#).await, ["private_endpoint_url"]);
}

#[test]
fn unknown_fields_and_unknown_words_are_refused() {
    for json in [
        r#"{"price":1}"#,
        r#"{"pricing_model":"weekly"}"#,
        r#"{"preferred_currency":"DOGE"}"#,
        r#"{"delivery_type":"pigeon"}"#,
        r#"{"auth_method":"magic"}"#,
        r#"{"status":"gone"}"#,
        r#"{"category_id":"defi"}"#,
        r#"{"example_outputs":[{"label":"a"}]}"#,
        r#"{"tags":"a"}"#,
        r#"{"slug":"mine"}"#,
        r#"{"suspended_by":null}"#,
    ] {
        assert!(serde_json::from_str::<crochet_market::catalogue::ListingBody>(json).is_err(), "{json}");
    }
    assert!(body(r#"{"docs":null}"#).docs.is_some_and(|docs| docs.is_none()));
    assert!(body("{}").docs.is_none());
}
