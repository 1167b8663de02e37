//! What the documents name: read out of their text, so that a test can ask the server about it.

use std::collections::BTreeSet;

use regex::Regex;

use crate::support::{RawRequest, TestGateway};

/// Every document that names paths, headers and codes.
pub(crate) const DOCUMENTS: &[&str] = &[
    "/",
    "/llms.txt",
    "/SKILL.md",
    "/agent-skill",
    "/seller-onboarding",
    "/docs/api-reference.txt",
    "/docs/seller-integration.txt",
    "/docs/errors",
    "/.well-known/agent-protocol.json",
];

/// A document in its own form, and as Markdown where it has that form too.
pub(crate) struct Text {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All documents, the pages of all errors among them.
pub(crate) async fn documents(gateway: &TestGateway) -> Vec<Text> {
    let index = RawRequest::outside(&gateway.api, "GET", "/docs/errors").send().await.data(200);
    let codes = index["codes"].as_array().unwrap().iter().map(|code| code["code"].as_str().unwrap());
    let pages = codes.map(|code| format!("/docs/errors/{code}"));
    let mut texts = Vec::new();
    for path in DOCUMENTS.iter().map(|path| (*path).to_owned()).chain(pages) {
        for accept in ["*/*", "text/markdown, text/plain;q=0.9, */*;q=0.1"] {
            let answer = RawRequest::outside(&gateway.api, "GET", &path).header("Accept", accept).send().await;
            assert_eq!(answer.status, 200, "{path}");
            texts.push(Text { path: path.clone(), text: answer.text() });
        }
    }
    texts
}

impl Text {
    /// Every match of the pattern's first group.
    pub(crate) fn all(&self, pattern: &str) -> BTreeSet<String> {
        let pattern = Regex::new(pattern).unwrap();
        pattern.captures_iter(&self.text).map(|found| found[1].to_owned()).collect()
    }

    /// `GET /me`, as text and as the protocol's JSON has it: methods and paths.
    pub(crate) fn operations(&self) -> BTreeSet<(String, String)> {
        let plain = Regex::new(
            r"\b(GET|HEAD|POST|PUT|PATCH|DELETE)(?:, `?(?:GET|POST|PUT|PATCH|DELETE))* (/[A-Za-z0-9_:/{}.-]*)",
        );
        let json = Regex::new(r#""method": ?"([A-Z]+)", ?"path": ?"([^"]+)""#);
        let found = |pattern: &Regex| -> Vec<(String, String)> {
            pattern
                .captures_iter(&self.text)
                .map(|found| (found[1].to_owned(), found[2].trim_end_matches(['.', ':']).to_owned()))
                .collect()
        };
        [plain, json].iter().flat_map(|pattern| found(pattern.as_ref().unwrap())).collect()
    }

    /// The text without code in programming languages, whose names are nobody's but their own.
    pub(crate) fn without_code(&self) -> String {
        Regex::new(r"(?s)```(?:python|typescript|rust)\n.*?\n```").unwrap().replace_all(&self.text, "").into_owned()
    }
}

/// The path as it can be asked for: below `/api/v1` unless it is a document's, with something in place of its parameters.
pub(crate) fn target(path: &str) -> String {
    let filled = path
        .replace(":relay_request_id", "relay_0190a0b0-0000-7000-8000-000000000000")
        .replace("/CODE", "/NOT_FOUND")
        .replace("{listing}", "0190a0b0-0000-7000-8000-000000000000");
    let parameter = Regex::new(r":[a-zA-Z]+").unwrap();
    let filled = parameter.replace_all(&filled, "0190a0b0-0000-7000-8000-000000000000").into_owned();
    let is_document = ["/docs", "/llms", "/SKILL", "/agent-skill", "/seller-", "/.well-known", "/api/"];
    if filled == "/" || is_document.iter().any(|start| filled.starts_with(start)) {
        filled
    } else {
        format!("/api/v1{filled}")
    }
}
