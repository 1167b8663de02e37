//! Keys, scopes and rate limits.

use std::time::Duration;

use crochet_http::{Rate, RateLimits};
use crochet_market::Scope;

use crate::world::{FREE, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_missing_or_wrong_is_a_401_with_its_challenge() {
    let world = World::new().await;
    let answer = world.get("/api/v1/me").send().await;
    answer.refuses(401, "UNAUTHORIZED");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"crochet\""));
    let unknown = format!("Bearer am_k_{}", "0".repeat(43));
    for header in ["Bearer", "Bearer x", "Basic dTpw", "am_k_1", "Bearer am_k_1", &unknown, "", "Bearer \u{e4}"] {
        // Wrong is wrong also where none is needed.
        for target in ["/api/v1/me", "/api/v1/listings", "/api/v1/categories"] {
            let answer = world.get(target).header("Authorization", header).send().await;
            answer.refuses(401, "UNAUTHORIZED");
            assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"), "{header}");
        }
    }
    let twice = world.get("/api/v1/me").bearer(&world.buyer.key).bearer(&world.buyer.key).send().await;
    twice.refuses(401, "UNAUTHORIZED");
    world.get("/api/v1/me").header("Authorization", &format!("bearer  {}", world.buyer.key)).send().await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_only_what_its_scopes_allow() {
    let world = World::new().await;
    for (has, may) in [(Scope::Read, 0), (Scope::Write, 1), (Scope::Gateway, 2)] {
        let account = world.account(&[has]).await;
        let answers = [
            world.get("/api/v1/ledger").bearer(&account.key).send().await,
            world.request("PATCH", "/api/v1/me").bearer(&account.key).json("{\"bio\":\"x\"}").send().await,
            world.post(FREE).bearer(&account.key).json("{}").send().await,
        ];
        for (index, answer) in answers.iter().enumerate() {
            if index == may {
                answer.data(200);
            } else {
                let json = answer.refuses(403, "FORBIDDEN");
                assert_eq!(json["error"]["recovery"]["next_action"], "use_key_with_scope");
            }
        }
        // The catalogue is open to everybody, whatever the key; what is one's own takes `read`.
        world.get("/api/v1/listings").bearer(&account.key).send().await.data(200);
        let mine = world.get("/api/v1/listings?mine=true").bearer(&account.key).send().await;
        if has == Scope::Read {
            mine.data(200);
        } else {
            let json = mine.refuses(403, "FORBIDDEN");
            assert_eq!(json["error"]["recovery"]["next_action"], "use_key_with_scope");
        }
    }
}

fn tight() -> RateLimits {
    RateLimits {
        enabled: true,
        read: Rate::per_minute(3),
        write: Rate::per_minute(2),
        auth: Rate { requests: 1, window: Duration::from_secs(300) },
        gateway: Rate::per_minute(4),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_when_to_go_on() {
    let world = World::with(|config| config.rate_limits = tight()).await;
    for left in ["2", "1", "0"] {
        let answer = world.get("/api/v1/categories").send().await;
        answer.data(200);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"read\";q=3;w=60"));
        assert_eq!(answer.header("ratelimit-limit"), Some("3"));
        assert_eq!(answer.header("ratelimit-remaining"), Some(left));
    }
    let answer = world.get("/api/v1/categories").send().await;
    let json = answer.refuses(429, "RATE_LIMITED");
    assert_eq!((answer.header("retry-after"), answer.header("ratelimit")), (Some("20"), Some("\"read\";r=0;t=20")));
    assert_eq!(answer.header("ratelimit-reset"), Some("60"));
    assert_eq!(json["error"]["recovery"]["next_action"], "retry_later");

    // A key has a quota of its own, and each class has one.
    let answer = world.get("/api/v1/me").bearer(&world.buyer.key).send().await;
    answer.data(200);
    assert_eq!(answer.header("ratelimit-remaining"), Some("2"));
    assert_eq!(world.post("/api/v1/register").json("{}").send().await.status, 400);
    world.post("/api/v1/auth/challenge").json("{}").send().await.refuses(429, "RATE_LIMITED");

    world.clock.advance(Duration::from_secs(20));
    world.get("/api/v1/categories").send().await.data(200);
    world.get("/api/v1/categories").send().await.refuses(429, "RATE_LIMITED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_has_a_class_of_its_own() {
    let world = World::with(|config| config.rate_limits = tight()).await;
    for _ in 0..4 {
        let answer = world.post(FREE).bearer(&world.buyer.key).json("{}").send().await;
        answer.data(200);
        assert_eq!(answer.header("ratelimit-limit"), Some("4"));
    }
    let call = world.post(FREE).bearer(&world.buyer.key).json("{}");
    call.send().await.refuses(429, "RATE_LIMITED");
    world.get("/api/v1/ledger").bearer(&world.buyer.key).send().await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_at_keys_is_counted_by_its_address() {
    let world = World::with(|config| config.rate_limits = tight()).await;
    for digit in ["1", "2", "3"] {
        let guess = format!("am_k_{}", digit.repeat(43));
        world.get("/api/v1/me").bearer(&guess).send().await.refuses(401, "UNAUTHORIZED");
    }
    let guess = format!("am_k_{}", "4".repeat(43));
    world.get("/api/v1/me").bearer(&guess).send().await.refuses(429, "RATE_LIMITED");
    world.get("/api/v1/me").bearer(&world.buyer.key).send().await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_keys_of_a_profile_share_its_quota() {
    let world = World::with(|config| config.rate_limits = tight()).await;
    let second = world.second_key().await;
    for key in [&world.buyer.key, &second, &world.buyer.key] {
        world.get("/api/v1/me").bearer(key).send().await.data(200);
    }
    for key in [&world.buyer.key, &second] {
        world.get("/api/v1/me").bearer(key).send().await.refuses(429, "RATE_LIMITED");
    }
    world.get("/api/v1/me").bearer(&world.seller.key).send().await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_is_counted_by_the_address_whatever_the_key() {
    let world = World::with(|config| config.rate_limits = tight()).await;
    let challenge = |key: &str| world.post("/api/v1/auth/challenge").bearer(key).json("{}");
    assert_eq!(challenge(&world.buyer.key).send().await.status, 400);
    challenge(&world.seller.key).send().await.refuses(429, "RATE_LIMITED");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_many_wrong_keys_no_further_one_is_looked_up() {
    let world = World::with(|config| {
        config.rate_limits = RateLimits::default();
        config.wrong_keys = Rate::per_minute(2);
    })
    .await;
    let guess = |digit: &str| world.get("/api/v1/me").bearer(&format!("am_k_{}", digit.repeat(43)));
    // Keys that are good are no attempts.
    for _ in 0..5 {
        world.get("/api/v1/me").bearer(&world.buyer.key).send().await.data(200);
    }
    for digit in ["1", "2"] {
        guess(digit).send().await.refuses(401, "UNAUTHORIZED");
    }
    let answer = guess("3").send().await;
    answer.refuses(429, "RATE_LIMITED");
    assert_eq!(answer.header("retry-after"), Some("30"));
    // Whoever sends no key is not kept out, and after a while nobody is.
    world.get("/api/v1/categories").send().await.data(200);
    world.clock.advance(Duration::from_secs(30));
    world.get("/api/v1/me").bearer(&world.buyer.key).send().await.data(200);
    guess("4").send().await.refuses(401, "UNAUTHORIZED");
    guess("5").send().await.refuses(429, "RATE_LIMITED");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_trusted_proxy_says_who_the_client_is() {
    let get = |world: &World, client: &str| world.get("/api/v1/categories").header("X-Forwarded-For", client);
    let world = World::with(|config| config.rate_limits = tight()).await;
    for client in ["1.1.1.1", "1.1.1.2", "1.1.1.3"] {
        get(&world, client).send().await.data(200);
    }
    get(&world, "1.1.1.4").send().await.refuses(429, "RATE_LIMITED");

    let world = World::with(|config| {
        config.rate_limits = tight();
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    for host in 1..=5 {
        get(&world, &format!("1.1.1.{host}")).send().await.data(200);
    }
    for host in 1..=3 {
        get(&world, &format!("2001:db8::{host}")).send().await.data(200);
    }
    get(&world, "2001:db8::4").send().await.refuses(429, "RATE_LIMITED");
    get(&world, "2001:db8:0:1::4").send().await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_limits_there_are_no_limit_headers() {
    let world = World::new().await;
    let answer = world.get("/api/v1/categories").send().await;
    answer.data(200);
    assert_eq!(answer.header("ratelimit"), None);
}
