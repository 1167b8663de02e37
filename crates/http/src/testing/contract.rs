//! One exchange held against the document.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::operations::{find, is_retired};
use super::strict;
use crate::code::Code;
use crate::openapi::{OpenApiConfig, openapi};

/// A request, and what came back.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The request's path with its query.
    pub target: &'a str,
    /// The request's body; `None` where it is not at hand.
    pub request_body: Option<&'a [u8]>,
    /// The status that came back.
    pub status: u16,
    /// The headers that came back, with names in any letter case.
    pub headers: &'a [(String, String)],
    /// The body that came back, as it came.
    pub body: &'a [u8],
}

/// The document, ready to be held against exchanges.
pub struct Contract {
    document: Value,
    /// The components, closed.
    components: Value,
    /// Compiled where they are needed, by what they are of.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl std::fmt::Debug for Contract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contract").finish_non_exhaustive()
    }
}

impl Contract {
    /// The contract of a server that is configured so.
    #[must_use]
    pub fn of(config: &OpenApiConfig) -> Self {
        Self::read(serde_json::to_value(openapi(config)).unwrap_or_default())
    }

    /// The contract that a document makes.
    #[must_use]
    pub fn read(document: Value) -> Self {
        let components = strict::components(&document);
        Self { document, components, validators: Mutex::default() }
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Holds an exchange against the document.
    ///
    /// # Errors
    /// With everything that does not agree, a line each.
    pub fn check(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        let problems = self.problems(exchange);
        if problems.is_empty() {
            return Ok(());
        }
        let Exchange { method, target, status, body, .. } = exchange;
        let body: String = String::from_utf8_lossy(body).chars().take(2_000).collect();
        Err(format!("{method} {target} → {status} is not what the document says:\n  {}\n{body}", problems.join("\n  ")))
    }

    fn problems(&self, exchange: &Exchange<'_>) -> Vec<String> {
        if exchange.status < 200 {
            return Vec::new();
        }
        // What does not even come to a route: the framework refuses requests that are none.
        if matches!(exchange.status, 400 | 408 | 431)
            && exchange.body.is_empty()
            && exchange.header("x-request-id").is_none()
        {
            return Vec::new();
        }
        let found = find(&self.document, exchange.target);
        // Methods are told apart by the case of their letters; the document writes them small.
        let method = match exchange.method {
            "OPTIONS" if exchange.status == 204 => return Vec::new(),
            "HEAD" => "get".to_owned(),
            method if method.chars().all(|c| c.is_ascii_uppercase()) => method.to_ascii_lowercase(),
            _ => String::new(),
        };
        match found.and_then(|found| Some((found.path, found.methods.get(&method)?))) {
            Some((path, operation)) => self.of_operation(exchange, &format!("{method} {path}"), operation),
            None => self.outside(exchange),
        }
    }

    /// An answer to what is no operation of the document.
    fn outside(&self, exchange: &Exchange<'_>) -> Vec<String> {
        let code = exchange.code();
        let expected: &[Code] = match find(&self.document, exchange.target) {
            _ if is_retired(&self.document, exchange.target) => &[Code::Gone],
            Some(_) => &[Code::MethodNotAllowed, Code::Unauthorized, Code::NotAcceptable, Code::RateLimited],
            None => &[Code::NotFound],
        };
        let mut problems = Vec::new();
        match code.filter(|code| expected.contains(code)) {
            Some(code) => {
                let schema = json!({ "$ref": format!("#/components/schemas/{}", crate::openapi::component(code)) });
                problems.extend(self.body_problems(exchange, code.as_str(), &schema));
                if code.status().as_u16() != exchange.status {
                    problems.push(format!("{} is sent with {}", code.as_str(), code.status().as_u16()));
                }
                let header = match code {
                    Code::MethodNotAllowed => Some("allow"),
                    Code::Unauthorized => Some("www-authenticate"),
                    Code::RateLimited => Some("retry-after"),
                    _ => None,
                };
                if let Some(name) = header.filter(|name| exchange.header(name).is_none()) {
                    problems.push(format!("there is no {name}"));
                }
            }
            None if exchange.method == "HEAD"
                && expected.iter().any(|code| code.status().as_u16() == exchange.status) => {}
            None => problems.push("there is no such operation, and this is not how that is said".to_owned()),
        }
        problems
    }

    fn of_operation(&self, exchange: &Exchange<'_>, name: &str, operation: &Value) -> Vec<String> {
        let status = exchange.status.to_string();
        let Some(response) = operation["responses"].get(&status) else {
            return vec![format!("{name} has no status {status}")];
        };
        let response = self.resolved(response);
        let mut problems = self.header_problems(exchange, name, response);
        problems.extend(self.content_problems(exchange, &format!("{name} {status}"), response));
        if (200..300).contains(&exchange.status) {
            problems.extend(self.request_problems(exchange, name, operation));
            problems.extend(self.query_problems(exchange, name, operation));
        }
        problems
    }

    fn header_problems(&self, exchange: &Exchange<'_>, name: &str, response: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        for (header, said) in response["headers"].as_object().into_iter().flatten() {
            let said = self.resolved(said);
            match exchange.header(header) {
                None if said["required"] == true => problems.push(format!("{name}: there is no {header}")),
                None => (),
                Some(value) => {
                    let key = format!("header {header}");
                    problems.extend(self.value_problems(&key, &said["schema"], value));
                }
            }
        }
        problems
    }

    fn content_problems(&self, exchange: &Exchange<'_>, name: &str, response: &Value) -> Vec<String> {
        let content = response["content"].as_object();
        let Some(content) = content.filter(|content| !content.is_empty()) else {
            return if exchange.body.is_empty() { Vec::new() } else { vec![format!("{name} has no body")] };
        };
        let sent = exchange.header("content-type").unwrap_or_default();
        let essence = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let Some(media) = content.get(&essence) else {
            return vec![format!("{name} has no content of the type {sent:?}")];
        };
        if essence != "application/json" {
            return Vec::new();
        }
        self.body_problems(exchange, &format!("{name} {essence}"), &media["schema"])
    }

    fn body_problems(&self, exchange: &Exchange<'_>, key: &str, schema: &Value) -> Vec<String> {
        // HEAD has no body, and a coded one says the same as the plain one.
        if exchange.method.eq_ignore_ascii_case("head") || exchange.header("content-encoding").is_some() {
            return Vec::new();
        }
        match read(exchange.body) {
            Ok(Some(body)) => self.validate(key, schema, &body),
            Ok(None) => Vec::new(),
            Err(error) => vec![format!("the body is not JSON: {error}")],
        }
    }

    /// What was taken should be what the document says is taken.
    fn request_problems(&self, exchange: &Exchange<'_>, name: &str, operation: &Value) -> Vec<String> {
        let schema = operation.pointer("/requestBody/content/application~1json/schema");
        let Some(body) = exchange.request_body else { return Vec::new() };
        match (schema, read(body)) {
            (_, Err(_)) if body.is_empty() => {
                let is_required = operation["requestBody"]["required"] == true;
                if is_required { vec![format!("{name} was answered well without its body")] } else { Vec::new() }
            }
            // A body that is not expected is not looked at.
            (None, _) => Vec::new(),
            (Some(_), Err(error)) => vec![format!("the request's body is not JSON: {error}")],
            (Some(_), Ok(None)) => Vec::new(),
            (Some(schema), Ok(Some(body))) => self.validate(&format!("{name} request"), schema, &body),
        }
    }

    fn query_problems(&self, exchange: &Exchange<'_>, name: &str, operation: &Value) -> Vec<String> {
        let query = exchange.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let mut problems = Vec::new();
        for (parameter, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let mut known = parameters.map(|known| self.resolved(known)).filter(|known| known["in"] == "query");
            match known.find(|known| known["name"] == *parameter) {
                None => problems.push(format!("{name} has no query parameter {parameter}")),
                // An empty one counts as left out.
                Some(_) if value.is_empty() => (),
                Some(known) => {
                    let key = format!("{name} query {parameter}");
                    let schema = &known["schema"];
                    problems.extend(if schema["type"] == "array" {
                        self.validate(&key, schema, &value.split(',').map(Value::from).collect())
                    } else {
                        self.value_problems(&key, schema, &value)
                    });
                }
            }
        }
        problems
    }

    /// A value that is text outside of JSON: as text, and as the number or truth value that it may stand for.
    fn value_problems(&self, key: &str, schema: &Value, text: &str) -> Vec<String> {
        let problems = self.validate(key, schema, &Value::from(text));
        let other = serde_json::from_str(text).ok().filter(|value: &Value| value.is_number() || value.is_boolean());
        match other {
            Some(value) if !problems.is_empty() => self.validate(key, schema, &value),
            _ => problems,
        }
    }

    /// Validates a value against a schema of the document, closed; `key` names the schema.
    pub(crate) fn validate(&self, key: &str, schema: &Value, value: &Value) -> Vec<String> {
        let validator = match self.validator(key, schema) {
            Ok(validator) => validator,
            Err(problem) => return vec![problem],
        };
        let problem = |error: jsonschema::ValidationError<'_>| {
            let text: String = error.to_string().chars().take(400).collect();
            format!("{key}: {} at {:?}", text, error.instance_path().as_str())
        };
        validator.iter_errors(value).take(5).map(problem).collect()
    }

    fn validator(&self, key: &str, schema: &Value) -> Result<Arc<Validator>, String> {
        let known = self.validators.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let root = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": self.components,
            "allOf": [strict::closed(schema)],
        });
        let built = jsonschema::options().should_validate_formats(true).build(&root);
        let built = Arc::new(built.map_err(|error| format!("{key}: the schema is none: {error}"))?);
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(validators.entry(key.to_owned()).or_insert(built)))
    }

    /// The component that is referred to, or what stands there itself.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let reference = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        reference.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(value)
    }
}

/// Reads JSON; `None` is JSON that holds what no value here can, as numbers beyond all floats.
fn read(text: &[u8]) -> Result<Option<Value>, serde_json::Error> {
    serde_json::from_slice::<serde::de::IgnoredAny>(text)?;
    Ok(serde_json::from_slice(text).ok())
}

impl Exchange<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn code(&self) -> Option<Code> {
        let body: Value = serde_json::from_slice(self.body).ok()?;
        Code::parse(body["error"]["code"].as_str()?)
    }
}
