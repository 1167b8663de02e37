//! The handlers that the document is made of, in the order in which it shows them.

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::OpenApiConfig;
use crate::routes::{self, API};

/// What stands below `/api/v1`.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    routes::challenge::challenge,
    routes::register::register,
    routes::recover::recover,
    routes::me::show,
    routes::me::change,
    routes::wallets::list,
    routes::wallets::link,
    routes::wallets::show,
    routes::wallets::change,
    routes::api_keys::list,
    routes::api_keys::create,
    routes::api_keys::revoke,
    routes::listings::search,
    routes::listings::create,
    routes::listings::challenge,
    routes::listings::show,
    routes::listings::change,
    routes::listings::remove,
    routes::categories::list,
    routes::endpoint::show,
    routes::endpoint::put,
    routes::endpoint_test::test,
    routes::endpoint::rotate,
    routes::gateway::call,
    routes::x402_payment::show,
    routes::gateway_requests::list,
    routes::gateway_requests::detail,
    routes::ledger::list,
    routes::health::health,
    routes::health::ready,
))]
struct Api;

/// What is there beside it in development.
#[derive(utoipa::OpenApi)]
#[openapi(paths(routes::mock_provider::pay))]
struct Mock;

/// What is there where buyers pay through Relay.
#[derive(utoipa::OpenApi)]
#[openapi(paths(routes::relay_webhook::take))]
struct Relay;

/// What is there where payments are taken by a header; beside the API.
#[derive(utoipa::OpenApi)]
#[openapi(paths(routes::discovery::well_known, routes::discovery::resources))]
struct Discovery;

/// Every operation, at its whole path.
pub(super) fn collect(config: &OpenApiConfig) -> OpenApi {
    let document = OpenApi::default().nest(API, Api::openapi());
    let document = if config.has_mock { document.nest(API, Mock::openapi()) } else { document };
    let document = if config.has_relay { document.nest(API, Relay::openapi()) } else { document };
    let document = if config.has_x402 { document.merge_from(Discovery::openapi()) } else { document };
    document.merge_from(super::documents::operations()).merge_from(super::retired::operations())
}
