//! Quotes that ended, their successors, and money that comes late.

use std::time::Duration;

use crochet_relay::ports::{Books, Journal, Sweeps};
use crochet_relay::{IdempotencyKey, Observation, Progress, Record, Reply, State, Unpaid};

use crate::support::{World, delivered, required};

#[tokio::test]
async fn too_little_money_forwards_nothing_and_leads_to_new_terms_once() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay_less(&record, "pay-1");
    let reply = world.call(world.retry(&record)).await;
    let Reply::PaymentRequired { record: successor, why: Unpaid::Mispaid { predecessor } } = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(predecessor, record.id);
    assert_ne!(successor.id, record.id);
    // The old id leads to the same successor ever after.
    world.provider.sees_from_now_on(Observation::Waiting);
    let again = required(world.call(world.retry(&record)).await);
    assert_eq!(again.id, successor.id);
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (0, 0));
    assert_eq!(world.journal.history_item(record.id).await.unwrap().unwrap().orphans.len(), 1);
}

#[tokio::test]
async fn a_quote_that_ended_waits_for_a_late_payment_before_new_terms_are_issued() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.clock.advance(Duration::from_secs(15 * 60 + 1));
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::Accepted { progress: Progress::LatePayment, .. }), "{reply:?}");
    world.clock.advance(Duration::from_secs(10 * 60));
    let reply = world.call(world.retry(&record)).await;
    let Reply::PaymentRequired { record: successor, why: Unpaid::Expired { predecessor } } = reply else {
        panic!("{reply:?}")
    };
    assert_eq!((predecessor, successor.id == record.id), (record.id, false));

    // Later still, the money arrives after all: the old id is honoured, and nothing is charged for it again.
    world.pay(&record, "pay-late");
    let (late, _, _) = delivered(world.call(world.retry(&record)).await);
    assert_eq!(late.id, record.id);
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (1, 3));
}

#[tokio::test]
async fn a_failed_payment_leads_to_new_terms_with_the_reason() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.provider.will_see(Observation::Failed { reason: "DOUBLE_SPEND".into() });
    let reply = world.call(world.retry(&record)).await;
    assert!(
        matches!(&reply, Reply::PaymentRequired { why: Unpaid::Failed { reason, .. }, .. } if reason == "DOUBLE_SPEND"),
        "{reply:?}"
    );
}

#[tokio::test]
async fn a_key_leads_along_the_chain_of_successors_and_back_to_a_late_payment() {
    let world = World::new();
    let keyed = || {
        let mut request = world.request();
        request.idempotency_key = IdempotencyKey::parse("order-1").ok();
        request
    };
    let first = required(world.call(keyed()).await);
    world.clock.advance(Duration::from_secs(26 * 60));
    let second = required(world.call(keyed()).await);
    assert_ne!(second.id, first.id);
    // The successor may be named together with the key: it belongs to the same order.
    let mut named = world.retry(&second);
    named.idempotency_key = IdempotencyKey::parse("order-1").ok();
    assert_eq!(required(world.call(named).await).id, second.id);
    // The first call is paid late after all. Nobody names it, and it is found all the same, before the newer terms are
    // shown again: nothing was paid for those.
    world.clock.advance(Duration::from_secs(3));
    world.provider.will_see(Observation::Waiting);
    world.provider.sees_from_now_on(Observation::Arrived(vec![world.payment(&first, "pay-late")]));
    let reply = world.call(keyed()).await;
    let reply = if matches!(reply, Reply::Accepted { .. }) { world.call(keyed()).await } else { reply };
    let (paid, ..) = delivered(reply);
    assert_eq!(paid.id, first.id);
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (1, 3));
}

#[tokio::test]
async fn a_later_change_of_price_does_not_touch_a_call() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.directory.change_offer(&world.listing(), |offer| offer.price = crochet_pricing::Price::Free);
    world.pay(&record, "pay-1");
    let (paid, ..) = delivered(world.call(world.retry(&record)).await);
    assert_eq!(paid.price, record.price);
    let (_, _, replayed) = delivered(world.call(world.retry(&record)).await);
    assert!(replayed);
}

#[tokio::test]
async fn the_sweeper_notices_a_second_payment_of_a_delivered_call() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    delivered(world.call(world.retry(&record)).await);
    let both = vec![world.payment(&record, "pay-1"), world.payment(&record, "pay-2")];
    world.provider.sees_from_now_on(Observation::Arrived(both));
    world.clock.advance(Duration::from_secs(26 * 60));
    world.sweeper().round().await.unwrap();
    let item = world.journal.history_item(record.id).await.unwrap().unwrap();
    assert_eq!((item.record.state, item.orphans.len()), (State::Delivered, 1));
    assert_eq!(item.orphans[0].payment.reference, "pay-2");
    assert!(world.journal.audit().await.unwrap().balances());
}

#[tokio::test]
async fn the_sweeper_settles_a_payment_for_which_nobody_came_back_and_forwards_nothing() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.clock.advance(Duration::from_secs(60));
    let swept = world.sweeper().round().await.unwrap();
    assert_eq!((swept.looked_at, swept.moved), (1, 1));
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (0, 3));
    delivered(world.call(world.retry(&record)).await);
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (1, 3));
}

#[tokio::test]
async fn a_retry_of_the_successor_finds_the_late_payment_of_its_predecessor() {
    let world = World::new();
    let first = required(world.call(world.request()).await);
    world.clock.advance(Duration::from_secs(26 * 60));
    let second = required(world.call(world.retry(&first)).await);
    world.clock.advance(Duration::from_secs(3));
    world.provider.will_see(Observation::Waiting);
    world.provider.sees_from_now_on(Observation::Arrived(vec![world.payment(&first, "pay-late")]));
    let (paid, ..) = delivered(world.call(world.retry(&second)).await);
    assert_eq!(paid.id, first.id);
}

#[tokio::test]
async fn new_terms_are_not_shown_again_while_nobody_knows_of_the_old_ones() {
    let world = World::new();
    let first = required(world.call(world.request()).await);
    world.clock.advance(Duration::from_secs(26 * 60));
    let second = required(world.call(world.retry(&first)).await);
    world.clock.advance(Duration::from_secs(3));
    world.provider.will_see(Observation::Waiting);
    world.provider.sees_from_now_on(Observation::Unknown);
    let reply = world.call(world.retry(&second)).await;
    assert!(matches!(reply, Reply::Accepted { .. }), "{reply:?}");
    // A moment later both can be asked about, and nothing has arrived for either.
    world.clock.advance(Duration::from_secs(3));
    world.provider.sees_from_now_on(Observation::Waiting);
    assert_eq!(required(world.call(world.retry(&second)).await).id, second.id);
}

async fn webhook(world: &World, record: &Record) {
    let terms = record.terms.as_ref().unwrap();
    assert!(world.journal.check_soon(&terms.provider, &terms.provider_request_id).await.unwrap());
}

#[tokio::test]
async fn a_webhook_settles_a_call_for_which_nobody_came_back_before_it_is_due() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.clock.advance(Duration::from_secs(3));
    world.pay(&record, "pay-1");
    assert_eq!(world.sweeper().round().await.unwrap().looked_at, 0);
    webhook(&world, &record).await;
    let swept = world.sweeper().round().await.unwrap();
    assert_eq!((swept.looked_at, swept.moved), (1, 1));
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (0, 3));
    assert_eq!(world.sweeper().round().await.unwrap().looked_at, 0);
}

#[tokio::test]
async fn a_webhook_right_after_a_buyer_s_retry_leads_to_a_look_of_its_own() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.clock.advance(Duration::from_secs(3));
    required(world.call(world.retry(&record)).await);
    // The buyer's look was a moment ago, and what the webhook knows is newer.
    world.pay(&record, "pay-1");
    webhook(&world, &record).await;
    assert_eq!(world.sweeper().round().await.unwrap().moved, 0);
    assert_eq!(world.provider.checks().len(), 1);
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(world.sweeper().round().await.unwrap().moved, 1);
    assert_eq!(world.ledger_rows().await, 3);
}

#[tokio::test]
async fn a_webhook_about_a_delivered_call_finds_its_refund() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.clock.advance(Duration::from_secs(3));
    world.pay(&record, "pay-1");
    delivered(world.call(world.retry(&record)).await);
    world.clock.advance(Duration::from_secs(3));
    let reason = "given back".to_owned();
    world.provider.sees_from_now_on(Observation::Refunded { references: vec!["pay-1".into()], reason });
    webhook(&world, &record).await;
    world.sweeper().round().await.unwrap();
    assert_eq!(world.ledger_rows().await, 6);
    assert!(world.journal.audit().await.unwrap().balances());
}

#[tokio::test]
async fn webhooks_do_not_make_the_sweeper_s_own_looks_rarer() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.provider.sees_from_now_on(Observation::InProgress);
    for _ in 0..5 {
        world.clock.advance(Duration::from_secs(3));
        webhook(&world, &record).await;
        world.sweeper().round().await.unwrap();
    }
    assert_eq!(world.provider.checks().len(), 5);
    assert_eq!(world.journal.find(record.id).await.unwrap().unwrap().record.checks, 0);
}
