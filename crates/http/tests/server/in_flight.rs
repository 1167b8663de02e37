//! How many calls run at once.

use futures::future::join_all;

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
