//! What is kept on the server, and for whom.

use std::sync::Arc;

use crochet_limits::{Class, Limiter, Subject, Unlimited, contract};
use crochet_redis::testing::TestRedis;
use crochet_redis::{RedisProblem, SharedLimits, SharedLimitsConfig, probe};
use redis::AsyncCommands;
use secrecy::ExposeSecret;

use crate::support::{connection, shared, someone};

#[tokio::test]
async fn keys_name_the_class_and_the_caller_and_go_away_by_themselves() {
    let Some(redis) = TestRedis::start().await else { return };
    let config = redis.config("crochet");
    let limits = shared(&config).await;
    limits.count(Class::Auth, someone()).await.unwrap();
    limits.count(Class::Read, Subject::address("2001:db8::1".parse().unwrap())).await.unwrap();
    let mut connection = connection(&config).await;
    let v4 = "crochet:limit:auth:address:203.0.113.9".to_owned();
    let v6 = "crochet:limit:read:address:2001:db8::".to_owned();
    let mut keys: Vec<String> = connection.keys("crochet:limit:[^p]*").await.unwrap();
    keys.sort();
    assert_eq!(keys, [v4.clone(), v6.clone()]);
    // As long as the quota needs to be whole again: one request of ten in 300 s, one of five in 600 s.
    let lives: (i64, i64) = (connection.pttl(v4).await.unwrap(), connection.pttl(v6).await.unwrap());
    assert!((25_000..=30_000).contains(&lives.0) && (115_000..=120_000).contains(&lives.1), "{lives:?}");
}

#[tokio::test]
async fn limiters_with_one_prefix_share_and_with_two_do_not_meet() {
    let Some(redis) = TestRedis::start().await else { return };
    let [one, other] = [shared(&redis.config("a")).await, shared(&redis.config("a")).await];
    assert_eq!(one.count(Class::Write, someone()).await.unwrap().exceeded, None);
    assert!(other.count(Class::Write, someone()).await.unwrap().exceeded.is_some());
    let elsewhere = shared(&redis.config("b")).await;
    assert_eq!(elsewhere.count(Class::Write, someone()).await.unwrap().exceeded, None);
}

#[tokio::test]
async fn a_server_that_forgot_the_script_is_told_it_again() {
    let Some(redis) = TestRedis::start().await else { return };
    let config = redis.config("a");
    let limits = shared(&config).await;
    let _: () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut connection(&config).await).await.unwrap();
    assert_eq!(limits.count(Class::Write, someone()).await.unwrap().exceeded, None);
    assert!(limits.count(Class::Write, someone()).await.unwrap().exceeded.is_some());
}

#[tokio::test]
async fn sockets_databases_and_both_protocols_work() {
    let Some(redis) = TestRedis::start().await else { return };
    let url = redis.url().expose_secret().trim_end_matches("/0").to_owned();
    for url in [redis.socket_url(), format!("{url}/3").into(), format!("{url}/4?protocol=resp3").into()] {
        let limits = shared(&SharedLimitsConfig::new(url, "a".to_owned())).await;
        assert_eq!(limits.count(Class::Write, someone()).await.unwrap().exceeded, None);
        assert!(limits.count(Class::Write, someone()).await.unwrap().exceeded.is_some());
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_problem_that_shows_no_password() {
    let Some(redis) = TestRedis::with_password(Some("right-password")).await else { return };
    let config = redis.config("a");
    probe(&config).await.unwrap();
    let wrong = config.url.expose_secret().replace("right-password", "wrong-password");
    let problem = probe(&SharedLimitsConfig { url: wrong.into(), ..config.clone() }).await.unwrap_err();
    assert!(matches!(problem, RedisProblem::Failed(_)));
    let shown = format!("{problem} {problem:?}");
    assert!(!shown.contains("wrong-password") && !shown.contains("127.0.0.1"), "{shown}");
}

#[tokio::test]
async fn a_url_that_names_no_server_is_refused_at_once() {
    let config = SharedLimitsConfig::new("http://cache".into(), "a".to_owned());
    let refused = SharedLimits::start(&config, contract::rates(), Arc::new(Unlimited)).await;
    assert!(matches!(refused, Err(RedisProblem::Url(_))));
}

/// As `docs/operations.md` lists them.
const RIGHTS: [&str; 5] = ["+evalsha", "+script|load", "+get", "+set", "+time"];

#[tokio::test]
async fn a_user_that_may_do_nothing_but_count_is_enough() {
    let Some(redis) = TestRedis::start().await else { return };
    let config = redis.config("crochet");
    let mut create = redis::cmd("ACL");
    create.arg("SETUSER").arg("limits").arg("on").arg(">secret").arg("~crochet:*").arg(&RIGHTS);
    let _: () = create.query_async(&mut connection(&config).await).await.unwrap();
    let url = config.url.expose_secret().replace("redis://", "redis://limits:secret@");
    let limits = shared(&SharedLimitsConfig { url: url.into(), ..config }).await;
    assert_eq!(limits.count(Class::Write, someone()).await.unwrap().exceeded, None);
    assert!(limits.count(Class::Write, someone()).await.unwrap().exceeded.is_some());
}
