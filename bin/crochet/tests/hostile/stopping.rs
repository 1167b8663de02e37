//! SIGTERM while paid calls are under way and hostile clients hold connections.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::gateway::{Call, Gateway};
use crate::seller::Seller;
use crate::siege::{QUIET, say};

const CALLS: usize = 24;

/// Stops the gateway with `CALLS` paid calls at the seller; answers when and how the calls and the gateway ended.
async fn stopped(bound: &str, is_released: bool) -> (Vec<Option<u16>>, Duration, Gateway) {
    let _shared = QUIET.read().await;
    let mut gateway = Gateway::start(&[("CROCHET_SHUTDOWN_TIMEOUT_SECONDS", bound)]).await;
    let seller = Seller::start();
    let provider = gateway.agent("provider", true).await;
    let listing = gateway.listing(&provider, &seller.url, true).await;
    let buyer = Arc::new(gateway.agent("buyer", false).await);
    seller.set_open(false);
    let calls: Vec<_> = (0..CALLS)
        .map(|number| {
            let (buyer, listing) = (Arc::clone(&buyer), listing.clone());
            tokio::spawn(async move {
                let call = Call { buyer: &buyer, listing: &listing, body: json!(format!("call {number}")) };
                let id = call.paid().await;
                loop {
                    let answer = call.send(Some(&id)).await.ok()?;
                    if answer.status != 202 {
                        return Some(answer.status.as_u16());
                    }
                }
            })
        })
        .collect();
    seller.until_received(CALLS).await;
    let mut idle = Vec::new();
    for _ in 0..50 {
        idle.push(TcpStream::connect(gateway.address).await.unwrap());
    }

    let began = Instant::now();
    gateway.terminate();
    // Nothing new is taken.
    while TcpStream::connect(gateway.address).await.is_ok() {
        sleep(Duration::from_millis(5)).await;
    }
    if is_released {
        seller.set_open(true);
    }
    let answers = join_all(calls).await.into_iter().map(|call| call.unwrap()).collect();
    let status = gateway.until_ended().await;
    let took = began.elapsed();
    assert_eq!(status.code(), Some(0), "{}", gateway.log());
    assert_eq!(seller.received().len(), CALLS, "nothing was run again");
    seller.stop().await;
    (answers, took, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_at_sigterm_is_answered_and_the_books_balance() {
    let (answers, took, gateway) = stopped("60", true).await;
    say(&format!("{CALLS} calls were answered, and the gateway ended {took:?} after SIGTERM"));
    assert_eq!(answers, [Some(200); CALLS]);
    assert!(took < Duration::from_secs(60), "{took:?}");
    let (code, report) = gateway.audit().await;
    assert_eq!(code, 0, "{report}");
    let settlements = report.lines().find_map(|line| line.strip_prefix("settlements")).unwrap();
    assert_eq!(settlements.trim(), CALLS.to_string(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_that_holds_its_answers_does_not_hold_the_gateway_beyond_its_bound() {
    let (answers, took, gateway) = stopped("3", false).await;
    assert!(answers.iter().all(|answer| matches!(answer, None | Some(503))), "{answers:?}");
    assert!((Duration::from_secs(3)..Duration::from_secs(15)).contains(&took), "{took:?}");
    assert_eq!(gateway.audit().await.0, 0);
}
