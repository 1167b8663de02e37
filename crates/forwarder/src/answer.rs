//! Reading what a seller answers, within bounds.

use bytes::{Bytes, BytesMut};
use crochet_relay::Cause;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::{Body, Incoming};

/// From so many bytes on a piece of an answer is kept as it came, instead of being copied.
const WORTH_KEEPING: usize = 4 * 1024;

/// What was read.
#[derive(Debug)]
pub(crate) enum Answer {
    Whole { status: u16, body: Bytes },
    TooLarge { status: u16 },
    Broken(Cause),
}

/// Reads an answer of at most `limit` bytes. The caller bounds the time.
pub(crate) async fn read(response: Response<Incoming>, limit: u64) -> Answer {
    let status = response.status().as_u16();
    // It was told to send it as it is. Unpacking is not ours to do: the hash is of what the seller sent.
    if is_encoded(response.headers()) {
        return Answer::Broken(Cause::Protocol);
    }
    let mut body = response.into_body();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Answer::TooLarge { status };
    }
    // Memory is taken for what comes, not for what is announced. One large piece stays as it came; a small one is
    // copied, so that the connection has its buffer back.
    let (mut one, mut read) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return Answer::Broken(cause_of(&error)),
        };
        // Trailers say nothing that is relayed.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit - one.len() - read.len() {
            return Answer::TooLarge { status };
        }
        if one.is_empty() && read.is_empty() && data.len() >= WORTH_KEEPING {
            one = data;
            continue;
        }
        read.extend_from_slice(&std::mem::take(&mut one));
        read.extend_from_slice(&data);
    }
    Answer::Whole { status, body: if one.is_empty() { read.freeze() } else { one } }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let is_identity = |token: &[u8]| {
        let token = token.trim_ascii();
        token.is_empty() || token.eq_ignore_ascii_case(b"identity")
    };
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    values.any(|value| !value.as_bytes().split(|byte| *byte == b',').all(is_identity))
}

/// What kind of failure one of hyper's is, once the request was sent.
pub(crate) fn cause_of(error: &hyper::Error) -> Cause {
    if error.is_timeout() {
        Cause::Timeout
    } else if error.is_parse() || error.is_parse_status() {
        Cause::Protocol
    } else {
        Cause::Connection
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_an_answer_as_it_is_counts_as_unencoded() {
        for (value, encoded) in [
            ("", false),
            ("identity", false),
            ("Identity, identity", false),
            ("gzip", true),
            ("identity, br", true),
            ("unknown", true),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(value))]);
            assert_eq!(is_encoded(&headers), encoded, "{value}");
        }
        let mut twice = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("identity"))]);
        twice.append(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(is_encoded(&twice));
        assert!(!is_encoded(&HeaderMap::new()));
    }
}
