//! The script and the arithmetic of `crochet-limits` are two writings of one thing.

use std::time::Duration;

use crochet_limits::{Gcra, Rate};
use crochet_redis::testing::TestRedis;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use redis::Script;
use redis::aio::MultiplexedConnection;

use crate::support::connection;

const SCRIPT: &str = include_str!("../../src/count.lua");

/// Requests of one caller: the rate, and by how much the clock moves before each.
fn requests() -> impl Strategy<Value = (Rate, Vec<i64>)> {
    let rate = (1_u32..50, 1_u64..100_000)
        .prop_map(|(requests, millis)| Rate { requests, window: Duration::from_millis(millis) });
    let step = prop_oneof![4 => Just(0_i64), 4 => 0..100_000_i64, 1 => 0..20_000_000_i64, 1 => -20_000_000..0_i64];
    (rate, prop::collection::vec(step, 1..60))
}

/// The script on a clock that the test moves.
async fn on_redis(connection: &mut MultiplexedConnection, gcra: &Gcra, moments: &[u64]) -> Vec<(bool, u64)> {
    let script = Script::new(&SCRIPT.replace("redis.call('TIME')", "{ARGV[3], ARGV[4]}"));
    let _: () = redis::cmd("FLUSHDB").query_async(connection).await.unwrap();
    let mut answers = Vec::new();
    for now in moments {
        let mut call = script.key("caller");
        call.arg(gcra.interval_micros()).arg(gcra.burst()).arg(now / 1_000_000).arg(now % 1_000_000);
        answers.push(call.invoke_async(connection).await.unwrap());
        // What is kept must not go away by the server's own clock meanwhile.
        let _: () = redis::cmd("PERSIST").arg("caller").query_async(connection).await.unwrap();
    }
    answers
}

fn by_arithmetic(gcra: &Gcra, moments: &[u64]) -> Vec<(bool, u64)> {
    let mut kept = None;
    let mut answers = Vec::new();
    for now in moments {
        let (verdict, keep) = gcra.count(kept, *now);
        kept = Some(keep);
        answers.push((verdict.is_admitted, verdict.owed));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_counts_as_the_arithmetic_does() {
    let Some(redis) = TestRedis::start().await else { return };
    let connection = connection(&redis.config("arithmetic")).await;
    let runtime = tokio::runtime::Handle::current();
    let checked = tokio::task::spawn_blocking(move || {
        let mut runner = TestRunner::new(Config { cases: 100, ..Config::default() });
        runner.run(&requests(), |(rate, steps)| {
            let gcra = Gcra::new(rate);
            let moments: Vec<u64> = steps
                .iter()
                .scan(1_777_809_600_000_000_u64, |now, step| {
                    *now = now.saturating_add_signed(*step);
                    Some(*now)
                })
                .collect();
            let scripted = runtime.block_on(on_redis(&mut connection.clone(), &gcra, &moments));
            prop_assert_eq!(scripted, by_arithmetic(&gcra, &moments));
            Ok(())
        })
    });
    checked.await.unwrap().unwrap();
}
