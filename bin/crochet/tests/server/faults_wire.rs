//! A network between gateway and database that loses, delays and swallows.

use std::time::{Duration, Instant};

use crochet::config::{Config, Settings};
use futures::future::join_all;
use serde_json::json;

use crate::edge_outages::until_ready;
use crate::support::faults::{BOUND, Story, say};
use crate::support::wire::{Loss, Wire};
use crate::support::{Account, Market, RawRequest, TestGateway};

/// How long the gateway may take to work again once the network does.
const RECOVERY: Duration = Duration::from_secs(8);

/// A market whose gateway reaches its database through a wire.
async fn market(pool_size: u32, adapt: impl FnOnce(&mut Config)) -> (Market, Wire) {
    let mut wire = None;
    let through = |settings: &mut Settings| {
        let url = settings.database_url.take().unwrap();
        let made = Wire::to(&url);
        settings.database_url = Some(made.url(&url));
        settings.database_pool_size = Some(pool_size);
        settings.sweep_interval_millis = Some(3_600_000);
        settings.check_interval_millis = Some(0);
        wire = Some(made);
    };
    let gateway = TestGateway::adapted(through, adapt).await;
    let market = Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await;
    (market, wire.unwrap())
}

/// One call for each COMMIT that a call needs: that COMMIT is lost. Answers how many there are.
async fn loses_every_commit(market: &Market, wire: &Wire, loss: Loss) -> u64 {
    for nth in 1.. {
        let mut story = Story::new(&format!("{loss:?} {nth}"), nth % 2 == 0);
        wire.lose_commit(nth, loss);
        let delivered = story.go_on(market).await;
        let was_lost = wire.lose_nothing();
        story.ended_well(market, &delivered).await;
        market.assert_balanced().await;
        if !was_lost {
            return u64::from(nth);
        }
    }
    unreachable!("a call has an end")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_which_nobody_knows_whether_it_happened_neither_loses_nor_doubles_a_call() {
    let (market, wire) = market(4, |_| {}).await;
    let mut calls = 0;
    for loss in [Loss::Request, Loss::Answer] {
        let passed = loses_every_commit(&market, &wire, loss).await;
        assert!(passed >= 7, "only {passed} commits were lost");
        calls += passed;
    }
    let report = market.gateway.audit().await;
    assert!(report.balances(), "{report:?}");
    assert_eq!((report.settlements, report.entries), (calls, 3 * calls));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_never_answered_is_given_up_and_its_connection_does_not_block_the_pool() {
    // One connection: what hangs must not keep it.
    let (market, wire) = market(1, |config| config.database_deadline = Duration::from_millis(400)).await;
    let calls = loses_every_commit(&market, &wire, Loss::Silence).await;
    assert!(calls >= 7, "only {calls} commits were never answered");
    // In the order in which they are dropped: what hangs ends before the runtime does.
    drop(wire);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_swallow_everything_are_left_and_new_ones_are_made() {
    let (market, wire) = market(2, |config| config.database_deadline = Duration::from_secs(2)).await;
    let agent = Account::register(&market.gateway.api, "agent").await;
    let mut paid = Story::new("paid before", false);
    paid.ask(&market).await.expect(402).unwrap();
    paid.pay(&market).await.expect(200).unwrap();
    for new_ones_too in [false, true] {
        join_all([agent.get("/me"), agent.get("/ledger"), agent.get("/me/wallets")]).await;
        assert!(wire.lines() >= 2, "the pool is not full");
        wire.swallow(new_ones_too);
        let began = Instant::now();
        // All at once: none of them hangs for longer than the others, and the pool is not blocked by any.
        let answers = join_all((0..6).map(|_| agent.get("/me"))).await;
        let longest = began.elapsed();
        assert!(longest < BOUND, "{longest:?}");
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.refuses(503, "SERVICE_UNAVAILABLE");
            assert!((1..=60).contains(&answer.seconds("retry-after")));
        }
        assert!(answers.iter().any(|answer| answer.status == 503), "nothing was swallowed");
        wire.swallow_new_ones(false);
        let began = Instant::now();
        until_ready(&market.gateway).await;
        agent.get("/me").await.data(200);
        say(&format!(
            "swallowed, new ones {new_ones_too}: works again after {:?}; longest answer {longest:?}",
            began.elapsed()
        ));
        assert!(began.elapsed() < RECOVERY, "{:?}", began.elapsed());
    }
    let delivered = paid.go_on(&market).await;
    paid.ended_well(&market, &delivered).await;
    market.assert_balanced().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_slow_delays_calls_and_fails_none() {
    let (market, wire) = market(4, |_| {}).await;
    wire.delay(Duration::from_millis(15));
    let mut stories: Vec<_> = (0..4).map(|number| Story::new(&format!("slow {number}"), false)).collect();
    for (story, delivered) in join_all(stories.iter_mut().map(async |story| {
        let delivered = story.go_on(&market).await;
        (story, delivered)
    }))
    .await
    {
        story.ended_well(&market, &delivered).await;
    }
    let began = Instant::now();
    RawRequest::new(&market.gateway.api, "GET", "/health").send().await.data(200);
    assert!(began.elapsed() < Duration::from_secs(2), "who needs no database does not wait for it");
    market.assert_balanced().await;
}
