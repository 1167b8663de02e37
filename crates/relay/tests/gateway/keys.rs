//! Idempotency keys.

use std::sync::Arc;

use crochet_relay::{IdempotencyKey, Origin, OriginCurrency, Progress, QuoteOutcome, QuoteRefusal, Reply};

use crate::support::{World, delivered, required};

#[tokio::test]
async fn the_idempotency_key_alone_is_enough_to_retry_with() {
    let world = World::new();
    let keyed = || {
        let mut request = world.request();
        request.idempotency_key = IdempotencyKey::parse("order-1").ok();
        request
    };
    let record = required(world.call(keyed()).await);
    assert_eq!(required(world.call(keyed()).await).id, record.id);
    world.pay(&record, "pay-1");
    let (paid, ..) = delivered(world.call(keyed()).await);
    assert_eq!(paid.id, record.id);

    let mut other_body = keyed();
    other_body.body = "[]".into();
    assert!(matches!(world.call(other_body).await, Reply::IdempotencyKeyReused));
    let mut other_origin = keyed();
    other_origin.origin = Origin { chain_id: Some(1), ..Origin::default() };
    assert!(matches!(world.call(other_origin).await, Reply::IdempotencyKeyReused));

    let unrelated = required(world.call(world.request()).await);
    let mut mixed = world.retry(&unrelated);
    mixed.idempotency_key = IdempotencyKey::parse("order-1").ok();
    assert!(matches!(world.call(mixed).await, Reply::IdempotencyKeyReused));
}

#[tokio::test]
async fn a_refused_quote_is_an_outcome_that_its_key_repeats() {
    let world = World::new();
    let mut request = world.request();
    request.idempotency_key = IdempotencyKey::parse("order-1").ok();
    request.origin = Origin { currency: Some(OriginCurrency::Sol), ..Origin::default() };
    for _ in 0..2 {
        let reply = world.call(request.clone()).await;
        assert!(
            matches!(
                &reply,
                Reply::QuoteRefused {
                    refusal: QuoteRefusal::OriginWalletInvalid { needs_solana_wallet: true, .. },
                    ..
                }
            ),
            "{reply:?}"
        );
    }
    assert!(world.provider.asks().is_empty());
}

#[tokio::test]
async fn a_provider_that_is_down_at_the_quote_can_be_asked_again_with_the_same_key() {
    let world = World::new();
    let mut request = world.request();
    request.idempotency_key = IdempotencyKey::parse("order-1").ok();
    world.provider.will_quote(QuoteOutcome::Unavailable { retry_after_seconds: Some(7) });
    let reply = world.call(request.clone()).await;
    assert!(matches!(reply, Reply::ProviderUnavailable { retry_after_seconds: 7, .. }), "{reply:?}");
    required(world.call(request).await);
}

#[tokio::test]
async fn of_two_first_calls_with_one_key_one_asks_for_terms() {
    let world = Arc::new(World::new());
    let mut request = world.request();
    request.idempotency_key = IdempotencyKey::parse("order-1").ok();
    world.provider.quote_gate().close();
    let (working, first) = (Arc::clone(&world), request.clone());
    let first = tokio::spawn(async move { working.call(first).await });
    world.provider.quote_gate().until_arrived(1).await;
    let reply = world.call(request).await;
    assert!(matches!(reply, Reply::Accepted { progress: Progress::Quoting, .. }), "{reply:?}");
    world.provider.quote_gate().open();
    required(first.await.unwrap());
    assert_eq!(world.provider.asks().len(), 1);
}

#[tokio::test]
async fn a_free_call_with_a_key_runs_once_and_replays_status_and_hash() {
    let world = World::free();
    let mut request = world.request();
    request.idempotency_key = IdempotencyKey::parse("free-1").ok();
    delivered(world.call(request.clone()).await);
    let reply = world.call(request).await;
    let Reply::Delivered { body: None, replayed: true, delivery, .. } = reply else { panic!("{reply:?}") };
    assert_eq!((delivery.seller_status, delivery.response_bytes), (200, 11));
    assert_eq!(world.upstream.sent(), 1);
}

#[tokio::test]
async fn a_key_that_comes_with_the_paid_retry_is_enough_afterwards() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    let keyed = |mut request: crochet_relay::CallRequest| {
        request.idempotency_key = IdempotencyKey::parse("order-1").ok();
        request
    };
    delivered(world.call(keyed(world.retry(&record))).await);
    let (again, _, replayed) = delivered(world.call(keyed(world.request())).await);
    assert_eq!((again.id, replayed), (record.id, true));
    let other = required(world.call(world.request()).await);
    assert!(matches!(world.call(keyed(world.retry(&other))).await, Reply::IdempotencyKeyReused));
}
