//! `POST /register`: a profile for a wallet, and its first key.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use crochet_market::identity::{IdentityService, RegisterBody};
use crochet_market::view::IssuedJson;

use super::resource;
use crate::admit;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::Json;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/register", "POST, OPTIONS").wrap(from_fn(admit::sign_in)).route(web::post().to(register)));
}

async fn register(
    identity: web::Data<IdentityService>,
    Json(body): Json<RegisterBody>,
) -> Result<HttpResponse, ApiError> {
    envelope::success(StatusCode::CREATED, IssuedJson::from(&identity.register(&body).await?))
}
