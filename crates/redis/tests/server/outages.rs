//! Redis that is gone, comes back, hangs, or forgets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crochet_limits::{Class, Limiter, contract};
use crochet_redis::testing::TestRedis;
use crochet_redis::{SharedLimits, SharedLimitsConfig};
use redis::AsyncCommands;

use crate::support::{Own, connection, someone, until};

/// How long a request may wait, where that is what the test is about.
const BOUND: Duration = Duration::from_millis(100);

async fn before(own: &Arc<Own>, config: &SharedLimitsConfig) -> SharedLimits {
    SharedLimits::start(config, contract::rates(), own.clone()).await.unwrap()
}

/// Whether requests are counted in Redis: the rest is then that of the shared quota, which is no more than 49.
async fn counts_in_redis(config: &SharedLimitsConfig, limits: &SharedLimits) -> bool {
    let key = format!("{}:limit:gateway:{}", config.prefix, someone());
    limits.count(Class::Gateway, someone()).await.unwrap();
    connection(config).await.exists(key).await.unwrap()
}

#[tokio::test]
async fn without_redis_the_processs_own_limits_hold_and_no_request_waits() {
    let Some(mut redis) = TestRedis::start().await else { return };
    let own = Arc::new(Own::default());
    let config = SharedLimitsConfig { response_timeout: BOUND, connect_timeout: BOUND, ..redis.config("a") };
    redis.kill().await;
    let limits = before(&own, &config).await;
    let started = Instant::now();
    for asked in 1..=1_000 {
        assert_eq!(limits.count(Class::Read, someone()).await.unwrap().remaining, 7);
        assert_eq!(own.asked(), asked);
    }
    assert!(started.elapsed() < BOUND * 10, "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_dies_under_requests_fails_none_of_them_and_is_used_again_when_it_is_back() {
    let Some(mut redis) = TestRedis::start().await else { return };
    let (own, config) = (Arc::new(Own::default()), redis.config("a"));
    let limits = before(&own, &config).await;
    assert!(counts_in_redis(&config, &limits).await);
    redis.kill().await;
    for _ in 0..200 {
        assert_eq!(limits.count(Class::Gateway, someone()).await.unwrap().exceeded, None);
    }
    redis.restart().await;
    until("Redis is used again", || counts_in_redis(&config, &limits)).await;
    // Its own limits are asked beside it, and what they refuse is refused.
    own.refuses_for.store(5, Ordering::SeqCst);
    assert_eq!(limits.count(Class::Read, someone()).await.unwrap().exceeded, Some(5));
}

#[tokio::test]
async fn what_hangs_holds_requests_up_once_for_no_longer_than_its_bound() {
    let Some(redis) = TestRedis::start().await else { return };
    let own = Arc::new(Own::default());
    let config = SharedLimitsConfig { response_timeout: BOUND, connect_timeout: BOUND, ..redis.config("a") };
    let limits = before(&own, &config).await;
    redis.freeze().await;
    let started = Instant::now();
    limits.count(Class::Gateway, someone()).await.unwrap();
    let first = started.elapsed();
    assert!((BOUND..BOUND * 20).contains(&first), "{first:?}");
    let started = Instant::now();
    for _ in 0..1_000 {
        limits.count(Class::Gateway, someone()).await.unwrap();
    }
    let rest = started.elapsed();
    assert!(rest < BOUND * 10, "{rest:?}");
    redis.thaw().await;
    until("Redis is used again", || counts_in_redis(&config, &limits)).await;
}

#[tokio::test]
async fn a_server_that_refuses_to_write_is_as_good_as_none() {
    let Some(redis) = TestRedis::start().await else { return };
    let (own, config) = (Arc::new(Own::default()), redis.config("a"));
    let limits = before(&own, &config).await;
    let mut beside = connection(&config).await;
    let set = |value: &'static str| redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(value).to_owned();
    let _: () = set("1").query_async(&mut beside).await.unwrap();
    assert_eq!(limits.count(Class::Gateway, someone()).await.unwrap().remaining, 7);
    let _: () = set("0").query_async(&mut beside).await.unwrap();
    until("Redis is used again", || counts_in_redis(&config, &limits)).await;
}

#[tokio::test]
async fn what_redis_refuses_is_not_charged_here() {
    let Some(redis) = TestRedis::start().await else { return };
    let own = Arc::new(Own::default());
    let limits = before(&own, &redis.config("a")).await;
    assert_eq!(limits.count(Class::Write, someone()).await.unwrap().exceeded, None);
    for _ in 0..3 {
        assert!(limits.count(Class::Write, someone()).await.unwrap().exceeded.is_some());
    }
    assert_eq!(own.asked(), 1);
}
