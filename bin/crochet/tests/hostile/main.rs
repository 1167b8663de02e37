//! Hostile buyers against the real program, in a process of its own with a database of its own: heads and bodies that do
//! not end, idle connections, pipelines, hidden requests, one key in many hands. Meanwhile honest buyers are served as
//! fast as ever, memory and descriptors stay within bounds, and a stop answers what is under way.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod attacks;
mod gateway;
#[path = "../support/listening.rs"]
mod listening;
mod seller;
mod siege;
mod stopping;
mod wire;

use std::time::Duration;

use attacks::Size;
use serde_json::json;
use siege::{Plan, QUIET};
use tokio::net::TcpStream;

use crate::gateway::{Call, Gateway};
use crate::seller::Seller;

/// Every attack, while an honest buyer makes its calls; the attackers' ends are for the long form.
#[tokio::test(flavor = "multi_thread")]
async fn an_honest_buyer_is_served_as_ever_while_one_attack_after_the_other_goes_on() {
    let size = Size {
        slow_heads: 200,
        idle: 1_000,
        half_bodies: 100,
        pipelines: 2,
        huge_heads: 2,
        smugglers: 4,
        hammers: 200,
        hammer_pause: Duration::from_secs(2),
    };
    siege::lay(Plan { size, calls: 20, most_mib: 256, until_over: false }).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, and wants the machine for itself: just hostile"]
async fn a_siege_until_the_last_attacker_is_ended() {
    let size = Size {
        slow_heads: 500,
        idle: 1_000,
        half_bodies: 500,
        pipelines: 4,
        huge_heads: 8,
        smugglers: 8,
        hammers: 200,
        hammer_pause: Duration::from_millis(500),
    };
    siege::lay(Plan { size, calls: 200, most_mib: 384, until_over: true }).await;
}

/// With 1,024 descriptors, as shells and service managers have them, of which 650 are for calls and the database, and
/// two for each connection, there are 187 connections.
#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_do_not_take_the_descriptors_that_calls_need() {
    let _shared = QUIET.read().await;
    let gateway = Gateway::limited(Some(1_024), &[]).await;
    let seller = Seller::start();
    let provider = gateway.agent("provider", true).await;
    let listing = gateway.listing(&provider, &seller.url, true).await;
    let buyer = gateway.agent("buyer", false).await;
    seller.set_open(false);
    let body = json!("under way");
    let call = Call { buyer: &buyer, listing: &listing, body };
    let id = call.paid().await;
    let under_way = async {
        loop {
            let answer = call.send(Some(&id)).await.unwrap();
            if answer.status != 202 {
                return answer;
            }
        }
    };
    let flood = async {
        seller.until_received(1).await;
        let mut idle = Vec::new();
        for _ in 0..1_000 {
            idle.push(TcpStream::connect(gateway.address).await.unwrap());
        }
        // No more are accepted, and those that were are there.
        let mut before = 0;
        while gateway.descriptors() != before {
            before = gateway.descriptors();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        seller.set_open(true);
        (idle, before)
    };
    let (answer, (idle, descriptors)) = tokio::join!(under_way, flood);
    answer.expect(200).unwrap();
    siege::say(&format!("{descriptors} descriptors while 1,000 idle connections knock"));
    assert!((374..=512).contains(&descriptors), "{descriptors}");
    drop(idle);
    call.send(None).await.unwrap().expect(402).unwrap();
    assert!(!gateway.log().contains("ERROR"), "{}", gateway.log());
}
