//! The documents that agents and people read: one text each, rendered once, when the server starts.
//!
//! They are templates beside this file. What depends on the configuration (the public URL, limits, difficulties, the
//! payment provider) and what is a closed list in the code (codes, next actions, networks) is filled in from there, and
//! a placeholder that nothing fills ends the start. `bin/crochet/tests/server/documents_*.rs` checks the rest.

mod errors;
mod facts;
mod form;
mod html;
mod pretty;

use std::collections::HashMap;

use bytes::Bytes;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;

pub(crate) use errors::ErrorPage;
pub(crate) use facts::{ErrorIndex, Facts, Front};
pub(crate) use form::Form;

use crate::code::Code;

macro_rules! templates {
    ($($name:literal),+ $(,)?) => {
        /// Every template by its name.
        const TEMPLATES: &[(&str, &str)] = &[$(($name, include_str!(concat!("templates/", $name)))),+];
    };
}

templates!(
    "agent-protocol.json",
    "api-reference.txt",
    "error.md",
    "errors.md",
    "front.md",
    "llms.txt",
    "page.html",
    "seller-integration.txt",
    "seller-onboarding.md",
    "skill.md",
);

/// Code that documents show, and that tests run as it is.
const EXAMPLES: &[(&str, &str)] = &[
    ("verify_py", include_str!("examples/verify.py")),
    ("verify_ts", include_str!("examples/verify.ts")),
    ("verify_rs", include_str!("examples/verify.rs")),
    ("pow_py", include_str!("examples/pow.py")),
    ("pow_ts", include_str!("examples/pow.ts")),
];

/// The style of all pages.
const STYLE: &str = include_str!("templates/style.css");

/// Why the documents could not be written: a fault of this program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentError {
    #[error("a document could not be filled in")]
    Template(#[from] minijinja::Error),
    #[error("a document is not JSON")]
    Json(#[from] serde_json::Error),
}

/// One document in its forms, the first of which is answered to who has no preference.
pub(crate) struct Document {
    forms: Vec<(Form, Bytes)>,
}

impl Document {
    fn one(form: Form, text: impl Into<Bytes>) -> Self {
        Self { forms: vec![(form, text.into())] }
    }

    /// The forms that there are.
    pub(crate) fn forms(&self) -> impl Iterator<Item = Form> {
        self.forms.iter().map(|(form, _)| *form)
    }

    /// The text in a form.
    pub(crate) fn text(&self, form: Form) -> Option<&Bytes> {
        self.forms.iter().find(|(known, _)| *known == form).map(|(_, text)| text)
    }
}

/// Every document by its path.
pub(crate) struct Documents(HashMap<String, Document>);

impl Documents {
    /// Where the documents are that have a path of their own; those of errors are below `/docs/errors`.
    pub(crate) const PATHS: [&'static str; 9] = [
        "/",
        "/llms.txt",
        "/SKILL.md",
        "/agent-skill",
        "/seller-onboarding",
        "/docs/api-reference.txt",
        "/docs/seller-integration.txt",
        "/docs/style.css",
        "/.well-known/agent-protocol.json",
    ];

    /// Writes them all.
    pub(crate) fn render(facts: &Facts) -> Result<Self, DocumentError> {
        let writer = Writer::new(facts)?;
        let mut all = HashMap::new();
        let mut add = |path: &str, document| all.insert(path.to_owned(), document);
        add("/", writer.front(facts)?);
        add("/llms.txt", Document::one(Form::Text, writer.text("llms.txt")?));
        for path in ["/SKILL.md", "/agent-skill"] {
            add(path, writer.readable("skill.md", "Agent skill")?);
        }
        add("/seller-onboarding", writer.readable("seller-onboarding.md", "Seller onboarding")?);
        for name in ["api-reference.txt", "seller-integration.txt"] {
            add(&format!("/docs/{name}"), Document::one(Form::Text, writer.text(name)?));
        }
        add("/docs/style.css", Document::one(Form::Css, STYLE));
        add("/.well-known/agent-protocol.json", Document::one(Form::Json, writer.protocol()?));
        add("/docs/errors", writer.error_index(facts)?);
        for code in Code::ALL {
            add(&format!("/docs/errors/{}", code.as_str()), writer.error(*code, facts)?);
        }
        Ok(Self(all))
    }

    /// The document at a path.
    pub(crate) fn at(&self, path: &str) -> Option<&Document> {
        self.0.get(path)
    }
}

/// Fills templates in.
struct Writer {
    templates: Environment<'static>,
    facts: Value,
}

/// `{"success":true,"data":…}`, as everything else that is JSON.
#[derive(Serialize)]
struct Enveloped<T> {
    success: bool,
    data: T,
}

impl Writer {
    fn new(facts: &Facts) -> Result<Self, DocumentError> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        // Only page.html is HTML, and says itself what it escapes.
        templates.set_auto_escape_callback(|_| AutoEscape::None);
        let syntax =
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?;
        templates.set_syntax(syntax);
        for (name, source) in TEMPLATES {
            templates.add_template(name, source)?;
        }
        for (name, source) in EXAMPLES {
            templates.add_global(*name, source.trim_end());
        }
        Ok(Self { templates, facts: Value::from(Serde(facts)) })
    }

    fn fill(&self, name: &str, page: Value) -> Result<String, DocumentError> {
        let facts = self.facts.clone();
        Ok(self.templates.get_template(name)?.render(context! { page, ..facts })?)
    }

    fn text(&self, name: &str) -> Result<String, DocumentError> {
        self.fill(name, Value::UNDEFINED)
    }

    fn html(&self, title: &str, markdown: &str) -> Result<String, DocumentError> {
        self.fill("page.html", context! { title, body => html::from_markdown(markdown) })
    }

    /// Markdown for agents, and the same as a page for browsers: they would store Markdown instead of showing it.
    fn readable(&self, name: &str, title: &str) -> Result<Document, DocumentError> {
        let markdown = self.text(name)?;
        let page = self.html(title, &markdown)?;
        Ok(Document { forms: vec![(Form::Markdown, markdown.into()), (Form::Html, page.into())] })
    }

    /// JSON for programs, a page for people, and Markdown for those in between.
    fn in_all_forms(&self, json: impl Serialize, title: &str, markdown: String) -> Result<Document, DocumentError> {
        let page = self.html(title, &markdown)?;
        let json = serde_json::to_vec(&Enveloped { success: true, data: json })?;
        let markdown = Bytes::from(markdown);
        Ok(Document {
            forms: vec![
                (Form::Json, json.into()),
                (Form::Html, page.into()),
                (Form::Markdown, markdown.clone()),
                (Form::Text, markdown),
            ],
        })
    }

    fn front(&self, facts: &Facts) -> Result<Document, DocumentError> {
        self.in_all_forms(facts.front(), "Crochet", self.text("front.md")?)
    }

    fn error_index(&self, facts: &Facts) -> Result<Document, DocumentError> {
        self.in_all_forms(facts.error_index(), "Errors", self.text("errors.md")?)
    }

    fn error(&self, code: Code, facts: &Facts) -> Result<Document, DocumentError> {
        let page = ErrorPage::of(code, &facts.public_url)?;
        let markdown = self.fill("error.md", Value::from(Serde(page.for_people()?)))?;
        self.in_all_forms(&page, page.code, markdown)
    }

    /// Read again, so that what is sent is known to be JSON.
    fn protocol(&self) -> Result<String, DocumentError> {
        let text = self.text("agent-protocol.json")?;
        serde_json::from_str::<serde::de::IgnoredAny>(&text)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents() -> Documents {
        Documents::render(&Facts::for_tests()).unwrap()
    }

    #[test]
    fn every_document_is_there_and_nothing_in_it_is_left_to_be_filled_in() {
        let documents = documents();
        let errors = Code::ALL.iter().map(|code| format!("/docs/errors/{}", code.as_str()));
        for path in Documents::PATHS.into_iter().map(str::to_owned).chain(["/docs/errors".to_owned()]).chain(errors) {
            let document = documents.at(&path).unwrap();
            for form in document.forms() {
                let text = std::str::from_utf8(document.text(form).unwrap()).unwrap();
                assert!(text.len() > 200, "{path}");
                for left in ["{{", "{%", "%}", "getcrochet.ai", "PUBLIC_URL"] {
                    assert!(!text.contains(left), "{path}: {left} in {text}");
                }
            }
        }
    }

    #[test]
    fn both_paths_of_the_skill_have_the_same_text() {
        let documents = documents();
        let text = |path| documents.at(path).unwrap().text(Form::Markdown).unwrap().clone();
        assert_eq!(text("/SKILL.md"), text("/agent-skill"));
    }
}
