//! Free calls that nobody can name before they are answered: recorded once they are over.

use crochet_primitives::{StorageError, Timestamp};
use crochet_relay::memory::Fault;
use crochet_relay::ports::Books;
use crochet_relay::{AttemptOutcome, GatewayError, Reply, State};

use crate::support::{World, delivered};

#[tokio::test]
async fn a_free_call_is_recorded_with_what_its_seller_did() {
    let world = World::free();
    let (record, ..) = delivered(world.call(world.request()).await);
    let item = world.journal.history_item(record.id).await.unwrap().unwrap();
    assert_eq!((item.record, item.attempts.len()), (record, 1));
    assert_eq!(item.attempts[0].outcome, Some(AttemptOutcome::Delivered));
    world.upstream.will_answer_with(500, "{}");
    let reply = world.call(world.request()).await;
    let Reply::SellerFailed { record, .. } = reply else { panic!("{reply:?}") };
    let item = world.journal.history_item(record.id).await.unwrap().unwrap();
    assert_eq!((item.record.state, item.attempts[0].outcome), (State::SellerFailed, Some(AttemptOutcome::Failed)));
}

#[tokio::test]
async fn a_free_call_is_answered_once_it_is_recorded_however_often_that_fails() {
    for fault in [Fault::BeforeTheEffect, Fault::AfterTheEffect] {
        let world = World::free();
        world.journal.faults().fail_next(3, fault);
        let (record, ..) = delivered(world.call(world.request()).await);
        let item = world.journal.history_item(record.id).await.unwrap().unwrap();
        assert_eq!((item.record.state, item.attempts.len(), world.upstream.sent()), (State::Delivered, 1, 1));
    }
}

#[tokio::test]
async fn while_nothing_can_be_written_a_free_call_does_not_reach_its_seller() {
    let world = World::free();
    world.journal.faults().fail_next(10_000, Fault::BeforeTheEffect);
    // It was at the seller when the storage went away: there is no answer that is not recorded.
    let reply = world.call(world.request()).await;
    assert!(matches!(reply, Reply::Unrecorded { .. }), "{reply:?}");
    assert_eq!(world.upstream.sent(), 1);
    let refused = world.try_call(world.request()).await;
    assert!(matches!(refused, Err(GatewayError::Storage(StorageError::Unavailable(_)))), "{refused:?}");
    assert_eq!(world.upstream.sent(), 1);
    world.journal.faults().clear();
    // Once something was written, the next is recorded at its end again: one moment from when it began to then.
    for _ in 0..2 {
        let (record, ..) = delivered(world.call(world.request()).await);
        assert!(record.created_at > Timestamp::UNIX_EPOCH);
    }
    assert_eq!(world.upstream.sent(), 3);
}
