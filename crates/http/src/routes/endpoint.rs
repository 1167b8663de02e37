//! `/listings/{id}/endpoint`: a seller's private endpoint, without its URL and its secrets.

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_market::catalogue::{CatalogueService, EndpointBody, RotateBody};
use crochet_market::view::{EndpointJson, RotatedJson};

use super::endpoint_test::test;
use super::{get, part, resource};
use crate::admit;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Authenticated, Json, OptionalJson};

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

async fn show(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let endpoint = catalogue.endpoint(seller.profile_id(), part(&req, "id")).await?;
    envelope::ok(EndpointJson::new(&endpoint, false))
}

async fn put(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
    Json(body): Json<EndpointBody>,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(EndpointJson::from(&catalogue.put_endpoint(seller.profile_id(), part(&req, "id"), &body).await?))
}

async fn rotate(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
    OptionalJson(body): OptionalJson<RotateBody>,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(RotatedJson::from(&catalogue.rotate_secret(seller.profile_id(), part(&req, "id"), body).await?))
}
