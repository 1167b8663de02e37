//! The gateway's use case over ports in memory: what a buyer is told, what reaches the seller, and what is written.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use crochet_relay::memory::Fault;
use crochet_relay::ports::Books;
use crochet_relay::{
    Arrival, Cause, FailureKind, IdempotencyKey, Mismatch, Observation, Origin, OriginCurrency, Progress, QuoteOutcome,
    QuoteRefusal, Reply, State, Unpaid,
};
use support::{World, delivered, required};

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
async fn another_body_another_listing_and_another_buyer_get_nothing() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");

    let mut swapped = world.retry(&record);
    swapped.body = "{\"other\":1}".into();
    assert!(matches!(world.call(swapped).await, Reply::Mismatch { what: Mismatch::Body, .. }));
    let mut elsewhere = world.retry(&record);
    elsewhere.listing = world.second_listing();
    assert!(matches!(world.call(elsewhere).await, Reply::Mismatch { what: Mismatch::Listing, .. }));
    let mut stranger = world.retry(&record);
    stranger.buyer = world.another_buyer();
    assert!(matches!(world.call(stranger).await, Reply::CallNotFound));
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (0, 0));
}

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
async fn a_seller_that_fails_is_retried_free_of_charge_after_a_wait() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.upstream.will_answer_with(500, "{}");
    let reply = world.call(world.retry(&record)).await;
    let Reply::SellerFailed { failure, retry_after_seconds: 2, .. } = reply else { panic!("{reply:?}") };
    assert_eq!((failure.kind, failure.seller_status), (FailureKind::Error, Some(500)));

    // Too early: the same failure again, and the seller is left alone.
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::SellerFailed { .. }), "{reply:?}");
    assert_eq!(world.upstream.sent(), 1);

    world.clock.advance(Duration::from_secs(2));
    let (record, ..) = delivered(world.call(world.retry(&record)).await);
    assert_eq!(record.attempt, 2);
    let sent = world.upstream.take_sent();
    assert_eq!(sent[0].seal.request_id, sent[1].seal.request_id);
    assert_eq!(world.ledger_rows().await, 3);
}

#[tokio::test]
async fn a_free_retry_is_not_forwarded_once_the_payment_was_given_back() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.upstream.will_answer(Arrival::MayHaveRun { cause: Cause::Timeout, latency_ms: 9 });
    assert!(matches!(world.call(world.retry(&record)).await, Reply::SellerFailed { .. }));
    world.clock.advance(Duration::from_secs(2));
    let refund = Observation::Refunded { references: vec!["pay-1".into()], reason: "refund".into() };
    world.provider.sees_from_now_on(refund);
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::PaymentRequired { why: Unpaid::Failed { .. }, .. }), "{reply:?}");
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (1, 6));
    assert!(world.journal.audit().await.unwrap().balances());
}

#[tokio::test]
async fn a_settlement_that_cannot_be_checked_again_waits() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.upstream.will_answer_with(503, "{}");
    assert!(matches!(world.call(world.retry(&record)).await, Reply::SellerFailed { .. }));
    world.clock.advance(Duration::from_secs(2));
    world.provider.will_see(Observation::Unknown);
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::Accepted { progress: Progress::Unknown, .. }), "{reply:?}");
    world.clock.advance(Duration::from_secs(2));
    delivered(world.call(world.retry(&record)).await);
}

#[tokio::test]
async fn of_fifty_retries_at_once_one_reaches_the_seller() {
    let world = Arc::new(World::new());
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    let calls = (0..50).map(|_| {
        let (world, request) = (Arc::clone(&world), world.retry(&record));
        tokio::spawn(async move { world.call(request).await })
    });
    let replies = futures::future::join_all(calls).await;
    for reply in replies {
        let reply = reply.unwrap();
        assert!(matches!(reply, Reply::Delivered { .. } | Reply::Accepted { .. }), "{reply:?}");
    }
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (1, 3));
}

#[tokio::test]
async fn a_retry_while_the_request_is_at_the_seller_waits_for_the_lease() {
    let world = Arc::new(World::new());
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.upstream.gate().close();
    let (working, request) = (Arc::clone(&world), world.retry(&record));
    let first = tokio::spawn(async move { working.call(request).await });
    world.upstream.gate().until_arrived(1).await;
    world.clock.advance(Duration::from_secs(1));
    let reply = world.call(world.retry(&record)).await;
    assert!(
        matches!(reply, Reply::Accepted { progress: Progress::Forwarding, retry_after_seconds: 40.., .. }),
        "{reply:?}"
    );
    world.upstream.gate().open();
    delivered(first.await.unwrap());
    assert_eq!(world.upstream.sent(), 1);
}

#[tokio::test]
async fn the_idempotency_key_alone_is_enough_to_retry_with() {
    let world = World::new();
    let keyed = || {
        let mut request = world.request();
        request.idempotency_key = IdempotencyKey::parse("order-1").ok();
        request
    };
    let record = required(world.call(keyed()).await);
    assert_eq!(required(world.call(keyed()).await).id, record.id);
    world.pay(&record, "pay-1");
    let (paid, ..) = delivered(world.call(keyed()).await);
    assert_eq!(paid.id, record.id);

    let mut other_body = keyed();
    other_body.body = "[]".into();
    assert!(matches!(world.call(other_body).await, Reply::IdempotencyKeyReused));
    let mut other_origin = keyed();
    other_origin.origin = Origin { chain_id: Some(1), ..Origin::default() };
    assert!(matches!(world.call(other_origin).await, Reply::IdempotencyKeyReused));

    let unrelated = required(world.call(world.request()).await);
    let mut mixed = world.retry(&unrelated);
    mixed.idempotency_key = IdempotencyKey::parse("order-1").ok();
    assert!(matches!(world.call(mixed).await, Reply::IdempotencyKeyReused));
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
async fn a_refused_quote_is_an_outcome_that_its_key_repeats() {
    let world = World::new();
    let mut request = world.request();
    request.idempotency_key = IdempotencyKey::parse("order-1").ok();
    request.origin = Origin { currency: Some(OriginCurrency::Sol), ..Origin::default() };
    for _ in 0..2 {
        let reply = world.call(request.clone()).await;
        assert!(
            matches!(
                &reply,
                Reply::QuoteRefused {
                    refusal: QuoteRefusal::OriginWalletInvalid { needs_solana_wallet: true, .. },
                    ..
                }
            ),
            "{reply:?}"
        );
    }
    assert!(world.provider.asks().is_empty());
}

#[tokio::test]
async fn a_provider_that_is_down_at_the_quote_can_be_asked_again_with_the_same_key() {
    let world = World::new();
    let mut request = world.request();
    request.idempotency_key = IdempotencyKey::parse("order-1").ok();
    world.provider.will_quote(QuoteOutcome::Unavailable { retry_after_seconds: Some(7) });
    let reply = world.call(request.clone()).await;
    assert!(matches!(reply, Reply::ProviderUnavailable { retry_after_seconds: 7, .. }), "{reply:?}");
    required(world.call(request).await);
}

#[tokio::test]
async fn of_two_first_calls_with_one_key_one_asks_for_terms() {
    let world = Arc::new(World::new());
    let mut request = world.request();
    request.idempotency_key = IdempotencyKey::parse("order-1").ok();
    world.provider.quote_gate().close();
    let (working, first) = (Arc::clone(&world), request.clone());
    let first = tokio::spawn(async move { working.call(first).await });
    world.provider.quote_gate().until_arrived(1).await;
    let reply = world.call(request).await;
    assert!(matches!(reply, Reply::Accepted { progress: Progress::Quoting, .. }), "{reply:?}");
    world.provider.quote_gate().open();
    required(first.await.unwrap());
    assert_eq!(world.provider.asks().len(), 1);
}

#[tokio::test]
async fn a_paid_call_survives_its_listings_suspension_and_waits_for_its_endpoint() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.directory.change_offer(&world.listing(), |offer| {
        offer.is_available = false;
        offer.endpoint = None;
    });
    let reply = world.call(world.retry(&record)).await;
    let Reply::ListingUnavailable { record: Some(settled) } = reply else { panic!("{reply:?}") };
    assert_eq!((settled.state, world.ledger_rows().await), (State::Settled, 3));
    assert!(matches!(world.call(world.request()).await, Reply::ListingUnavailable { record: None }));

    world.give_endpoint_back();
    delivered(world.call(world.retry(&record)).await);
    assert!(matches!(world.call(world.request()).await, Reply::ListingUnavailable { record: None }));
}

#[tokio::test]
async fn an_answer_that_is_not_recorded_is_not_given_out() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    // find, claim_check and advance succeed; every try to close fails.
    world.journal.faults().spare_next(3);
    world.journal.faults().fail_next(10_000, Fault::BeforeTheEffect);
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::Unrecorded { .. }), "{reply:?}");
    world.journal.faults().clear();
    // Nobody knows whether it ran: it is forwarded again as another attempt of the same request id, free of charge.
    world.clock.advance(Duration::from_secs(60));
    let (record, ..) = delivered(world.call(world.retry(&record)).await);
    assert_eq!((record.attempt, world.ledger_rows().await), (2, 3));
}

#[tokio::test]
async fn a_lost_acknowledgement_of_the_closing_does_not_lose_the_answer() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.journal.faults().spare_next(3);
    world.journal.faults().fail_next(1, Fault::AfterTheEffect);
    let (_, body, replayed) = delivered(world.call(world.retry(&record)).await);
    assert_eq!((body.as_ref(), replayed), (&b"{\"ok\":true}"[..], false));
    assert_eq!(world.upstream.sent(), 1);
}

#[tokio::test]
async fn a_free_call_is_recorded_and_forwarded_without_payment() {
    let world = World::free();
    let (record, body, _) = delivered(world.call(world.request()).await);
    assert_eq!((record.price, body.as_ref()), (None, &b"{\"ok\":true}"[..]));
    assert_eq!((world.ledger_rows().await, world.provider.asks().len()), (0, 0));
    let mut named = world.request();
    named.relay_request = Some(record.id);
    assert!(matches!(world.call(named).await, Reply::CallNotFound));
}

#[tokio::test]
async fn a_free_call_with_a_key_runs_once_and_replays_status_and_hash() {
    let world = World::free();
    let mut request = world.request();
    request.idempotency_key = IdempotencyKey::parse("free-1").ok();
    delivered(world.call(request.clone()).await);
    let reply = world.call(request).await;
    let Reply::Delivered { body: None, replayed: true, delivery, .. } = reply else { panic!("{reply:?}") };
    assert_eq!((delivery.seller_status, delivery.response_bytes), (200, 11));
    assert_eq!(world.upstream.sent(), 1);
}

#[tokio::test]
async fn a_listing_that_cannot_be_called_says_why() {
    let world = World::free();
    world.directory.change_offer(&world.listing(), |offer| offer.endpoint = None);
    assert!(matches!(world.call(world.request()).await, Reply::ListingHasNoEndpoint));
    let mut unknown = world.request();
    unknown.listing = "no-such-listing".into();
    assert!(matches!(world.call(unknown).await, Reply::ListingNotFound));
    let world = World::new();
    let mut long = world.request();
    long.body = "1".repeat(262_145).into();
    assert!(matches!(world.call(long).await, Reply::BodyTooLarge { limit: 262_144 }));
}

#[tokio::test]
async fn another_key_of_the_buyer_learns_which_key_opens_the_response() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    delivered(world.call(world.retry(&record)).await);
    let mut other_key = world.retry(&record);
    other_key.buyer.key = crochet_secrets::ApiKey::generate([77; 32]);
    let reply = world.call(other_key).await;
    let Reply::ResponseNoLongerAvailable { delivery, .. } = reply else { panic!("{reply:?}") };
    assert_eq!(delivery.vault_key_prefix, Some(world.request().buyer.key.prefix()));
    world.clock.advance(Duration::from_secs(24 * 3600 + 1));
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::ResponseNoLongerAvailable { .. }), "{reply:?}");
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
async fn a_dead_call_of_a_listing_that_is_free_now_is_to_be_called_anew() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.directory.change_offer(&world.listing(), |offer| offer.price = crochet_pricing::Price::Free);
    world.clock.advance(Duration::from_secs(26 * 60));
    let reply = world.call(world.retry(&record)).await;
    assert!(matches!(reply, Reply::Mismatch { what: Mismatch::NowFree, .. }), "{reply:?}");
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
async fn a_key_that_comes_with_the_paid_retry_is_enough_afterwards() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    let keyed = |mut request: crochet_relay::CallRequest| {
        request.idempotency_key = IdempotencyKey::parse("order-1").ok();
        request
    };
    delivered(world.call(keyed(world.retry(&record))).await);
    let (again, _, replayed) = delivered(world.call(keyed(world.request())).await);
    assert_eq!((again.id, replayed), (record.id, true));
    let other = required(world.call(world.request()).await);
    assert!(matches!(world.call(keyed(world.retry(&other))).await, Reply::IdempotencyKeyReused));
}

#[tokio::test]
async fn a_settlement_that_the_provider_does_not_confirm_is_not_forwarded() {
    let world = World::new();
    for odd in [Observation::Waiting, Observation::InProgress, Observation::Failed { reason: "odd".into() }] {
        let record = required(world.call(world.request()).await);
        world.pay(&record, &format!("pay-{odd:?}"));
        world.upstream.will_answer_with(500, "{}");
        assert!(matches!(world.call(world.retry(&record)).await, Reply::SellerFailed { .. }));
        let sent = world.upstream.sent();
        world.clock.advance(Duration::from_secs(3));
        world.provider.will_see(odd.clone());
        let reply = world.call(world.retry(&record)).await;
        assert!(matches!(reply, Reply::Accepted { .. }), "{odd:?}: {reply:?}");
        assert_eq!(world.upstream.sent(), sent);
    }
}

#[tokio::test]
async fn a_quote_that_failed_can_be_named_again() {
    let world = World::new();
    world.provider.will_quote(QuoteOutcome::Unavailable { retry_after_seconds: None });
    let reply = world.call(world.request()).await;
    let Reply::ProviderUnavailable { record, .. } = reply else { panic!("{reply:?}") };
    let quoted = required(world.call(world.retry(&record)).await);
    assert_eq!(quoted.id, record.id);
}

#[tokio::test]
async fn a_draft_is_not_found_by_new_calls_and_still_serves_those_that_were_paid() {
    let world = World::new();
    let record = required(world.call(world.request()).await);
    world.pay(&record, "pay-1");
    world.directory.change_offer(&world.listing(), |offer| {
        offer.is_available = false;
        offer.is_public = false;
    });
    assert!(matches!(world.call(world.request()).await, Reply::ListingNotFound));
    delivered(world.call(world.retry(&record)).await);
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
