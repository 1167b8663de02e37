use std::collections::{BTreeMap, BTreeSet};

use actix_web::{App, web};
use serde_json::Value;

use super::*;
use crate::code::Code;
use crate::routes::{self, API, recorder};
use crate::testing::Contract;

const URL: &str = "https://crochet.example";

/// With all there can be, or with neither the mock provider, nor Relay, nor x402.
fn document(has_all: bool) -> Value {
    let config = OpenApiConfig { public_url: URL.to_owned(), has_mock: has_all, has_relay: has_all, has_x402: has_all };
    serde_json::to_value(openapi(&config)).unwrap()
}

fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap();
        operations.iter().map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    })
}

/// Every route that the application registers, with its methods.
fn registered(has_all: bool) -> BTreeMap<String, BTreeSet<String>> {
    recorder::take();
    let _outside = App::new().configure(|documents| routes::configure_documents(documents, has_all));
    let outside = recorder::take();
    let _api = App::new().service(web::scope(API).configure(|api| routes::configure_api(api, has_all, has_all)));
    let inside = recorder::take().into_iter().map(|(path, allow)| (format!("{API}{path}"), allow));
    let methods = |allow: &str| {
        let said = allow.split(", ").filter(|method| !matches!(*method, "HEAD" | "OPTIONS"));
        said.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    outside.into_iter().chain(inside).map(|(path, allow)| (path, methods(allow))).collect()
}

#[test]
fn every_route_is_described_with_its_methods_and_nothing_else_is() {
    for has_all in [true, false] {
        let document = document(has_all);
        let mut described: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, operation) in operations(&document) {
            let (method, path) = name.split_once(' ').unwrap();
            // What is retired answers any method, and is no resource with an Allow.
            if operation["deprecated"] != true {
                described.entry(path.to_owned()).or_default().insert(method.to_owned());
            }
        }
        assert_eq!(described, registered(has_all));
    }
}

#[test]
fn what_is_retired_is_described_so() {
    let document = document(true);
    let retired: Vec<_> = operations(&document).filter(|(_, operation)| operation["deprecated"] == true).collect();
    assert_eq!(retired.len(), 10);
    for (name, operation) in retired {
        let good: Vec<_> =
            operation["responses"].as_object().unwrap().keys().filter(|key| key.starts_with('2')).collect();
        assert!(good.is_empty() && operation["responses"]["410"].is_object(), "{name}");
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let document = document(true);
    let tags: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{name}: {id} is there twice");
        assert!(
            id.chars().all(|c| c.is_ascii_alphanumeric()) && id.starts_with(|c: char| c.is_ascii_lowercase()),
            "{id}"
        );
        for text in ["summary", "description"] {
            assert!(operation[text].as_str().is_some_and(|text| text.len() > 3), "{name} has no {text}");
        }
        assert!(operation["security"].is_array(), "{name} says nothing of keys");
        assert!(operation["responses"]["500"].is_object(), "{name}");
        assert!(operation.get("x-rules").is_none(), "{name}");
        for tag in operation["tags"].as_array().unwrap() {
            assert!(tags.contains(tag.as_str().unwrap()), "{name}: {tag}");
            used.insert(tag.as_str().unwrap());
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let is_described = parameter["$ref"].is_string() || parameter["description"].is_string();
            assert!(is_described, "{name}: {parameter}");
        }
    }
    assert_eq!(used, tags);
}

#[test]
fn every_field_of_every_component_says_what_it_is() {
    let document = document(true);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut silent = Vec::new();
    for (name, schema) in schemas {
        fields(name, schema, &mut silent);
    }
    assert!(silent.is_empty(), "{silent:#?}");
}

/// The fields without a description, of their own or of what they refer to.
fn fields(at: &str, schema: &Value, silent: &mut Vec<String>) {
    for (field, said) in schema["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}.{field}");
        let parts = ["oneOf", "allOf"].into_iter().flat_map(|word| said[word].as_array().into_iter().flatten());
        let refers = parts.chain([said, &said["items"]]).any(|part| part["$ref"].is_string());
        // A field that is always null is one of another alternative.
        let is_silent = ["description", "enum", "properties"].iter().all(|word| said[word].is_null());
        if is_silent && !refers && said["type"] != "null" {
            silent.push(at.clone());
        }
        fields(&at, said, silent);
    }
    for part in ["oneOf", "allOf"].into_iter().flat_map(|word| schema[word].as_array().into_iter().flatten()) {
        fields(at, part, silent);
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document(true);
    let mut dangling = BTreeSet::new();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str)
                    && document.pointer(reference.trim_start_matches('#')).is_none()
                {
                    dangling.insert(reference);
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => (),
        }
    }
    assert!(dangling.is_empty(), "{dangling:#?}");
}

#[test]
fn envelopes_refer_to_what_they_carry() {
    let document = document(true);
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["MeAnswer"]["properties"]["data"]["$ref"], "#/components/schemas/Me");
    assert_eq!(schemas["WalletListAnswer"]["properties"]["data"]["items"]["$ref"], "#/components/schemas/Wallet");
    assert_eq!(schemas["LedgerEntryPage"]["properties"]["data"]["items"]["$ref"], "#/components/schemas/LedgerEntry");
    assert!(schemas.as_object().unwrap().keys().all(|name| !name.contains('_')));
}

#[test]
fn every_code_and_every_next_action_is_a_word_of_the_document() {
    let document = document(true);
    let schemas = &document["components"]["schemas"];
    let words = |name: &str| schemas[name]["enum"].as_array().unwrap().clone();
    let codes: Vec<Value> = Code::ALL.iter().map(|code| code.as_str().into()).collect();
    assert_eq!(words("ErrorCode"), codes);
    let actions: Vec<Value> = crate::NextAction::ALL.iter().map(|action| action.as_str().into()).collect();
    assert_eq!(words("NextAction"), actions);
}

#[test]
fn every_example_is_what_its_schema_says() {
    let document = document(true);
    let contract = Contract::read(document.clone());
    let mut wrong = Vec::new();
    for (name, operation) in operations(&document) {
        let request =
            operation.pointer("/requestBody/content/application~1json").map(|media| ("request".to_owned(), media));
        let answers =
            operation["responses"].as_object().unwrap().iter().filter_map(|(status, response)| {
                Some((status.clone(), response.pointer("/content/application~1json")?))
            });
        for (what, media) in request.into_iter().chain(answers) {
            let examples = media["examples"].as_object().into_iter().flatten();
            let is_good = what.starts_with('2');
            if is_good && media["examples"].as_object().is_none_or(serde_json::Map::is_empty) {
                wrong.push(format!("{name} {what} has no example"));
            }
            for (example, said) in examples {
                let key = format!("{name} {what} {example}");
                wrong.extend(contract.validate(&key, &media["schema"], &said["value"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_same_configuration_gives_the_same_bytes() {
    let config = OpenApiConfig { public_url: URL.to_owned(), has_mock: true, has_relay: true, has_x402: true };
    let first = openapi(&config).to_json().unwrap();
    assert_eq!(first, openapi(&config).to_json().unwrap());
    assert!(first.starts_with(r#"{"openapi":"3.1.0","info""#), "{}", &first[..100]);
    assert!(first.contains(URL));
}

#[test]
fn what_a_call_costs_is_said_where_it_is_paid_by_a_header() {
    let info = |document: &Value| document["paths"]["/api/v1/gateway/{listing}"]["post"]["x-payment-info"].clone();
    let said = info(&document(true));
    assert_eq!((&said["price"]["mode"], &said["protocols"]), (&"dynamic".into(), &serde_json::json!([{ "x402": {} }])));
    assert!(info(&document(false)).is_null());
}
