//! What a client takes for an answer, by its `Accept` header (RFC 9110, section 12.5.1).

use actix_web::HttpMessage;
use actix_web::http::header::{Accept, Header, QualityItem};
use actix_web::mime::{self, Mime};

use crate::code::Code;
use crate::error::ApiError;
use crate::routes::has_method;

/// Refuses what can only be answered in a type that the client does not take: before anything is done for it. Paths
/// and methods that are refused anyway are refused for what is wrong with them, as errors are JSON whatever is asked.
pub(crate) fn refuse_other_than_json(req: &actix_web::dev::ServiceRequest) -> Option<ApiError> {
    let is_refused = has_method(req) && !takes(req, &mime::APPLICATION_JSON);
    is_refused.then(|| {
        ApiError::new(Code::NotAcceptable, "Answers are application/json; Accept excludes that.")
            .details(&serde_json::json!({ "available": ["application/json"] }))
    })
}

/// Whether a type is among those that are taken. No header, or one that says nothing readable, takes everything.
pub(crate) fn takes(req: &impl HttpMessage, offered: &Mime) -> bool {
    Accept::parse(req).map_or(true, |accept| accept.0.is_empty() || is_taken(&accept.0, offered))
}

/// The range that says most about the type decides, not the one that likes it most: `text/html;q=0, */*` excludes HTML.
fn is_taken(ranges: &[QualityItem<Mime>], offered: &Mime) -> bool {
    ranges
        .iter()
        .filter_map(|range| Some((precision(&range.item, offered)?, range.quality)))
        .max_by_key(|(precision, quality)| (*precision, *quality))
        .is_some_and(|(_, quality)| quality > actix_web::http::header::Quality::ZERO)
}

/// How exactly a range names a type, where it covers it. Parameters do not distinguish: there is one JSON, in UTF-8.
fn precision(range: &Mime, offered: &Mime) -> Option<u8> {
    match (range.type_(), range.subtype()) {
        (mime::STAR, mime::STAR) => Some(0),
        (kind, mime::STAR) if kind == offered.type_() => Some(1),
        (kind, subtype) if kind == offered.type_() && subtype == offered.subtype() => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT;
    use actix_web::test::TestRequest;

    use super::*;

    fn takes_json(accept: &str) -> bool {
        takes(&TestRequest::default().insert_header((ACCEPT, accept)).to_srv_request(), &mime::APPLICATION_JSON)
    }

    #[test]
    fn the_most_exact_range_decides() {
        for accept in [
            "",
            "*/*",
            "application/*",
            "application/json",
            "Application/JSON; charset=utf-8",
            "text/html, application/json;q=0.001",
            "*/*;q=0, application/json",
            "text/*;q=0, */*;q=0.1",
            "application/json;version=1",
            "nonsense",
            ", ,",
        ] {
            assert!(takes_json(accept), "{accept}");
        }
        for accept in [
            "text/html",
            "application/json;q=0",
            "application/json;q=0, */*",
            "application/*;q=0.0, */*;q=0.5",
            "*/*;q=0",
            "application/problem+json",
            "application/jsonl, text/*",
        ] {
            assert!(!takes_json(accept), "{accept}");
        }
        assert!(takes(&TestRequest::default().to_srv_request(), &mime::APPLICATION_JSON));
    }
}
