//! `POST /auth/challenge`: what a wallet is asked to sign, and the work to be done.

use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use crochet_market::identity::{ChallengeRequest, IdentityService, IssuedChallenge};

use super::resource;
use crate::admit;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::extract::{Json, MaybeAuthenticated};
use crate::openapi::rules;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/auth/challenge", "POST, OPTIONS").wrap(from_fn(admit::sign_in)).route(web::post().to(challenge)),
    );
}

/// Ask for a challenge to sign.
///
/// The answer has a `message` to sign exactly as it is, and a proof of work. Asking costs nothing and says nothing
/// about the wallet: a challenge looks the same whether or not the wallet has a profile. A key is needed for the
/// purpose `link_wallet` alone.
#[utoipa::path(
    post,
    path = "/auth/challenge",
    tag = "Identity",
    operation_id = "createChallenge",
    request_body = ChallengeRequest,
    responses((
        status = 200,
        description = "A challenge, good for five minutes and for one attempt.",
        body = Success<IssuedChallenge>
    )),
    extensions(("x-rules" = json!(rules::sign_in(&[])))),
)]
pub(crate) async fn challenge(
    MaybeAuthenticated(caller): MaybeAuthenticated,
    identity: web::Data<IdentityService>,
    Json(request): Json<ChallengeRequest>,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(identity.challenge(&request, caller.map(|caller| caller.profile_id())).await?)
}
