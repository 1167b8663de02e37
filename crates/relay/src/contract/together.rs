//! Many calls at the same time: an implementation may do their steps together, and each gets its own.

use futures::future::join_all;

use super::World;
use super::given::{Given, LEASE, SECOND, arrived, delivery, key, payment, sealed_delivery, terms};
use crate::forwarding::{Arrival, Cause, Forwarding};
use crate::ports::{Admission, CheckClaim, QuoteLease, Seen};
use crate::record::{AttemptOutcome, FailureKind, NewCall, Record, State};
use crate::terms::QuoteOutcome;
use crate::transition::{self, Closed};

const MANY: usize = 40;

/// A paid call each, of as many buyers.
async fn calls<'w, W: World>(given: &Given<'w, W>) -> Vec<(Given<'w, W>, NewCall)> {
    let mut calls = Vec::new();
    for number in 0..MANY {
        let buyer = given.another_buyer().await;
        let idempotency_key = if number % 3 == 0 { key("the same for every buyer") } else { None };
        let call = NewCall { idempotency_key, ..buyer.paid_call() };
        calls.push((buyer, call));
    }
    calls
}

pub async fn calls_that_go_their_way_at_the_same_time_do_not_meet(world: &impl World) {
    let given = Given::new(world).await;
    let calls = calls(&given).await;
    let journal = world.journal();
    let quoting: Vec<(Seen, QuoteLease)> = join_all(calls.iter().map(|(buyer, call)| buyer.quoting(call))).await;
    let issued = quoting.iter().zip(&calls).map(|((seen, lease), (_, call))| {
        let outcome = QuoteOutcome::Issued(Box::new(terms(call, seen.now)));
        async move { journal.issue(*lease, &outcome).await.unwrap().record }
    });
    let quoted: Vec<Record> = join_all(issued).await;
    let claimed = join_all(quoted.iter().map(|record| journal.claim_check(record.id, 2 * SECOND))).await;
    assert!(claimed.iter().all(|claim| matches!(claim, Ok(Some(CheckClaim::Claimed(_))))), "{claimed:?}");
    let settling = quoted.iter().map(|record| {
        let observation = arrived([payment(record)]);
        async move { journal.advance(record.id, Some(&observation), Some(LEASE)).await.unwrap().unwrap() }
    });
    let forwarding: Vec<Forwarding> =
        join_all(settling).await.into_iter().map(|advanced| advanced.forwarding.unwrap()).collect();
    let closings: Vec<_> = forwarding
        .into_iter()
        .enumerate()
        .map(|(number, forwarding)| match number % 4 {
            0 => forwarding.conclude(Arrival::NeverSent { cause: Cause::Connection, latency_ms: 3 }),
            1 => sealed_delivery(forwarding, 100 + number),
            _ => delivery(forwarding),
        })
        .collect();
    let closed = join_all(closings.iter().map(|closing| journal.close(closing))).await;
    for (number, ((buyer, call), closed)) in calls.iter().zip(closed).enumerate() {
        let (closed, seen) = closed.unwrap().unwrap();
        assert_eq!((closed, seen.record.id), (Closed::Recorded, call.id));
        let item = buyer.item(call.id).await;
        assert_eq!(item.record, seen.record);
        let (state, outcome) = match number % 4 {
            0 => (State::SellerFailed, AttemptOutcome::NotSent),
            _ => (State::Delivered, AttemptOutcome::Delivered),
        };
        assert_eq!((item.record.state, item.attempts.len()), (state, 1));
        assert_eq!(item.attempts[0].outcome, Some(outcome));
        assert_eq!(buyer.entries(call.id).await.len(), 3);
        let sealed = world.journal().sealed_response(call.id).await.unwrap();
        assert_eq!(sealed.map(|sealed| sealed.bytes.len()), (number % 4 == 1).then_some(100 + number));
    }
    given.books_balance().await;
}

pub async fn a_step_that_cannot_be_taken_holds_up_no_other(world: &impl World) {
    let given = Given::new(world).await;
    let mut forwarding = Vec::new();
    for _ in 0..8 {
        forwarding.push(given.forwarding().await);
    }
    let unknown = Forwarding::of_new_free_call(
        &transition::open(&given.free_call(), crochet_primitives::Timestamp::UNIX_EPOCH, &super::policy()).record,
    );
    let mut closings: Vec<_> = forwarding.into_iter().map(delivery).collect();
    closings.insert(3, delivery(unknown.unwrap()));
    let closed = join_all(closings.iter().map(|closing| world.journal().close(closing))).await;
    for (place, closed) in closed.into_iter().enumerate() {
        let closed = closed.unwrap().map(|(closed, _)| closed);
        assert_eq!(closed, (place != 3).then_some(Closed::Recorded));
    }
    let mut found = closings.iter().map(|closing| closing.call).collect::<Vec<_>>();
    found.push(found[0]);
    let found = join_all(found.iter().map(|call| world.journal().find(*call))).await;
    let found: Vec<bool> = found.into_iter().map(|seen| seen.unwrap().is_some()).collect();
    assert_eq!(found, [true, true, true, false, true, true, true, true, true, true]);
    given.books_balance().await;
}

pub async fn of_many_new_calls_of_one_buyer_as_many_are_quoted_as_may_be_open(world: &impl World) {
    let given = Given::new(world).await;
    let calls: Vec<NewCall> =
        (0..20).map(|number| NewCall { idempotency_key: key(&format!("k{number}")), ..given.paid_call() }).collect();
    let admitted = join_all(calls.iter().map(|call| world.journal().admit(call))).await;
    let (mut quoted, mut refused) = (Vec::new(), Vec::new());
    for (admission, call) in admitted.into_iter().zip(calls) {
        match admission.unwrap() {
            Admission::Quote(..) => quoted.push(call),
            Admission::TooManyOpenQuotes { limit: 5 } => refused.push(call),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(quoted.len(), 5);
    // Who was refused has not used its key up: with a place free, it is a new call.
    given.world.advance_clock(crate::policy::Policy::default().quote_lease + SECOND).await;
    let again = NewCall { body_sha256: crochet_signing::BodyHash::of(b"another"), ..given.paid_call() };
    let again = NewCall { idempotency_key: refused[0].idempotency_key.clone(), ..again };
    assert!(matches!(given.admit(&again).await, Admission::Quote(..)));
}

pub async fn the_vault_takes_as_many_responses_at_the_same_time_as_one_after_the_other(world: &impl World) {
    let given = Given::new(world).await;
    let mut closings = Vec::new();
    for _ in 0..9 {
        closings.push(sealed_delivery(given.forwarding().await, 150));
    }
    let closed = join_all(closings.iter().map(|closing| world.journal().close(closing))).await;
    let mut kept = 0;
    for (closing, closed) in closings.iter().zip(closed) {
        let (closed, seen) = closed.unwrap().unwrap();
        assert_eq!((closed, seen.record.state), (Closed::Recorded, State::Delivered));
        let is_kept = world.journal().sealed_response(closing.call).await.unwrap().is_some();
        assert_eq!(seen.record.delivery.unwrap().vault_key_prefix.is_some(), is_kept);
        kept += u32::from(is_kept);
    }
    // Of 1,000 bytes.
    assert_eq!(kept, 6);
}

pub async fn a_free_call_that_is_over_is_recorded_with_its_attempt(world: &impl World) {
    let given = Given::new(world).await;
    let (call, closing) = ended(&given, delivery);
    let seen = world.journal().record_ended(&call, &closing, 3 * SECOND).await.unwrap();
    let item = given.item(call.id).await;
    assert_eq!((item.record.state, &item.record), (State::Delivered, &seen.record));
    assert_eq!(item.record.delivery.as_ref().unwrap().response_bytes, 13);
    assert_eq!(item.record.updated_at - item.record.created_at, chrono::TimeDelta::seconds(3));
    assert_eq!((item.record.lease_until, item.record.next_check_at), (None, None));
    assert_eq!(item.attempts.len(), 1);
    assert_eq!((item.attempts[0].attempt, item.attempts[0].started_at), (1, item.record.created_at));
    assert_eq!((item.attempts[0].outcome, item.attempts[0].latency_ms), (Some(AttemptOutcome::Delivered), Some(120)));
    assert!(given.entries(call.id).await.is_empty());
    given.books_balance().await;
}

pub async fn a_free_call_that_is_over_is_recorded_once_and_as_it_was_first(world: &impl World) {
    let given = Given::new(world).await;
    let (call, closing) = ended(&given, delivery);
    let record = async || world.journal().record_ended(&call, &closing, SECOND).await.unwrap();
    record().await;
    let first = given.item(call.id).await;
    world.advance_clock(SECOND).await;
    assert_eq!(record().await.record.state, State::Delivered);
    let second = given.item(call.id).await;
    assert_eq!((first.record, first.attempts.len()), (second.record, second.attempts.len()));
}

pub async fn free_calls_that_end_at_the_same_time_are_recorded_each_as_it_ended(world: &impl World) {
    let given = Given::new(world).await;
    let failed =
        |forwarding: Forwarding| forwarding.conclude(Arrival::MayHaveRun { cause: Cause::Timeout, latency_ms: 30_000 });
    let calls: Vec<_> = (0..MANY)
        .map(|number| {
            ended(&given, |forwarding| if number % 2 == 0 { delivery(forwarding) } else { failed(forwarding) })
        })
        .collect();
    let recorded =
        join_all(calls.iter().map(|(call, closing)| world.journal().record_ended(call, closing, SECOND))).await;
    for (number, ((call, _), seen)) in calls.iter().zip(recorded).enumerate() {
        let (seen, item) = (seen.unwrap(), given.item(call.id).await);
        assert_eq!(item.record, seen.record);
        let kind = item.record.last_failure.as_ref().map(|failure| failure.kind);
        assert_eq!(kind, (number % 2 == 1).then_some(FailureKind::Timeout));
        assert_eq!(item.attempts.len(), 1);
        assert_eq!(item.attempts[0].outcome.unwrap() == AttemptOutcome::Delivered, number % 2 == 0);
    }
    given.books_balance().await;
}

fn ended<W: World>(
    given: &Given<'_, W>,
    how: impl FnOnce(Forwarding) -> crate::forwarding::Closing,
) -> (NewCall, crate::forwarding::Closing) {
    let call = given.free_call();
    let opened = transition::open(&call, crochet_primitives::Timestamp::UNIX_EPOCH, &super::policy()).record;
    (call, how(Forwarding::of_new_free_call(&opened).unwrap()))
}
