//! The OpenAPI document: what the handlers' annotations say, completed and put together.
//!
//! A handler says by `#[utoipa::path]` what it takes and what it answers when all is well, and by its [`rules`] who may
//! call it and which codes it can answer. [`complete`] derives the rest, so that no error's shape is written twice.
//!
//! A new route takes four steps, and a test fails for each that is left out: register it by `resource()`, annotate its
//! handler, name the handler in [`paths`], and put an answer of a real run among the [`examples`]. Its tests then find
//! out which codes and fields were forgotten, because their clients hold every answer against the document.

mod absence;
mod answers;
mod complete;
mod documents;
mod errors;
mod examples;
mod headers;
mod info;
mod paths;
mod retired;
pub(crate) mod rules;
mod unused;
pub(crate) mod vocabulary;
mod x402;

pub(crate) use errors::SentRecovery;
#[cfg(any(test, feature = "testing"))]
pub(crate) use errors::component;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, Server};

/// What the document depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenApiConfig {
    /// How the world sees this server: scheme and host, no slash at the end.
    pub public_url: String,
    /// Whether there is the mock provider.
    pub has_mock: bool,
    /// Whether buyers pay through Relay, which sends webhooks.
    pub has_relay: bool,
    /// Whether payments are taken by a header.
    pub has_x402: bool,
}

/// The whole document. The same configuration gives the same document, byte for byte.
#[must_use]
pub fn openapi(config: &OpenApiConfig) -> OpenApi {
    let mut document = paths::collect(config);
    document.info = info::info();
    document.servers = Some(vec![Server::new(config.public_url.trim_end_matches('/'))]);
    document.tags = Some(info::tags(config));
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert(x402::REQUIRED.to_owned(), x402::required());
    for (name, schema) in errors::components() {
        components.schemas.insert(name, schema);
    }
    for (name, header) in headers::components() {
        components.headers.insert(name.to_owned(), header.into());
    }
    for (name, parameter) in complete::parameters() {
        components.parameters.insert(name.to_owned(), parameter.into());
    }
    for (name, response) in complete::responses() {
        components.responses.insert(name, response.into());
    }
    components.add_security_scheme(complete::SCHEME, scheme());
    for item in document.paths.paths.values_mut() {
        for (_, operation) in complete::operations(item) {
            complete::complete(operation);
            examples::add(operation, config.public_url.trim_end_matches('/'));
            if config.has_x402 {
                x402::price(operation);
            }
        }
    }
    answers::name(&mut document);
    unused::drop_unused(&mut document);
    document
}

fn scheme() -> SecurityScheme {
    let http = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("am_k_…")
        .description(Some(
            "An API key: `Authorization: Bearer am_k_…`. `POST /api/v1/register` issues the first one, with the scopes \
             read, write and gateway; `POST /api/v1/api-keys` issues further ones. A header that is there and wrong is \
             answered 401, also where no key is needed.",
        ))
        .build();
    SecurityScheme::Http(http)
}

#[cfg(test)]
mod tests;
