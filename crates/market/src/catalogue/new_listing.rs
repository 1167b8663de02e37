//! The schema of `POST /listings`: the fields of a change, with what a new listing must have and what it has otherwise.

use serde_json::{Value, json};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::body::ListingBody;
use crate::schema::{POW_CHALLENGE, PowChallenge, PowNonce, PriceOfCall};

/// A new listing: free, or paid by the call. Read as [`ListingBody`].
#[derive(Debug)]
pub enum NewListing {}

/// A new listing that costs nothing.
#[derive(Debug)]
pub enum NewFreeListing {}

/// A new listing that costs so much a call.
#[derive(Debug)]
pub enum NewPaidListing {}

impl PartialSchema for NewListing {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .description(Some("A new listing: free, or paid by the call."))
            .item(reference::<NewFreeListing>())
            .item(reference::<NewPaidListing>())
            .examples([paid_example()])
            .into()
    }
}

impl ToSchema for NewListing {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((NewFreeListing::name().into(), NewFreeListing::schema()));
        schemas.push((NewPaidListing::name().into(), NewPaidListing::schema()));
        NewPaidListing::schemas(schemas);
    }
}

impl PartialSchema for NewFreeListing {
    fn schema() -> RefOr<Schema> {
        let mut listing = new_listing();
        describe(&mut listing, "A new listing that costs nothing. With a private endpoint the gateway calls it.");
        let model = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("Free."))
            .enum_values(Some([json!("free"), Value::Null]))
            .default(Some(json!("free")));
        let amount = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Number, Type::Null]))
            .description(Some("Nothing."))
            .enum_values(Some([json!(0), Value::Null]))
            .default(Some(json!(0)));
        set(&mut listing, "pricing_model", model);
        set(&mut listing, "pricing_amount", amount);
        listing.examples = vec![free_example()];
        Schema::Object(listing).into()
    }
}

impl ToSchema for NewFreeListing {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ListingBody::schemas(schemas);
        schemas.push((PowNonce::name().into(), PowNonce::schema()));
        schemas.push((PowChallenge::name().into(), PowChallenge::schema()));
    }
}

impl PartialSchema for NewPaidListing {
    fn schema() -> RefOr<Schema> {
        let mut listing = new_listing();
        describe(&mut listing, "A new listing that costs so much a call. The gateway calls its private endpoint.");
        let model = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Paid by the call."))
            .enum_values(Some(["per_call"]));
        set(&mut listing, "pricing_model", model);
        refer::<PriceOfCall>(&mut listing, "pricing_amount", "The price of a call.");
        for field in ["pricing_model", "pricing_amount", "private_endpoint_url"] {
            listing.required.push(field.to_owned());
        }
        listing.examples = vec![paid_example()];
        Schema::Object(listing).into()
    }
}

impl ToSchema for NewPaidListing {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        NewFreeListing::schemas(schemas);
        schemas.push((PriceOfCall::name().into(), PriceOfCall::schema()));
    }
}

/// What both kinds have in common.
fn new_listing() -> Object {
    let mut listing = match ListingBody::schema() {
        RefOr::T(Schema::Object(listing)) => listing,
        _ => Object::new(),
    };
    for field in ["pow_nonce", "name", "description"] {
        if let Some(property) = listing.properties.get_mut(field) {
            not_null(property);
        }
        listing.required.push(field.to_owned());
    }
    refer::<PowNonce>(&mut listing, "pow_nonce", "The solution of a challenge of `POST /listings/challenge`.");
    refer::<PowChallenge>(&mut listing, "pow_challenge", "Which challenge it solves; needed where several are open.");
    if let Some(challenge) = listing.properties.get_mut("pow_challenge") {
        or_null(challenge);
    }
    for (field, value) in [
        ("pricing_currency", json!("USD")),
        ("preferred_currency", json!("USDC")),
        ("delivery_type", json!("api")),
        ("auth_method", json!("api_key")),
        ("formats", json!(["json"])),
        ("example_outputs", json!([])),
        ("tags", json!([])),
        ("status", json!("active")),
    ] {
        match listing.properties.get_mut(field) {
            Some(RefOr::T(Schema::OneOf(property))) => property.default = Some(value),
            Some(RefOr::T(Schema::Array(property))) => property.default = Some(value),
            _ => {}
        }
    }
    listing
}

fn describe(listing: &mut Object, description: &str) {
    listing.description = Some(description.to_owned());
}

fn set(listing: &mut Object, field: &str, property: ObjectBuilder) {
    listing.properties.insert(field.to_owned(), property.into());
}

fn reference<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

fn refer<T: ToSchema>(listing: &mut Object, field: &str, description: &str) {
    let mut property = reference::<T>();
    property.description = description.to_owned();
    listing.properties.insert(field.to_owned(), RefOr::Ref(property));
}

/// Of `X | null`, only `X`.
fn not_null(property: &mut RefOr<Schema>) {
    let RefOr::T(Schema::OneOf(either)) = property else { return };
    let only = either.items.drain(..).find(|item| matches!(item, RefOr::Ref(_)));
    *property = only.unwrap_or_default();
}

/// Of `X`, `X | null`.
fn or_null(property: &mut RefOr<Schema>) {
    let RefOr::Ref(only) = property else { return };
    let either = OneOfBuilder::new().item(only.clone()).item(ObjectBuilder::new().schema_type(Type::Null));
    *property = either.into();
}

fn free_example() -> Value {
    json!({
        "pow_nonce": "1048213",
        "name": "DeFi Glossary",
        "description": "Explains the words of decentralised finance.",
        "tags": ["defi", "reference"]
    })
}

fn paid_example() -> Value {
    json!({
        "pow_nonce": "1048213",
        "pow_challenge": POW_CHALLENGE,
        "name": "DeFi Alpha Signals",
        "description": "Real-time trading signals for DeFi protocols.",
        "pricing_model": "per_call",
        "pricing_amount": 0.01,
        "preferred_currency": "USDC",
        "formats": ["json"],
        "tags": ["defi", "signals", "trading"],
        "example_outputs": [{
            "label": "A signal for ETH/USDC",
            "content": "{\"pair\":\"ETH/USDC\",\"signal\":\"long\",\"confidence\":0.82}"
        }],
        "input_schema": {
            "type": "object",
            "properties": { "pair": { "type": "string" } },
            "required": ["pair"]
        },
        "example_input": { "pair": "ETH/USDC" },
        "private_endpoint_url": "https://seller.example/agent"
    })
}
