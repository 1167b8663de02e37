//! `POST /auth/recover`: a fresh key for the profile of a wallet.

use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use crochet_market::identity::{IdentityService, RecoverBody};
use crochet_market::view::IssuedJson;

use super::resource;
use crate::admit;
use crate::code::Code;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::extract::Json;
use crate::openapi::rules;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/auth/recover", "POST, OPTIONS").wrap(from_fn(admit::sign_in)).route(web::post().to(recover)),
    );
}

/// Recover an account by its wallet.
///
/// Gives a fresh API key to the profile whose wallet signed a challenge of the purpose `recover`. The wallet needs the
/// capability `recovery`. With `revoke_existing_keys` all other keys of the profile end.
#[utoipa::path(
    post,
    path = "/auth/recover",
    tag = "Identity",
    operation_id = "recoverAccount",
    request_body = RecoverBody,
    responses((
        status = 200,
        description = "The profile, and a fresh key. The key is shown this once.",
        body = Success<IssuedJson>
    )),
    extensions(("x-rules" = json!(rules::sign_in(&[
        Code::ChallengeExpired, Code::Unauthorized, Code::Forbidden, Code::CaptchaFailed, Code::NotFound,
        Code::Conflict,
    ])))),
)]
pub(crate) async fn recover(
    identity: web::Data<IdentityService>,
    Json(body): Json<RecoverBody>,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(IssuedJson::from(&identity.recover(&body).await?))
}
