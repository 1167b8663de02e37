//! In which of its forms a document is answered.

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header, Quality};
use actix_web::mime::{self, Mime};

/// A form that a document can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Html,
    Markdown,
    Text,
    Css,
}

impl Form {
    /// The media type, with its charset where it has one.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Html => "text/html; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
            Self::Css => "text/css; charset=utf-8",
        }
    }

    fn essence(self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("application", "json"),
            Self::Html => ("text", "html"),
            Self::Markdown => ("text", "markdown"),
            Self::Text => ("text", "plain"),
            Self::Css => ("text", "css"),
        }
    }

    /// The form that a client likes best; among equals the first. Where it takes none, the first all the same: a
    /// document that explains what went wrong is not itself refused.
    pub(crate) fn preferred(req: &HttpRequest, forms: impl Iterator<Item = Self>) -> Option<Self> {
        let accept = Accept::parse(req).ok();
        let quality = |form: Self| match &accept {
            Some(accept) if !accept.0.is_empty() => {
                let covering = accept.0.iter().filter_map(|range| Some((form.covered_by(&range.item)?, range.quality)));
                covering.max_by_key(|(precision, quality)| (*precision, *quality)).map(|(_, quality)| quality)
            }
            _ => None,
        };
        forms
            .fold(None, |best: Option<(Self, Quality)>, form| {
                let quality = quality(form).unwrap_or(Quality::ZERO);
                match best {
                    Some((_, other)) if other >= quality => best,
                    _ => Some((form, quality)),
                }
            })
            .map(|(form, _)| form)
    }

    /// How exactly a range names this form, where it covers it.
    fn covered_by(self, range: &Mime) -> Option<u8> {
        let (kind, subtype) = self.essence();
        match (range.type_(), range.subtype()) {
            (mime::STAR, mime::STAR) => Some(0),
            (range_kind, mime::STAR) if range_kind == kind => Some(1),
            (range_kind, range_subtype) if range_kind == kind && range_subtype == subtype => Some(2),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT;
    use actix_web::test::TestRequest;

    use super::*;

    fn preferred(accept: &str) -> Form {
        let req = TestRequest::default().insert_header((ACCEPT, accept)).to_http_request();
        Form::preferred(&req, [Form::Json, Form::Html, Form::Markdown, Form::Text].into_iter()).unwrap()
    }

    #[test]
    fn programs_get_json_browsers_a_page_and_terminals_text() {
        for (accept, form) in [
            ("", Form::Json),
            ("*/*", Form::Json),
            ("application/json", Form::Json),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", Form::Html),
            ("text/html;q=0.4, application/json;q=0.5", Form::Json),
            ("text/markdown, */*;q=0.1", Form::Markdown),
            ("text/plain", Form::Text),
            ("text/*", Form::Html),
            ("text/*, text/html;q=0.2", Form::Markdown),
            ("image/png", Form::Json),
            ("nonsense", Form::Json),
        ] {
            assert_eq!(preferred(accept), form, "{accept}");
        }
    }
}
