//! How amounts look in JSON: what OpenAPI schemas of other crates refer to.
//!
//! The types have no values. They stand in `#[schema(value_type = …)]`.

use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{Number, PartialSchema, ToSchema};

/// A dollar amount as [`crate::MicroUsd`]'s `Display` writes it.
#[derive(Debug)]
pub enum UsdText {}

impl PartialSchema for UsdText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("US dollars, with six decimals."))
            .pattern(Some(r"^(0|[1-9][0-9]*)\.[0-9]{6}$"))
            .examples(["0.010000"])
            .into()
    }
}

impl ToSchema for UsdText {}

/// A dollar amount as [`crate::wire::number`] writes it.
#[derive(Debug)]
pub enum UsdNumber {}

impl PartialSchema for UsdNumber {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .description(Some(
                "US dollars, with at most six decimals and without an exponent. Exact: read it as a decimal.",
            ))
            .minimum(Some(Number::Int(0)))
            .maximum(Some(Number::Int(1_000_000)))
            .examples([0.01])
            .into()
    }
}

impl ToSchema for UsdNumber {}

/// An amount as [`crate::wire::micros`] writes it.
#[derive(Debug)]
pub enum MicroUsdInteger {}

impl PartialSchema for MicroUsdInteger {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .description(Some("Micro-dollars: millionths of a US dollar."))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(Number::Int(0)))
            .examples([10_000])
            .into()
    }
}

impl ToSchema for MicroUsdInteger {}
