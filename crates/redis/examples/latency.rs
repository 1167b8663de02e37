//! How long one shared count takes, on a server of its own on loopback:
//! `cargo run --release -p crochet-redis --example latency`.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crochet_limits::{Class, Limiter, Rate, Rates, Subject, Unlimited};
use crochet_redis::SharedLimits;
use crochet_redis::testing::TestRedis;

const COUNTS: usize = 10_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(redis) = TestRedis::start().await else { return Ok(()) };
    let rates = Rates { gateway: Rate::per_minute(1_000_000), ..Rates::default() };
    let limits = SharedLimits::start(&redis.config("latency"), rates, Arc::new(Unlimited)).await?;
    let caller = Subject::address([203, 0, 113, 9].into());
    let mut took = Vec::with_capacity(COUNTS);
    for _ in 0..COUNTS {
        let began = Instant::now();
        let standing = limits.count(Class::Gateway, caller).await;
        took.push(began.elapsed());
        assert!(standing.is_some(), "Redis answers");
    }
    took.sort_unstable();
    let at = |part: usize| took.get(COUNTS * part / 100).copied().unwrap_or(Duration::ZERO);
    println!("{COUNTS} counts, one after the other: median {:?}, 99 % {:?}", at(50), at(99));
    Ok(())
}
