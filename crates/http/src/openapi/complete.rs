//! What follows from the rules of an operation: its security, its errors by status, its headers.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{PathItem, Ref, RefOr, Response};

use super::absence::never_null;
use super::errors;
use super::headers::{add, add_optional};
use super::rules::{KeyUse, RULES, Rules};
use super::x402;
use crate::code::Code;

/// The name of the one security scheme.
pub(super) const SCHEME: &str = "apiKey";
/// The extension that names the scope an operation needs.
const SCOPE: &str = "x-required-scope";
/// Where a component of this kind is referred to.
const PARAMETERS: &str = "#/components/parameters/";
/// The same of responses.
const RESPONSES: &str = "#/components/responses/";

/// The operations of a path with their methods, in the order in which they are read.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [("get", get), ("put", put), ("post", post), ("delete", delete), ("patch", patch)]
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The parameters that many operations have.
pub(super) fn parameters() -> [(&'static str, Parameter); 2] {
    let header = |name: &str, schema: ObjectBuilder, description: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .schema(Some(schema))
            .description(Some(description))
            .build()
    };
    [
        (
            "RequestId",
            header(
                "X-Request-Id",
                ObjectBuilder::new().schema_type(Type::String),
                "A name for this exchange: 1 to 128 letters, digits and `._-` are kept in the answer and in the log, \
                 anything else is replaced.",
            ),
        ),
        (
            "IfNoneMatch",
            header(
                "If-None-Match",
                ObjectBuilder::new().schema_type(Type::String),
                "The `ETag` of an answer that is here already: 304 when nothing has changed since.",
            ),
        ),
    ]
}

/// Writes into an operation what follows from its rules. One without rules is left as it is.
pub(super) fn complete(operation: &mut Operation) {
    let Some(rules) = operation.extensions.take().and_then(|mut found| found.remove(RULES)) else { return };
    let Ok(rules) = serde_json::from_value::<Rules>(rules) else { return };
    // It is the first line of a doc comment there, and a title here.
    operation.summary = operation.summary.take().map(|summary| summary.trim_end_matches('.').to_owned());
    say_who_may(operation, &rules);
    never_null(operation);
    refer_to(operation, "RequestId");
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            common_headers(response, rules.limit.is_some());
            if rules.is_cached {
                add(response, "ETag");
            }
        }
    }
    if rules.is_cached {
        refer_to(operation, "IfNoneMatch");
        let mut unchanged = Response::new("Nothing has changed since the answer with that `ETag`. There is no body.");
        common_headers(&mut unchanged, rules.limit.is_some());
        add(&mut unchanged, "ETag");
        operation.responses.responses.insert("304".to_owned(), unchanged.into());
    }
    for (status, codes) in by_status(operation, &rules) {
        let is_limited = rules.limit.is_some();
        let failure = match codes.as_slice() {
            [only] if is_shared(*only, is_limited) => {
                RefOr::Ref(Ref::new(format!("{RESPONSES}{}", shared_name(*only, is_limited))))
            }
            codes if status == StatusCode::PAYMENT_REQUIRED && rules.is_paid_by_header => {
                payable_by_header(failure(status, codes, is_limited), codes).into()
            }
            codes => failure(status, codes, is_limited).into(),
        };
        operation.responses.responses.insert(status.as_str().to_owned(), failure);
    }
}

fn refer_to(operation: &mut Operation, parameter: &str) {
    let reference = RefOr::Ref(Ref::new(format!("{PARAMETERS}{parameter}")));
    operation.parameters.get_or_insert_default().push(reference);
}

fn say_who_may(operation: &mut Operation, rules: &Rules) {
    let with_key = || SecurityRequirement::new(SCHEME, Vec::<String>::new());
    operation.security = Some(match rules.key {
        KeyUse::Needed if rules.is_paid_by_header => vec![with_key(), SecurityRequirement::default()],
        KeyUse::Ignored => vec![],
        KeyUse::Optional => vec![SecurityRequirement::default(), with_key()],
        KeyUse::Needed => vec![with_key()],
    });
    let mut says = operation.description.take().map(|text| vec![text]).unwrap_or_default();
    if let Some(scope) = &rules.scope {
        says.push(match rules.key {
            KeyUse::Needed => format!("Needs an API key with the scope `{scope}`."),
            KeyUse::Optional | KeyUse::Ignored => format!("A key with the scope `{scope}` may see more."),
        });
        if rules.key == KeyUse::Needed {
            operation.extensions = Some(ExtensionsBuilder::new().add(SCOPE, scope.as_str()).build());
        }
    }
    if let Some(limit) = &rules.limit {
        says.push(format!("Counted against the rate limit `{limit}`."));
    }
    operation.description = Some(says.join("\n\n")).filter(|text| !text.is_empty());
}

/// The codes that an operation can answer, those that follow from its rules included.
fn codes(operation: &Operation, rules: &Rules) -> Vec<Code> {
    let mut all: Vec<Code> = rules.codes.iter().filter_map(|code| Code::parse(code)).collect();
    if operation.request_body.is_some() {
        all.extend([Code::BadRequest, Code::RequestTimeout, Code::PayloadTooLarge, Code::UnsupportedMediaType]);
    }
    if rules.limit.is_some() {
        all.extend([Code::Unauthorized, Code::NotAcceptable, Code::RateLimited, Code::ServiceUnavailable]);
    }
    if rules.key == KeyUse::Needed && rules.scope.is_some() {
        all.push(Code::Forbidden);
    }
    all.push(Code::InternalError);
    // In the order of the list, and each once.
    Code::ALL.iter().copied().filter(|code| all.contains(code)).collect()
}

fn by_status(operation: &Operation, rules: &Rules) -> BTreeMap<StatusCode, Vec<Code>> {
    let mut by_status: BTreeMap<StatusCode, Vec<Code>> = BTreeMap::new();
    for code in codes(operation, rules) {
        by_status.entry(code.status()).or_default().push(code);
    }
    by_status
}

/// The failures that many operations have in common, as components.
pub(super) fn responses() -> Vec<(String, Response)> {
    let limited = SHARED.iter().map(|code| (*code, true));
    let unlimited = UNLIMITED.iter().map(|code| (*code, false));
    let named =
        |(code, is_limited): (Code, bool)| (shared_name(code, is_limited), failure(code.status(), &[code], is_limited));
    limited.chain(unlimited).map(named).collect()
}

/// The codes whose failures stand among the components, where no other code shares their status.
const SHARED: &[Code] = &[
    Code::Unauthorized,
    Code::Forbidden,
    Code::NotFound,
    Code::NotAcceptable,
    Code::RequestTimeout,
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
    Code::RateLimited,
    Code::InternalError,
    Code::ServiceUnavailable,
];
/// The same of operations that have no rate limit.
const UNLIMITED: &[Code] =
    &[Code::NotFound, Code::MethodNotAllowed, Code::Gone, Code::InternalError, Code::ServiceUnavailable];

fn is_shared(code: Code, is_limited: bool) -> bool {
    (if is_limited { SHARED } else { UNLIMITED }).contains(&code)
}

/// What the component of a code's failure is called.
fn shared_name(code: Code, is_limited: bool) -> String {
    let name = errors::component(code);
    if is_limited { name } else { format!("{name}Unlimited") }
}

fn failure(status: StatusCode, codes: &[Code], is_limited: bool) -> Response {
    let description = match codes {
        [only] => format!("`{}`: {}", only.as_str(), only.meaning()),
        several => several.iter().map(|code| format!("- `{}`: {}\n", code.as_str(), code.meaning())).collect(),
    };
    let content = ContentBuilder::new().schema(Some(errors::one_of(codes))).build();
    let mut response = ResponseBuilder::new().description(description).content("application/json", content).build();
    common_headers(&mut response, is_limited);
    match status {
        StatusCode::UNAUTHORIZED => add(&mut response, "WWW-Authenticate"),
        StatusCode::METHOD_NOT_ALLOWED => add(&mut response, "Allow"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => add(&mut response, "Accept"),
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::BAD_GATEWAY
        | StatusCode::GATEWAY_TIMEOUT => add(&mut response, "Retry-After"),
        StatusCode::CONFLICT => add_optional(&mut response, "Retry-After"),
        _ => (),
    }
    response
}

/// The same 402 for whoever pays by a header: another body, and the terms in a header, too.
fn payable_by_header(mut response: Response, codes: &[Code]) -> Response {
    let schema = OneOfBuilder::new().item(errors::one_of(codes)).item(Ref::from_schema_name(x402::REQUIRED));
    let content = ContentBuilder::new().schema(Some(schema)).build();
    response.content.insert("application/json".to_owned(), content.into());
    response.description.push_str(x402::DESCRIPTION);
    for header in ["PAYMENT-REQUIRED", "PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE"] {
        add(&mut response, header);
    }
    response
}

fn common_headers(response: &mut Response, is_limited: bool) {
    add(response, "X-Request-Id");
    add(response, "Cache-Control");
    if is_limited {
        for name in ["RateLimit-Policy", "RateLimit", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"] {
            add(response, name);
        }
    }
}
