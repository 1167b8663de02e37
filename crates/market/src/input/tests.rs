use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::error::MarketError;

fn is_taken(schema: &Value) -> bool {
    let mut problems = Problems::default();
    problems.input_schema("input_schema", Some(schema));
    problems.finish().is_ok()
}

#[test]
fn schemas_are_taken() {
    for schema in [
        json!({}),
        json!({ "type": "object", "properties": { "pair": { "type": "string", "pattern": "^[A-Z]+$" } },
            "required": ["pair"], "additionalProperties": false }),
        json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#/$defs/a",
            "$defs": { "a": { "type": ["string", "null"] }, "b": true } }),
        json!({ "items": [{ "type": "integer" }], "x-seller": { "any": 1 }, "enum": [1, { "$ref": "x" }] }),
        json!({ "properties": { "id": { "type": "string" }, "$id": { "type": "string" }, "type": { "const": 1 } } }),
        json!({ "allOf": [{ "$ref": "#" }], "minLength": 0, "maximum": 1.5 }),
    ] {
        assert!(is_taken(&schema), "{schema}");
    }
}

#[test]
fn what_is_no_schema_or_leads_elsewhere_is_refused() {
    for schema in [
        json!([]),
        json!("object"),
        json!(true),
        json!({ "type": "text" }),
        json!({ "type": [] }),
        json!({ "properties": [] }),
        json!({ "properties": { "a": 1 } }),
        json!({ "items": { "items": { "type": 5 } } }),
        json!({ "anyOf": [] }),
        json!({ "anyOf": {} }),
        json!({ "required": "a" }),
        json!({ "required": [1] }),
        json!({ "minLength": -1 }),
        json!({ "minLength": 1.5 }),
        json!({ "maximum": "1" }),
        json!({ "pattern": 1 }),
        json!({ "enum": 1 }),
        json!({ "uniqueItems": 1 }),
        json!({ "$ref": "https://schemas.example/a.json" }),
        json!({ "not": { "$ref": "a.json#/x" } }),
        json!({ "$ref": "#anchor" }),
        json!({ "$ref": 1 }),
        json!({ "$id": "https://schemas.example/a.json" }),
        json!({ "properties": { "a": { "$dynamicRef": "#a" } } }),
    ] {
        assert!(!is_taken(&schema), "{schema}");
    }
}

#[test]
fn a_problem_says_where_it_is() {
    let mut problems = Problems::default();
    let schema = json!({ "properties": { "a/b": { "anyOf": [true, { "type": "text" }] } } });
    problems.input_schema("input_schema", Some(&schema));
    let MarketError::Invalid(problems) = problems.finish().unwrap_err() else { panic!() };
    assert!(problems[0].message.contains("/properties/a~1b/anyOf/1/type"), "{problems:?}");
}

#[test]
fn size_and_depth_have_bounds() {
    let of = |length: usize| json!({ "description": "x".repeat(length) });
    let frame = of(0).to_string().len();
    assert!(is_taken(&of(MAX_SCHEMA - frame)));
    assert!(!is_taken(&of(MAX_SCHEMA - frame + 1)));
    let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "not": inner }));
    assert!(is_taken(&nested(MAX_DEPTH)));
    assert!(!is_taken(&nested(MAX_DEPTH + 1)));
}

#[test]
fn an_example_is_any_json_within_its_bounds() {
    let is_taken = |example: &Value| {
        let mut problems = Problems::default();
        assert_eq!(problems.example_input("example_input", Some(example)).as_ref(), Some(example));
        problems.finish().is_ok()
    };
    assert!(is_taken(&json!(["a", 1.5, null])));
    assert!(is_taken(&json!("x".repeat(MAX_EXAMPLE - 2))));
    assert!(!is_taken(&json!("x".repeat(MAX_EXAMPLE - 1))));
    assert!(!is_taken(&(0..MAX_DEPTH + 1).fold(json!(1), |inner, _| json!([inner]))));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(&TYPES[..]).prop_map(Value::from),
        "#?/?[a-z$]{0,4}".prop_map(Value::from),
    ];
    let keywords: Vec<&str> =
        [&OF_SCHEMA[..], &OF_SCHEMAS, &OF_NAMED_SCHEMAS, &OF_ADDRESS, &["$ref", "type", "enum"]].concat();
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(prop::sample::select(keywords.clone()), inner, 0..4)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

/// All values of `$ref` that are in a place where a schema is.
fn references(schema: &Value) -> Vec<&Value> {
    let Value::Object(keywords) = schema else { return Vec::new() };
    let inner = keywords.iter().flat_map(|(keyword, value)| match (keyword.as_str(), value) {
        ("$ref", value) => vec![value],
        (keyword, Value::Array(items)) if OF_SCHEMAS.contains(&keyword) || keyword == "items" => {
            items.iter().flat_map(references).collect()
        }
        (keyword, Value::Object(named)) if OF_NAMED_SCHEMAS.contains(&keyword) => {
            named.values().flat_map(references).collect()
        }
        (keyword, value) if OF_SCHEMA.contains(&keyword) => references(value),
        _ => Vec::new(),
    });
    inner.collect()
}

proptest! {
    #[test]
    fn no_schema_that_is_taken_leads_elsewhere(schema in any_json()) {
        if is_taken(&schema) {
            for reference in references(&schema) {
                prop_assert!(reference.as_str().unwrap().starts_with('#'));
            }
        }
    }
}
