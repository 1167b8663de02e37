//! `GET /me` and `PATCH /me`: who the key belongs to.

use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use crochet_market::identity::{IdentityService, ProfilePatch};
use crochet_market::view::{MeJson, ProfileJson};

use super::{get, resource};
use crate::admit;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::extract::{Authenticated, Json};
use crate::openapi::rules;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/me", "GET, HEAD, PATCH, OPTIONS")
            .wrap(from_fn(admit::standard))
            .route(get().to(show))
            .route(web::patch().to(change)),
    );
}

/// Read who the key belongs to.
///
/// The profile, its wallets, and the key itself with its scopes.
#[utoipa::path(
    get,
    path = "/me",
    tag = "Identity",
    operation_id = "getMe",
    responses((status = 200, description = "The caller.", body = Success<MeJson>)),
    extensions(("x-rules" = json!(rules::read(&[])))),
)]
pub(crate) async fn show(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
) -> Result<HttpResponse, ApiError> {
    let wallets = identity.wallets(me.profile_id()).await?;
    envelope::ok(MeJson::new(&me.caller, &wallets))
}

/// Change the profile.
///
/// What is left out stays as it is; null clears what can be empty.
#[utoipa::path(
    patch,
    path = "/me",
    tag = "Identity",
    operation_id = "updateMe",
    request_body = ProfilePatch,
    responses((status = 200, description = "The profile as it is now.", body = Success<ProfileJson>)),
    extensions(("x-rules" = json!(rules::write(&[])))),
)]
pub(crate) async fn change(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    Json(patch): Json<ProfilePatch>,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(ProfileJson::from(&identity.update_profile(me.profile_id(), &patch).await?))
}
