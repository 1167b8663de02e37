//! `/me/wallets`: the wallets of a profile.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_market::identity::{IdentityService, LinkWalletBody, UpdateWalletBody};
use crochet_market::view::WalletJson;
use crochet_primitives::WalletId;

use super::{get, part, resource};
use crate::admit;
use crate::code::Code;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::extract::{Authenticated, Json};
use crate::openapi::rules;
use crate::query::Params;

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

/// List the wallets of the profile.
///
/// Disabled ones included.
#[utoipa::path(
    get,
    path = "/me/wallets",
    tag = "Wallets",
    operation_id = "listWallets",
    responses((status = 200, description = "The wallets, oldest first.", body = Success<Vec<WalletJson>>)),
    extensions(("x-rules" = json!(rules::read(&[Code::BadRequest])))),
)]
pub(crate) async fn list(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    Params::read(&req, &[])?;
    let wallets = identity.wallets(me.profile_id()).await?;
    envelope::ok(wallets.iter().map(WalletJson::from).collect::<Vec<_>>())
}

/// Link a wallet.
///
/// A wallet of the profile and the new one each sign a challenge of the purpose `link_wallet`.
#[utoipa::path(
    post,
    path = "/me/wallets",
    tag = "Wallets",
    operation_id = "linkWallet",
    request_body = LinkWalletBody,
    responses((status = 201, description = "The wallet is linked.", body = Success<WalletJson>)),
    extensions(("x-rules" = json!(rules::write(&[Code::ChallengeExpired, Code::Unauthorized, Code::Conflict])))),
)]
pub(crate) async fn link(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    Json(body): Json<LinkWalletBody>,
) -> Result<HttpResponse, ApiError> {
    let wallet = identity.link_wallet(me.profile_id(), &body).await?;
    envelope::success(StatusCode::CREATED, WalletJson::from(&wallet))
}

/// Read a wallet of the profile.
///
/// By its id, as `GET /me/wallets` lists it.
#[utoipa::path(
    get,
    path = "/me/wallets/{id}",
    tag = "Wallets",
    operation_id = "getWallet",
    params(
        ("id" = WalletId, Path, description = "The wallet's id."),
    ),
    responses((status = 200, description = "The wallet.", body = Success<WalletJson>)),
    extensions(("x-rules" = json!(rules::read(&[Code::NotFound])))),
)]
pub(crate) async fn show(
    Authenticated(me): Authenticated,
    identity: web::Data<IdentityService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(WalletJson::from(&identity.wallet(me.profile_id(), wallet_id(&req)?).await?))
}

/// Change a wallet.
///
/// A wallet of the profile that may recover it signs for the change. The last one that can recover the profile cannot
/// be disabled.
#[utoipa::path(
    patch,
    path = "/me/wallets/{id}",
    tag = "Wallets",
    operation_id = "updateWallet",
    params(
        ("id" = WalletId, Path, description = "The wallet's id."),
    ),
    request_body = UpdateWalletBody,
    responses((status = 200, description = "The wallet as it is now.", body = Success<WalletJson>)),
    extensions(("x-rules" = json!(rules::write(&[
        Code::ChallengeExpired, Code::Unauthorized, Code::NotFound, Code::Conflict, Code::LastRecoveryWallet,
    ])))),
)]
pub(crate) async fn change(
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
