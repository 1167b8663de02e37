//! Every path and link in a document leads somewhere.

use std::collections::BTreeSet;

use regex::Regex;

use crate::documents_text::{Text, documents, target};
use crate::support::{RawAnswer, RawRequest, TestGateway};

/// Whether an answer says that there is no such path, or no such method.
fn leads_nowhere(answer: &RawAnswer) -> bool {
    answer.status == 405 || (answer.status == 404 && answer.text().contains("There is nothing at this path"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_and_path_that_a_document_names_is_there() {
    let gateway = TestGateway::start().await;
    // The example of a wrong method is one.
    let texts = documents(&gateway).await;
    let right = texts.iter().filter(|text| text.path != "/docs/errors/METHOD_NOT_ALLOWED");
    let all: BTreeSet<_> = right.flat_map(Text::operations).collect();
    assert!(all.len() >= 30, "{all:?}");
    for (method, path) in all {
        let answer = RawRequest::outside(&gateway.api, &method, &target(&path)).send().await;
        assert!(!leads_nowhere(&answer), "{method} {path}: {} {}", answer.status, answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_that_a_document_names_alone_is_there() {
    let gateway = TestGateway::start().await;
    let mut all = BTreeSet::new();
    for text in documents(&gateway).await {
        all.extend(text.all(r"`(/[a-z][A-Za-z0-9_:/.-]*)`"));
        all.extend(text.all(r"(?m)[\s(](/(?:docs|me|listings|auth|gateway|ledger|api-keys|payments|subscri|balance|deposits)[A-Za-z0-9_:/.-]*[A-Za-z0-9])"));
    }
    // Where the API is, and nothing by itself.
    all.remove("/api/v1");
    assert!(all.len() > 5, "{all:?}");
    for path in all {
        let answer = RawRequest::outside(&gateway.api, "GET", &target(&path)).send().await;
        let is_there = answer.status == 405 || !leads_nowhere(&answer);
        assert!(is_there, "{path}: {} {}", answer.status, answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_leads_to_an_answer_of_this_server() {
    let gateway = TestGateway::start().await;
    let base = gateway.api.base();
    let pattern = Regex::new(&format!(r#"{}([^\s)"'`<>\]]*)"#, regex::escape(base))).unwrap();
    let others = Regex::new(r#"https?://[A-Za-z0-9][^\s)"'`<>\]]+"#).unwrap();
    let mut links = BTreeSet::new();
    for Text { path, text } in documents(&gateway).await {
        assert!(text.contains(base), "{path} names the configured URL nowhere");
        links.extend(
            pattern.captures_iter(&text).map(|found| found[1].trim_end_matches(['.', ',', ':', ';']).to_owned()),
        );
        // The examples of what sellers and callers have themselves.
        for url in others.find_iter(&text).map(|found| found.as_str()) {
            assert!(url.starts_with(base) || url.contains(".example"), "{path}: {url}");
        }
    }
    links.retain(|link| !link.is_empty() && link != "/api/v1" && !link.contains([':', '{']));
    assert!(links.len() > 40, "{links:?}");
    for link in links {
        let plain = link.split('#').next().unwrap();
        // Paths of calls, in examples of requests.
        if plain.starts_with("/api/v1/gateway") || plain.starts_with("/api/v1/mock-provider") {
            continue;
        }
        let answer = RawRequest::outside(&gateway.api, "GET", &plain.replace("/CODE", "/NOT_FOUND")).send().await;
        assert_eq!(answer.status, 200, "{link}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_and_query_parameter_of_the_contract_is_in_the_reference() {
    let gateway = TestGateway::start().await;
    let contract = RawRequest::outside(&gateway.api, "GET", "/api/openapi.json").send().await;
    assert_eq!(contract.status, 200, "{}", contract.text());
    let contract = contract.json();
    let reference = RawRequest::outside(&gateway.api, "GET", "/docs/api-reference.txt").send().await.text();
    let parameter = Regex::new(r"\{[^}]+\}|:[A-Za-z_]+").unwrap();
    let named: BTreeSet<_> = Regex::new(r"(?m)^### ([A-Z]+) (\S+)$")
        .unwrap()
        .captures_iter(&reference)
        .map(|found| (found[1].to_owned(), parameter.replace_all(&found[2], ":").into_owned()))
        .collect();
    let mut count = 0;
    for (path, item) in contract["paths"].as_object().unwrap() {
        let Some(path) = path.strip_prefix("/api/v1") else { continue };
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) || operation["deprecated"] == true
            {
                continue;
            }
            count += 1;
            let plain = parameter.replace_all(path, ":").into_owned();
            assert!(named.contains(&(method.clone(), plain)), "{method} {path} is not in the reference");
            for known in operation["parameters"].as_array().into_iter().flatten() {
                let name = known["name"].as_str().unwrap_or_default();
                if known["in"] == "query" {
                    assert!(reference.contains(name), "{method} {path}: the parameter {name} is not in the reference");
                }
            }
        }
    }
    assert!(count > 25, "{count}");
}
