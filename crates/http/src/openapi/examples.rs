//! Examples: answers of a real run, with stable values. The files are named for operation, status and what they show.

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::Operation;

/// How the server is seen in the files.
const SEEN_AS: &str = "https://crochet.example";

macro_rules! examples {
    ($($operation:literal $status:literal $name:literal $summary:literal;)*) => {
        /// Operation, status, name, what it shows, and the JSON.
        const ALL: &[(&str, &str, &str, &str, &str)] = &[
            $(($operation, $status, $name, $summary,
                include_str!(concat!("examples/", $operation, ".", $status, ".", $name, ".json")))),*
        ];
    };
}

examples! {}

/// Puts the examples of an operation where they belong.
pub(super) fn add(operation: &mut Operation, public_url: &str) {
    let id = operation.operation_id.clone().unwrap_or_default();
    for (_, status, name, summary, json) in ALL.iter().filter(|(of, ..)| *of == id) {
        let Ok(value) = serde_json::from_str::<Value>(&json.replace(SEEN_AS, public_url)) else { continue };
        let content = match *status {
            "request" => operation.request_body.as_mut().and_then(|body| match body {
                RefOr::T(body) => body.content.get_mut("application/json"),
                RefOr::Ref(_) => None,
            }),
            status => operation.responses.responses.get_mut(status).and_then(|response| match response {
                RefOr::T(response) => response.content.get_mut("application/json"),
                RefOr::Ref(_) => None,
            }),
        };
        if let Some(RefOr::T(content)) = content {
            let example = ExampleBuilder::new().summary(*summary).value(Some(value)).build();
            content.examples.insert((*name).to_owned(), example.into());
        }
    }
}
