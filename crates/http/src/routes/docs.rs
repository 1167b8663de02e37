//! `GET /docs/errors`: what `docs_url` and `reference_url` in errors lead to.

use actix_web::{HttpRequest, HttpResponse, web};

use super::documents::answer;
use super::{get, part, resource};
use crate::code::Code;
use crate::documents::Documents;
use crate::error::ApiError;
use crate::recovery::{NextAction, Recovery};

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/docs/errors", "GET, HEAD, OPTIONS").route(get().to(all)))
        .service(resource("/docs/errors/{code}", "GET, HEAD, OPTIONS").route(get().to(one)));
}

async fn all(documents: web::Data<Documents>, req: HttpRequest) -> Result<HttpResponse, ApiError> {
    at(&documents, &req, "/docs/errors")
}

/// In lower case too: whoever types a code by hand means the same.
async fn one(documents: web::Data<Documents>, req: HttpRequest) -> Result<HttpResponse, ApiError> {
    let code = Code::parse(&part(&req, "code").to_ascii_uppercase()).ok_or_else(unknown)?;
    at(&documents, &req, &format!("/docs/errors/{}", code.as_str()))
}

fn at(documents: &Documents, req: &HttpRequest, path: &str) -> Result<HttpResponse, ApiError> {
    documents
        .at(path)
        .map(|document| answer(req, document))
        .ok_or_else(|| ApiError::internal("a document is missing", path))
}

fn unknown() -> ApiError {
    let summary = "Take the code from error.code; GET /docs/errors lists all there are.";
    ApiError::not_found("There is no such error code.").recovery(Recovery::change(NextAction::FixRequest, summary))
}
