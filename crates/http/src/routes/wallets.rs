//! `/me/wallets`: the wallets of a profile.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_market::identity::{IdentityService, LinkWalletBody, UpdateWalletBody};
use crochet_market::view::WalletJson;
use crochet_primitives::WalletId;

use super::{get, part, resource};
use crate::admit;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Authenticated, Json};

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/me/wallets", "GET, HEAD, POST, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(get().to(list))
                .route(web::post().to(link)),
        )
        .service(
            resource("/me/wallets/{id}", "GET, HEAD, PATCH, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(get().to(show))
                .route(web::patch().to(change)),
        );
}

async fn list(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
) -> Result<HttpResponse, ApiError> {
    let wallets = identity.wallets(me.profile_id()).await?;
    envelope::ok(wallets.iter().map(WalletJson::from).collect::<Vec<_>>())
}

async fn link(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    Json(body): Json<LinkWalletBody>,
) -> Result<HttpResponse, ApiError> {
    let wallet = identity.link_wallet(me.profile_id(), &body).await?;
    envelope::success(StatusCode::CREATED, WalletJson::from(&wallet))
}

async fn show(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(WalletJson::from(&identity.wallet(me.profile_id(), wallet_id(&req)?).await?))
}

async fn change(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    req: HttpRequest,
    Json(body): Json<UpdateWalletBody>,
) -> Result<HttpResponse, ApiError> {
    let wallet = identity.update_wallet(me.profile_id(), wallet_id(&req)?, &body).await?;
    envelope::ok(WalletJson::from(&wallet))
}

fn wallet_id(req: &HttpRequest) -> Result<WalletId, ApiError> {
    WalletId::parse(part(req, "id")).map_err(|_| ApiError::not_found("Wallet not found."))
}
