//! One file a resource. Each takes only the data that it needs, and is registered by its own `configure`.

pub(crate) mod api_docs;
pub(crate) mod api_keys;
pub(crate) mod categories;
pub(crate) mod challenge;
pub(crate) mod discovery;
pub(crate) mod docs;
pub(crate) mod documents;
pub(crate) mod endpoint;
pub(crate) mod endpoint_test;
pub(crate) mod gateway;
pub(crate) mod gateway_answer;
pub(crate) mod gateway_headers;
pub(crate) mod gateway_requests;
pub(crate) mod health;
pub(crate) mod ledger;
pub(crate) mod listings;
pub(crate) mod me;
pub(crate) mod mock_provider;
pub(crate) mod openapi;
#[cfg(test)]
pub(crate) mod recorder;
pub(crate) mod recover;
pub(crate) mod register;
pub(crate) mod relay_webhook;
pub(crate) mod retired;
pub(crate) mod wallets;
pub(crate) mod x402_payment;

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, guard, web};

use crate::code::Code;
use crate::error::ApiError;

/// Where the API lives.
pub(crate) const API: &str = "/api/v1";

/// What stands beside the API.
pub(crate) fn configure_documents(config: &mut web::ServiceConfig, has_x402: bool) {
    config
        .configure(docs::configure)
        .configure(documents::configure)
        .configure(openapi::configure)
        .configure(api_docs::configure);
    if has_x402 {
        config.configure(discovery::configure);
    }
}

/// What stands below [`API`]. Routes are tried one after the other: what is asked most comes first.
pub(crate) fn configure_api(api: &mut web::ServiceConfig, has_mock: bool, has_webhooks: bool) {
    api.configure(gateway::configure)
        .configure(health::configure)
        .configure(gateway_requests::configure)
        .configure(ledger::configure)
        .configure(retired::configure)
        .configure(challenge::configure)
        .configure(register::configure)
        .configure(recover::configure)
        .configure(me::configure)
        .configure(wallets::configure)
        .configure(api_keys::configure)
        .configure(categories::configure)
        .configure(listings::configure)
        .configure(endpoint::configure)
        .configure(x402_payment::configure);
    if has_mock {
        api.configure(mock_provider::configure);
    }
    if has_webhooks {
        api.configure(relay_webhook::configure);
    }
}

/// The methods of a resource, as its `Allow` header says.
#[derive(Clone, Copy)]
struct Allow(&'static str);

/// A resource that answers other methods with 405 and the ones it has.
pub(crate) fn resource(path: &str, allow: &'static str) -> Resource {
    #[cfg(test)]
    recorder::note(path, allow);
    web::resource(path).app_data(Allow(allow)).default_service(web::to(other_method))
}

/// Whether the resource that a request leads to has its method.
pub(crate) fn has_method(req: &ServiceRequest) -> bool {
    req.app_data::<Allow>().is_some_and(|allow| allow.0.split(", ").any(|method| method == req.method().as_str()))
}

/// GET, and HEAD with it.
pub(crate) fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// What is no path of ours.
pub(crate) async fn unknown_path() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found("There is nothing at this path."))
}

async fn other_method(req: HttpRequest) -> Result<HttpResponse, ApiError> {
    let allow = HeaderValue::from_static(req.app_data::<Allow>().map_or("", |allow| allow.0));
    if req.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header((header::ALLOW, allow)).finish());
    }
    let details = serde_json::json!({ "allow": allow.to_str().unwrap_or_default() });
    Err(ApiError::new(Code::MethodNotAllowed, "This path has other methods; see Allow.")
        .details(&details)
        .header(header::ALLOW, allow))
}

/// One part of the path, as it came.
pub(crate) fn part<'a>(req: &'a HttpRequest, name: &str) -> &'a str {
    req.match_info().get(name).unwrap_or_default()
}
