//! What the provider's word makes of a call that is not paid yet.

use super::World;
use super::given::{Given, MINUTE, SECOND, arrived, failed, payment, refunded};
use crate::record::State;
use crate::terms::Observation;

pub async fn terms_stand_while_nothing_has_arrived(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    for _ in 0..3 {
        let record = given.observe(quoted.id, &Observation::Waiting).await;
        assert_eq!((record.state, record.payment_seen), (State::Quoted, false));
        assert_eq!(record.terms, quoted.terms);
        world.advance_clock(4 * MINUTE).await;
    }
}

pub async fn a_quote_expires_after_its_window_and_its_grace(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    world.advance_clock(24 * MINUTE).await;
    assert_eq!(given.observe(quoted.id, &Observation::Waiting).await.state, State::Quoted);
    world.advance_clock(MINUTE + SECOND).await;
    assert_eq!(given.advance(quoted.id, None, None).await.seen.record.state, State::Quoted);
    assert_eq!(given.observe(quoted.id, &Observation::Waiting).await.state, State::Expired);
    assert!(!given.may_forward(quoted.id).await);
}

pub async fn a_payment_under_way_makes_the_call_pending_and_keeps_it_so(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let record = given.observe(quoted.id, &Observation::InProgress).await;
    assert_eq!((record.state, record.payment_seen), (State::Pending, true));
    // A status that goes backwards, even long after the window: money was seen, so it is never offered again.
    world.advance_clock(60 * MINUTE).await;
    for backwards in [Observation::Waiting, Observation::Unknown] {
        let record = given.observe(quoted.id, &backwards).await;
        assert_eq!((record.state, record.payment_seen), (State::Pending, true));
    }
    assert!(!given.may_forward(quoted.id).await);
}

pub async fn an_unknown_outcome_makes_a_quote_pending_until_it_is_known(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let record = given.observe(quoted.id, &Observation::Unknown).await;
    assert_eq!((record.state, record.payment_seen), (State::Pending, false));
    assert!(!given.may_forward(quoted.id).await);
    assert_eq!(given.observe(quoted.id, &Observation::Waiting).await.state, State::Quoted);
    given.observe(quoted.id, &Observation::Unknown).await;
    let record = given.observe(quoted.id, &arrived([payment(&quoted)])).await;
    assert_eq!(record.state, State::Settled);
}

pub async fn a_quote_does_not_expire_while_the_outcome_is_unknown(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    world.advance_clock(60 * MINUTE).await;
    assert_eq!(given.observe(quoted.id, &Observation::Unknown).await.state, State::Pending);
    assert_eq!(given.observe(quoted.id, &Observation::Waiting).await.state, State::Expired);
}

pub async fn a_failed_payment_kills_the_call_and_says_why(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    given.observe(quoted.id, &Observation::InProgress).await;
    let record = given.observe(quoted.id, &failed("no funds")).await;
    assert_eq!(record.state, State::PaymentFailed);
    assert_eq!(record.payment_failure.as_deref(), Some("no funds"));
    assert!(!given.may_forward(quoted.id).await);
    assert!(given.entries(quoted.id).await.is_empty());
}

pub async fn a_payment_given_back_before_it_settled_kills_the_call(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let record = given.observe(quoted.id, &refunded(&quoted)).await;
    assert_eq!((record.state, record.payment_seen), (State::PaymentFailed, true));
    assert_eq!(record.payment_failure.as_deref(), Some("given back"));
    assert!(given.entries(quoted.id).await.is_empty());
}

pub async fn a_payment_that_arrives_after_the_call_died_still_settles(world: &impl World) {
    let given = Given::new(world).await;
    let expired = given.expired().await;
    let failed = {
        let quoted = given.quoted().await;
        given.observe(quoted.id, &failed("no funds")).await
    };
    let mispaid = {
        let quoted = given.quoted().await;
        let mut short = payment(&quoted);
        short.base_units -= 1;
        given.observe(quoted.id, &arrived([short])).await
    };
    for dead in [expired, failed, mispaid] {
        assert!(dead.state.is_dead());
        world.advance_clock(60 * MINUTE).await;
        let record = given.observe(dead.id, &arrived([payment(&dead)])).await;
        assert_eq!((record.state, record.payment_failure), (State::Settled, None), "{}", dead.state);
        assert_eq!(given.entries(dead.id).await.len(), 3);
        assert!(given.may_forward(dead.id).await);
    }
    given.books_balance().await;
}

pub async fn a_late_payment_under_way_brings_the_call_back_to_life(world: &impl World) {
    let given = Given::new(world).await;
    let expired = given.expired().await;
    let record = given.observe(expired.id, &Observation::InProgress).await;
    assert_eq!((record.state, record.payment_seen), (State::Pending, true));
    let record = given.observe(expired.id, &arrived([payment(&expired)])).await;
    assert_eq!(record.state, State::Settled);
}
