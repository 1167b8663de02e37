//! Makes schemas strict: what they do not name is not there.
//!
//! A part of an `allOf` must not be closed by itself, because the other parts bring fields of their own. So every
//! component is there twice: closed, and open for the use in an `allOf`.

use serde_json::{Map, Value, json};

const CLOSED: &str = "#/components/schemas/";
const OPEN: &str = "#/components/open/";

/// Both forms of all components, as the root that schemas are resolved against.
pub(super) fn components(document: &Value) -> Value {
    let schemas = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
    let form = |make: fn(&Value) -> Value| -> Map<String, Value> {
        schemas.iter().map(|(name, schema)| (name.clone(), make(schema))).collect()
    };
    json!({ "schemas": form(closed), "open": form(open) })
}

/// Closed: with no other fields than those that are named.
pub(super) fn closed(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut fields = inside(fields, closed);
    let is_composed = fields.contains_key("allOf") || fields.contains_key("properties");
    let is_object = fields.get("type").is_some_and(|kind| *kind == "object" || has_object(kind));
    let is_settled = ["additionalProperties", "unevaluatedProperties"].iter().any(|word| fields.contains_key(*word));
    if (is_composed || is_object) && !is_settled {
        fields.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
    }
    Value::Object(fields)
}

/// Open at its own level, closed below.
fn open(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut fields = inside(fields, open);
    if let Some(Value::String(reference)) = fields.get_mut("$ref")
        && let Some(name) = reference.strip_prefix(CLOSED)
    {
        *reference = format!("{OPEN}{name}");
    }
    if fields.get("additionalProperties") == Some(&Value::Bool(false)) {
        fields.remove("additionalProperties");
    }
    Value::Object(fields)
}

fn has_object(kind: &Value) -> bool {
    kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"))
}

/// What stands inside of a schema: values of fields and items are closed, parts of an `allOf` open, and alternatives as
/// `alternative` makes them.
fn inside(fields: &Map<String, Value>, alternative: fn(&Value) -> Value) -> Map<String, Value> {
    let each = |value: &Value, make: fn(&Value) -> Value| match value {
        Value::Array(items) => Value::Array(items.iter().map(make).collect()),
        other => other.clone(),
    };
    fields
        .iter()
        .map(|(word, value)| {
            let value = match word.as_str() {
                "properties" => match value {
                    Value::Object(named) => {
                        Value::Object(named.iter().map(|(name, schema)| (name.clone(), closed(schema))).collect())
                    }
                    other => other.clone(),
                },
                "items" | "additionalProperties" | "propertyNames" => closed(value),
                "prefixItems" => each(value, closed),
                "allOf" => each(value, open),
                "oneOf" | "anyOf" => each(value, alternative),
                _ => value.clone(),
            };
            (word.clone(), value)
        })
        .collect()
}
