//! From terms to delivery, and what never leads there.

use crochet_relay::{Observation, Progress, Reply, State, Unpaid};

use crate::support::{World, delivered, required};

#[tokio::test]
async fn a_paid_call_is_quoted_paid_forwarded_once_and_replayed() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    assert_eq!(record.state, State::Quoted);
    assert_eq!(world.upstream.sent(), 0);

    world.pay(&record, "pay-1");
    let (record, body, replayed) = delivered(world.call(world.retry(&record)).await);
    assert_eq!((body.as_ref(), replayed), (&b"{\"ok\":true}"[..], false));
    assert_eq!(world.ledger_rows().await, 3);

    let sent = world.upstream.take_sent().remove(0);
    assert_eq!(sent.body, world.request().body);
    assert_eq!((sent.attempt, sent.seal.request_id), (1, record.id.request_id()));

    let (_, body, replayed) = delivered(world.call(world.retry(&record)).await);
    assert_eq!((body.as_ref(), replayed), (&b"{\"ok\":true}"[..], true));
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (1, 3));
}

#[tokio::test]
async fn an_unpaid_retry_gets_the_same_terms_as_often_as_asked() {
    let world = World::new();
    let first = required(world.call(world.request()).await);
    for _ in 0..3 {
        let reply = world.call(world.retry(&first)).await;
        let Reply::PaymentRequired { record, why: Unpaid::NothingArrived } = reply else { panic!("{reply:?}") };
        assert_eq!((record.id, &record.terms), (first.id, &first.terms));
    }
    assert_eq!(world.provider.asks().len(), 1);
}

#[tokio::test]
async fn while_the_provider_cannot_be_asked_the_answer_is_never_to_pay() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.provider.will_see(Observation::Unknown);
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::Accepted { progress: Progress::Unknown, .. }), "{reply:?}");
    world.provider.will_see(Observation::InProgress);
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::Accepted { progress: Progress::NotFinal, .. }), "{reply:?}");
    // A provider whose status goes backwards does not bring the terms back either.
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::Accepted { progress: Progress::NotFinal, .. }), "{reply:?}");
    assert_eq!(world.upstream.sent(), 0);
}

#[tokio::test]
async fn a_success_without_a_payment_is_neither_paid_nor_a_reason_to_pay_again() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.provider.will_see(Observation::Arrived(Vec::new()));
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::Accepted { progress: Progress::NotFinal, .. }), "{reply:?}");
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (0, 0));
}
