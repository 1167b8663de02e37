//! From asking for terms to having them.

use crochet_pricing::MicroUsd;
use futures::future::join_all;

use super::World;
use super::given::{Given, MINUTE, SECOND, arrived, failed, payment, terms};
use crate::ports::QuoteLease;
use crate::record::State;
use crate::terms::{Observation, QuoteOutcome, QuoteRefusal};

pub async fn terms_are_recorded_once(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.paid_call();
    let (seen, lease) = given.quoting(&call).await;
    let (first, second) = (terms(&call, seen.now), terms(&call, seen.now));
    assert_ne!(first, second);
    let record = given.issue(lease, first.clone()).await;
    assert_eq!((record.state, record.terms.as_ref()), (State::Quoted, Some(&first)));
    assert_eq!(record.lease_until, None);
    let record = given.issue(lease, second).await;
    assert_eq!(record.terms.as_ref(), Some(&first));
    let unavailable = QuoteOutcome::Unavailable { retry_after_seconds: None };
    let seen = world.journal().issue(lease, &unavailable).await.unwrap();
    assert_eq!((seen.record.state, seen.record.terms), (State::Quoted, Some(first.clone())));
    assert_eq!(given.find(call.id).await.terms, Some(first));
}

pub async fn a_quote_lease_is_retaken_only_after_it_has_ended(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.paid_call();
    given.quoting(&call).await;
    assert_eq!(world.journal().retake_quote(call.id).await.unwrap(), None);
    world.advance_clock(super::policy().quote_lease + SECOND).await;
    let expected = QuoteLease { call: call.id, fence: 2 };
    assert_eq!(world.journal().retake_quote(call.id).await.unwrap(), Some(expected));
    assert_eq!(world.journal().retake_quote(call.id).await.unwrap(), None);
}

pub async fn of_workers_that_race_for_an_ended_quote_lease_one_gets_it(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.paid_call();
    given.quoting(&call).await;
    world.advance_clock(super::policy().quote_lease + SECOND).await;
    let leases = join_all((0..12).map(|_| world.journal().retake_quote(call.id))).await;
    let taken = leases.into_iter().filter_map(Result::unwrap).count();
    assert_eq!(taken, 1);
}

pub async fn a_worker_whose_quote_lease_was_retaken_records_nothing(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.paid_call();
    let (seen, late) = given.quoting(&call).await;
    world.advance_clock(super::policy().quote_lease + SECOND).await;
    let lease = world.journal().retake_quote(call.id).await.unwrap().unwrap();
    let refusal = QuoteOutcome::Refused(QuoteRefusal::RouteUnavailable { detail: "late".into() });
    let record = world.journal().issue(late, &refusal).await.unwrap().record;
    assert_eq!((record.state, record.refusal), (State::Quoting, None));
    assert_eq!(given.issue(late, terms(&call, seen.now)).await.state, State::Quoting);
    assert_eq!(given.issue(lease, terms(&call, seen.now)).await.state, State::Quoted);
}

pub async fn a_worker_that_is_late_but_was_not_replaced_records_its_terms(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.paid_call();
    let (seen, lease) = given.quoting(&call).await;
    world.advance_clock(super::policy().quote_lease + SECOND).await;
    assert_eq!(given.issue(lease, terms(&call, seen.now)).await.state, State::Quoted);
    assert_eq!(world.journal().retake_quote(call.id).await.unwrap(), None);
}

pub async fn a_provider_that_is_unavailable_ends_the_lease_at_once(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.paid_call();
    let (_, lease) = given.quoting(&call).await;
    let unavailable = QuoteOutcome::Unavailable { retry_after_seconds: Some(7) };
    let record = world.journal().issue(lease, &unavailable).await.unwrap().record;
    assert_eq!((record.state, record.terms), (State::Quoting, None));
    let retaken = world.journal().retake_quote(call.id).await.unwrap().unwrap();
    assert_eq!(retaken.fence, 2);
}

pub async fn a_refusal_is_kept_and_final(world: &impl World) {
    let given = Given::new(world).await;
    for refusal in [
        QuoteRefusal::RouteMinimumNotMet { minimum: MicroUsd::from_micros(100_000) },
        QuoteRefusal::RouteUnavailable { detail: "no such chain".into() },
        QuoteRefusal::OriginWalletInvalid { detail: "not yours".into(), needs_solana_wallet: true },
    ] {
        let call = given.paid_call();
        let (seen, lease) = given.quoting(&call).await;
        let outcome = QuoteOutcome::Refused(refusal.clone());
        world.journal().issue(lease, &outcome).await.unwrap();
        let record = given.find(call.id).await;
        assert_eq!((record.state, record.refusal), (State::QuoteRefused, Some(refusal)));
        assert_eq!(given.issue(lease, terms(&call, seen.now)).await.state, State::QuoteRefused);
        world.advance_clock(2 * MINUTE).await;
        assert_eq!(world.journal().retake_quote(call.id).await.unwrap(), None);
        assert!(!given.may_forward(call.id).await);
    }
}

pub async fn a_call_without_terms_cannot_be_paid(world: &impl World) {
    let given = Given::new(world).await;
    let other = given.quoted().await;
    let call = given.paid_call();
    given.quoting(&call).await;
    for observation in [arrived([payment(&other)]), Observation::InProgress, Observation::Unknown, failed("no")] {
        let record = given.observe(call.id, &observation).await;
        assert_eq!((record.state, record.settlement), (State::Quoting, None));
    }
    assert!(!given.may_forward(call.id).await);
    assert!(given.orphans(call.id).await.is_empty());
}

pub async fn an_abandoned_quote_expires_after_the_grace(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.paid_call();
    given.quoting(&call).await;
    let policy = super::policy();
    world.advance_clock(policy.quote_lease + SECOND).await;
    assert_eq!(given.advance(call.id, None, None).await.seen.record.state, State::Quoting);
    world.advance_clock(policy.late_payment_grace).await;
    assert_eq!(given.advance(call.id, None, None).await.seen.record.state, State::Expired);
    assert_eq!(world.journal().retake_quote(call.id).await.unwrap(), None);
}
