//! Who may talk to the seller, and when.

use std::time::Duration;

use futures::future::join_all;

use super::World;
use super::given::{Given, HOUR, LEASE, SECOND, arrived, assert_about, failed, failure, payment};
use crate::ports::{Admission, CheckClaim};
use crate::record::{AttemptOutcome, FailureKind, State};
use crate::terms::{Observation, QuoteOutcome, QuoteRefusal};
use crate::transition::after;

pub async fn an_unpaid_call_is_never_forwarded(world: &impl World) {
    let given = Given::new(world).await;
    let quoting = given.paid_call();
    let (_, lease) = given.quoting(&quoting).await;
    assert!(!given.may_forward(quoting.id).await);
    let refusal = QuoteOutcome::Refused(QuoteRefusal::RouteUnavailable { detail: String::new() });
    world.journal().issue(lease, &refusal).await.unwrap();
    assert!(!given.may_forward(quoting.id).await);

    let quoted = given.quoted().await;
    assert!(!given.may_forward(quoted.id).await);
    for observation in [
        Observation::Waiting,
        Observation::Unknown,
        Observation::InProgress,
        failed("no funds"),
        Observation::Waiting,
        Observation::InProgress,
    ] {
        let advanced = given.advance(quoted.id, Some(&observation), Some(LEASE)).await;
        assert!(advanced.forwarding.is_none(), "{observation:?}");
    }
    let expired = given.expired().await;
    assert!(!given.may_forward(expired.id).await);
    assert!(given.item(expired.id).await.attempts.is_empty());
}

pub async fn a_settled_call_is_forwarded_under_a_lease(world: &impl World) {
    let given = Given::new(world).await;
    let settled = given.settled().await;
    let advanced = given.advance(settled.id, None, Some(LEASE)).await;
    let forwarding = advanced.forwarding.unwrap();
    assert_eq!((forwarding.call(), forwarding.attempt()), (settled.id, 1));
    assert_eq!(*forwarding.record(), advanced.seen.record);
    assert_eq!(advanced.seen.record.state, State::Forwarding);
    assert_about(advanced.seen.record.lease_until, after(advanced.seen.now, LEASE));
    let attempts = given.item(settled.id).await.attempts;
    assert_eq!((attempts.len(), attempts[0].attempt, attempts[0].outcome), (1, 1, None));
    assert_about(Some(attempts[0].started_at), advanced.seen.now);
}

pub async fn a_payment_is_booked_and_forwarded_in_one_step(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let advanced = given.advance(quoted.id, Some(&arrived([payment(&quoted)])), Some(LEASE)).await;
    assert!(advanced.forwarding.is_some());
    assert_eq!(advanced.seen.record.state, State::Forwarding);
    assert_eq!(given.entries(quoted.id).await.len(), 3);
}

pub async fn nobody_forwards_who_does_not_ask_to(world: &impl World) {
    let given = Given::new(world).await;
    let settled = given.settled().await;
    let advanced = given.advance(settled.id, None, None).await;
    assert!(advanced.forwarding.is_none());
    assert_eq!(advanced.seen.record.state, State::Settled);
}

pub async fn of_fifty_retries_that_race_one_forwards(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let observation = arrived([payment(&quoted)]);
    let race = (0..50).map(|_| given.advance(quoted.id, Some(&observation), Some(LEASE)));
    let granted: Vec<_> = join_all(race).await.into_iter().filter_map(|advanced| advanced.forwarding).collect();
    assert_eq!(granted.len(), 1);
    assert_eq!(granted[0].attempt(), 1);
    assert_eq!(given.item(quoted.id).await.attempts.len(), 1);
    assert_eq!(given.entries(quoted.id).await.len(), 3);
    given.books_balance().await;
}

pub async fn while_a_lease_holds_nobody_else_forwards(world: &impl World) {
    let given = Given::new(world).await;
    let forwarding = given.forwarding().await;
    world.advance_clock(LEASE / 2).await;
    let advanced = given.advance(forwarding.call(), None, Some(LEASE)).await;
    assert!(advanced.forwarding.is_none());
    assert_eq!((advanced.seen.record.state, advanced.seen.record.attempt), (State::Forwarding, 1));
    assert_eq!(advanced.seen.record.lease_until, forwarding.record().lease_until);
}

pub async fn an_ended_lease_leaves_the_call_settled_and_its_attempt_unknown(world: &impl World) {
    let given = Given::new(world).await;
    let forwarding = given.forwarding().await;
    let id = forwarding.call();
    world.advance_clock(LEASE + SECOND).await;
    let record = given.advance(id, None, None).await.seen.record;
    assert_eq!((record.state, record.lease_until), (State::Settled, None));
    let failure = record.last_failure.unwrap();
    assert_eq!((failure.kind, failure.may_have_run), (FailureKind::Interrupted, true));
    let attempts = given.item(id).await.attempts;
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::Unknown));
    assert_eq!(given.forward(id).await.attempt(), 2);
}

pub async fn an_ended_lease_is_taken_again_in_one_step_by_one_worker(world: &impl World) {
    let given = Given::new(world).await;
    let id = given.forwarding().await.call();
    world.advance_clock(LEASE + SECOND).await;
    let race = (0..12).map(|_| given.advance(id, None, Some(LEASE)));
    let granted: Vec<_> = join_all(race).await.into_iter().filter_map(|advanced| advanced.forwarding).collect();
    assert_eq!(granted.len(), 1);
    assert_eq!(granted[0].attempt(), 2);
    let outcomes: Vec<_> = given.item(id).await.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Some(AttemptOutcome::Unknown), None]);
}

pub async fn an_ended_lease_of_a_free_call_is_a_seller_failure_that_can_be_retried(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.free_call();
    let Admission::Forward(..) = given.admit(&call).await else { panic!("not forwarded") };
    assert!(!given.may_forward(call.id).await);
    world.advance_clock(LEASE + SECOND).await;
    let record = given.advance(call.id, None, None).await.seen.record;
    assert_eq!(record.state, State::SellerFailed);
    assert_eq!(given.forward(call.id).await.attempt(), 2);
}

pub async fn a_failed_call_waits_twice_as_long_after_each_failure_up_to_an_hour(world: &impl World) {
    let given = Given::new(world).await;
    let id = given.settled().await.id;
    for failures in 0..14_u32 {
        let forwarding = given.forward(id).await;
        assert_eq!(forwarding.attempt(), failures + 1);
        let (_, seen) = given.close(&failure(forwarding)).await;
        let wait = Duration::from_secs(2_u64.pow(failures + 1)).min(HOUR);
        assert_eq!((seen.record.state, seen.record.failures), (State::SellerFailed, failures + 1));
        assert_about(seen.record.retry_not_before, after(seen.now, wait));
        if wait > Duration::from_secs(10) {
            world.advance_clock(wait / 2).await;
            assert!(!given.may_forward(id).await, "after {wait:?}");
            world.advance_clock(wait / 2).await;
        } else {
            world.advance_clock(wait).await;
        }
        world.advance_clock(SECOND).await;
    }
    given.books_balance().await;
}

pub async fn a_delivered_call_is_never_forwarded_again(world: &impl World) {
    let given = Given::new(world).await;
    let delivered = given.delivered().await;
    world.advance_clock(24 * HOUR).await;
    let again = arrived([payment(&delivered)]);
    for observation in [None, Some(&again)] {
        let advanced = given.advance(delivered.id, observation, Some(LEASE)).await;
        assert!(advanced.forwarding.is_none());
        assert_eq!(advanced.seen.record.state, State::Delivered);
    }
}

pub async fn the_provider_is_asked_about_a_call_once_in_each_interval(world: &impl World) {
    let given = Given::new(world).await;
    let id = given.quoted().await.id;
    let interval = Duration::from_secs(60);
    for _ in 0..2 {
        let claims = join_all((0..12).map(|_| world.journal().claim_check(id, interval))).await;
        let mut claimed = 0;
        for claim in claims {
            match claim.unwrap().unwrap() {
                CheckClaim::Claimed(seen) => {
                    assert_eq!(seen.record.id, id);
                    assert_about(seen.record.last_checked_at, seen.now);
                    claimed += 1;
                }
                CheckClaim::TooSoon { seen, wait } => {
                    assert_eq!(seen.record.id, id);
                    assert!(wait <= interval && wait > interval / 2, "{wait:?}");
                }
            }
        }
        assert_eq!(claimed, 1);
        world.advance_clock(interval + SECOND).await;
    }
}
