//! JSON of somebody else's making.

use serde_json::json;
use utoipa::openapi::schema::{AdditionalProperties, SchemaType};
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Schema, Type};

use super::form;

/// Said outright, so that nobody takes the fields that are named for all there are.
const fn anything() -> Option<AdditionalProperties<Schema>> {
    Some(AdditionalProperties::FreeForm(true))
}

form! {
    /// A JSON Schema of up to 16,384 bytes, nested up to 32 deep. `$ref` leads to a part of the same schema, and it has
    /// no `$id`, `$anchor` or `$dynamicRef`.
    InputSchema => |doc| {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let kinds = SchemaType::from_iter([Type::String, Type::Array]);
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(doc))
            .additional_properties(anything())
            .property("type", ObjectBuilder::new().schema_type(kinds).description(Some("What the body is.")))
            .property(
                "properties",
                ObjectBuilder::new()
                    .schema_type(Type::Object)
                    .additional_properties(anything())
                    .description(Some("A schema for each field.")),
            )
            .property("required", ArrayBuilder::new().items(text()).description(Some("The fields that have to be there.")))
            .property("description", text().description(Some("What it is.")))
            .property("$ref", text().pattern(Some("^#(/|$)")).description(Some("Another part of the same schema.")))
            .examples([json!({
                "type": "object",
                "properties": { "pair": { "type": "string" } },
                "required": ["pair"]
            })])
    }
}

form! {
    /// JSON of up to 4,096 bytes, nested up to 32 deep.
    ExampleInput => |doc| {
        let any = [Type::Object, Type::Array, Type::String, Type::Number, Type::Boolean];
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter(any))
            .additional_properties(anything())
            .description(Some(doc))
            .examples([json!({ "pair": "ETH/USDC" })])
    }
}
