//! Query strings: every parameter is known, comes once, and is in its bounds.

use std::borrow::Cow;

use actix_web::HttpRequest;
use crochet_primitives::{Cursor, PageRequest, ParseIdError, parse_timestamp};
use crochet_relay::ports::Period;

use crate::code::Code;
use crate::error::ApiError;

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;
/// Pages end here; cursors do not.
const MAX_DEPTH: u64 = 10_000;
/// What may be empty.
const SEARCH: &str = "q";

/// The parameters of a query string.
#[derive(Debug)]
pub(crate) struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Params<'a> {
    /// Reads the query string; `known` are the parameters that the route has.
    ///
    /// Unknown ones are refused by name, and so are empty ones: a filter that is silently ignored answers another
    /// question than was asked. An empty search alone is one: for everything.
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
            if value.is_empty() && name != SEARCH {
                return Err(invalid(&name, "is empty: give it a value, or leave it out"));
            }
            params.push((name, value));
        }
        Ok(Self(params))
    }

    /// A parameter, unless it is left out.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_ref())
            .filter(|value| !value.is_empty())
    }

    /// A parameter that is one of several names, `known`.
    pub(crate) fn name<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        known: &[&str],
    ) -> Result<Option<T>, ApiError> {
        self.get(name).map(|value| parse(value).ok_or_else(|| not_among(name, known))).transpose()
    }

    /// A parameter that is one of several names, `known`, or some of them with commas between: rows that fit any.
    pub(crate) fn names<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        known: &[&str],
    ) -> Result<Vec<T>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        if value.split(',').count() > known.len() {
            return Err(not_among(name, known));
        }
        value.split(',').map(|part| parse(part).ok_or_else(|| not_among(name, known))).collect()
    }

    /// A parameter that is an id.
    pub(crate) fn id<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, ParseIdError>,
    ) -> Result<Option<T>, ApiError> {
        self.get(name).map(|value| parse(value).map_err(|_| invalid(name, "is not an id of that kind"))).transpose()
    }

    /// A parameter that is `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.name(name, |text| text.parse().ok(), &["true", "false"])
    }

    /// `created_from`, which is in the period, and `created_to`, which is not.
    pub(crate) fn period(&self) -> Result<Period, ApiError> {
        let at = |name: &str| {
            let why = "is not an RFC 3339 timestamp such as 2026-05-03T12:00:00Z (in a URL the + of an offset is %2B)";
            self.get(name).map(|text| parse_timestamp(text).ok_or_else(|| invalid(name, why))).transpose()
        };
        let period = Period { from: at("created_from")?, to: at("created_to")? };
        match (period.from, period.to) {
            (Some(from), Some(to)) if from > to => Err(invalid("created_from", "is after created_to")),
            _ => Ok(period),
        }
    }

    /// A whole number within a range.
    pub(crate) fn number(
        &self,
        name: &str,
        default: u32,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<u32, ApiError> {
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

/// A parameter that has another value than those that there are.
fn not_among(name: &str, known: &[&str]) -> ApiError {
    ApiError::bad_request(format!("The query parameter {name} has a value that there is not."))
        .details(&serde_json::json!({ "parameter": name, "allowed": known }))
}

/// A parameter that breaks a rule.
pub(crate) fn invalid(name: &str, why: &str) -> ApiError {
    ApiError::bad_request(format!("The query parameter {name} {why}."))
        .details(&serde_json::json!({ "parameter": name }))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use crochet_primitives::ListingId;
    use crochet_relay::ports::Role;

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

    fn read<T>(query: &str, ask: impl Fn(&Params<'_>) -> Result<T, ApiError>) -> Result<T, Code> {
        let req = TestRequest::with_uri(&format!("/x?{query}")).to_http_request();
        let known = ["side", "sides", "id", "flag", "created_from", "created_to"];
        Params::read(&req, &known).and_then(|params| ask(&params)).map_err(|error| error.code())
    }

    #[test]
    fn a_name_is_one_of_those_that_there_are() {
        let side = |query: &str| read(query, |params| params.name("side", Role::parse, Role::NAMES));
        assert_eq!(side(""), Ok(None));
        assert_eq!(side("side=buyer"), Ok(Some(Role::Buyer)));
        for query in ["side=", "side=Buyer", "side=buyer,seller", "side=%20buyer"] {
            assert_eq!(side(query), Err(Code::BadRequest), "{query}");
        }
        let flag = |query: &str| read(query, |params| params.flag("flag"));
        assert_eq!((flag("flag=true"), flag("flag=false"), flag("")), (Ok(Some(true)), Ok(Some(false)), Ok(None)));
        assert_eq!(flag("flag=1"), Err(Code::BadRequest));
    }

    #[test]
    fn several_names_have_commas_between() {
        let sides = |query: &str| read(query, |params| params.names("sides", Role::parse, Role::NAMES));
        assert_eq!(sides(""), Ok(vec![]));
        assert_eq!(sides("sides=seller"), Ok(vec![Role::Seller]));
        assert_eq!(sides("sides=seller,buyer"), Ok(vec![Role::Seller, Role::Buyer]));
        assert_eq!(sides("sides=seller%2Cbuyer"), Ok(vec![Role::Seller, Role::Buyer]));
        for query in ["sides=,", "sides=buyer,", "sides=buyer,owner", "sides=buyer,buyer,buyer", "sides=buyer;seller"] {
            assert_eq!(sides(query), Err(Code::BadRequest), "{query}");
        }
    }

    #[test]
    fn a_period_is_two_timestamps_in_order() {
        let period = |query: &str| read(query, |params| params.period());
        let noon = parse_timestamp("2026-05-03T12:00:00Z");
        assert_eq!(period(""), Ok(Period::default()));
        assert_eq!(period("created_from=2026-05-03T12:00:00Z"), Ok(Period { from: noon, to: None }));
        let offset = "created_from=2026-05-03T14:00:00%2B02:00&created_to=2026-05-03T12:00:00.000Z";
        assert_eq!(period(offset), Ok(Period { from: noon, to: noon }));
        for query in [
            "created_from=2026-05-03",
            "created_from=1777809600",
            "created_to=2026-05-03T14:00:00+02:00",
            "created_to=2026-02-30T00:00:00Z",
            "created_from=2026-05-03T12:00:00.001Z&created_to=2026-05-03T12:00:00Z",
        ] {
            assert_eq!(period(query), Err(Code::BadRequest), "{query}");
        }
    }

    #[test]
    fn an_id_is_of_its_kind() {
        let id = |query: &str| read(query, |params| params.id("id", ListingId::parse)).map(|id| id.is_some());
        assert_eq!(id(""), Ok(false));
        assert_eq!(id("id=0190a0b0-0000-7000-8000-000000000000"), Ok(true));
        assert_eq!(id("id=0190a0b0000070008000000000000000"), Err(Code::BadRequest));
    }

    #[test]
    fn unknown_repeated_and_broken_parameters_are_refused() {
        for query in ["pagee=1", "page=1&page=1", "page=", "cursor=", "cursor=%00", "cursor=%ff", "=", "%00=1"] {
            assert_eq!(page(query), Err(Code::BadRequest), "{query}");
        }
    }
}
