//! How many calls run at once.

use std::time::Duration;

use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{FREE, World};

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_nobody_waits_for_any_more_still_count() {
    let world = World::with(|config| {
        config.call_limits.per_buyer = 2;
        config.call_limits.altogether = 3;
    })
    .await;
    world.upstream.gate().close();
    let call = || world.post(FREE).bearer(&world.buyer.key).json("{}");
    for arrived in 1..=2 {
        let client = call().send_to_hang_up().await;
        world.upstream.gate().until_arrived(arrived).await;
        drop(client);
    }
    let answer = call().send().await;
    let json = answer.refuses(429, "RATE_LIMITED");
    assert_eq!((&json["error"]["recovery"]["retryable"], answer.header("retry-after")), (&true.into(), Some("1")));

    let others = [world.account(&[crochet_market::Scope::Gateway]).await, world.seller.clone()];
    let others = others.map(|other| world.post(FREE).bearer(&other.key).json("{}"));
    let last = tokio::spawn(others[0].clone().send());
    world.upstream.gate().until_arrived(3).await;
    let answer = others[1].clone().send().await;
    answer.refuses(503, "SERVICE_UNAVAILABLE");
    assert_eq!(answer.header("retry-after"), Some("1"));

    world.upstream.gate().open();
    last.await.unwrap().data(200);
    world.tasks.close();
    world.tasks.wait().await;
    world.tasks.reopen();
    call().send().await.data(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_retries_of_one_paid_call_at_once_are_all_answered() {
    let world = World::new().await;
    let id = world.quote().await;
    world.pay(&id);
    world.upstream.gate().close();
    let first = tokio::spawn(world.retry(&id).send());
    world.upstream.gate().until_arrived(1).await;
    for answer in join_all((0..60).map(|_| world.retry(&id).send())).await {
        answer.data(202);
    }
    world.upstream.gate().open();
    first.await.unwrap().data(200);
    assert_eq!(world.upstream.sent(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_that_stop_half_way_leave_places_to_others_and_to_small_ones() {
    let world = World::with(|config| {
        config.call_limits.per_buyer = 2;
        config.call_limits.altogether = 3;
    })
    .await;
    let large = format!("\"{}\"", "x".repeat(20_000));
    let half_way = async |key: &str| {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let head = format!(
            "POST {FREE} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            large.len() + 1
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(large.as_bytes()).await.unwrap();
        stream
    };
    let call = |key: &str, body: &str| world.post(FREE).bearer(key).json(body.to_owned()).send();
    let mut held = vec![half_way(&world.buyer.key).await, half_way(&world.buyer.key).await];
    // They have come as far as they do once the next one is refused.
    while call(&world.buyer.key, &large).await.status == 200 {}
    let refused = call(&world.buyer.key, &large).await;
    assert!(refused.refuses(429, "RATE_LIMITED")["error"]["message"].as_str().unwrap().contains("large bodies"));
    call(&world.buyer.key, "{}").await.data(200);
    call(&world.seller.key, &large).await.data(200);

    held.push(half_way(&world.seller.key).await);
    let other = world.account(&[crochet_market::Scope::Gateway]).await;
    while call(&other.key, &large).await.status == 200 {}
    call(&other.key, &large).await.refuses(503, "SERVICE_UNAVAILABLE");
    call(&other.key, "{}").await.data(200);

    drop(held);
    while call(&world.buyer.key, &large).await.status != 200 {}
}

/// Idle clients beyond the limit wait in the kernel's queue, and those before them are told to go after a while.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_say_nothing_keep_others_out_for_no_longer_than_a_head_may_take() {
    let world = World::with(|config| {
        config.max_connections = 4;
        // The server's clock ticks twice a second: what is shorter never ends.
        config.head_timeout = Duration::from_secs(1);
        // They do not close their side when they are told to go.
        config.disconnect_timeout = Duration::from_secs(1);
    })
    .await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(TcpStream::connect(world.address).await.unwrap());
    }
    world.post(FREE).bearer(&world.buyer.key).json("{}").send().await.data(200);
    let mut answer = String::new();
    idle[0].read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

/// The server's own timer for heads is for the first one.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_head_that_stops_half_way_is_given_up_too() {
    let world = World::with(|config| {
        config.keep_alive = Duration::from_secs(1);
        config.head_timeout = Duration::from_secs(1);
    })
    .await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET /api/v1/health HTTP/1.1\r\nHost: t\r\n\r\nG").await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.matches("HTTP/1.1").count() == 1, "{answer}");
}
