//! How values look in JSON that are plain Rust types here: what OpenAPI schemas of other crates refer to.
//!
//! The types have no values. They stand in `#[schema(value_type = …)]`, so that one form has one name and one
//! description in the whole document.

use utoipa::openapi::{ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// An example of a UUID, version 7.
pub const EXAMPLE_UUID: &str = "0198c0de-7a00-7000-8000-000000000001";

/// A string with a description, a pattern (ECMA-262, anchored at both ends) and an example that matches it.
#[must_use]
pub fn text(description: &str, pattern: &str, example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description.trim()))
        .pattern(Some(pattern))
        .examples([example])
}

/// A UUID in its hyphenated form.
pub(crate) fn uuid(description: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description.trim()))
        .format(Some(SchemaFormat::Custom("uuid".to_owned())))
        .examples([EXAMPLE_UUID])
        .into()
}

/// A [`crate::Timestamp`] as [`crate::format_timestamp`] writes it.
#[derive(Debug)]
pub enum Timestamp {}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        text(
            "A moment: RFC 3339, UTC, with milliseconds.",
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
            "2026-05-03T12:00:00.000Z",
        )
        .format(Some(SchemaFormat::Custom("date-time".to_owned())))
        .into()
    }
}

impl ToSchema for Timestamp {}

/// A moment as clients may write it: what [`crate::rfc3339_millis::deserialize`] takes.
#[derive(Debug)]
pub enum Moment {}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        text(
            "A moment in RFC 3339, with any offset from UTC. What is finer than a millisecond is dropped.",
            crate::clock::RFC3339,
            "2027-01-01T00:00:00Z",
        )
        .format(Some(SchemaFormat::Custom("date-time".to_owned())))
        .into()
    }
}

impl ToSchema for Moment {}

/// [`crate::CallId::relay_request_id`].
#[derive(Debug)]
pub enum RelayRequestId {}

impl PartialSchema for RelayRequestId {
    fn schema() -> RefOr<Schema> {
        text(
            "What a buyer pays for and retries with: `relay_` and a UUID.",
            "^relay_[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
            &format!("relay_{EXAMPLE_UUID}"),
        )
        .into()
    }
}

impl ToSchema for RelayRequestId {}

/// [`crate::CallId::request_id`].
#[derive(Debug)]
pub enum GatewayRequestId {}

impl PartialSchema for GatewayRequestId {
    fn schema() -> RefOr<Schema> {
        text(
            "One gateway call, the same for all of its attempts: `gw_req_` and a UUID. Sellers see it as \
             `X-Crochet-Request-Id`.",
            "^gw_req_[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
            &format!("gw_req_{EXAMPLE_UUID}"),
        )
        .into()
    }
}

impl ToSchema for GatewayRequestId {}
