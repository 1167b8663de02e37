//! What of an answer goes over the wire: 304 where the client has it, else the answer, compressed or as it is.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;

use crate::caching::Keeping;
use crate::compress::{coding, compressed};
use crate::conditional::{is_known, tag_header, tag_of};

/// Answers are whole when they come here; what should come in parts goes through as it is.
pub(crate) async fn represent(
    answer: ServiceResponse<BoxBody>,
    route: Option<&str>,
    keeping: Keeping,
) -> ServiceResponse<BoxBody> {
    let (req, response) = answer.into_parts();
    let (response, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(body) => body,
        Err(body) => return ServiceResponse::new(req, response.set_body(body)),
    };
    let mut response = response.set_body(BoxBody::new(()));
    let coding = coding(&req, route, &response, &body);
    if keeping != Keeping::Never {
        let tag = tag_of(&body, response.headers(), coding.is_some());
        if let Some(tag) = tag_header(&tag) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        if is_known(&req, &tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            // These describe a body, and there is none.
            response.headers_mut().remove(header::CONTENT_TYPE);
            return ServiceResponse::new(req, response);
        }
    }
    let response = match coding {
        Some(coding) => compressed(coding, response, body).await,
        None => response.set_body(body).map_into_boxed_body(),
    };
    ServiceResponse::new(req, response)
}
