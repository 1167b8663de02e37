//! How an answer says where its caller stands.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use crochet_limits::{Rate, Standing};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMITED: HeaderName = HeaderName::from_static("ratelimit");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// A limit, and what is left of it.
pub(crate) struct LimitHeaders {
    /// A token: it is put between quotation marks as it is.
    pub(crate) policy: &'static str,
    pub(crate) rate: Rate,
    pub(crate) remaining: u32,
    /// Seconds until the whole quota is there again.
    pub(crate) reset_seconds: u32,
    /// Seconds to wait, when the request was refused.
    pub(crate) exceeded: Option<u32>,
}

impl From<Standing> for LimitHeaders {
    fn from(standing: Standing) -> Self {
        let Standing { class, rate, remaining, reset_seconds, exceeded } = standing;
        Self { policy: class.as_str(), rate, remaining, reset_seconds, exceeded }
    }
}

impl LimitHeaders {
    /// The two fields of draft-ietf-httpapi-ratelimit-headers, and the three of its earlier versions that clients know.
    ///
    /// The draft wants `t` to name the same moment as `Retry-After` where both are sent.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let Self { policy, rate, remaining, reset_seconds, exceeded } = self;
        let (quota, window) = (rate.requests, rate.window.as_secs());
        let until = exceeded.unwrap_or(*reset_seconds);
        let texts = [
            (POLICY, format!("\"{policy}\";q={quota};w={window}")),
            (LIMITED, format!("\"{policy}\";r={remaining};t={until}")),
        ];
        for (name, value) in texts {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        for (name, value) in [(LIMIT, quota), (REMAINING, *remaining), (RESET, *reset_seconds)] {
            headers.insert(name, HeaderValue::from(value));
        }
    }
}
