//! Components that nothing refers to are left out: a document that names a thing uses it.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::{Components, OpenApi};

/// The response to a method that a path has not.
const OTHER_METHOD: &str = "MethodNotAllowedErrorUnlimited";
/// Where the components are that this looks at.
const KINDS: [&str; 2] = ["schemas", "responses"];

/// Drops the schemas and responses that are reached from no operation.
pub(super) fn drop_unused(document: &mut OpenApi) {
    let Ok(paths) = serde_json::to_value(&document.paths) else { return };
    let Some(components) = &mut document.components else { return };
    let mut used: HashSet<(String, String)> = HashSet::new();
    // What any path answers to methods that it has not belongs to no operation.
    let mut open = vec![paths, serde_json::json!({ "$ref": format!("#/components/responses/{OTHER_METHOD}") })];
    while let Some(value) = open.pop() {
        let mut found = Vec::new();
        references(&value, &mut found);
        for reference in found {
            if let Some(component) = component(components, &reference)
                && used.insert(reference)
            {
                open.push(component);
            }
        }
    }
    let is_used = |kind: &str, name: &str| used.contains(&(kind.to_owned(), name.to_owned()));
    components.schemas.retain(|name, _| is_used("schemas", name));
    components.responses.retain(|name, _| is_used("responses", name));
}

fn component(components: &Components, (kind, name): &(String, String)) -> Option<Value> {
    fn written(component: Option<&impl Serialize>) -> Option<Value> {
        serde_json::to_value(component?).ok()
    }
    match kind.as_str() {
        "schemas" => written(components.schemas.get(name)),
        "responses" => written(components.responses.get(name)),
        _ => None,
    }
}

/// The kinds and names of the components that a value refers to.
fn references(value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            if let Some((kind, name)) = reference
                .and_then(|text| text.strip_prefix("#/components/"))
                .and_then(|text| text.split_once('/'))
                .filter(|(kind, _)| KINDS.contains(kind))
            {
                found.push((kind.to_owned(), name.to_owned()));
            }
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}
