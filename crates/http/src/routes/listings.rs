//! `/listings`: what is offered.

use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use crochet_market::catalogue::{CatalogueService, IssuedListingChallenge, ListingBody, ListingFilters, NewListing};
use crochet_market::view::{ListingJson, ListingSummaryJson, PublishedJson, RemovedJson};
use crochet_market::{DeliveryType, ListingStatus, PricingModel, Scope, Sort};
use crochet_primitives::ProfileId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{get, part, resource};
use crate::admit::{self, Credentials};
use crate::code::Code;
use crate::envelope::{self, List, Pagination, Success};
use crate::error::ApiError;
use crate::extract::{Authenticated, Json, MaybeAuthenticated, OptionalJson};
use crate::openapi::rules;
use crate::query::Params;

/// What `GET /listings` can be asked by.
const FILTERS: &[&str] = &[
    "q",
    "category",
    "pricing_model",
    "tag",
    "delivery_type",
    "provider_id",
    "min_price",
    "max_price",
    "sort",
    "page",
    "limit",
    "cursor",
    "mine",
    "status",
];

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

/// Find listings.
///
/// Active listings, without their long texts. `mine=true` needs a key with the scope `read` and lists the caller's own,
/// drafts and suspended ones included. All filters that are given have to hold.
///
/// **Words.** With `q`, every word has to be found in name, tags, description or documentation, in any English form and
/// without regard to case and accents; the last word may be the beginning of one. `"snow height"` finds the words one
/// directly after the other and to the letter, `-mock` leaves out what has the word. With fewer than 20 matches, what
/// has words that are nearly the same is added behind them. A `q` without any letter or digit finds nothing.
///
/// **Pages.** Follow `pagination.next_cursor` to see every listing once, however many are published meanwhile; it goes
/// with the same `sort` and filters. The order of relevance has numbered pages only and shows up to 500 matches.
/// `pagination.total` is counted up to 10,000, with `q` or filters up to 500; then `total_is_capped` is true.
#[utoipa::path(
    get,
    path = "/listings",
    tag = "Listings",
    operation_id = "searchListings",
    params(
        (
            "q" = Option<String>, Query, max_length = 200,
            description = "Words to be found.",
            example = "weather forecast"
        ),
        (
            "category" = Option<String>, Query, max_length = 100,
            description = "A category's id or slug.",
            example = "market-data"
        ),
        (
            "pricing_model" = Option<PricingModel>, Query,
            description = "How they are priced. Models that can no longer be published are taken, and find nothing."
        ),
        (
            "tag" = Option<String>, Query, max_length = 254,
            description = "One to five tags of 1 to 50 characters, with commas between them: listings that have all of \
                them, in whatever case.",
            example = "defi,solana"
        ),
        ("delivery_type" = Option<DeliveryType>, Query, description = "How they are delivered."),
        ("provider_id" = Option<ProfileId>, Query, description = "Whose they are."),
        (
            "min_price" = Option<String>, Query, pattern = r"^[0-9]+(\.[0-9]{1,6})?$",
            description = "The lowest price of a call in US dollars, itself included; exact, at most six decimals.",
            example = "0.001"
        ),
        (
            "max_price" = Option<String>, Query, pattern = r"^[0-9]+(\.[0-9]{1,6})?$",
            description = "The highest price of a call in US dollars, itself included.",
            example = "0.05"
        ),
        (
            "sort" = inline(Option<Sort>), Query,
            description = "The order: `relevance` unless said with `q`, and not without it; `newest` unless said \
                otherwise. `popular` counts the calls of the last 30 days."
        ),
        ("page" = Option<u32>, Query, minimum = 1, description = "Which page, from 1; page × limit is at most 10,000."),
        (
            "limit" = Option<u32>, Query, minimum = 1, maximum = 100,
            description = "How many items a page has at most; 20 unless said."
        ),
        (
            "cursor" = Option<String>, Query, pattern = "^[0-9a-f]{70}$",
            description = "Where the last page of the same list ended: its `pagination.next_cursor`. Instead of `page`."
        ),
        ("mine" = Option<bool>, Query, description = "`true`: the caller's own listings."),
        ("status" = Option<ListingStatus>, Query, description = "With `mine=true`: only those of this status."),
    ),
    responses((status = 200, description = "A page of listings.", body = List<ListingSummaryJson>)),
    extensions(("x-rules" = json!(rules::public_or_read(&[
        Code::Forbidden, Code::BadRequest, Code::UseCursor,
    ]).cached()))),
)]
pub(crate) async fn search(
    MaybeAuthenticated(caller): MaybeAuthenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let filters = filters(&req)?;
    if filters.mine.as_deref() == Some("true")
        && let Some(credentials) = &caller
    {
        credentials.caller.require(Scope::Read)?;
    }
    let found = catalogue.search(&filters, reader(caller)).await?;
    let items = found.items.iter().map(|view| catalogue.listing_summary_json(view)).collect();
    let next = found.next.map(|cursor| cursor.to_string());
    envelope::list(items, Pagination::new(found.page, found.limit, found.total, next))
}

/// What the query string asks for.
pub(crate) fn filters(req: &HttpRequest) -> Result<ListingFilters, ApiError> {
    let params = Params::read(req, FILTERS)?;
    let text = |name| params.get(name).map(str::to_owned);
    Ok(ListingFilters {
        q: text("q"),
        category: text("category"),
        pricing_model: text("pricing_model"),
        tag: text("tag"),
        delivery_type: text("delivery_type"),
        provider_id: text("provider_id"),
        min_price: text("min_price"),
        max_price: text("max_price"),
        sort: text("sort"),
        page: text("page"),
        limit: text("limit"),
        cursor: text("cursor"),
        mine: text("mine"),
        status: text("status"),
    })
}

/// A body without fields.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Ask for the work that a listing takes.
///
/// A proof of work against spam. Find a `pow_nonce` such that the SHA-256 of challenge and nonce, in lowercase hex,
/// starts with `difficulty` zeros, and send it with `POST /listings`. Five challenges may be open at once.
#[utoipa::path(
    post,
    path = "/listings/challenge",
    tag = "Listings",
    operation_id = "createListingChallenge",
    request_body = Option<Nothing>,
    responses((
        status = 200,
        description = "A challenge, good for five minutes.",
        body = Success<IssuedListingChallenge>
    )),
    extensions(("x-rules" = json!(rules::write(&[])))),
)]
pub(crate) async fn challenge(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    OptionalJson(Nothing {}): OptionalJson<Nothing>,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(catalogue.listing_challenge(&seller.caller.profile).await?)
}

/// Publish a listing.
///
/// Needs the role provider or both, and a solved challenge. With `private_endpoint_url` the gateway calls it; its
/// `signing_secret` is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/listings",
    tag = "Listings",
    operation_id = "createListing",
    request_body = NewListing,
    responses((status = 201, description = "It is published.", body = Success<PublishedJson>)),
    extensions(("x-rules" = json!(rules::write(&[
        Code::ChallengeExpired, Code::PricingModelUnavailable, Code::CaptchaFailed, Code::NotFound, Code::Conflict,
        Code::EndpointNotAllowed, Code::PaymentRouteUnavailable,
    ])))),
)]
pub(crate) async fn create(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    Json(body): Json<ListingBody>,
) -> Result<HttpResponse, ApiError> {
    let published = catalogue.create(&seller.caller.profile, &body).await?;
    envelope::success(StatusCode::CREATED, catalogue.published_json(&published))
}

/// Read a listing.
///
/// With its long texts. Its owner sees drafts and suspended ones too; to others they are 404.
#[utoipa::path(
    get,
    path = "/listings/{id}",
    tag = "Listings",
    operation_id = "getListing",
    params(("id" = String, Path, description = "The listing's id or slug.")),
    responses((status = 200, description = "The listing.", body = Success<ListingJson>)),
    extensions(("x-rules" = json!(rules::public_or_read(&[Code::NotFound]).cached()))),
)]
pub(crate) async fn show(
    MaybeAuthenticated(caller): MaybeAuthenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let view = catalogue.get(part(&req, "id"), reader(caller)).await?;
    envelope::ok(catalogue.listing_json(&view))
}

/// Change a listing.
///
/// What is left out stays as it is; null clears what can be empty.
#[utoipa::path(
    patch,
    path = "/listings/{id}",
    tag = "Listings",
    operation_id = "updateListing",
    params(("id" = String, Path, description = "The listing's id or slug.")),
    request_body = ListingBody,
    responses((status = 200, description = "The listing as it is now.", body = Success<PublishedJson>)),
    extensions(("x-rules" = json!(rules::write(&[
        Code::PricingModelUnavailable, Code::NotFound, Code::Conflict, Code::EndpointNotAllowed, Code::PaymentRouteUnavailable,
        Code::ListingHasNoEndpoint,
    ])))),
)]
pub(crate) async fn change(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
    Json(body): Json<ListingBody>,
) -> Result<HttpResponse, ApiError> {
    let published = catalogue.update(seller.profile_id(), part(&req, "id"), &body).await?;
    envelope::ok(catalogue.published_json(&published))
}

/// Remove a listing.
///
/// A draft is deleted. An active listing is suspended: calls that are paid for can still be made.
#[utoipa::path(
    delete,
    path = "/listings/{id}",
    tag = "Listings",
    operation_id = "deleteListing",
    params(("id" = String, Path, description = "The listing's id or slug.")),
    responses((status = 200, description = "What became of it.", body = Success<RemovedJson>)),
    extensions(("x-rules" = json!(rules::write(&[Code::NotFound, Code::Conflict])))),
)]
pub(crate) async fn remove(
    Authenticated(seller): Authenticated,
    catalogue: web::Data<CatalogueService>,
    req: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    envelope::ok(RemovedJson::from(catalogue.remove(seller.profile_id(), part(&req, "id")).await?))
}
