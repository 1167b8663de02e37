//! `GET /docs/api`: the OpenAPI document as a page, with everything that it needs from here.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use utoipa_swagger_ui::{Config, serve};

use super::{get, part, resource};
use crate::error::ApiError;

/// The files of the page.
pub(crate) const FILES: [&str; 4] = ["page.css", "page.js", "swagger-ui-bundle.js", "swagger-ui.css"];

/// Only from here, and no scripts or styles within the page. Swagger UI's style has pictures in data URLs.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// How long a copy is good, in seconds: the files change with a release.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/docs/api", "GET, HEAD, OPTIONS").route(get().to(page)))
        .service(resource("/docs/api/{file}", "GET, HEAD, OPTIONS").route(get().to(file)));
}

async fn page() -> HttpResponse {
    answer("text/html; charset=utf-8", include_bytes!("../openapi/page/index.html").as_slice().into())
}

async fn file(req: HttpRequest) -> Result<HttpResponse, ApiError> {
    let name = part(&req, "file");
    match name {
        "page.js" => Ok(answer(JS, include_bytes!("../openapi/page/page.js").as_slice().into())),
        "page.css" => Ok(answer(CSS, include_bytes!("../openapi/page/page.css").as_slice().into())),
        _ if FILES.contains(&name) => swagger(name),
        _ => Err(ApiError::not_found("There is nothing at this path.")),
    }
}

const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// A file of Swagger UI itself, from the crate that carries it.
fn swagger(name: &str) -> Result<HttpResponse, ApiError> {
    let found = serve(name, Arc::new(Config::from("/api/openapi.json")));
    let found = found.map_err(|error| ApiError::internal("a file of the reference page", error.to_string()))?;
    let found = found.ok_or_else(|| ApiError::internal("a file of the reference page is missing", name))?;
    let mut response = answer(if name.ends_with(".css") { CSS } else { JS }, found.bytes);
    if found.gzpipped {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

fn answer(kind: &'static str, body: Cow<'static, [u8]>) -> HttpResponse {
    let body = match body {
        Cow::Borrowed(body) => Bytes::from_static(body),
        Cow::Owned(body) => Bytes::from(body),
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::CACHE_CONTROL, CACHE))
        .body(body)
}
