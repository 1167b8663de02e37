//! Query strings: every parameter is known, comes once, and is in its bounds.

use std::borrow::Cow;

use actix_web::HttpRequest;
use crochet_primitives::{Cursor, PageRequest};

use crate::code::Code;
use crate::error::ApiError;

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;
/// Pages end here; cursors do not.
const MAX_DEPTH: u64 = 10_000;

/// The parameters of a query string.
#[derive(Debug)]
pub(crate) struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Params<'a> {
    /// Reads the query string; `known` are the parameters that the route has.
    ///
    /// Unknown ones are refused by name: a filter that is silently ignored answers another question than was asked.
    pub(crate) fn read(req: &'a HttpRequest, known: &[&str]) -> Result<Self, ApiError> {
        let mut params: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(req.query_string().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                let name: String = name.chars().take(64).collect();
                return Err(ApiError::bad_request(format!("There is no query parameter {name:?} here."))
                    .details(&serde_json::json!({ "parameter": name, "known": known })));
            }
            if params.iter().any(|(other, _)| *other == name) {
                return Err(invalid(&name, "is there more than once"));
            }
            if value.chars().any(|c| c == '\0' || c == char::REPLACEMENT_CHARACTER) {
                return Err(invalid(&name, "is not plain text"));
            }
            params.push((name, value));
        }
        Ok(Self(params))
    }

    /// A parameter; an empty one counts as left out.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_ref())
            .filter(|value| !value.is_empty())
    }

    /// A parameter that is one of several names.
    pub(crate) fn choice<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ApiError> {
        self.get(name)
            .map(|value| parse(value).ok_or_else(|| invalid(name, "is not one of the values it can have")))
            .transpose()
    }

    fn number(&self, name: &str, default: u32, range: std::ops::RangeInclusive<u32>) -> Result<u32, ApiError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|number| is_plain && range.contains(number))
            .ok_or_else(|| invalid(name, &format!("is not a whole number from {} to {}", range.start(), range.end())))
    }

    /// `page`, `limit` and `cursor`.
    pub(crate) fn page(&self) -> Result<PageRequest, ApiError> {
        let limit = self.number("limit", DEFAULT_LIMIT, 1..=MAX_LIMIT)?;
        let page = self.number("page", 1, 1..=u32::MAX)?;
        let Some(cursor) = self.get("cursor") else {
            if u64::from(page).saturating_mul(u64::from(limit)) > MAX_DEPTH {
                let message = "Pages go down to the 10,000th item. Follow pagination.next_cursor from there.";
                return Err(ApiError::new(Code::UseCursor, message));
            }
            return Ok(PageRequest::Numbered { page, limit });
        };
        if self.get("page").is_some() {
            return Err(invalid("cursor", "excludes page"));
        }
        let cursor = Cursor::parse(cursor).map_err(|_| invalid("cursor", "is not one of this API"))?;
        Ok(PageRequest::After { cursor, limit })
    }
}

/// A parameter that breaks a rule.
pub(crate) fn invalid(name: &str, why: &str) -> ApiError {
    ApiError::bad_request(format!("The query parameter {name} {why}."))
        .details(&serde_json::json!({ "parameter": name }))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn page(query: &str) -> Result<PageRequest, Code> {
        let req = TestRequest::with_uri(&format!("/x?{query}")).to_http_request();
        let known = ["page", "limit", "cursor"];
        Params::read(&req, &known).and_then(|params| params.page()).map_err(|error| error.code())
    }

    #[test]
    fn pages_have_defaults_and_bounds() {
        assert_eq!(page(""), Ok(PageRequest::Numbered { page: 1, limit: 20 }));
        assert_eq!(page("page=100&limit=100"), Ok(PageRequest::Numbered { page: 100, limit: 100 }));
        assert_eq!(page("page=101&limit=100"), Err(Code::UseCursor));
        for query in
            ["page=0", "limit=0", "limit=101", "page=-1", "page=1.5", "page=%2B1", "page=99999999999", "page=x"]
        {
            assert_eq!(page(query), Err(Code::BadRequest), "{query}");
        }
    }

    #[test]
    fn a_cursor_excludes_a_page() {
        let cursor = "0190a0b0000070008000000000000001";
        assert!(matches!(page(&format!("cursor={cursor}")), Ok(PageRequest::After { limit: 20, .. })));
        assert_eq!(page(&format!("cursor={cursor}&page=1")), Err(Code::BadRequest));
        assert_eq!(page("cursor=abc"), Err(Code::BadRequest));
    }

    #[test]
    fn unknown_repeated_and_broken_parameters_are_refused() {
        for query in ["pagee=1", "page=1&page=1", "cursor=%00", "cursor=%ff", "=", "%00=1"] {
            assert_eq!(page(query), Err(Code::BadRequest), "{query}");
        }
    }
}
