//! `GET /categories`: what listings are sorted into.

use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use crochet_market::catalogue::CatalogueService;
use crochet_market::view::CategoryJson;

use super::{get, resource};
use crate::admit;
use crate::envelope;
use crate::error::ApiError;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(resource("/categories", "GET, HEAD, OPTIONS").wrap(from_fn(admit::standard)).route(get().to(list)));
}

async fn list(catalogue: web::Data<CatalogueService>) -> Result<HttpResponse, ApiError> {
    let categories = catalogue.categories().await?;
    envelope::ok(categories.iter().map(CategoryJson::from).collect::<Vec<_>>())
}
