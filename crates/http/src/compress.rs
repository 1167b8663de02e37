//! Which answers are compressed, and how: gzip, br or zstd, by the client's `Accept-Encoding`.
//!
//! A compressed length tells something of what was compressed. So an answer to a change is never compressed, since
//! only those show raw keys and signing secrets (BREACH); of the answers to POST the gateway's alone are.

use actix_http::encoding::Encoder;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::http::header::{self, AcceptEncoding, ContentEncoding, Encoding, Header, Preference, Quality};
use actix_web::http::{Method, StatusCode, Version};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;

/// Below this, in bytes, an answer fits into one packet anyway, and compressing it costs more than it saves.
const WORTH_IT: usize = 1024;
/// In the order of our preference, where the client has none.
const CODINGS: [ContentEncoding; 3] = [ContentEncoding::Brotli, ContentEncoding::Zstd, ContentEncoding::Gzip];
/// The gateway's route, as it matches.
const GATEWAY: &str = "/api/v1/gateway/{listing}";

/// Whether the coding of answers to this request, which matched `route`, is up to its `Accept-Encoding`.
pub(crate) fn is_negotiated(req: &HttpRequest, route: Option<&str>) -> bool {
    let is_read = matches!(*req.method(), Method::GET | Method::HEAD);
    // HTTP/1.0 knows no Vary: what is compressed could be kept for a client that cannot read it.
    req.version() > Version::HTTP_10 && (is_read || route == Some(GATEWAY))
}

/// The coding of an answer with this body; `None` when it goes out as it is.
///
/// A client that takes no coding that there is, and not the plain answer either, gets the plain answer (RFC 9110,
/// section 12.4.1, leaves the choice): to lose the answer to a paid call over its coding would help nobody.
pub(crate) fn coding(
    req: &HttpRequest,
    route: Option<&str>,
    response: &HttpResponse,
    body: &Bytes,
) -> Option<ContentEncoding> {
    let has_no_body = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if !is_negotiated(req, route)
        || has_no_body
        || body.is_empty()
        || response.headers().contains_key(header::CONTENT_ENCODING)
        || !is_text(response)
    {
        return None;
    }
    let accepted = AcceptEncoding::parse(req).ok()?;
    if body.len() < WORTH_IT && takes_plain(&accepted) {
        return None;
    }
    chosen(&accepted)
}

fn chosen(accepted: &AcceptEncoding) -> Option<ContentEncoding> {
    let offered = CODINGS.iter().map(|coding| Encoding::Known(*coding)).chain([Encoding::identity()]);
    match accepted.negotiate(offered.collect::<Vec<_>>().iter()) {
        Some(Encoding::Known(coding)) if coding != ContentEncoding::Identity => Some(coding),
        // No coding is named. Where the plain answer is not taken, it is one that `*` stands for, if there is a `*`.
        _ if takes_plain(accepted) || quality(accepted, &Preference::Any).is_none_or(|any| any == Quality::ZERO) => {
            None
        }
        _ => CODINGS.into_iter().find(|coding| quality(accepted, &named(*coding)) != Some(Quality::ZERO)),
    }
}

/// Whether an answer may go out as it is: unless that is excluded by name, or by a `*` while it is not named.
fn takes_plain(accepted: &AcceptEncoding) -> bool {
    let excluded = quality(accepted, &named(ContentEncoding::Identity)).or(quality(accepted, &Preference::Any));
    excluded != Some(Quality::ZERO)
}

fn named(coding: ContentEncoding) -> Preference<Encoding> {
    Preference::Specific(Encoding::Known(coding))
}

fn quality(accepted: &AcceptEncoding, preference: &Preference<Encoding>) -> Option<Quality> {
    accepted.0.iter().find(|item| item.item == *preference).map(|item| item.quality)
}

/// Pictures, fonts and archives are compressed already.
fn is_text(response: &HttpResponse) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || ["application/json", "application/javascript", "image/svg+xml"].contains(&essence.as_str())
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
}

/// The answer with this body, compressed as a whole: so its length is known, and HEAD tells it too. Long bodies are
/// compressed off the threads that serve connections.
pub(crate) async fn compressed(coding: ContentEncoding, mut response: HttpResponse, body: Bytes) -> HttpResponse {
    let encoder = Encoder::response(coding, response.head_mut(), body.clone());
    match to_bytes(encoder.boxed()).await {
        Ok(compressed) => response.set_body(compressed).map_into_boxed_body(),
        Err(error) => {
            tracing::error!("an answer could not be compressed: {error}");
            response.headers_mut().remove(header::CONTENT_ENCODING);
            response.set_body(body).map_into_boxed_body()
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn chosen_for(accept: &str) -> Option<ContentEncoding> {
        let req = TestRequest::default().insert_header((header::ACCEPT_ENCODING, accept)).to_http_request();
        chosen(&AcceptEncoding::parse(&req).unwrap())
    }

    #[test]
    fn the_clients_preference_goes_before_ours() {
        use ContentEncoding::{Brotli, Gzip, Zstd};
        for (accept, coding) in [
            ("gzip", Some(Gzip)),
            ("br", Some(Brotli)),
            ("zstd", Some(Zstd)),
            ("gzip, deflate, br, zstd", Some(Brotli)),
            ("br;q=0.1, gzip;q=0.9", Some(Gzip)),
            ("br;q=0, gzip;q=0, zstd", Some(Zstd)),
            ("identity, gzip;q=0.5", None),
            ("identity;q=0.1, gzip;q=0.5", Some(Gzip)),
            ("deflate", None),
            ("compress, x", None),
            ("*", None),
            ("", None),
            ("gzip;q=0", None),
            ("identity;q=0, *", Some(Brotli)),
            ("identity;q=0, *, br;q=0", Some(Zstd)),
            ("identity;q=0, gzip", Some(Gzip)),
            ("identity;q=0, *;q=0", None),
            ("*;q=0", None),
            ("gzip;q=2", None),
        ] {
            assert_eq!(chosen_for(accept), coding, "{accept}");
        }
    }
}
