//! `/listings/{id}/endpoint`: a seller's private endpoint, without its URL and its secrets.

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_market::catalogue::{CatalogueService, EndpointBody, RotateBody};
use crochet_market::view::{EndpointJson, RotatedJson};

use super::endpoint_test::test;
use super::{get, part, resource};
use crate::admit;
use crate::code::Code;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::extract::{Authenticated, Json, OptionalJson};
use crate::openapi::rules;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/listings/{id}/endpoint", "GET, HEAD, PUT, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(get().to(show))
                .route(web::put().to(put)),
        )
        .service(
            resource("/listings/{id}/endpoint/test", "POST, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(web::post().to(test)),
        )
        .service(
            resource("/listings/{id}/endpoint/rotate-secret", "POST, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(web::post().to(rotate)),
        );
}

/// Read a private endpoint.
///
/// To the listing's owner, without its URL, its header's value and its signing secret.
#[utoipa::path(
    get,
    path = "/listings/{id}/endpoint",
    tag = "Endpoints",
    operation_id = "getEndpoint",
    params(
        ("id" = String, Path, description = "The listing's id or slug."),
    ),
    responses((status = 200, description = "What may be shown of it.", body = Success<EndpointJson>)),
    extensions(("x-rules" = json!(rules::read(&[Code::NotFound])))),
)]
pub(crate) async fn show(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let endpoint = catalogue.endpoint(seller.profile_id(), part(&req, "id")).await?;
    envelope::ok(EndpointJson::new(&endpoint, false))
}

/// Set or change a private endpoint.
///
/// What is left out stays as it is. A first endpoint needs `private_endpoint_url`, and is answered with its
/// `signing_secret`, once.
#[utoipa::path(
    put,
    path = "/listings/{id}/endpoint",
    tag = "Endpoints",
    operation_id = "putEndpoint",
    params(
        ("id" = String, Path, description = "The listing's id or slug."),
    ),
    request_body = EndpointBody,
    responses((
        status = 200,
        description = "The endpoint as it is now; with the signing secret where it is new.",
        body = Success<EndpointJson>
    )),
    extensions(("x-rules" = json!(rules::write(&[
        Code::NotFound, Code::Conflict, Code::ListingHasNoEndpoint, Code::EndpointNotAllowed,
    ])))),
)]
pub(crate) async fn put(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
    Json(body): Json<EndpointBody>,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(EndpointJson::from(&catalogue.put_endpoint(seller.profile_id(), part(&req, "id"), &body).await?))
}

/// Rotate the signing secret.
///
/// Without an overlap the new secret signs at once. During an overlap `X-Crochet-Signature` keeps the secret before it,
/// and `X-Crochet-Signature-Next` carries the new one.
#[utoipa::path(
    post,
    path = "/listings/{id}/endpoint/rotate-secret",
    tag = "Endpoints",
    operation_id = "rotateSigningSecret",
    params(
        ("id" = String, Path, description = "The listing's id or slug."),
    ),
    request_body = Option<RotateBody>,
    responses((status = 200, description = "The new secret. It is shown this once.", body = Success<RotatedJson>)),
    extensions(("x-rules" = json!(rules::write(&[Code::NotFound, Code::Conflict, Code::ListingHasNoEndpoint])))),
)]
pub(crate) async fn rotate(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
    OptionalJson(body): OptionalJson<RotateBody>,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(RotatedJson::from(&catalogue.rotate_secret(seller.profile_id(), part(&req, "id"), body).await?))
}
