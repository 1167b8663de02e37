//! Sellers, providers and storage that fail; retries at once and again.

use std::sync::Arc;
use std::time::Duration;

use crochet_relay::memory::Fault;
use crochet_relay::ports::Books;
use crochet_relay::{Arrival, Cause, FailureKind, Observation, Progress, QuoteOutcome, Reply, Unpaid};

use crate::support::{World, delivered, required};

#[tokio::test]
async fn a_seller_that_fails_is_retried_free_of_charge_after_a_wait() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.upstream.will_answer_with(500, "{}");
    let reply = world.call(world.retry(&record)).await;
    let Reply::SellerFailed { failure, retry_after_seconds: 2, .. } = reply else { panic!("{reply:?}") };
    assert_eq!((failure.kind, failure.seller_status), (FailureKind::Error, Some(500)));

    // Too early: the same failure again, and the seller is left alone.
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::SellerFailed { .. }), "{reply:?}");
    assert_eq!(world.upstream.sent(), 1);

    world.clock.advance(Duration::from_secs(2));
    let (record, ..) = delivered(world.call(world.retry(&record)).await);
    assert_eq!(record.attempt, 2);
    let sent = world.upstream.take_sent();
    assert_eq!(sent[0].seal.request_id, sent[1].seal.request_id);
    assert_eq!(world.ledger_rows().await, 3);
}

#[tokio::test]
async fn a_free_retry_is_not_forwarded_once_the_payment_was_given_back() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.upstream.will_answer(Arrival::MayHaveRun { cause: Cause::Timeout, latency_ms: 9 });
    assert!(matches!(world.call(world.retry(&record)).await, Reply::SellerFailed { .. }));
    world.clock.advance(Duration::from_secs(2));
    let refund = Observation::Refunded { references: vec!["pay-1".into()], reason: "refund".into() };
    world.provider.sees_from_now_on(refund);
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::PaymentRequired { why: Unpaid::Failed { .. }, .. }), "{reply:?}");
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (1, 6));
    assert!(world.journal.audit().await.unwrap().balances());
}

#[tokio::test]
async fn a_settlement_that_cannot_be_checked_again_waits() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.upstream.will_answer_with(503, "{}");
    assert!(matches!(world.call(world.retry(&record)).await, Reply::SellerFailed { .. }));
    world.clock.advance(Duration::from_secs(2));
    world.provider.will_see(Observation::Unknown);
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::Accepted { progress: Progress::Unknown, .. }), "{reply:?}");
    world.clock.advance(Duration::from_secs(2));
    delivered(world.call(world.retry(&record)).await);
}

#[tokio::test]
async fn of_fifty_retries_at_once_one_reaches_the_seller() {
    let world = Arc::new(World::new());
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    let calls = (0..50).map(|_| {
        let (world, request) = (Arc::clone(&world), world.retry(&record));
        tokio::spawn(async move { world.call(request).await })
    });
    let replies = futures::future::join_all(calls).await;
    for reply in replies {
        let reply = reply.unwrap();
        assert!(matches!(reply, Reply::Delivered { .. } | Reply::Accepted { .. }), "{reply:?}");
    }
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (1, 3));
}

#[tokio::test]
async fn a_retry_while_the_request_is_at_the_seller_waits_for_the_lease() {
    let world = Arc::new(World::new());
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.upstream.gate().close();
    let (working, request) = (Arc::clone(&world), world.retry(&record));
    let first = tokio::spawn(async move { working.call(request).await });
    world.upstream.gate().until_arrived(1).await;
    world.clock.advance(Duration::from_secs(1));
    let reply = world.call(world.retry(&record)).await;
    assert!(
        matches!(reply, Reply::Accepted { progress: Progress::Forwarding, retry_after_seconds: 40.., .. }),
        "{reply:?}"
    );
    world.upstream.gate().open();
    delivered(first.await.unwrap());
    assert_eq!(world.upstream.sent(), 1);
}

#[tokio::test]
async fn an_answer_that_is_not_recorded_is_not_given_out() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    // find, claim_check and advance succeed; every try to close fails.
    world.journal.faults().spare_next(3);
    world.journal.faults().fail_next(10_000, Fault::BeforeTheEffect);
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::Unrecorded { .. }), "{reply:?}");
    world.journal.faults().clear();
    // Nobody knows whether it ran: it is forwarded again as another attempt of the same request id, free of charge.
    world.clock.advance(Duration::from_secs(60));
    let (record, ..) = delivered(world.call(world.retry(&record)).await);
    assert_eq!((record.attempt, world.ledger_rows().await), (2, 3));
}

#[tokio::test]
async fn a_lost_acknowledgement_of_the_closing_does_not_lose_the_answer() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.journal.faults().spare_next(3);
    world.journal.faults().fail_next(1, Fault::AfterTheEffect);
    let (_, body, replayed) = delivered(world.call(world.retry(&record)).await);
    assert_eq!((body.as_ref(), replayed), (&b"{\"ok\":true}"[..], false));
    assert_eq!(world.upstream.sent(), 1);
}

#[tokio::test]
async fn a_settlement_that_the_provider_does_not_confirm_is_not_forwarded() {
    let world = World::new();
    for odd in [Observation::Waiting, Observation::InProgress, Observation::Failed { reason: "odd".into() }] {
        let record = required(world.call(world.request()).await);
        world.pay(&record, &format!("pay-{odd:?}"));
        world.upstream.will_answer_with(500, "{}");
        assert!(matches!(world.call(world.retry(&record)).await, Reply::SellerFailed { .. }));
        let sent = world.upstream.sent();
        world.clock.advance(Duration::from_secs(3));
        world.provider.will_see(odd.clone());
        let reply = world.call(world.retry(&record)).await;
        assert!(matches!(reply, Reply::Accepted { .. }), "{odd:?}: {reply:?}");
        assert_eq!(world.upstream.sent(), sent);
    }
}

#[tokio::test]
async fn a_quote_that_failed_can_be_named_again() {
    let world = World::new();
    world.provider.will_quote(QuoteOutcome::Unavailable { retry_after_seconds: None });
    let reply = world.call(world.request()).await;
    let Reply::ProviderUnavailable { record, .. } = reply else { panic!("{reply:?}") };
    let quoted = required(world.call(world.retry(&record)).await);
    assert_eq!(quoted.id, record.id);
}
