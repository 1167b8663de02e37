//! `/api-keys`: further keys of a profile.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_market::identity::{IdentityService, NewApiKeyBody};
use crochet_market::view::{ApiKeyJson, CreatedKeyJson};
use crochet_primitives::ApiKeyId;
use serde::Serialize;

use super::{get, part, resource};
use crate::admit;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Authenticated, Json};

#[derive(Serialize)]
struct Revoked {
    id: ApiKeyId,
    revoked: bool,
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api-keys", "GET, HEAD, POST, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(get().to(list))
                .route(web::post().to(create)),
        )
        .service(
            resource("/api-keys/{id}", "DELETE, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(web::delete().to(revoke)),
        );
}

async fn list(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
) -> Result<HttpResponse, ApiError> {
    let keys = identity.api_keys(me.profile_id()).await?;
    envelope::ok(keys.iter().map(ApiKeyJson::from).collect::<Vec<_>>())
}

async fn create(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    Json(body): Json<NewApiKeyBody>,
) -> Result<HttpResponse, ApiError> {
    let created = identity.create_api_key(&me.caller, &body).await?;
    envelope::success(StatusCode::CREATED, CreatedKeyJson::from(&created))
}

async fn revoke(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = ApiKeyId::parse(part(&req, "id")).map_err(|_| ApiError::not_found("API key not found."))?;
    identity.revoke_api_key(&me.caller, id).await?;
    envelope::ok(Revoked { id, revoked: true })
}
