//! What a seller says of the request that a listing takes: a JSON Schema of the body, and an example.
//!
//! A schema is read and never evaluated: held against a body, a stranger's schema can take any time (a reference to
//! itself takes for ever). So an example is not held against its schema, and neither is what buyers send.

use serde_json::{Map, Value};

use crate::fields::Problems;

/// The longest schema, as compact JSON, in bytes.
pub(crate) const MAX_SCHEMA: usize = 16 * 1024;
/// The longest example, as compact JSON, in bytes.
pub(crate) const MAX_EXAMPLE: usize = 4 * 1024;
/// How deep either may be nested: what is deeper is read by nobody.
pub(crate) const MAX_DEPTH: usize = 32;

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
/// Keywords whose value is a schema.
const OF_SCHEMA: [&str; 12] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is a list of schemas.
const OF_SCHEMAS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords whose value is an object of schemas by name.
const OF_NAMED_SCHEMAS: [&str; 5] = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];
const OF_TEXT: [&str; 5] = ["$comment", "$schema", "description", "format", "pattern"];
const OF_NUMBER: [&str; 5] = ["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"];
const OF_COUNT: [&str; 8] =
    ["maxContains", "maxItems", "maxLength", "maxProperties", "minContains", "minItems", "minLength", "minProperties"];
/// Keywords that give a schema an address of its own, or lead by one to another schema. Whoever embeds the schema
/// elsewhere could not tell where they lead.
const OF_ADDRESS: [&str; 8] =
    ["$anchor", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveAnchor", "$recursiveRef", "$vocabulary", "id"];

impl Problems {
    /// A JSON Schema of the body of a request.
    pub(crate) fn input_schema(&mut self, field: &str, schema: Option<&Value>) -> Option<Value> {
        let schema = schema?;
        self.json(field, schema, MAX_SCHEMA);
        let is_shallow = depth(schema) <= MAX_DEPTH;
        if !schema.is_object() {
            self.add(field, "must be a JSON Schema that is an object; null says that there is none");
        } else if is_shallow && let Err((at, why)) = check(schema) {
            self.add(field, format!("is no JSON Schema that can be taken: at {} {why}", at.pointer()));
        }
        Some(schema.clone())
    }

    /// An example of the body of a request: any JSON but null, which says that there is none.
    pub(crate) fn example_input(&mut self, field: &str, example: Option<&Value>) -> Option<Value> {
        let example = example?;
        self.json(field, example, MAX_EXAMPLE);
        Some(example.clone())
    }

    fn json(&mut self, field: &str, value: &Value, max: usize) {
        if depth(value) > MAX_DEPTH {
            self.add(field, format!("must not be nested more than {MAX_DEPTH} deep"));
        } else if value.to_string().len() > max {
            self.add(field, format!("must be at most {max} bytes long, written without white space"));
        }
    }
}

/// Where in a schema: from the innermost part outwards.
#[derive(Debug, Default)]
struct At(Vec<String>);

impl At {
    fn pointer(&self) -> String {
        let parts = self.0.iter().rev().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")));
        let pointer: String = parts.collect::<String>().chars().take(200).collect();
        if pointer.is_empty() { "its top".to_owned() } else { pointer }
    }
}

type Checked = Result<(), (At, &'static str)>;

fn within(part: &str, checked: Checked) -> Checked {
    checked.map_err(|(mut at, why)| {
        at.0.push(part.to_owned());
        (at, why)
    })
}

fn wrong(why: &'static str) -> Checked {
    Err((At::default(), why))
}

/// Whether a value is a schema in form. Its depth was looked at before.
fn check(schema: &Value) -> Checked {
    match schema {
        Value::Bool(_) => Ok(()),
        Value::Object(keywords) => {
            keywords.iter().try_for_each(|(keyword, value)| within(keyword, check_keyword(keyword, value)))
        }
        _ => wrong("a schema has to be an object, true or false"),
    }
}

/// Keywords that nobody knows are taken: they are annotations.
fn check_keyword(keyword: &str, value: &Value) -> Checked {
    match keyword {
        "$ref" => check_reference(value),
        "type" => check_type(value),
        "required" if !is_list_of_texts(value) => wrong("has to be a list of texts"),
        "enum" if !value.is_array() => wrong("has to be a list"),
        "uniqueItems" if !value.is_boolean() => wrong("has to be true or false"),
        // Before 2020-12 it could be a list.
        "items" if value.is_array() => check_list(value),
        _ if OF_ADDRESS.contains(&keyword) && value.is_string() => wrong("leads to, or is, an address of its own"),
        _ if OF_SCHEMA.contains(&keyword) => check(value),
        _ if OF_SCHEMAS.contains(&keyword) => check_list(value),
        _ if OF_NAMED_SCHEMAS.contains(&keyword) => match value {
            Value::Object(named) => check_named(named),
            _ => wrong("has to be an object of schemas"),
        },
        _ if OF_TEXT.contains(&keyword) && !value.is_string() => wrong("has to be a text"),
        _ if OF_NUMBER.contains(&keyword) && !value.is_number() => wrong("has to be a number"),
        _ if OF_COUNT.contains(&keyword) && !value.is_u64() => wrong("has to be a whole number, 0 or more"),
        _ => Ok(()),
    }
}

/// References stay within the schema: nothing is fetched for one, by us or by who reads it.
fn check_reference(value: &Value) -> Checked {
    match value.as_str() {
        Some(reference) if reference == "#" || reference.starts_with("#/") => Ok(()),
        _ => wrong("has to lead to a part of this same schema: # or #/…"),
    }
}

fn check_type(value: &Value) -> Checked {
    let is_type = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    match value {
        Value::Array(names) if !names.is_empty() && names.iter().all(is_type) => Ok(()),
        value if is_type(value) => Ok(()),
        _ => wrong("has to be one or several of array, boolean, integer, null, number, object, string"),
    }
}

fn check_list(value: &Value) -> Checked {
    match value {
        Value::Array(schemas) if !schemas.is_empty() => {
            schemas.iter().enumerate().try_for_each(|(index, schema)| within(&index.to_string(), check(schema)))
        }
        _ => wrong("has to be a list of schemas, with one at least"),
    }
}

fn check_named(named: &Map<String, Value>) -> Checked {
    named.iter().try_for_each(|(name, schema)| within(name, check(schema)))
}

fn is_list_of_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|texts| texts.iter().all(Value::is_string))
}

/// How deep it is nested. What is read from JSON is at most 128 deep, so this returns.
fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        _ => return 0,
    };
    inner.unwrap_or(0).saturating_add(1)
}

#[cfg(test)]
mod tests;
