//! What takes the place of a call that died.

use futures::future::join_all;

use super::World;
use super::given::{Given, arrived, key, payment, terms};
use crate::ports::MOST_PREDECESSORS;
use crate::record::{IdempotencyKey, NewCall, State};
use crate::terms::Observation;

pub async fn a_dead_call_gets_one_successor(world: &impl World) {
    let given = Given::new(world).await;
    let dead = given.expired().await;
    let call = given.paid_call();
    let successor = world.journal().supersede(dead.id, &call).await.unwrap().unwrap();
    assert_eq!((successor.seen.record.id, successor.seen.record.state), (call.id, State::Quoting));
    let lease = successor.lease.unwrap();
    assert_eq!((lease.call, lease.fence), (call.id, 1));
    assert_eq!(given.find(dead.id).await.superseded_by, Some(call.id));
    assert_eq!(given.find(dead.id).await.state, State::Expired);

    let other = given.paid_call();
    let again = world.journal().supersede(dead.id, &other).await.unwrap().unwrap();
    assert_eq!(again.seen.record.id, call.id);
    assert!(again.lease.is_none());
    assert!(world.journal().find(other.id).await.unwrap().is_none());
    assert_eq!(given.issue(lease, terms(&call, successor.seen.now)).await.state, State::Quoted);
}

pub async fn of_retries_that_race_one_makes_the_successor(world: &impl World) {
    let given = Given::new(world).await;
    let dead = given.expired().await;
    let calls: Vec<_> = (0..12).map(|_| given.paid_call()).collect();
    let answers = join_all(calls.iter().map(|call| world.journal().supersede(dead.id, call))).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().unwrap()).collect();
    assert_eq!(answers.iter().filter(|answer| answer.lease.is_some()).count(), 1);
    let newest = answers[0].seen.record.id;
    assert!(answers.iter().all(|answer| answer.seen.record.id == newest));
    let found = join_all(calls.iter().map(|call| world.journal().find(call.id))).await;
    assert_eq!(found.into_iter().filter(|found| found.as_ref().unwrap().is_some()).count(), 1);
}

pub async fn a_call_that_is_not_dead_gets_no_successor(world: &impl World) {
    let given = Given::new(world).await;
    let revived = given.expired().await;
    given.observe(revived.id, &Observation::InProgress).await;
    let paid = given.expired().await;
    given.observe(paid.id, &arrived([payment(&paid)])).await;
    let (quoted, delivered) = (given.quoted().await, given.delivered().await);
    for alive in [revived.id, paid.id, quoted.id, delivered.id] {
        let call = given.paid_call();
        let answer = world.journal().supersede(alive, &call).await.unwrap().unwrap();
        assert_eq!(answer.seen.record.id, alive);
        assert!(answer.lease.is_none());
        assert_eq!(given.find(alive).await.superseded_by, None);
        assert!(world.journal().find(call.id).await.unwrap().is_none());
    }
}

pub async fn the_newest_of_a_chain_and_what_came_before_it_are_found(world: &impl World) {
    let given = Given::new(world).await;
    let first = given.expired().await;
    let second = given.paid_call();
    let successor = world.journal().supersede(first.id, &second).await.unwrap().unwrap();
    let record = given.issue(successor.lease.unwrap(), terms(&second, successor.seen.now)).await;
    given.expire(&record).await;
    let third = given.paid_call();
    world.journal().supersede(second.id, &third).await.unwrap().unwrap();
    for id in [first.id, second.id, third.id] {
        let answer = world.journal().supersede(id, &given.paid_call()).await.unwrap().unwrap();
        assert_eq!(answer.seen.record.id, third.id);
    }
    let before = |id| async move {
        let seen = world.journal().predecessors(id).await.unwrap();
        seen.into_iter().map(|seen| seen.record.id).collect::<Vec<_>>()
    };
    assert_eq!(before(third.id).await, [second.id, first.id]);
    assert_eq!(before(second.id).await, [first.id]);
    assert!(before(first.id).await.is_empty());
}

pub async fn of_a_long_chain_one_call_more_is_read_than_can_be_asked_about(world: &impl World) {
    let given = Given::new(world).await;
    let mut chain = vec![given.expired().await.id];
    for _ in 0..=MOST_PREDECESSORS + 1 {
        let call = given.paid_call();
        let answer = world.journal().supersede(chain[0], &call).await.unwrap().unwrap();
        let record = given.issue(answer.lease.unwrap(), terms(&call, answer.seen.now)).await;
        given.expire(&record).await;
        chain.insert(0, call.id);
    }
    let before = world.journal().predecessors(chain[0]).await.unwrap();
    let before: Vec<_> = before.into_iter().map(|seen| seen.record.id).collect();
    assert_eq!(before, chain[1..=MOST_PREDECESSORS + 1]);
}

pub async fn a_further_key_stands_for_the_chain_that_it_was_bound_to(world: &impl World) {
    let given = Given::new(world).await;
    let journal = world.journal();
    let expired = given.expired().await;
    let call = given.paid_call();
    let successor = journal.supersede(expired.id, &call).await.unwrap().unwrap();
    let other = given.quoted().await;
    let (key, print) = (IdempotencyKey::parse("later").unwrap(), call.fingerprint());
    // The call that the key comes with, the same again, and another call of its chain.
    assert!(journal.bind_key(expired.id, &key, print).await.unwrap());
    assert!(journal.bind_key(expired.id, &key, print).await.unwrap());
    assert!(journal.bind_key(successor.seen.record.id, &key, print).await.unwrap());
    let (seen, kept) = journal.find_by_key(call.buyer, call.listing, &key).await.unwrap().unwrap();
    assert_eq!((seen.record.id, kept), (successor.seen.record.id, print));
    // Another fingerprint, another chain, and a call that there is not.
    assert!(!journal.bind_key(expired.id, &key, [7; 32]).await.unwrap());
    assert!(!journal.bind_key(other.id, &key, print).await.unwrap());
    assert!(!journal.bind_key(world.new_call_id(), &key, print).await.unwrap());
}

pub async fn a_key_stands_for_the_paid_call_of_its_chain_else_for_the_newest(world: &impl World) {
    let given = Given::new(world).await;
    let with_key = |call: NewCall| NewCall { idempotency_key: key("order 1"), ..call };
    let stands_for = async || {
        let found = world.journal().find_by_key(given.buyer, given.listing, &key("order 1").unwrap()).await;
        let by_key = found.unwrap().unwrap().0.record.id;
        let crate::ports::Admission::Known(seen) = given.admit(&with_key(given.paid_call())).await else {
            panic!("not known")
        };
        assert_eq!(seen.record.id, by_key);
        by_key
    };
    let first = given.quoted_as(&with_key(given.paid_call())).await;
    given.expire(&first).await;
    assert_eq!(stands_for().await, first.id);
    let second = with_key(given.paid_call());
    let successor = world.journal().supersede(first.id, &second).await.unwrap().unwrap();
    given.issue(successor.lease.unwrap(), terms(&second, successor.seen.now)).await;
    assert_eq!(stands_for().await, second.id);
    // The first terms are paid after all.
    given.observe(first.id, &arrived([payment(&first)])).await;
    assert_eq!(stands_for().await, first.id);
    let forwarding = given.forward(first.id).await;
    given.close(&super::given::delivery(forwarding)).await;
    assert_eq!(stands_for().await, first.id);
}

pub async fn the_same_successor_recorded_again_is_recorded_once(world: &impl World) {
    let given = Given::new(world).await;
    let dead = given.expired().await;
    let call = given.paid_call();
    for _ in 0..2 {
        let answer = world.journal().supersede(dead.id, &call).await.unwrap().unwrap();
        assert_eq!((answer.seen.record.id, answer.seen.record.quote_fence), (call.id, 1));
    }
    assert_eq!(given.find(dead.id).await.superseded_by, Some(call.id));
}
