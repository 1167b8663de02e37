//! Whether an answer is one that the client has already: entity tags and 304 (RFC 9110, sections 8.8 and 13.1.2).

use actix_web::HttpRequest;
use actix_web::http::header::Header;
use actix_web::http::header::{self, EntityTag, HeaderMap, HeaderValue, IfNoneMatch};
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Bytes of the hash in a tag: nobody finds two answers with the same 16.
const TAG_BYTES: usize = 16;

/// The tag of an answer, made of what it says: strong, as long as it goes out byte for byte. Where it goes out in one of
/// several codings the bytes differ, and the tag only says that they mean the same.
pub(crate) fn tag_of(body: &Bytes, headers: &HeaderMap, is_coded: bool) -> EntityTag {
    let own = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()?.parse::<EntityTag>().ok());
    let tag = own.unwrap_or_else(|| EntityTag::new_strong(hex(&Sha256::digest(body))));
    if is_coded { EntityTag::new_weak(tag.tag().to_owned()) } else { tag }
}

fn hex(hash: &[u8]) -> String {
    hash.iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the client has it. A reading condition compares weakly; `*` is any answer at all.
pub(crate) fn is_known(req: &HttpRequest, tag: &EntityTag) -> bool {
    if !req.headers().contains_key(header::IF_NONE_MATCH) {
        return false;
    }
    match IfNoneMatch::parse(req) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}

/// As a header.
pub(crate) fn tag_header(tag: &EntityTag) -> Option<HeaderValue> {
    HeaderValue::try_from(tag.to_string()).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn what_is_the_same_has_the_same_tag_whatever_its_coding() {
        let none = HeaderMap::new();
        let (a, b) = (Bytes::from_static(b"a"), Bytes::from_static(b"b"));
        let plain = tag_of(&a, &none, false);
        assert_eq!(plain.to_string(), "\"ca978112ca1bbdcafac231b39a23dc4d\"");
        assert_eq!(tag_of(&a, &none, true).to_string(), format!("W/{plain}"));
        assert!(!plain.weak_eq(&tag_of(&b, &none, false)));
        let mut own = HeaderMap::new();
        own.insert(header::ETAG, HeaderValue::from_static("\"own\""));
        assert_eq!(tag_of(&a, &own, false).to_string(), "\"own\"");
    }

    #[test]
    fn a_list_of_tags_is_compared_weakly_and_a_star_is_any() {
        let tag = EntityTag::new_strong("abc".to_owned());
        for (condition, known) in [
            ("\"abc\"", true),
            ("W/\"abc\"", true),
            ("\"x\", W/\"y\" ,\"abc\"", true),
            ("*", true),
            ("\"ab\"", false),
            ("abc", false),
            ("w/\"abc\"", false),
            ("", false),
            ("\"abc", false),
        ] {
            let req = TestRequest::default().insert_header((header::IF_NONE_MATCH, condition)).to_http_request();
            assert_eq!(is_known(&req, &tag), known, "{condition}");
        }
        assert!(!is_known(&TestRequest::default().to_http_request(), &tag));
    }
}
