//! `GET /categories`: what listings are sorted into.

use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_market::catalogue::CatalogueService;
use crochet_market::view::CategoryJson;

use super::{get, resource};
use crate::admit;
use crate::code::Code;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::openapi::rules;
use crate::query::Params;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(resource("/categories", "GET, HEAD, OPTIONS").wrap(from_fn(admit::standard)).route(get().to(list)));
}

/// List the categories.
///
/// All of them, in the order that they are to be shown in. Listings name theirs by `category_id`, and `GET /listings`
/// takes the id or the slug as a filter.
#[utoipa::path(
    get,
    path = "/categories",
    tag = "Listings",
    operation_id = "listCategories",
    responses((status = 200, description = "All categories.", body = Success<Vec<CategoryJson>>)),
    extensions(("x-rules" = json!(rules::public(&[Code::BadRequest]).cached()))),
)]
pub(crate) async fn list(catalogue: web::Data<CatalogueService>, req: HttpRequest) -> Result<HttpResponse, ApiError> {
    Params::read(&req, &[])?;
    let categories = catalogue.categories().await?;
    envelope::ok(categories.iter().map(CategoryJson::from).collect::<Vec<_>>())
}
