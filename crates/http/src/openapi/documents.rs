//! The operations that answer documents. One handler serves them all, so they are listed here.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Info, OpenApi, Ref, RefOr, Required};

use super::rules::{self, RULES};
use super::vocabulary::ErrorCode;
use crate::code::Code;
use utoipa::ToSchema as _;

/// A document: its path, its operation, and the forms that it has.
struct Document {
    path: &'static str,
    operation_id: &'static str,
    summary: &'static str,
    description: &'static str,
    forms: &'static [&'static str],
}

const JSON: &str = "application/json";
const HTML: &str = "text/html";
const MARKDOWN: &str = "text/markdown";
const PLAIN: &str = "text/plain";

const ALL: &[Document] = &[Document {
    path: "/api/openapi.json",
    operation_id: "getOpenApi",
    summary: "Read this document",
    description: "OpenAPI 3.1, generated from the server's own code.",
    forms: &[JSON],
}];

/// They all.
pub(super) fn operations() -> OpenApi {
    let paths = ALL.iter().fold(PathsBuilder::new(), |paths, document| {
        paths.path(document.path, PathItem::new(HttpMethod::Get, operation(document)))
    });
    OpenApi::new(Info::default(), paths.build())
}

fn operation(document: &Document) -> Operation {
    let mut response = ResponseBuilder::new().description("The document.");
    for form in document.forms {
        response = response.content(*form, ContentBuilder::new().schema(Some(schema(form))).build());
    }
    let has_code = document.path.contains("{code}");
    let codes: &[Code] = if has_code { &[Code::NotFound] } else { &[] };
    let rules = serde_json::to_value(rules::open(codes).cached()).unwrap_or_default();
    let mut operation = OperationBuilder::new()
        .operation_id(Some(document.operation_id))
        .tag("Documents")
        .summary(Some(document.summary))
        .description(Some(document.description))
        .response("200", response)
        .extensions(Some(ExtensionsBuilder::new().add(RULES, rules).build()));
    if has_code {
        let code = ParameterBuilder::new()
            .name("code")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("The code, as in `error.code`."))
            .schema(Some(Ref::from_schema_name(ErrorCode::name())));
        operation = operation.parameter(code);
    }
    operation.build()
}

fn schema(form: &str) -> RefOr<Schema> {
    match form {
        JSON => ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into(),
        _ => ObjectBuilder::new().schema_type(Type::String).into(),
    }
}
