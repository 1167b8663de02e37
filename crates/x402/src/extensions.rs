//! Extensions of v2: what is declared in a 402, and what a client sends back of it.
//!
//! By the protocol's convention an extension is `{info, schema}`, where `schema` describes `info`. Clients send the
//! extensions of a 402 back as they came, and may add to `info`.

use serde_json::{Value, json};

use crate::decode::DecodeError;

/// Terms that the gateway has signed; see [`crochet`].
pub const CROCHET: &str = "crochet";
/// A client's own name for its payment; see [`payment_identifier`].
pub const PAYMENT_IDENTIFIER: &str = "payment-identifier";
/// What to send to the resource, for who indexes it; see [`bazaar`].
pub const BAZAAR: &str = "bazaar";

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
const LONGEST_TERMS: usize = 2048;

/// The value of [`CROCHET`]: signed terms, which hold until `expires_at` (RFC 3339).
#[must_use]
pub fn crochet(terms: &str, expires_at: &str) -> Value {
    json!({
        "info": { "terms": terms, "expiresAt": expires_at },
        "schema": {
            "$schema": DRAFT,
            "type": "object",
            "properties": { "terms": { "type": "string" }, "expiresAt": { "type": "string" } },
            "required": ["terms"],
        },
    })
}

/// The signed terms that a payment brings back; `None` where it brings none.
pub(crate) fn read_crochet(payload: &Value) -> Option<String> {
    let terms = payload.get("extensions")?.get(CROCHET)?.get("info")?.get("terms")?.as_str()?;
    (1..=LONGEST_TERMS).contains(&terms.len()).then(|| terms.to_owned())
}

/// The value of [`PAYMENT_IDENTIFIER`]: an id is understood and not asked for.
#[must_use]
pub fn payment_identifier() -> Value {
    json!({
        "info": { "required": false },
        "schema": {
            "$schema": DRAFT,
            "type": "object",
            "properties": {
                "required": { "type": "boolean" },
                "id": { "type": "string", "minLength": 16, "maxLength": 128, "pattern": "^[a-zA-Z0-9_-]+$" },
            },
            "required": ["required"],
        },
    })
}

/// The id that a payment brings, where the client has added one to the declaration.
pub(crate) fn read_payment_identifier(payload: &Value) -> Result<Option<String>, DecodeError> {
    let info = payload.get("extensions").and_then(|all| all.get(PAYMENT_IDENTIFIER)).and_then(|own| own.get("info"));
    let Some(id) = info.and_then(|info| info.get("id")).filter(|id| !id.is_null()) else {
        return Ok(None);
    };
    let id = id.as_str().filter(|id| {
        (16..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    });
    id.map(|id| Some(id.to_owned())).ok_or(DecodeError::PaymentIdentifier)
}

/// Where the schema of the body stands within the schema of [`bazaar`].
const BODY: &str = "#/properties/input/properties/body";
/// Keywords of JSON Schema whose value is data, in which nothing is a reference.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];
/// Keywords whose value is an object of schemas by names that are no keywords.
const NAMED: [&str; 5] = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// The value of [`BAZAAR`] for a resource that takes a `POST` of JSON: an example of the body, and the JSON Schema of
/// it. Indexers refuse a declaration whose `info` its own `schema` does not allow, so without an example `body` is left
/// out of `info`, and need not be there.
///
/// References of the schema are taken to lead to its own parts, by `#` or `#/…`; they are led to where these are now.
#[must_use]
pub fn bazaar(body_schema: Option<&Value>, body_example: Option<&Value>, output_example: Option<&Value>) -> Value {
    let mut body = body_schema.cloned().unwrap_or(json!({}));
    lead_references(&mut body);
    let mut input = json!({ "type": "http", "method": "POST", "bodyType": "json" });
    let mut required = vec!["type", "method", "bodyType"];
    if let Some(example) = body_example {
        input["body"] = example.clone();
        required.push("body");
    }
    let mut info = json!({ "input": input });
    let mut schema = json!({
        "$schema": DRAFT,
        "type": "object",
        "properties": {
            "input": {
                "type": "object",
                "properties": {
                    "type": { "type": "string", "const": "http" },
                    "method": { "type": "string", "enum": ["POST"] },
                    "bodyType": { "type": "string", "enum": ["json"] },
                    "body": body,
                },
                "required": required,
                "additionalProperties": false,
            },
        },
        "required": ["input"],
    });
    if let Some(example) = output_example {
        info["output"] = json!({ "type": "json", "example": example });
        schema["properties"]["output"] = json!({
            "type": "object",
            "properties": { "type": { "type": "string" }, "example": {} },
            "required": ["type"],
        });
    }
    json!({ "info": info, "schema": schema })
}

/// Leads the references of a schema that is put at [`BODY`] to its parts there.
fn lead_references(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                match value {
                    Value::String(reference) if keyword == "$ref" => {
                        if let Some(part) = reference.strip_prefix('#') {
                            *reference = format!("{BODY}{part}");
                        }
                    }
                    Value::Object(named) if NAMED.contains(&keyword.as_str()) => {
                        named.values_mut().for_each(lead_references);
                    }
                    value if !DATA.contains(&keyword.as_str()) => lead_references(value),
                    _ => {}
                }
            }
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(lead_references),
        _ => {}
    }
}
