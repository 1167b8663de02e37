//! What the first version of the API had and this one has not: 410, with the way that there is now.
//!
//! Before anything else is looked at: whoever still calls these paths is told that they are gone, whatever the method,
//! the key, the body and the rate. A 401 would send it looking for a key, and a 405 for a method (ADR 17).

use actix_web::{HttpResponse, web};

use crate::code::Code;
use crate::error::ApiError;

/// Subscriptions, deposits and balances. Funds are never held, so none of them comes back.
const PATHS: [&str; 14] = [
    "/payments/setup",
    "/payments/setup/{rest:.*}",
    "/payments/verify",
    "/payments/verify/{rest:.*}",
    "/subscribe",
    "/subscribe/{rest:.*}",
    "/listings/{id}/subscribe",
    "/listings/{id}/subscribe/{rest:.*}",
    "/subscriptions",
    "/subscriptions/{rest:.*}",
    "/balance",
    "/balance/{rest:.*}",
    "/deposits",
    "/deposits/{rest:.*}",
];

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    for path in PATHS {
        config.service(web::resource(path).default_service(web::to(gone)));
    }
}

async fn gone() -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(Code::Gone, "This is retired: calls are paid one by one through POST /gateway/:listingId."))
}
