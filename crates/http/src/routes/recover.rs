//! `POST /auth/recover`: a fresh key for the profile of a wallet.

use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use crochet_market::identity::{IdentityService, RecoverBody};
use crochet_market::view::IssuedJson;

use super::resource;
use crate::admit;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::Json;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/auth/recover", "POST, OPTIONS").wrap(from_fn(admit::sign_in)).route(web::post().to(recover)),
    );
}

async fn recover(
    identity: web::Data<IdentityService>,
    Json(body): Json<RecoverBody>,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(IssuedJson::from(&identity.recover(&body).await?))
}
