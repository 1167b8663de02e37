//! The operations that answer documents. Few handlers serve them all, so they are listed here.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Components, Info, OpenApi, Ref, RefOr, Required};
use utoipa::{PartialSchema as _, ToSchema};

use super::rules::{self, RULES};
use super::vocabulary::ErrorCode;
use crate::code::Code;
use crate::documents::{ErrorIndex, ErrorPage, Front};
use crate::envelope::Success;
use crate::routes::api_docs;

/// What a document is in one of its forms.
#[derive(Clone, Copy)]
enum Form {
    /// JSON of this type, in the envelope.
    Json(fn() -> Ref),
    /// A JSON object of another's making.
    AnyJson,
    Text(&'static str),
}

const HTML: Form = Form::Text("text/html");
const MARKDOWN: Form = Form::Text("text/markdown");
const PLAIN: Form = Form::Text("text/plain");
const CSS: Form = Form::Text("text/css");
const JS: Form = Form::Text("text/javascript");

/// A document: its path, its operation, what it is, and the forms that it has.
type Document = (&'static str, &'static str, &'static str, &'static str, &'static [Form]);

const ALL: &[Document] = &[
    (
        "/",
        "getFront",
        "See what this is",
        "What this server is and where to go on: as JSON, as a page, or as Markdown, by `Accept`.",
        &[Form::Json(answer_of::<Front<'_>>), HTML, MARKDOWN, PLAIN],
    ),
    ("/llms.txt", "getLlmsTxt", "Read the compact map", "Where everything is, for language models.", &[PLAIN]),
    (
        "/SKILL.md",
        "getSkill",
        "Read the agent skill",
        "How an agent uses this marketplace, step by step.",
        &[MARKDOWN, HTML],
    ),
    ("/agent-skill", "getAgentSkill", "Read the agent skill", "The same text as `/SKILL.md`.", &[MARKDOWN, HTML]),
    (
        "/seller-onboarding",
        "getSellerOnboarding",
        "Read how to sell",
        "From nothing to a listing that earns.",
        &[MARKDOWN, HTML],
    ),
    (
        "/docs/api-reference.txt",
        "getApiReferenceText",
        "Read the API reference as one text",
        "All of it, for whoever reads no OpenAPI.",
        &[PLAIN],
    ),
    (
        "/docs/seller-integration.txt",
        "getSellerIntegration",
        "Read how sellers verify requests",
        "What a seller's endpoint gets, how to verify it, and what to answer.",
        &[PLAIN],
    ),
    ("/docs/style.css", "getStyle", "Get the style of the pages", "For browsers.", &[CSS]),
    (
        "/docs/errors",
        "listErrors",
        "List the error codes",
        "Every code with its status, its meaning and its recovery, and every next action.",
        &[Form::Json(answer_of::<ErrorIndex>), HTML, MARKDOWN, PLAIN],
    ),
    (
        "/docs/errors/{code}",
        "getError",
        "Read about an error code",
        "Where `recovery.docs_url` leads: when the code is answered, what to do, and an example.",
        &[Form::Json(answer_of::<ErrorPage>), HTML, MARKDOWN, PLAIN],
    ),
    (
        "/.well-known/agent-protocol.json",
        "getAgentProtocol",
        "Read the agent protocol",
        "The whole API for programs that read no OpenAPI; `shape` says what its parts are.",
        &[Form::AnyJson],
    ),
    (
        "/api/openapi.json",
        "getOpenApi",
        "Read this document",
        "OpenAPI 3.1, generated from the server's own code.",
        &[Form::AnyJson],
    ),
    ("/docs/api", "getApiReferencePage", "Browse this document", "As a page that works without any network.", &[HTML]),
    ("/docs/api/{file}", "getApiReferenceFile", "Get a file of that page", "For browsers.", &[CSS, JS]),
];

/// They all.
pub(super) fn operations() -> OpenApi {
    let paths = ALL.iter().fold(PathsBuilder::new(), |paths, document| {
        paths.path(document.0, PathItem::new(HttpMethod::Get, operation(document)))
    });
    let mut document = OpenApi::new(Info::default(), paths.build());
    let mut schemas = Vec::new();
    with::<Front<'_>>(&mut schemas);
    with::<ErrorIndex>(&mut schemas);
    with::<ErrorPage>(&mut schemas);
    let mut components = Components::new();
    components.schemas.extend(schemas);
    document.components = Some(components);
    document
}

/// A type, what it refers to, and the envelope that it comes in, named as the annotations of handlers name it.
fn with<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.push((T::name().into_owned(), T::schema()));
    schemas.push((answer_name::<T>(), Success::<T>::schema()));
    T::schemas(schemas);
}

fn answer_of<T: ToSchema>() -> Ref {
    Ref::from_schema_name(answer_name::<T>())
}

fn answer_name<T: ToSchema>() -> String {
    format!("Answer_{}", T::name())
}

fn operation((path, operation_id, summary, description, forms): &Document) -> Operation {
    let mut response = ResponseBuilder::new().description("The document.");
    for form in *forms {
        let (kind, schema) = content(*form);
        response = response.content(kind, ContentBuilder::new().schema(Some(schema)).build());
    }
    let parameter = path_parameter(path);
    let codes: &[Code] = if parameter.is_some() { &[Code::NotFound] } else { &[] };
    let rules = serde_json::to_value(rules::open(codes).cached()).unwrap_or_default();
    let operation = OperationBuilder::new()
        .operation_id(Some(*operation_id))
        .tag("Documents")
        .summary(Some(*summary))
        .description(Some(*description))
        .response("200", response)
        .extensions(Some(ExtensionsBuilder::new().add(RULES, rules).build()));
    match parameter {
        Some(parameter) => operation.parameter(parameter).build(),
        None => operation.build(),
    }
}

fn path_parameter(path: &str) -> Option<ParameterBuilder> {
    let parameter = ParameterBuilder::new().parameter_in(ParameterIn::Path).required(Required::True);
    if path.ends_with("{code}") {
        let code = Ref::from_schema_name(ErrorCode::name());
        return Some(parameter.name("code").description(Some("The code, as in `error.code`.")).schema(Some(code)));
    }
    let files = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(api_docs::FILES));
    let is_file = path.ends_with("{file}");
    is_file.then(|| parameter.name("file").description(Some("Which file.")).schema(Some(files)))
}

fn content(form: Form) -> (&'static str, RefOr<Schema>) {
    match form {
        Form::Json(schema) => ("application/json", schema().into()),
        Form::AnyJson => {
            let any = AdditionalProperties::FreeForm(true);
            let object = ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(any));
            ("application/json", object.into())
        }
        Form::Text(kind) => (kind, ObjectBuilder::new().schema_type(Type::String).into()),
    }
}
