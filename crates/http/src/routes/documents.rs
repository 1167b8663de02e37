//! The documents that agents and people read, each at its path, in the form that is asked for.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use super::{get, resource};
use crate::documents::{Document, Documents, Form};
use crate::error::ApiError;

/// A page is one file with one style, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    for path in Documents::PATHS {
        config.service(resource(path, "GET, HEAD, OPTIONS").route(get().to(show)));
    }
}

async fn show(req: HttpRequest, documents: web::Data<Documents>) -> Result<HttpResponse, ApiError> {
    let path = req.match_pattern().unwrap_or_default();
    // The pattern of the root may come out empty.
    let path = if path.is_empty() { "/" } else { path.as_str() };
    match documents.at(path) {
        Some(document) => Ok(answer(&req, document)),
        None => Err(ApiError::internal("a document is missing", path)),
    }
}

/// The document in the form that the client likes best.
pub(super) fn answer(req: &HttpRequest, document: &Document) -> HttpResponse {
    let form = Form::preferred(req, document.forms());
    let Some((form, text)) = form.and_then(|form| Some((form, document.text(form)?))) else {
        return HttpResponse::NoContent().finish();
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, form.content_type()));
    if document.forms().count() > 1 {
        response.append_header((header::VARY, HeaderValue::from_static("Accept")));
    }
    if form == Form::Html {
        response.insert_header((header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)));
    }
    response.body(text.clone())
}
