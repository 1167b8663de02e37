//! Two gateways that count their requests in one Redis.

use crochet_redis::testing::TestRedis;
use futures::future::join_all;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::{Account, QUOTA, TestGateway, challenge_from, share};

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_one_quota_at_two_gateways() {
    let Some(redis) = TestRedis::start().await else { return };
    let gateway = TestGateway::with(share(&redis, "crochet")).await;
    let replica = gateway.replica().await;
    let tries = (0..3 * QUOTA).map(|number| {
        let api = if number % 2 == 0 { &gateway.api } else { &replica.api };
        challenge_from(api, "203.0.113.9")
    });
    let answers = join_all(tries).await;
    let mut rests: Vec<u64> = answers
        .iter()
        .filter(|answer| answer.status == 400)
        .map(|answer| answer.seconds("ratelimit-remaining"))
        .collect();
    rests.sort_unstable();
    // Each knows what the other has admitted. Of requests that overlap, one may be told the less that another left.
    assert_eq!(rests.len(), QUOTA);
    assert!(rests.iter().zip(0..).all(|(rest, most)| *rest <= most), "{rests:?}");
    assert_eq!(rests[0], 0);
    for answer in answers.iter().filter(|answer| answer.status == 429) {
        assert!((1..=30).contains(&answer.seconds("retry-after")));
        assert!(answer.header("ratelimit").unwrap().starts_with("\"auth\";r=0;t="));
    }
    assert_eq!(challenge_from(&replica.api, "203.0.113.10").await.status, 400);
    assert_eq!(
        redis.keys("crochet:limit:auth:*").await,
        ["crochet:limit:auth:address:203.0.113.10", "crochet:limit:auth:address:203.0.113.9"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_has_one_quota_at_two_gateways_whichever_key_it_uses() {
    let Some(redis) = TestRedis::start().await else { return };
    let gateway = TestGateway::with(|settings| {
        share(&redis, "crochet")(settings);
        settings.rate_limit_write = Some(2);
    })
    .await;
    let replica = gateway.replica().await;
    let agent = Account::register(&gateway.api, "agent").await;
    let elsewhere = Account { api: replica.api.clone(), ..agent };
    let here = Account { api: gateway.api.clone(), key: elsewhere.key.clone(), ..elsewhere };
    here.patch("/me", &json!({ "bio": "b" })).await.data(200);
    let second = here.post("/api-keys", &json!({ "name": "second", "scopes": ["read", "write"] })).await.data(201);
    let there = Account { api: replica.api.clone(), key: second["api_key"].as_str().unwrap().to_owned(), ..here };
    there.patch("/me", &json!({ "bio": "c" })).await.refuses(429, "RATE_LIMITED");
    // What is kept in Redis names the profile, and no key of it.
    let keys = redis.keys("*").await;
    assert!(keys.contains(&format!("crochet:limit:write:profile:{}", there.id)), "{keys:?}");
    assert!(!keys.concat().contains("am_k_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_with_different_prefixes_do_not_meet() {
    let Some(redis) = TestRedis::start().await else { return };
    let (one, other) = tokio::join!(TestGateway::with(share(&redis, "one")), TestGateway::with(share(&redis, "other")));
    for _ in 0..QUOTA {
        assert_eq!(challenge_from(&one.api, "203.0.113.9").await.status, 400);
    }
    assert_eq!(challenge_from(&one.api, "203.0.113.9").await.status, 429);
    for _ in 0..QUOTA {
        assert_eq!(challenge_from(&other.api, "203.0.113.9").await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_wrong_password_the_gateway_starts_and_has_its_own_limits() {
    let Some(redis) = TestRedis::with_password(Some("right")).await else { return };
    let gateway = TestGateway::with(|settings| {
        share(&redis, "crochet")(settings);
        settings.redis_url = Some(redis.url().expose_secret().replace("right", "wrong"));
    })
    .await;
    for _ in 0..QUOTA {
        assert_eq!(challenge_from(&gateway.api, "203.0.113.9").await.status, 400);
    }
    assert_eq!(challenge_from(&gateway.api, "203.0.113.9").await.status, 429);
    assert!(redis.keys("crochet:*").await.is_empty());
}
