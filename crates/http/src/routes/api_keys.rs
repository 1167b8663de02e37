//! `/api-keys`: further keys of a profile.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_market::identity::{IdentityService, NewApiKeyBody};
use crochet_market::view::{ApiKeyJson, CreatedKeyJson};
use crochet_primitives::ApiKeyId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{get, part, resource};
use crate::admit;
use crate::code::Code;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::extract::{Authenticated, Json};
use crate::openapi::{rules, vocabulary};
use crate::query::Params;

/// A key that is refused from now on.
#[derive(Serialize, ToSchema)]
#[schema(as = RevokedApiKey)]
pub(crate) struct Revoked {
    /// The key.
    id: ApiKeyId,
    /// Always true.
    #[schema(schema_with = vocabulary::always_true)]
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

/// List the keys of the profile.
///
/// Those that are valid, with their scopes and their first characters. A key itself is shown once, when it is made.
#[utoipa::path(
    get,
    path = "/api-keys",
    tag = "API keys",
    operation_id = "listApiKeys",
    responses((status = 200, description = "The keys that are valid.", body = Success<Vec<ApiKeyJson>>)),
    extensions(("x-rules" = json!(rules::read(&[Code::BadRequest])))),
)]
pub(crate) async fn list(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    Params::read(&req, &[])?;
    let keys = identity.api_keys(me.profile_id()).await?;
    envelope::ok(keys.iter().map(ApiKeyJson::from).collect::<Vec<_>>())
}

/// Make a further key.
///
/// With a subset of the scopes of the key that asks for it.
#[utoipa::path(
    post,
    path = "/api-keys",
    tag = "API keys",
    operation_id = "createApiKey",
    request_body = NewApiKeyBody,
    responses((status = 201, description = "The key. It is shown this once.", body = Success<CreatedKeyJson>)),
    extensions(("x-rules" = json!(rules::write(&[Code::Conflict])))),
)]
pub(crate) async fn create(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    Json(body): Json<NewApiKeyBody>,
) -> Result<HttpResponse, ApiError> {
    let created = identity.create_api_key(&me.caller, &body).await?;
    envelope::success(StatusCode::CREATED, CreatedKeyJson::from(&created))
}

/// Revoke a key.
///
/// The key that asks for it may revoke itself.
#[utoipa::path(
    delete,
    path = "/api-keys/{id}",
    tag = "API keys",
    operation_id = "revokeApiKey",
    params(
        ("id" = ApiKeyId, Path, description = "The key's id."),
    ),
    responses((
        status = 200,
        description = "It is refused from now on, everywhere within a second.",
        body = Success<Revoked>
    )),
    extensions(("x-rules" = json!(rules::write(&[Code::NotFound])))),
)]
pub(crate) async fn revoke(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = ApiKeyId::parse(part(&req, "id")).map_err(|_| ApiError::not_found("API key not found."))?;
    identity.revoke_api_key(&me.caller, id).await?;
    envelope::ok(Revoked { id, revoked: true })
}
