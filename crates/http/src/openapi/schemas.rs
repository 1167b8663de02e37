//! Components that nothing refers to are left out: a document that names a thing uses it.

use std::collections::HashSet;

use serde_json::Value;
use utoipa::openapi::OpenApi;

/// Drops the schemas that are reached from no operation.
pub(super) fn drop_unused(document: &mut OpenApi) {
    let Ok(paths) = serde_json::to_value(&document.paths) else { return };
    let Some(components) = &mut document.components else { return };
    let mut used = HashSet::new();
    let mut open = vec![paths];
    while let Some(value) = open.pop() {
        let mut found = Vec::new();
        names(&value, &mut found);
        for name in found {
            if let Some(schema) = components.schemas.get(&name)
                && used.insert(name)
                && let Ok(schema) = serde_json::to_value(schema)
            {
                open.push(schema);
            }
        }
    }
    components.schemas.retain(|name, _| used.contains(name));
}

/// The names of the schemas that a value refers to.
fn names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            found.extend(reference.and_then(|text| text.strip_prefix("#/components/schemas/")).map(str::to_owned));
            fields.values().for_each(|field| names(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}
