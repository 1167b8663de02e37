//! PostgreSQL is stopped, gently and at once, and started again under paid traffic; the gateway stays up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::Method;
use serde_json::json;

use crate::edge_outages::until_ready;
use crate::support::faults::{Story, is_unavailable, say};
use crate::support::{Behaviour, Market, OwnDatabase, Stop, TestGateway};

/// How long the gateway may take to work again once the database accepts connections.
const RECOVERY: Duration = Duration::from_secs(8);

/// Calls until it is over, without moving the clock, which others use too; answers those that are delivered, and the
/// one that is not.
async fn traffic(market: &Market, name: &str, is_over: &AtomicBool) -> (Vec<Story>, Option<Story>) {
    let mut delivered = Vec::new();
    for number in 0.. {
        let mut story = Story::new(&format!("{name}, call {number}"), number % 2 == 0);
        loop {
            let answer = story.ask(market).await;
            match answer.status.as_u16() {
                200 => break,
                402 => drop(story.pay(market).await),
                202 | 503 => tokio::time::sleep(Duration::from_millis(20)).await,
                other => panic!("{other}: {}", answer.json),
            }
            if is_over.load(Ordering::SeqCst) {
                return (delivered, Some(story));
            }
        }
        delivered.push(story);
    }
    unreachable!("there are more numbers than calls")
}

async fn stops_and_starts_again(market: &Market, database: &mut OwnDatabase, how: Stop) -> u64 {
    let step = |step: &str| Story::new(&format!("{how:?}, {step}"), step == "new");
    let [mut new, mut quoted, mut paid, mut held, mut delivered] =
        ["new", "quoted", "paid", "held", "delivered"].map(step);
    delivered.go_on(market).await;
    for story in [&mut quoted, &mut paid, &mut held] {
        story.ask(market).await.expect(402).unwrap();
    }
    for story in [&mut paid, &mut held] {
        story.pay(market).await.expect(200).unwrap();
    }
    let runs = market.seller.runs();
    market.seller.next(Behaviour::Held);
    let at_seller = async {
        let answer = held.ask(market).await;
        (held, answer)
    };
    let is_over = AtomicBool::new(false);
    let outage = async {
        market.seller.until_runs(runs + 1).await;
        // Now there is traffic, too.
        market.seller.until_runs(runs + 8).await;
        tokio::task::block_in_place(|| database.down(how));
        market.seller.release();
        let refused = [&mut new, &mut quoted, &mut paid, &mut delivered].map(|story| story.ask(market));
        join_all(refused).await.iter().for_each(is_unavailable);
        // Not before: its report is good for a second.
        let ready = market.buyer.send(Method::GET, "/ready", &[], None).await.unwrap();
        assert_eq!((ready.status.as_u16(), ready.at("/data/database")), (503, &json!("failing")));
        tokio::task::block_in_place(|| database.up());
        let began = Instant::now();
        until_ready(&market.gateway).await;
        while delivered.ask(market).await.status != 200 {
            assert!(began.elapsed() < RECOVERY, "it did not recover");
        }
        let longest = [&new, &quoted, &paid, &delivered].map(|story| story.longest).into_iter().max();
        say(&format!("{how:?}: works again after {:?}; longest answer {longest:?}", began.elapsed()));
        assert!(began.elapsed() < RECOVERY, "{:?}", began.elapsed());
        is_over.store(true, Ordering::SeqCst);
    };
    let buyers = join_all(["ada", "bob", "eve"].map(async |name| {
        // Not before the one call is at the seller: it takes the first instruction.
        market.seller.until_runs(runs + 1).await;
        traffic(market, &format!("{how:?}, {name}"), &is_over).await
    }));
    let ((held, at_seller), (), traffic) = tokio::join!(at_seller, outage, buyers);
    // The seller's answer waited for the database, and was given out once it was recorded.
    assert_eq!(at_seller.at("/data/seller_response"), &json!({ "held": true }), "{}", at_seller.json);
    let mut calls = 1;
    for mut story in [new, quoted, paid, delivered] {
        let answer = story.go_on(market).await;
        story.ended_well(market, &answer).await;
        calls += 1;
    }
    for (done, open) in traffic {
        for mut story in done.into_iter().chain(open) {
            let answer = story.go_on(market).await;
            story.ended_well(market, &answer).await;
            calls += 1;
        }
    }
    assert_eq!(
        market
            .seller
            .received()
            .iter()
            .filter(|run| run.header("x-crochet-request-id") == Some(&held.request_id()))
            .count(),
        1
    );
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_stopped_and_started_under_paid_traffic_loses_and_doubles_nothing() {
    // What is stopped at once has to have written its commits down.
    let mut database = tokio::task::block_in_place(|| OwnDatabase::with(true, &[]));
    let url = database.url();
    let gateway = TestGateway::with(|settings| {
        settings.database_url = Some(url);
        settings.sweep_interval_millis = Some(3_600_000);
        settings.check_interval_millis = Some(0);
        settings.max_open_quotes = Some(1_000);
    })
    .await;
    let market = Market::with(gateway, json!({ "pricing_model": "per_call", "pricing_amount": 0.01 })).await;
    let mut calls = 0;
    for how in [Stop::Fast, Stop::Immediate] {
        calls += stops_and_starts_again(&market, &mut database, how).await;
    }
    let report = database.audit().await;
    assert!(report.balances(), "{report:?}");
    assert_eq!((report.settlements, report.entries), (calls, 3 * calls));
    say(&format!("{calls} calls"));
}
