//! What the first version of the API had and this one has not: 410, with the way that there is now.

use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};

use crate::admit;
use crate::code::Code;
use crate::error::ApiError;

/// Subscriptions, deposits and balances. Funds are never held, so none of them comes back.
const PATHS: [&str; 10] = [
    "/payments/setup",
    "/payments/verify",
    "/subscribe",
    "/subscribe/{rest:.*}",
    "/listings/{id}/subscribe",
    "/subscriptions",
    "/subscriptions/{rest:.*}",
    "/balance",
    "/deposits",
    "/deposits/{rest:.*}",
];

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    for path in PATHS {
        config.service(web::resource(path).wrap(from_fn(admit::standard)).default_service(web::to(gone)));
    }
}

async fn gone() -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(Code::Gone, "This is retired: calls are paid one by one through POST /gateway/:listingId."))
}
