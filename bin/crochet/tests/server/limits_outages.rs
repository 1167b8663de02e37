//! Redis dies, hangs and comes back under two gateways: every request is answered, and limits hold.

use std::time::{Duration, Instant};

use crochet::demo::client::ApiClient;
use crochet_redis::testing::TestRedis;
use futures::future::join_all;

use crate::support::{QUOTA, RawRequest, TestGateway, challenge_from, share};

/// How many of so many tries are admitted.
async fn admitted(api: &ApiClient, address: &str, tries: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..tries {
        admitted += usize::from(challenge_from(api, address).await.status == 400);
    }
    admitted
}

/// Waits until a gateway counts in Redis again. Each try comes from an address of its own.
async fn until_shared(api: &ApiClient, redis: &TestRedis, network: &str) {
    for host in 1..=254 {
        let address = format!("{network}.{host}");
        challenge_from(api, &address).await;
        if !redis.keys(&format!("*:address:{address}")).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("limits are not shared again");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_redis_is_killed_each_gateway_goes_on_with_its_own_limits_until_it_is_back() {
    let Some(mut redis) = TestRedis::start().await else { return };
    let gateway = TestGateway::with(share(&redis, "crochet")).await;
    let replica = gateway.replica().await;
    let client = "203.0.113.9";
    assert_eq!((admitted(&gateway.api, client, 4).await, admitted(&replica.api, client, 4).await), (4, 4));

    // Requests are under way at both when it dies; each of them is answered as if nothing were.
    let ask = |api: &ApiClient| RawRequest::new(api, "GET", "/categories").header("X-Forwarded-For", "203.0.113.7");
    let requests = (0..40).map(|number| ask(if number % 2 == 0 { &gateway.api } else { &replica.api }).send());
    let (answers, ()) = tokio::join!(join_all(requests), redis.kill());
    for answer in answers {
        assert_eq!(answer.status, 200);
        assert!(answer.header("ratelimit").is_some());
    }

    // What a gateway has admitted before counts: nobody gets a new quota from it.
    assert_eq!(admitted(&gateway.api, client, QUOTA).await, QUOTA - 4);
    assert_eq!(admitted(&replica.api, client, 2).await, 2);

    redis.restart().await;
    tokio::join!(until_shared(&gateway.api, &redis, "198.51.100"), until_shared(&replica.api, &redis, "192.0.2"));
    // Redis has forgotten all; the gateways have not.
    assert_eq!(admitted(&gateway.api, client, 1).await, 0);
    assert_eq!(admitted(&replica.api, client, QUOTA).await, QUOTA - 6);
    // And they share again.
    let other = "203.0.113.8";
    assert_eq!(admitted(&gateway.api, other, QUOTA - 3).await, QUOTA - 3);
    assert_eq!(admitted(&replica.api, other, QUOTA).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_redis_hangs_requests_do_not_wait_for_it_more_than_once() {
    let Some(redis) = TestRedis::start().await else { return };
    let gateway = TestGateway::with(|settings| {
        share(&redis, "crochet")(settings);
        settings.redis_timeout_millis = Some(100);
        settings.rate_limit_read = Some(1_000);
    })
    .await;
    let ask = || RawRequest::new(&gateway.api, "GET", "/categories").send();
    ask().await.data(200);
    redis.freeze().await;
    let began = Instant::now();
    for _ in 0..100 {
        ask().await.data(200);
    }
    // Waiting each time would take ten seconds.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    redis.thaw().await;
    until_shared(&gateway.api, &redis, "198.51.100").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_starts_without_redis_and_shares_once_it_is_there() {
    let Some(mut redis) = TestRedis::start().await else { return };
    redis.kill().await;
    let gateway = TestGateway::with(share(&redis, "crochet")).await;
    assert_eq!(admitted(&gateway.api, "203.0.113.9", 2 * QUOTA).await, QUOTA);
    redis.restart().await;
    until_shared(&gateway.api, &redis, "198.51.100").await;
}
