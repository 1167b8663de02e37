//! `GET /api/openapi.json`: what the API is, for programs.

use std::io;

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, web};
use bytes::Bytes;

use super::{get, resource};
use crate::openapi::{OpenApiConfig, openapi};

/// The document as it is sent: written once, at the start.
#[derive(Clone)]
pub(crate) struct OpenApiDocument(Bytes);

impl OpenApiDocument {
    /// Writes it.
    ///
    /// # Errors
    /// When it cannot be written, which is a fault of this program.
    pub(crate) fn write(config: &OpenApiConfig) -> io::Result<Self> {
        let text = openapi(config).to_json().map_err(io::Error::other)?;
        Ok(Self(text.into()))
    }
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(resource("/api/openapi.json", "GET, HEAD, OPTIONS").route(get().to(show)));
}

async fn show(document: web::Data<OpenApiDocument>) -> HttpResponse {
    HttpResponse::Ok().insert_header(ContentType::json()).body(document.0.clone())
}
