//! `/listings`: what is offered.

use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_market::Scope;
use crochet_market::catalogue::{CatalogueService, ListingBody, ListingFilters};
use crochet_market::view::RemovedJson;
use crochet_primitives::ProfileId;

use super::{get, part, resource};
use crate::admit::{self, Credentials};
use crate::envelope::{self, Pagination};
use crate::error::ApiError;
use crate::extract::{Authenticated, Json, MaybeAuthenticated};
use crate::query::Params;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/listings", "GET, HEAD, POST, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(get().to(search))
                .route(web::post().to(create)),
        )
        // Before the pattern that it would fit: no slug is called that.
        .service(
            resource("/listings/challenge", "POST, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(web::post().to(challenge)),
        )
        .service(
            resource("/listings/{id}", "GET, HEAD, PATCH, DELETE, OPTIONS")
                .wrap(from_fn(admit::standard))
                .route(get().to(show))
                .route(web::patch().to(change))
                .route(web::delete().to(remove)),
        );
}

/// Who may see what is its own: whoever calls with a key that may not read sees what everybody sees.
fn reader(caller: Option<Rc<Credentials>>) -> Option<ProfileId> {
    caller.filter(|credentials| credentials.caller.key.scopes.has(Scope::Read)).map(|reader| reader.profile_id())
}

async fn search(
    MaybeAuthenticated(caller): MaybeAuthenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let params = Params::read(&req, &["q", "category", "pricing_model", "sort", "page", "limit", "mine"])?;
    let text = |name| params.get(name).map(str::to_owned);
    let filters = ListingFilters {
        q: text("q"),
        category: text("category"),
        pricing_model: text("pricing_model"),
        sort: text("sort"),
        page: text("page"),
        limit: text("limit"),
        mine: text("mine"),
    };
    if filters.mine.as_deref() == Some("true")
        && let Some(credentials) = &caller
    {
        credentials.caller.require(Scope::Read)?;
    }
    let found = catalogue.search(&filters, reader(caller)).await?;
    let items = found.items.iter().map(|view| catalogue.listing_summary_json(view)).collect();
    envelope::list(items, Pagination::counted(found.page, found.limit, found.total))
}

async fn challenge(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(catalogue.listing_challenge(&seller.caller.profile).await?)
}

async fn create(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    Json(body): Json<ListingBody>,
) -> Result<HttpResponse, ApiError> {
    let published = catalogue.create(&seller.caller.profile, &body).await?;
    envelope::success(StatusCode::CREATED, catalogue.published_json(&published))
}

async fn show(
    MaybeAuthenticated(caller): MaybeAuthenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let view = catalogue.get(part(&req, "id"), reader(caller)).await?;
    envelope::ok(catalogue.listing_json(&view))
}

async fn change(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
    Json(body): Json<ListingBody>,
) -> Result<HttpResponse, ApiError> {
    let published = catalogue.update(seller.profile_id(), part(&req, "id"), &body).await?;
    envelope::ok(catalogue.published_json(&published))
}

async fn remove(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(RemovedJson::from(catalogue.remove(seller.profile_id(), part(&req, "id")).await?))
}
