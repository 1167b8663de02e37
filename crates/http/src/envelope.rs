//! The one form of all answers.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use crochet_primitives::{Cursor, Page, PageRequest, Total};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::openapi::vocabulary;

/// `{"success":true,"data":…}`.
#[derive(Serialize, ToSchema)]
#[schema(as = Answer)]
pub(crate) struct Success<T> {
    /// Always true.
    #[schema(schema_with = vocabulary::always_true)]
    success: bool,
    /// What was asked for.
    data: T,
}

/// `{"success":true,"data":[…],"pagination":{…}}`.
#[derive(Serialize, ToSchema)]
#[schema(as = Page)]
pub(crate) struct List<T> {
    /// Always true.
    #[schema(schema_with = vocabulary::always_true)]
    success: bool,
    /// The items of this page.
    data: Vec<T>,
    /// Which part of the list it is.
    pagination: Pagination,
}

/// Which part of a list this is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pagination {
    /// Which page, from 1; null after a cursor.
    #[schema(required, minimum = 1)]
    page: Option<u32>,
    /// How many items a page has at most.
    #[schema(minimum = 1, maximum = 100)]
    limit: u32,
    /// How many items there are; null after a cursor, because a keyset page does not count.
    #[schema(required)]
    total: Option<u64>,
    /// How many pages `total` makes; null after a cursor. There are more where `total_is_capped` is true.
    #[serde(rename = "totalPages")]
    #[schema(required)]
    total_pages: Option<u64>,
    /// Ask for the next page with `?cursor=`; null on the last one, and where a list has pages only.
    #[schema(required, value_type = Option<Cursor>)]
    next_cursor: Option<String>,
    /// Whether there are more items than `total` says, because counting stopped.
    total_is_capped: bool,
}

impl Pagination {
    /// Of a page of which these parts are known.
    pub(crate) fn new(page: Option<u32>, limit: u32, total: Option<Total>, next_cursor: Option<String>) -> Self {
        Self {
            page,
            limit,
            total: total.map(|total| total.count),
            total_pages: total.map(|total| total.count.div_ceil(u64::from(limit.max(1)))),
            next_cursor,
            total_is_capped: total.is_some_and(|total| total.is_capped),
        }
    }

    fn of<T>(request: PageRequest, page: &Page<T>) -> Self {
        let number = match request {
            PageRequest::Numbered { page, .. } => Some(page),
            PageRequest::After { .. } => None,
        };
        Self::new(number, request.limit(), page.total, page.next.map(|cursor| cursor.to_string()))
    }
}

/// An answer with data.
pub(crate) fn success<T: Serialize>(status: StatusCode, data: T) -> Result<HttpResponse, ApiError> {
    json(status, &Success { success: true, data })
}

/// 200 with data.
pub(crate) fn ok<T: Serialize>(data: T) -> Result<HttpResponse, ApiError> {
    success(StatusCode::OK, data)
}

/// A page of a list that has cursors; `show` makes of each item what is sent.
pub(crate) fn page<T, S: Serialize>(
    request: PageRequest,
    page: &Page<T>,
    show: impl Fn(&T) -> S,
) -> Result<HttpResponse, ApiError> {
    let pagination = Pagination::of(request, page);
    list(page.items.iter().map(show).collect(), pagination)
}

/// A list.
pub(crate) fn list<T: Serialize>(data: Vec<T>, pagination: Pagination) -> Result<HttpResponse, ApiError> {
    json(StatusCode::OK, &List { success: true, data, pagination })
}

fn json<T: Serialize>(status: StatusCode, body: &T) -> Result<HttpResponse, ApiError> {
    // Written straight to text: amounts must not pass through `serde_json::Value`.
    let text = serde_json::to_vec(body).map_err(|error| ApiError::internal("an answer could not be written", error))?;
    Ok(HttpResponse::build(status).insert_header(ContentType::json()).body(text))
}
