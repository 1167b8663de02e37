//! `POST /auth/challenge`: what a wallet is asked to sign, and the work to be done.

use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use crochet_market::identity::{ChallengeRequest, IdentityService};

use super::resource;
use crate::admit;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Json, MaybeAuthenticated};

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/auth/challenge", "POST, OPTIONS").wrap(from_fn(admit::sign_in)).route(web::post().to(challenge)),
    );
}

/// A key is needed for the purpose `link_wallet` alone.
async fn challenge(
    MaybeAuthenticated(caller): MaybeAuthenticated,
    identity: web::Data<IdentityService>,
    Json(request): Json<ChallengeRequest>,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(identity.challenge(&request, caller.map(|caller| caller.profile_id())).await?)
}
