//! How forwards end, in time and too late.

use bytes::Bytes;
use crochet_signing::BodyHash;
use futures::future::join_all;

use super::World;
use super::given::{Given, LEASE, SECOND, assert_about, delivery, failure};
use crate::forwarding::{Arrival, Cause};
use crate::record::{AttemptOutcome, FailureKind, State};
use crate::transition::Closed;

pub async fn a_delivery_is_recorded_with_what_the_seller_answered(world: &impl World) {
    let given = Given::new(world).await;
    let forwarding = given.forwarding().await;
    let (closed, seen) = given.close(&delivery(forwarding)).await;
    assert_eq!((closed, seen.record.state), (Closed::Recorded, State::Delivered));
    assert_eq!((seen.record.lease_until, seen.record.retry_not_before), (None, None));
    let recorded = seen.record.delivery.unwrap();
    assert_eq!((recorded.seller_status, recorded.attempt), (200, 1));
    assert_eq!((recorded.response_bytes, recorded.latency_ms), (13, 120));
    assert_eq!(recorded.response_sha256, BodyHash::of(b"{\"answer\":42}").to_string());
    assert_eq!(recorded.vault_key_prefix, None);
    assert_about(Some(recorded.delivered_at), seen.now);
    let attempt = given.item(seen.record.id).await.attempts[0].clone();
    assert_eq!(attempt.outcome, Some(AttemptOutcome::Delivered));
    assert_eq!((attempt.seller_status, attempt.latency_ms), (Some(200), Some(120)));
    given.books_balance().await;
}

pub async fn a_failure_is_recorded_with_its_kind(world: &impl World) {
    let given = Given::new(world).await;
    for (arrival, kind, outcome) in [
        (Arrival::MayHaveRun { cause: Cause::Timeout, latency_ms: 7 }, FailureKind::Timeout, AttemptOutcome::Unknown),
        (
            Arrival::NeverSent { cause: Cause::Connection, latency_ms: 7 },
            FailureKind::Unreachable,
            AttemptOutcome::NotSent,
        ),
        (
            Arrival::Answered { status: 503, body: Bytes::new(), latency_ms: 7 },
            FailureKind::Error,
            AttemptOutcome::Failed,
        ),
    ] {
        let forwarding = given.forwarding().await;
        let (closed, seen) = given.close(&forwarding.conclude(arrival)).await;
        assert_eq!((closed, seen.record.state), (Closed::Recorded, State::SellerFailed));
        let failure = seen.record.last_failure.unwrap();
        assert_eq!((failure.kind, failure.latency_ms), (kind, 7));
        let attempt = given.item(seen.record.id).await.attempts[0].clone();
        assert_eq!((attempt.outcome, attempt.seller_status), (Some(outcome), failure.seller_status));
    }
    given.books_balance().await;
}

pub async fn a_free_call_is_delivered_without_a_ledger_entry(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.free_call();
    let crate::ports::Admission::Forward(_, forwarding) = given.admit(&call).await else { panic!("not forwarded") };
    let (_, seen) = given.close(&delivery(forwarding)).await;
    assert_eq!(seen.record.state, State::Delivered);
    assert!(given.entries(call.id).await.is_empty());
    given.books_balance().await;
}

pub async fn a_delivery_that_comes_after_its_lease_wins_over_the_next_attempt(world: &impl World) {
    let given = Given::new(world).await;
    let late = given.forwarding().await;
    let id = late.call();
    world.advance_clock(LEASE + SECOND).await;
    let second = given.forward(id).await;
    let (closed, seen) = given.close(&delivery(late)).await;
    assert_eq!((closed, seen.record.state), (Closed::Recorded, State::Delivered));
    assert_eq!(seen.record.delivery.as_ref().unwrap().attempt, 1);

    // The second attempt ends too late for the record, and is told so; its own row says how it went.
    let (closed, after) = given.close(&delivery(second)).await;
    assert_eq!(closed, Closed::Stale);
    assert_eq!((after.record.state, after.record.delivery), (State::Delivered, seen.record.delivery));
    let outcomes: Vec<_> = given.item(id).await.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some(AttemptOutcome::Delivered); 2]);
    assert!(!given.may_forward(id).await);
}

pub async fn a_delivery_wins_also_where_its_lease_was_only_ended(world: &impl World) {
    let given = Given::new(world).await;
    let late = given.forwarding().await;
    world.advance_clock(LEASE + SECOND).await;
    given.advance(late.call(), None, None).await;
    let (closed, seen) = given.close(&delivery(late)).await;
    assert_eq!((closed, seen.record.state), (Closed::Recorded, State::Delivered));
}

pub async fn a_failure_that_comes_too_late_is_dropped(world: &impl World) {
    let given = Given::new(world).await;
    let late = given.forwarding().await;
    let id = late.call();
    world.advance_clock(LEASE + SECOND).await;
    let second = given.forward(id).await;
    let (closed, seen) = given.close(&failure(late)).await;
    assert_eq!(closed, Closed::Stale);
    assert_eq!((seen.record.state, seen.record.attempt, seen.record.failures), (State::Forwarding, 2, 0));
    assert_eq!(seen.record.lease_until, second.record().lease_until);
    assert_eq!(given.close(&delivery(second)).await.0, Closed::Recorded);
}

pub async fn a_failure_after_a_delivery_is_dropped(world: &impl World) {
    let given = Given::new(world).await;
    let first = given.forwarding().await;
    let id = first.call();
    world.advance_clock(LEASE + SECOND).await;
    let second = given.forward(id).await;
    given.close(&delivery(first)).await;
    let (closed, seen) = given.close(&failure(second)).await;
    assert_eq!((closed, seen.record.state), (Closed::Stale, State::Delivered));
    let outcomes: Vec<_> = given.item(id).await.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some(AttemptOutcome::Delivered), Some(AttemptOutcome::Unknown)]);
}

pub async fn a_closing_that_is_repeated_is_still_recorded(world: &impl World) {
    let given = Given::new(world).await;
    for closing in [delivery(given.forwarding().await), failure(given.forwarding().await)] {
        let (_, first) = given.close(&closing).await;
        let (closed, again) = given.close(&closing).await;
        assert_eq!((closed, again.record), (Closed::Recorded, first.record));
    }
}

pub async fn of_attempts_that_race_to_deliver_one_is_recorded(world: &impl World) {
    let given = Given::new(world).await;
    let first = given.forwarding().await;
    let id = first.call();
    world.advance_clock(LEASE + SECOND).await;
    let second = given.forward(id).await;
    let closings = [delivery(first), delivery(second)];
    let closed = join_all(closings.iter().map(|closing| given.close(closing))).await;
    let recorded: Vec<_> = closed.iter().filter(|(closed, _)| *closed == Closed::Recorded).collect();
    assert_eq!(recorded.len(), 1);
    assert_eq!(given.find(id).await.delivery, recorded[0].1.record.delivery);
}
