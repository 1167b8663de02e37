//! URLs, as RFC 3986 writes them: ASCII, with everything else in percent-encoding.

use std::sync::LazyLock;

use crochet_primitives::schema::text;
use regex_lite::Regex;
use utoipa::openapi::SchemaFormat;

use super::form;
use crate::fields::MAX_URL;

/// What a path, a query or a fragment is made of.
macro_rules! inside {
    ($further:literal) => {
        concat!("([A-Za-z0-9._~!$&'()*+,;=:@/", $further, "-]|%[0-9A-Fa-f]{2})*")
    };
}
macro_rules! octet {
    () => {
        "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    };
}

/// A name whose last part begins with a letter, or four numbers; a port; path, query and fragment.
const WEB: &str = concat!(
    r"^https?://(([A-Za-z0-9_-]+\.)*[A-Za-z][A-Za-z0-9_-]*|",
    octet!(),
    r"(\.",
    octet!(),
    "){3})",
    "(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?",
    "(/",
    inside!(""),
    r")?(\?",
    inside!("?"),
    ")?(#",
    inside!("?"),
    ")?$"
);

/// Any host; neither user name nor fragment. The gateway's guard says which hosts and ports may be called.
const PRIVATE: &str = concat!(
    r"^https?://([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?",
    "(/",
    inside!(""),
    r")?(\?",
    inside!("?"),
    ")?$"
);

form! {
    /// An http or https URL for people: ASCII, with a host, without credentials.
    WebUrl => |doc| {
        text(doc, WEB, "https://signals.example/docs")
            .format(Some(SchemaFormat::Custom("uri".to_owned())))
            .max_length(Some(MAX_URL))
    }
}

form! {
    /// Where the gateway sends calls. https, unless the server runs for development; a public address, on port 443 or
    /// 8443; neither user name nor fragment. Never shown again.
    PrivateUrlText => |doc| {
        text(doc, PRIVATE, "https://seller.example/agent")
            .format(Some(SchemaFormat::Custom("uri".to_owned())))
            .max_length(Some(MAX_URL))
            .write_only(true)
    }
}

/// Whether this is a [`WebUrl`], its length aside.
pub(crate) fn is_web_url(text: &str) -> bool {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(WEB).ok());
    PATTERN.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Whether this is a [`PrivateUrlText`], its length aside.
pub(crate) fn is_private_url(text: &str) -> bool {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PRIVATE).ok());
    PATTERN.as_ref().is_some_and(|pattern| pattern.is_match(text))
}
