//! `GET /me` and `PATCH /me`: who the key belongs to.

use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use crochet_market::identity::{IdentityService, ProfilePatch};
use crochet_market::view::{ApiKeyJson, ProfileJson, WalletJson};
use serde::Serialize;

use super::{get, resource};
use crate::admit;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Authenticated, Json};

#[derive(Serialize)]
struct Me {
    profile: ProfileJson,
    wallets: Vec<WalletJson>,
    api_key: ApiKeyJson,
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/me", "GET, HEAD, PATCH, OPTIONS")
            .wrap(from_fn(admit::standard))
            .route(get().to(show))
            .route(web::patch().to(change)),
    );
}

async fn show(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
) -> Result<HttpResponse, ApiError> {
    let wallets = identity.wallets(me.profile_id()).await?;
    envelope::ok(Me {
        profile: ProfileJson::from(&me.caller.profile),
        wallets: wallets.iter().map(WalletJson::from).collect(),
        api_key: ApiKeyJson::from(&me.caller.key),
    })
}

async fn change(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    Json(patch): Json<ProfilePatch>,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(ProfileJson::from(&identity.update_profile(me.profile_id(), &patch).await?))
}
