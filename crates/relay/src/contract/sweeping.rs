//! What the sweeper gets to see, and what it clears away.

use std::collections::HashSet;
use std::time::Duration;

use crochet_primitives::CallId;
use futures::future::join_all;

use super::World;
use super::given::{DAY, Given, HOUR, LEASE, MINUTE, SECOND, assert_about, failure, key, sealed_delivery};
use crate::ports::Admission;
use crate::record::{NewCall, Record, State};
use crate::terms::{Observation, QuoteOutcome, QuoteRefusal};
use crate::transition::after;

async fn claim(world: &impl World, limit: u32) -> Vec<CallId> {
    let claimed = world.sweeps().claim_due(limit, 5 * MINUTE).await.unwrap();
    claimed.iter().map(|seen| seen.record.id).collect()
}

pub async fn a_call_that_is_due_is_claimed_once_while_it_is_held(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    assert!(claim(world, 10).await.is_empty());
    world.advance_clock(MINUTE).await;
    let claimed = world.sweeps().claim_due(10, 5 * MINUTE).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].record.id, claimed[0].record.state), (quoted.id, State::Quoted));
    assert_about(claimed[0].record.next_check_at, after(claimed[0].now, 5 * MINUTE));
    assert!(claim(world, 10).await.is_empty());
    world.advance_clock(5 * MINUTE + SECOND).await;
    assert_eq!(claim(world, 10).await, [quoted.id]);
}

pub async fn two_sweepers_never_get_the_same_call(world: &impl World) {
    let given = Given::new(world).await;
    let mut expected = HashSet::new();
    for _ in 0..20 {
        expected.insert(given.another_buyer().await.quoted().await.id);
    }
    world.advance_clock(MINUTE).await;
    let claimed: Vec<CallId> = join_all((0..8).map(|_| claim(world, 5))).await.into_iter().flatten().collect();
    let distinct: HashSet<CallId> = claimed.iter().copied().collect();
    assert_eq!(claimed.len(), distinct.len());
    // One may have skipped what another was just claiming; the rest is still there.
    let mut all = distinct;
    for _ in 0..5 {
        all.extend(claim(world, 5).await);
    }
    assert_eq!(all, expected);
}

pub async fn no_more_calls_are_claimed_than_asked_for(world: &impl World) {
    let given = Given::new(world).await;
    for _ in 0..4 {
        given.quoted().await;
    }
    world.advance_clock(MINUTE).await;
    assert_eq!(claim(world, 3).await.len(), 3);
    assert_eq!(claim(world, 3).await.len(), 1);
    assert!(claim(world, 3).await.is_empty());
}

pub async fn a_paid_call_is_looked_at_less_and_less_often_until_the_horizon(world: &impl World) {
    let given = Given::new(world).await;
    let settled = given.settled().await.id;
    let delivered = given.delivered().await.id;
    let forwarding = given.forwarding().await;
    let failed = forwarding.call();
    given.close(&failure(forwarding)).await;
    world.advance_clock(MINUTE).await;
    assert!(claim(world, 10).await.is_empty());
    world.advance_clock(HOUR).await;
    let claimed: HashSet<CallId> = claim(world, 10).await.into_iter().collect();
    assert_eq!(claimed, HashSet::from([settled, delivered, failed]));
    let mut waits = Vec::new();
    for _ in 0..20 {
        world.sweeps().count_check(settled).await.unwrap();
        let seen = given.advance(settled, None, None).await.seen;
        waits.extend(seen.record.next_check_at.map(|next| next - seen.now));
    }
    assert!(waits.len() > 8 && waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
    assert!(waits.len() < 20, "beyond the horizon it is not looked at");
    world.advance_clock(60 * DAY).await;
    assert_eq!(given.advance(settled, None, None).await.seen.record.next_check_at, None);
}

pub async fn a_paid_call_about_which_nobody_could_be_asked_is_looked_at_again(world: &impl World) {
    let given = Given::new(world).await;
    let settled = given.settled().await.id;
    world.advance_clock(DAY).await;
    assert_eq!(claim(world, 10).await, [settled]);
    given.observe(settled, &Observation::Unknown).await;
    world.advance_clock(DAY).await;
    assert_eq!(claim(world, 10).await, [settled]);
}

pub async fn a_refused_quote_is_never_due(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.paid_call();
    let (_, lease) = given.quoting(&call).await;
    let refusal = QuoteOutcome::Refused(QuoteRefusal::RouteUnavailable { detail: "none".into() });
    world.journal().issue(lease, &refusal).await.unwrap();
    world.advance_clock(60 * DAY).await;
    assert!(claim(world, 10).await.is_empty());
}

pub async fn an_ended_lease_is_due(world: &impl World) {
    let given = Given::new(world).await;
    let forwarding = given.forwarding().await;
    let free = given.free_call();
    given.admit(&free).await;
    world.advance_clock(LEASE / 2).await;
    assert!(claim(world, 10).await.is_empty());
    world.advance_clock(LEASE).await;
    let claimed: HashSet<CallId> = claim(world, 10).await.into_iter().collect();
    assert_eq!(claimed, HashSet::from([forwarding.call(), free.id]));
}

pub async fn an_abandoned_quote_is_due(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.paid_call();
    given.quoting(&call).await;
    world.advance_clock(MINUTE).await;
    assert_eq!(claim(world, 10).await, [call.id]);
}

pub async fn each_look_doubles_the_wait_until_the_next(world: &impl World) {
    let given = Given::new(world).await;
    let id = given.quoted().await.id;
    given.observe(id, &Observation::InProgress).await;
    let first = super::policy().sweep_backoff;
    for checks in 0..16_u32 {
        let seen = given.advance(id, Some(&Observation::InProgress), None).await.seen;
        assert_eq!(seen.record.checks, checks);
        let wait = first.saturating_mul(2_u32.pow(checks)).min(DAY);
        assert_about(seen.record.next_check_at, after(seen.now, wait));
        world.sweeps().count_check(id).await.unwrap();
    }
}

pub async fn a_dead_call_is_looked_at_until_the_horizon(world: &impl World) {
    let given = Given::new(world).await;
    let dead = given.expired().await;
    world.advance_clock(DAY).await;
    assert_eq!(claim(world, 10).await, [dead.id]);
    world.advance_clock(super::policy().sweep_horizon).await;
    assert_eq!(claim(world, 10).await, [dead.id]);
    let record = given.observe(dead.id, &Observation::Waiting).await;
    assert_eq!((record.state, record.next_check_at), (State::Expired, None));
}

async fn want(world: &impl World, record: &Record) -> bool {
    let terms = record.terms.as_ref().unwrap();
    world.sweeps().check_soon(&terms.provider, &terms.provider_request_id).await.unwrap()
}

async fn claim_wanted(world: &impl World, limit: u32) -> Vec<CallId> {
    let claimed = world.sweeps().claim_wanted(limit, 5 * MINUTE).await.unwrap();
    claimed.iter().map(|seen| seen.record.id).collect()
}

pub async fn a_call_that_a_webhook_is_about_is_claimed_at_once_and_once(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let _other = given.quoted().await;
    assert!(claim_wanted(world, 10).await.is_empty());
    // However often it is said.
    assert!(want(world, &quoted).await && want(world, &quoted).await);
    let claimed = world.sweeps().claim_wanted(10, 5 * MINUTE).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].record.id, claimed[0].record.state), (quoted.id, State::Quoted));
    assert_about(claimed[0].record.next_check_at, after(claimed[0].now, 5 * MINUTE));
    assert!(claim_wanted(world, 10).await.is_empty());
    // Should the look never be finished, it is made up for.
    world.advance_clock(5 * MINUTE + SECOND).await;
    assert!(claim(world, 10).await.contains(&quoted.id));
}

pub async fn a_webhook_changes_nothing_of_its_call(world: &impl World) {
    let given = Given::new(world).await;
    for record in [given.quoted().await, given.settled().await, given.delivered().await, given.expired().await] {
        assert!(want(world, &record).await);
        let now = given.find(record.id).await;
        assert_eq!((now.state, now.checks, now.next_check_at), (record.state, record.checks, record.next_check_at));
        assert_eq!(now.settlement, record.settlement);
        assert_eq!(claim_wanted(world, 10).await, [record.id]);
    }
}

pub async fn a_webhook_about_a_quote_of_nobody_s_is_answered_so(world: &impl World) {
    let given = Given::new(world).await;
    let terms = given.quoted().await.terms.unwrap();
    for (provider, id) in [
        (terms.provider.as_str(), "0x01"),
        (terms.provider.as_str(), ""),
        ("another", terms.provider_request_id.as_str()),
    ] {
        assert!(!world.sweeps().check_soon(provider, id).await.unwrap(), "{provider} {id}");
    }
    assert!(claim_wanted(world, 10).await.is_empty());
}

pub async fn a_webhook_that_comes_during_a_look_leads_to_another_look(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    assert!(want(world, &quoted).await);
    assert_eq!(claim_wanted(world, 10).await, [quoted.id]);
    assert!(want(world, &quoted).await);
    given.observe(quoted.id, &Observation::InProgress).await;
    assert_eq!(claim_wanted(world, 10).await, [quoted.id]);
}

pub async fn a_webhook_is_not_done_with_by_a_look_that_was_due(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    world.advance_clock(MINUTE).await;
    assert!(want(world, &quoted).await);
    assert_eq!(claim(world, 10).await, [quoted.id]);
    assert_eq!(claim_wanted(world, 10).await, [quoted.id]);
}

pub async fn of_calls_that_are_wanted_no_more_are_claimed_than_asked_for_and_none_twice(world: &impl World) {
    let given = Given::new(world).await;
    let mut expected = HashSet::new();
    for _ in 0..10 {
        let record = given.another_buyer().await.quoted().await;
        assert!(want(world, &record).await);
        expected.insert(record.id);
    }
    assert_eq!(world.sweeps().claim_wanted(0, MINUTE).await.unwrap().len(), 0);
    let mut claimed: Vec<CallId> =
        join_all((0..4).map(|_| claim_wanted(world, 2))).await.into_iter().flatten().collect();
    assert!(claimed.len() <= 8, "{claimed:?}");
    for _ in 0..10 {
        claimed.extend(claim_wanted(world, 2).await);
    }
    let distinct: HashSet<CallId> = claimed.iter().copied().collect();
    assert_eq!((claimed.len(), &distinct), (expected.len(), &expected));
}

pub async fn expired_responses_are_purged(world: &impl World) {
    let given = Given::new(world).await;
    let forwarding = given.forwarding().await;
    let id = forwarding.call();
    given.close(&sealed_delivery(forwarding, 10)).await;
    assert_eq!(world.sweeps().purge().await.unwrap(), 0);
    assert!(world.journal().sealed_response(id).await.unwrap().is_some());
    world.advance_clock(DAY + SECOND).await;
    assert_eq!(world.sweeps().purge().await.unwrap(), 1);
    assert_eq!(world.sweeps().purge().await.unwrap(), 0);
    assert_eq!(given.find(id).await.state, State::Delivered);
}

async fn key_names<W: World>(given: &Given<'_, W>, text: &str) -> Option<CallId> {
    let found = given.world.journal().find_by_key(given.buyer, given.listing, &key(text).unwrap()).await;
    found.unwrap().map(|(seen, _)| seen.record.id)
}

fn keyed<W: World>(given: &Given<'_, W>, text: &str) -> NewCall {
    NewCall { idempotency_key: key(text), ..given.paid_call() }
}

pub async fn the_key_of_a_call_that_ended_is_kept_for_a_day(world: &impl World) {
    let given = Given::new(world).await;
    let delivered = given.delivered_as(&keyed(&given, "delivered")).await;
    let refused = keyed(&given, "refused");
    let (_, lease) = given.quoting(&refused).await;
    let refusal = QuoteOutcome::Refused(QuoteRefusal::RouteUnavailable { detail: "none".into() });
    world.journal().issue(lease, &refusal).await.unwrap();

    world.advance_clock(23 * HOUR).await;
    world.sweeps().purge().await.unwrap();
    assert_eq!(key_names(&given, "delivered").await, Some(delivered.id));
    assert_eq!(key_names(&given, "refused").await, Some(refused.id));

    world.advance_clock(HOUR + SECOND).await;
    assert_eq!(world.sweeps().purge().await.unwrap(), 2);
    assert_eq!(key_names(&given, "delivered").await, None);
    assert!(matches!(given.admit(&keyed(&given, "delivered")).await, Admission::Quote(..)));
    assert!(matches!(given.admit(&keyed(&given, "refused")).await, Admission::Quote(..)));
    assert_eq!(given.find(delivered.id).await.idempotency_key, key("delivered"));
}

pub async fn the_key_of_a_call_that_is_payable_or_paid_is_never_dropped(world: &impl World) {
    let given = Given::new(world).await;
    let expired = given.quoted_as(&keyed(&given, "expired")).await;
    let expired: Record = given.expire(&expired).await;
    let quoted = given.quoted_as(&keyed(&given, "quoted")).await;
    let pending = given.quoted_as(&keyed(&given, "pending")).await;
    given.observe(pending.id, &Observation::InProgress).await;
    let settled = given.settled_as(&keyed(&given, "settled")).await;
    let failed = given.settled_as(&keyed(&given, "failed")).await;
    let forwarding = given.forward(failed.id).await;
    given.close(&failure(forwarding)).await;

    let mut days = 0;
    for step in [Duration::from_secs(2 * 24 * 3600), 20 * DAY] {
        days += step.as_secs() / DAY.as_secs();
        world.advance_clock(step).await;
        assert_eq!(world.sweeps().purge().await.unwrap(), 0, "after {days} days");
        for (text, id) in [
            ("expired", expired.id),
            ("quoted", quoted.id),
            ("pending", pending.id),
            ("settled", settled.id),
            ("failed", failed.id),
        ] {
            assert_eq!(key_names(&given, text).await, Some(id), "{text} after {days} days");
        }
    }
}
