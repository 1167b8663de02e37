//! What an operator reads of Redis: before a start, and in the log while it comes and goes.

use std::path::Path;
use std::process::Command;

use crochet_postgres::testing::TestDatabase;
use crochet_redis::testing::TestRedis;
use secrecy::ExposeSecret;

use crate::support::{Running, crochet, folder, get, run};

const GONE: &str = "Redis cannot be used";
const SHARED: &str = "rate limits are shared through Redis";

fn with_redis(args: &[&str], database: &TestDatabase, data_dir: &Path, redis: &TestRedis) -> Command {
    let mut command = crochet(args);
    command
        .env("DATABASE_URL", database.url().expose_secret())
        .env("CROCHET_DATA_DIR", data_dir)
        .env("CROCHET_REDIS_URL", redis.url().expose_secret())
        .env("CROCHET_REDIS_TIMEOUT_MILLIS", "5000");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_once_that_redis_is_gone_and_once_that_it_is_back() {
    let Some(mut redis) = TestRedis::with_password(Some("password-canary")).await else { return };
    let (folder, database) = (folder(), TestDatabase::new().await);
    let serve = &mut with_redis(&["serve", "--bind", "127.0.0.1:0"], &database, folder.path(), &redis);
    let mut gateway = Running::start(serve);
    let url = gateway.url();
    let count = |gateway: &Running, text: &str| gateway.stderr().matches(text).count();
    assert_eq!((count(&gateway, SHARED), count(&gateway, GONE)), (1, 0), "{}", gateway.stderr());

    redis.kill().await;
    for _ in 0..50 {
        assert_eq!(get(&url, "/api/v1/categories").unwrap().0, 200);
    }
    gateway.until("the log says that Redis is gone", |gateway| count(gateway, GONE) == 1);
    redis.restart().await;
    gateway.until("the log says that Redis is back", |gateway| count(gateway, SHARED) == 2);
    for _ in 0..5 {
        assert_eq!(get(&url, "/api/v1/categories").unwrap().0, 200);
    }

    let written = gateway.stop().expect(0);
    assert_eq!(written.stderr.matches(GONE).count(), 1, "{}", written.stderr);
    assert_eq!(written.stderr.lines().filter(|line| line.contains("WARN")).count(), 1, "{}", written.stderr);
    assert!(!(written.stdout + &written.stderr).contains("password-canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_config_tells_whether_redis_can_be_used() {
    let Some(mut redis) = TestRedis::with_password(Some("password-canary")).await else { return };
    let (folder, database) = (folder(), TestDatabase::new().await);
    let check = |redis: &TestRedis| run(&mut with_redis(&["check-config"], &database, folder.path(), redis));
    let good = check(&redis).expect(0);
    assert!(good.stdout.contains("ok     redis      answers; rate limits are shared under crochet:limit:"));
    redis.kill().await;
    let wrong = check(&redis).expect(1);
    assert!(wrong.stdout.contains("WRONG  redis      rate limits cannot be shared: "), "{}", wrong.stdout);
    assert!(!(good.stdout + &wrong.stdout + &wrong.stderr).contains("password-canary"));

    let refused = run(crochet(&["check-config"]).env("CROCHET_REDIS_URL", "http://:password-canary@cache")).expect(2);
    assert!(refused.stderr.contains("CROCHET_REDIS_URL"), "{}", refused.stderr);
    let help = run(crochet(&["serve", "--help"]).env("CROCHET_REDIS_URL", redis.url().expose_secret())).expect(0);
    assert!(help.stdout.contains("CROCHET_REDIS_URL"));
    assert!(!(refused.stderr + &refused.stdout + &help.stdout).contains("password-canary"));
}
