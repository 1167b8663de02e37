//! Gateways that share their rate limits, and clients that come from wherever they say.

use crochet::config::{Settings, Switch};
use crochet::demo::client::ApiClient;
use crochet_redis::testing::TestRedis;
use secrecy::ExposeSecret;

use super::{RawAnswer, RawRequest};

/// How many sign-ins an address may try in five minutes: another one comes back only after 30 s, so a test's own time
/// does not count.
pub(crate) const QUOTA: usize = 10;

/// A gateway that counts in this Redis, under this prefix, and believes what clients say of their addresses.
pub(crate) fn share(redis: &TestRedis, prefix: &str) -> impl FnOnce(&mut Settings) {
    let (url, prefix) = (redis.url().expose_secret().to_owned(), prefix.to_owned());
    move |settings| {
        settings.rate_limits = Some(Switch::On);
        settings.rate_limit_auth = u32::try_from(QUOTA).ok();
        settings.redis_url = Some(url);
        settings.redis_prefix = Some(prefix);
        // What a busy machine takes is no outage.
        settings.redis_timeout_millis = Some(5_000);
        settings.trusted_proxies = Some(vec!["127.0.0.0/8".parse().unwrap()]);
    }
}

/// Tries to sign in from an address, with nothing that would be good for it: 400, or 429.
pub(crate) async fn challenge_from(api: &ApiClient, address: &str) -> RawAnswer {
    let request = RawRequest::new(api, "POST", "/auth/challenge").json("{}");
    let answer = request.header("X-Forwarded-For", address).send().await;
    assert!(matches!(answer.status, 400 | 429), "{}", answer.status);
    answer
}
