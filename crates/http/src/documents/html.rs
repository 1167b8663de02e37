//! From Markdown to HTML.

use pulldown_cmark::{Options, Parser};

/// Renders a document of ours. Its source is trusted: raw HTML in it stays what it is.
pub(super) fn from_markdown(markdown: &str) -> String {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS | Options::ENABLE_HEADING_ATTRIBUTES;
    let mut html = String::with_capacity(markdown.len().saturating_mul(2));
    pulldown_cmark::html::push_html(&mut html, Parser::new_ext(markdown, options));
    html
}
