//! Every header, code, action and field in a document is one that there is.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use crate::documents_text::documents;
use crate::support::{RawRequest, TestGateway};

/// Headers of the requests that sellers get; `crochet_signing::headers` has them.
const FORWARDED: &[&str] = &[
    crochet_signing::headers::REQUEST_ID,
    crochet_signing::headers::LISTING_ID,
    crochet_signing::headers::BUYER_ID,
    crochet_signing::headers::TIMESTAMP,
    crochet_signing::headers::BODY_SHA256,
    crochet_signing::headers::SIGNATURE,
    crochet_signing::headers::SIGNATURE_NEXT,
    crochet_signing::headers::ATTEMPT,
];
/// Headers that are everybody's, and that browsers may send or read without being allowed to.
const COMMON: &[&str] = &["content-type", "content-encoding", "etag", "if-none-match", "accept", "allow", "vary"];
/// Words in the shape of a code that are none.
const NO_CODES: &[&str] = &["TOLERANCE_SECONDS", "TOLERANCE_MS"];
/// Words in the shape of a field that belong to the documents' own prose and sketches.
const NO_FIELDS: &[&str] = &[
    // The agent protocol's own shape.
    "agent_protocol",
    "api_reference",
    "api_reference_page",
    "base_url",
    "body_timeout",
    "calls_under_way",
    "counted_by",
    "error_codes",
    "expires_in",
    "fee_rate",
    "headers_from",
    "llms",
    "max_body_bytes",
    "max_bytes",
    "media_type",
    "next_actions",
    "on_status",
    "opened_by",
    "open_quotes",
    "origin_currencies",
    "page_depth",
    "page_limit",
    "proof_of_work",
    "quote_seconds",
    "rate_limits",
    "request_headers",
    "seller_integration",
    "seller_onboarding",
    "single_use",
    "tolerance_seconds",
    "obtain",
    // Names for what is kept and dropped, in recoveries.
    "request_body",
    "idempotency_key",
    "relay_request_id",
    "previous_relay_request_id",
    "x_request_id",
    // Parts of the signed text, and of ways to sign.
    "request_id",
    "listing_id",
    "body_sha256",
    "personal_sign",
    "is_from_crochet",
    "chain_id",
    // The mock provider's instructions, and what `WWW-Authenticate` says of a wrong key.
    "pay_url",
    "invalid_token",
    // Of an error's page.
    "retry_after",
];
/// How keys and ids begin.
const IDS: &[&str] = &["am_k_", "gw_req_", "relay_0", "whsec_", "mock_0"];

async fn contract(gateway: &TestGateway) -> Value {
    RawRequest::outside(&gateway.api, "GET", "/api/openapi.json").send().await.json()
}

/// Every property, parameter and value of an enumeration in a contract.
fn vocabulary(value: &Value, known: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                match (name.as_str(), inner) {
                    ("properties", Value::Object(properties)) => known.extend(properties.keys().cloned()),
                    ("enum", Value::Array(values)) => {
                        known.extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    ("name" | "const" | "default", Value::String(text)) => {
                        known.insert(text.clone());
                    }
                    _ => {}
                }
                vocabulary(inner, known);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| vocabulary(value, known)),
        _ => {}
    }
}

async fn index(gateway: &TestGateway) -> (BTreeSet<String>, BTreeSet<String>) {
    let index = RawRequest::outside(&gateway.api, "GET", "/docs/errors").send().await.data(200);
    let names = |list: &str, field: &str| {
        index[list].as_array().unwrap().iter().map(|entry| entry[field].as_str().unwrap().to_owned()).collect()
    };
    (names("codes", "code"), names("next_actions", "next_action"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_header_that_a_document_names_is_taken_or_sent() {
    let gateway = TestGateway::start().await;
    let preflight = RawRequest::outside(&gateway.api, "OPTIONS", "/api/v1/gateway/some-listing")
        .header("Origin", "https://app.example")
        .header("Access-Control-Request-Method", "POST")
        .send()
        .await;
    let plain = RawRequest::new(&gateway.api, "GET", "/health").header("Origin", "https://app.example").send().await;
    let listed = |value: Option<&str>| -> Vec<String> {
        value.unwrap_or_default().split(',').map(|name| name.trim().to_lowercase()).collect()
    };
    let mut known: BTreeSet<String> = FORWARDED.iter().chain(COMMON).map(|name| (*name).to_owned()).collect();
    known.extend(listed(preflight.header("access-control-allow-headers")));
    known.extend(listed(plain.header("access-control-expose-headers")));
    for text in documents(&gateway).await {
        let mut named = text.all(r"\b(X-[A-Za-z0-9]+(?:-[A-Za-z0-9]+)+(?:-…)?)");
        named.extend(
            text.all(r"\b(Idempotency-Key|Authorization|Retry-After|RateLimit(?:-[A-Z][a-z]+)?|WWW-Authenticate)\b"),
        );
        named.extend(text.all(r"\b((?:Content|If|Accept)-[A-Z][A-Za-z-]+[a-z])\b"));
        for name in named {
            let name = name.to_lowercase();
            let is_known = match name.strip_suffix('…') {
                Some(start) => known.iter().any(|name| name.starts_with(start)),
                None => known.contains(&name),
            };
            assert!(is_known, "{}: {name} is neither taken nor sent", text.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_and_action_that_a_document_names_is_one_and_the_skill_names_all_actions() {
    let gateway = TestGateway::start().await;
    let (codes, actions) = index(&gateway).await;
    let texts = documents(&gateway).await;
    for text in &texts {
        for code in text.all(r"\b([A-Z]{2,}(?:_[A-Z]{2,})+)\b") {
            assert!(codes.contains(&code) || NO_CODES.contains(&code.as_str()), "{}: {code} is no code", text.path);
        }
        let named = text.all(r#"next_action"?(?: |: ?)[`"]([a-z_]+)[`"]"#);
        for action in named {
            assert!(actions.contains(&action), "{}: {action} is no action", text.path);
        }
    }
    let skill = texts.iter().find(|text| text.path == "/SKILL.md").unwrap();
    let (_, algorithm) = skill.text.split_once("switch recovery.next_action").unwrap();
    let algorithm = algorithm.split_once("```").unwrap().0;
    for action in &actions {
        assert!(algorithm.contains(action.as_str()), "the algorithm of the skill does not know {action}");
    }
    let reference = texts.iter().find(|text| text.path == "/docs/api-reference.txt").unwrap();
    for code in &codes {
        assert!(reference.text.contains(code.as_str()), "{code} is not in the reference");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_a_document_names_is_in_the_contract() {
    let gateway = TestGateway::start().await;
    let (_, actions) = index(&gateway).await;
    let mut known: BTreeSet<String> = NO_FIELDS.iter().map(|name| (*name).to_owned()).collect();
    known.extend(actions);
    vocabulary(&contract(&gateway).await, &mut known);
    let words = Regex::new(r"\b([a-z][a-z0-9]*(?:_[a-z0-9]+)+)\b").unwrap();
    let mut unknown = BTreeSet::new();
    for text in documents(&gateway).await {
        let plain = text.without_code();
        for word in words.captures_iter(&plain).map(|found| found[1].to_owned()) {
            let is_id = IDS.iter().any(|prefix| word.starts_with(prefix));
            if !is_id && !known.contains(&word) {
                unknown.insert((text.path.clone(), word));
            }
        }
    }
    assert!(unknown.is_empty(), "in no request and in no answer: {unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_name_the_configured_limits_and_difficulties() {
    let gateway = TestGateway::with(|settings| {
        settings.rate_limit_gateway = Some(777);
        settings.pow_difficulty_auth = Some(2);
        settings.pow_difficulty_listing = Some(3);
    })
    .await;
    let protocol = RawRequest::outside(&gateway.api, "GET", "/.well-known/agent-protocol.json").send().await.json();
    assert_eq!(protocol["rate_limits"]["gateway"]["requests"], 777);
    let work = &protocol["authentication"]["proof_of_work"];
    assert_eq!((&work["account"]["difficulty"], &work["listing"]["difficulty"]), (&2.into(), &3.into()));
    let skill = RawRequest::outside(&gateway.api, "GET", "/SKILL.md").send().await.text();
    assert!(skill.contains("777 in 60 s") && skill.contains("\"difficulty\": 2"), "{skill}");
    assert!(skill.starts_with("---\nname: crochet\ndescription: "), "{skill}");
}
