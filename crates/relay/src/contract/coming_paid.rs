//! Calls that their payment came with.

use crochet_primitives::{Timestamp, timestamp_from_millis};
use futures::future::join_all;

use super::World;
use super::given::{Given, LEASE, MINUTE, SECOND, arrived, assert_about, failed, key, terms};
use crate::header_payment::{BY_HEADER, Claimed};
use crate::ledger::OrphanReason;
use crate::ports::{Admission, Claimant, Seen};
use crate::record::{NewCall, Record, State};
use crate::terms::{Observation, Payment, Terms};
use crate::transition::after;

/// The terms that a payment makes whose nonce is this.
fn claimed(call: &NewCall, now: Timestamp, nonce: &str) -> Terms {
    let terms = terms(call, now);
    let asset = "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913";
    let claim = Claimed {
        payer: "0x2c7536e3605d9c16a7a3d7b1898e529396a65c23".into(),
        nonce: nonce.into(),
        valid_before: terms.expires_at,
        secret_sha256: None,
    };
    Terms {
        provider: BY_HEADER.into(),
        provider_request_id: format!("{asset}:{}:{nonce}", claim.payer),
        scheme: "exact".into(),
        asset: asset.into(),
        claimed: Some(claim),
        ..terms
    }
}

/// A call that comes with such a payment; nonces are drawn anew in each test.
async fn paid(given: &Given<'_, impl World>) -> NewCall {
    let call = given.paid_call();
    // Its window is far off by any clock that a world may have.
    let now = timestamp_from_millis(4_102_444_800_000).unwrap();
    let terms = claimed(&call, now, &format!("0x{}", call.id.uuid().simple()));
    NewCall { terms: Some(Box::new(terms)), ..call }
}

async fn submitted(given: &Given<'_, impl World>, call: &NewCall) -> Seen {
    match given.admit(call).await {
        Admission::Submit(seen) => seen,
        other => panic!("not to be submitted: {other:?}"),
    }
}

fn arrival(record: &Record) -> Payment {
    let terms = record.terms.as_ref().unwrap();
    Payment {
        reference: terms.provider_request_id.clone(),
        provider_request_id: terms.provider_request_id.clone(),
        asset: terms.asset.clone(),
        recipient: terms.recipient.clone(),
        base_units: terms.expected_base_units,
        transaction: Some("0x01".into()),
    }
}

pub async fn a_call_that_came_paid_begins_as_pending_with_its_terms(world: &impl World) {
    let given = Given::new(world).await;
    let call = paid(&given).await;
    let seen = submitted(&given, &call).await;
    assert_eq!((seen.record.state, seen.record.payment_seen), (State::Pending, true));
    assert_eq!(seen.record.terms.as_ref(), call.terms.as_deref());
    assert_about(seen.record.lease_until, after(seen.now, super::policy().submission_lease));
    assert_eq!(given.find(call.id).await, seen.record);
    let reference = &call.terms.as_ref().unwrap().provider_request_id;
    let found = given.world.journal().find_by_reference(BY_HEADER, reference).await.unwrap();
    assert!(matches!(found, Claimant::Call(seen) if seen.record.id == call.id));
    for (provider, reference) in [(BY_HEADER, "another"), ("scripted", reference.as_str())] {
        let found = given.world.journal().find_by_reference(provider, reference).await.unwrap();
        assert!(matches!(found, Claimant::Nobody), "{found:?}");
    }
}

pub async fn one_payment_comes_with_one_call(world: &impl World) {
    let given = Given::new(world).await;
    let first = paid(&given).await;
    submitted(&given, &first).await;
    let second = NewCall { terms: first.terms.clone(), idempotency_key: key("another"), ..given.paid_call() };
    let Admission::Known(seen) = given.admit(&second).await else { panic!("admitted twice") };
    assert_eq!(seen.record.id, first.id);
    assert!(given.world.journal().find(second.id).await.unwrap().is_none());
    // The key was given back: it stands for no call.
    let kept = given.world.journal().find_by_key(second.buyer, second.listing, &key("another").unwrap()).await.unwrap();
    assert!(kept.is_none());
}

pub async fn of_calls_that_race_with_one_payment_one_is_recorded(world: &impl World) {
    let given = Given::new(world).await;
    let first = paid(&given).await;
    let calls: Vec<_> = (0..8).map(|_| NewCall { terms: first.terms.clone(), ..given.paid_call() }).collect();
    let admissions = join_all(calls.iter().map(|call| given.admit(call))).await;
    let submissions = admissions.iter().filter(|admission| matches!(admission, Admission::Submit(_))).count();
    let known = admissions.iter().filter(|admission| matches!(admission, Admission::Known(_))).count();
    assert_eq!((submissions, known), (1, 7));
}

pub async fn what_came_with_the_call_settles_it_once_it_arrived(world: &impl World) {
    let given = Given::new(world).await;
    let seen = submitted(&given, &paid(&given).await).await;
    let payment = arrival(&seen.record);
    let advanced = given.advance(seen.record.id, Some(&arrived([payment.clone()])), Some(LEASE)).await;
    assert!(advanced.forwarding.is_some());
    let record = advanced.seen.record;
    let settlement = record.settlement.clone().unwrap();
    assert_eq!((settlement.reference, settlement.transaction), (payment.reference.clone(), Some("0x01".into())));
    assert_eq!(given.entries(record.id).await.len(), 3);
    // Seen again, it is the same payment.
    given.observe(record.id, &arrived([payment])).await;
    assert_eq!(given.entries(record.id).await.len(), 3);
    assert!(given.orphans(record.id).await.is_empty());
    given.books_balance().await;
}

pub async fn what_came_with_the_call_and_does_not_cover_it_buys_nothing(world: &impl World) {
    let given = Given::new(world).await;
    let seen = submitted(&given, &paid(&given).await).await;
    let short = Payment { base_units: 1, ..arrival(&seen.record) };
    let advanced = given.advance(seen.record.id, Some(&arrived([short])), Some(LEASE)).await;
    assert!(advanced.forwarding.is_none());
    assert!(advanced.seen.record.settlement.is_none());
    assert!(given.entries(seen.record.id).await.is_empty());
    let foreign = Payment { reference: "other".into(), recipient: "somebody".into(), ..arrival(&seen.record) };
    given.observe(seen.record.id, &arrived([foreign])).await;
    assert!(given.orphans(seen.record.id).await.iter().any(|orphan| orphan.reason == OrphanReason::Mismatch));
}

pub async fn a_payment_that_came_with_its_call_stays_pending_until_it_is_decided(world: &impl World) {
    let given = Given::new(world).await;
    let seen = submitted(&given, &paid(&given).await).await;
    for observation in [Observation::Waiting, Observation::InProgress, Observation::Unknown] {
        assert_eq!(given.observe(seen.record.id, &observation).await.state, State::Pending, "{observation:?}");
    }
    world.advance_clock(60 * MINUTE).await;
    assert_eq!(given.observe(seen.record.id, &Observation::Waiting).await.state, State::Pending);
    let dead = given.observe(seen.record.id, &failed("it was never used")).await;
    assert_eq!((dead.state, dead.payment_failure.as_deref()), (State::PaymentFailed, Some("it was never used")));
    // The chain has the last word.
    let record = given.observe(seen.record.id, &arrived([arrival(&seen.record)])).await;
    assert_eq!(record.state, State::Settled);
}

pub async fn the_submission_of_a_payment_is_taken_over_by_one_once_its_lease_has_ended(world: &impl World) {
    let given = Given::new(world).await;
    let seen = submitted(&given, &paid(&given).await).await;
    let id = seen.record.id;
    assert!(given.world.journal().retake_submission(id).await.unwrap().is_none());
    world.advance_clock(super::policy().submission_lease + SECOND).await;
    let taken = join_all((0..4).map(|_| given.world.journal().retake_submission(id))).await;
    assert_eq!(taken.into_iter().filter(|taken| taken.as_ref().unwrap().is_some()).count(), 1);
    given.observe(id, &arrived([arrival(&seen.record)])).await;
    world.advance_clock(super::policy().submission_lease + SECOND).await;
    assert!(given.world.journal().retake_submission(id).await.unwrap().is_none());
    // And never of terms that were asked for.
    let quoted = given.quoted().await;
    given.observe(quoted.id, &Observation::InProgress).await;
    assert!(given.world.journal().retake_submission(quoted.id).await.unwrap().is_none());
}
