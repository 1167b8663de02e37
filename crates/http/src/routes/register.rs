//! `POST /register`: a profile for a wallet, and its first key.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use crochet_market::identity::{IdentityService, RegisterBody};
use crochet_market::view::IssuedJson;

use super::resource;
use crate::admit;
use crate::code::Code;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::extract::Json;
use crate::openapi::rules;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/register", "POST, OPTIONS").wrap(from_fn(admit::sign_in)).route(web::post().to(register)));
}

/// Register a wallet.
///
/// Makes a profile for the wallet that signed a challenge of the purpose `register`, and its first API key, with all
/// scopes. A wallet that has a profile already is answered 409: `POST /auth/recover` gives that profile a fresh key.
#[utoipa::path(
    post,
    path = "/register",
    tag = "Identity",
    operation_id = "register",
    request_body = RegisterBody,
    responses((
        status = 201,
        description = "The profile, and its first key. The key is shown this once.",
        body = Success<IssuedJson>
    )),
    extensions(("x-rules" = json!(rules::sign_in(&[
        Code::ChallengeExpired, Code::Unauthorized, Code::CaptchaFailed, Code::Conflict,
    ])))),
)]
pub(crate) async fn register(
    identity: web::Data<IdentityService>,
    Json(body): Json<RegisterBody>,
) -> Result<HttpResponse, ApiError> {
    envelope::success(StatusCode::CREATED, IssuedJson::from(&identity.register(&body).await?))
}
