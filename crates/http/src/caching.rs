//! Who may keep an answer, and for how long: `Cache-Control` and `Vary`.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};

use crate::compress;
use crate::routes::API;

/// What of the API everybody reads. All else there is about whoever asks, or changes from one moment to the next.
const CATALOGUE: [&str; 3] = ["/listings", "/listings/{id}", "/categories"];

/// The same beside the API.
const DISCOVERY: [&str; 2] = ["/.well-known/x402", "/discovery/resources"];

/// How an answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// Not at all.
    Never,
    /// The catalogue: asked for again each time, so that a price is never an old one, and not sent again unless it
    /// changed. A key may see more of it than others do.
    Catalogue,
    /// Documents: the same for everybody.
    Document,
}

impl Keeping {
    /// Of answers to a request that matched `route`.
    pub(crate) fn of(req: &HttpRequest, route: Option<&str>, status: StatusCode) -> Self {
        let is_read = matches!(*req.method(), Method::GET | Method::HEAD);
        let pattern = route.filter(|_| is_read && status == StatusCode::OK);
        match pattern.map(|pattern| (pattern, pattern.strip_prefix(API))) {
            None => Self::Never,
            Some((pattern, None)) if DISCOVERY.contains(&pattern) => Self::Catalogue,
            Some((_, None)) => Self::Document,
            Some((_, Some(path))) if CATALOGUE.contains(&path) => Self::Catalogue,
            Some((_, Some(_))) => Self::Never,
        }
    }
}

/// Says so. A route may have said something more exact of what may be kept.
pub(crate) fn say(keeping: Keeping, req: &HttpRequest, route: Option<&str>, headers: &mut HeaderMap) {
    let has_credentials = req.headers().contains_key(header::AUTHORIZATION);
    let said = match keeping {
        Keeping::Never => Some("no-store"),
        Keeping::Catalogue if has_credentials => Some("private, no-cache"),
        Keeping::Catalogue | Keeping::Document if headers.contains_key(header::CACHE_CONTROL) => None,
        Keeping::Catalogue | Keeping::Document => Some("no-cache"),
    };
    if let Some(said) = said {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(said));
    }
    let (by_caller, by_coding) = (keeping != Keeping::Document, compress::is_negotiated(req, route));
    // What almost every answer says, without putting it together.
    if by_caller && by_coding && !headers.contains_key(header::VARY) {
        headers.insert(header::VARY, HeaderValue::from_static("authorization, accept-encoding"));
        return;
    }
    if by_caller {
        vary(headers, header::AUTHORIZATION);
    }
    if by_coding {
        vary(headers, header::ACCEPT_ENCODING);
    }
}

/// Adds a name to `Vary`, where it is not there yet, and writes all that is there as one.
fn vary(headers: &mut HeaderMap, name: HeaderName) {
    let values = headers.get_all(header::VARY).filter_map(|value| value.to_str().ok());
    let mut names: Vec<String> = Vec::new();
    for known in values.flat_map(|value| value.split(',')).chain([name.as_str()]) {
        let known = known.trim().to_ascii_lowercase();
        if !names.contains(&known) {
            names.push(known);
        }
    }
    if names.iter().all(|known| known != "*")
        && let Ok(all) = HeaderValue::try_from(names.join(", "))
    {
        headers.insert(header::VARY, all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vary_gathers_names_and_names_none_twice() {
        let mut headers = HeaderMap::new();
        vary(&mut headers, header::AUTHORIZATION);
        headers.append(header::VARY, HeaderValue::from_static("Accept, accept-encoding"));
        vary(&mut headers, header::ACCEPT_ENCODING);
        vary(&mut headers, header::ORIGIN);
        vary(&mut headers, header::ORIGIN);
        let said: Vec<_> = headers.get_all(header::VARY).collect();
        assert_eq!(said, ["authorization, accept, accept-encoding, origin"]);
        headers.insert(header::VARY, HeaderValue::from_static("*"));
        vary(&mut headers, header::ACCEPT);
        assert_eq!(headers.get(header::VARY).unwrap(), "*");
    }
}
