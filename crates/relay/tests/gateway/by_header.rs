//! Calls that their payment came with: it is claimed first, then submitted, and 402 is answered only where it cannot
//! happen any more.

use bytes::Bytes;
use crochet_pricing::MicroUsd;
use crochet_relay::memory::ScriptedChain;
use crochet_relay::ports::PayoutWallets;
use crochet_relay::{
    HeaderPayment, HeaderTerms, IdempotencyKey, Mismatch, Observation, PaidRequest, Promised, Reply, State,
    Verification,
};
use crochet_secrets::VaultSecret;
use crochet_wallet::WalletAddress;

use crate::support::{PAYOUT, World, delivered};

fn payer() -> WalletAddress {
    "0x2c7536e3605d9c16a7a3d7b1898e529396a65c23".parse().unwrap()
}

fn payment(base_units: u64, nonce: &str) -> HeaderPayment {
    ScriptedChain::payment(payer(), PAYOUT, base_units, nonce)
}

fn request(world: &World, payment: HeaderPayment) -> PaidRequest {
    PaidRequest {
        buyer: None,
        vault: None,
        listing: world.listing(),
        body: world.request().body,
        relay_request: None,
        idempotency_key: None,
        payment,
    }
}

fn refused(reply: Reply) -> String {
    match reply {
        Reply::NotPaid { reason, .. } => reason,
        other => panic!("not a 402: {other:?}"),
    }
}

fn is_under_way(reply: &Reply) -> bool {
    matches!(reply, Reply::Accepted { .. })
}

#[tokio::test]
async fn a_payer_without_an_account_pays_and_is_served_in_one_request() {
    let world = World::new();
    let (record, body, replayed) = delivered(world.pay_by_header(request(&world, payment(10_000, "0x01"))).await);
    assert_eq!((body.as_ref(), replayed), (&b"{\"ok\":true}"[..], false));
    assert_eq!(record.state, State::Delivered);
    assert_eq!(record.settlement.unwrap().transaction.as_deref(), Some("0xabc"));
    assert_eq!(world.upstream.sent(), 1);
    assert_eq!(world.chain.submitted().len(), 1);
}

#[tokio::test]
async fn the_same_payment_again_is_the_same_call_and_is_submitted_once() {
    let world = World::new();
    let first = PaidRequest {
        vault: Some(VaultSecret::of_payment_identifier("an-identifier-of-my-own")),
        ..request(&world, payment(10_000, "0x01"))
    };
    let (record, body, _) = delivered(world.pay_by_header(first.clone()).await);
    let (again, replay, replayed) = delivered(world.pay_by_header(first.clone()).await);
    assert_eq!((again.id, replay, replayed), (record.id, body, true));
    let without = PaidRequest { vault: None, ..first };
    assert!(matches!(world.pay_by_header(without).await, Reply::ResponseNoLongerAvailable { .. }));
    assert_eq!((world.upstream.sent(), world.chain.submitted().len()), (1, 1));
}

#[tokio::test]
async fn a_payment_pays_for_one_listing_and_one_body() {
    let world = World::new();
    let first = request(&world, payment(10_000, "0x01"));
    delivered(world.pay_by_header(first.clone()).await);
    let elsewhere = PaidRequest { listing: world.second_listing(), ..first.clone() };
    assert!(matches!(world.pay_by_header(elsewhere).await, Reply::Mismatch { what: Mismatch::Listing, .. }));
    let other_body = PaidRequest { body: Bytes::from_static(b"{}"), ..first };
    assert!(matches!(world.pay_by_header(other_body).await, Reply::Mismatch { what: Mismatch::Body, .. }));
    assert_eq!(world.upstream.sent(), 1);
}

#[tokio::test]
async fn who_read_the_payment_on_the_chain_does_not_get_the_call() {
    let world = World::new();
    world.upstream.will_answer_with(500, "{}");
    let secret = HeaderPayment { secret_sha256: Some([1; 32]), ..payment(10_000, "0x01") };
    let first = request(&world, secret.clone());
    assert!(matches!(world.pay_by_header(first.clone()).await, Reply::SellerFailed { .. }));
    for known in [None, Some([2; 32])] {
        let copied = request(&world, HeaderPayment { secret_sha256: known, ..secret.clone() });
        assert!(matches!(world.pay_by_header(copied).await, Reply::Mismatch { what: Mismatch::Payer, .. }));
    }
    let other = PaidRequest { buyer: Some(world.another_buyer()), ..first };
    assert!(matches!(world.pay_by_header(other).await, Reply::Mismatch { what: Mismatch::Payer, .. }));
}

#[tokio::test]
async fn after_a_seller_failure_the_same_payment_is_delivered_free_of_charge() {
    let world = World::new();
    world.upstream.will_answer_with(500, "{}");
    let first = request(&world, payment(10_000, "0x01"));
    assert!(matches!(world.pay_by_header(first.clone()).await, Reply::SellerFailed { .. }));
    world.clock.advance(std::time::Duration::from_secs(10));
    let (_, _, replayed) = delivered(world.pay_by_header(first).await);
    assert!(!replayed);
    assert_eq!((world.upstream.sent(), world.chain.submitted().len()), (2, 1));
}

#[tokio::test]
async fn what_cannot_be_paid_is_refused_before_anything_is_submitted() {
    let world = World::new();
    let too_little = payment(9_999, "0x01");
    let elsewhere = HeaderPayment { network: "eip155:1".into(), ..payment(10_000, "0x02") };
    let other_asset = HeaderPayment { asset: "eip155:8453/erc20:0x00".into(), ..payment(10_000, "0x03") };
    let other_recipient = HeaderPayment { recipient: "0x01".into(), ..payment(10_000, "0x04") };
    for wrong in [too_little, elsewhere, other_asset, other_recipient] {
        refused(world.pay_by_header(request(&world, wrong)).await);
    }
    world.chain.will_verify(Verification::Invalid { reason: "insufficient_funds".into() });
    assert_eq!(refused(world.pay_by_header(request(&world, payment(10_000, "0x05"))).await), "insufficient_funds");
    world.chain.will_verify(Verification::Used);
    refused(world.pay_by_header(request(&world, payment(10_000, "0x06"))).await);
    world.chain.will_verify(Verification::Unavailable { retry_after_seconds: Some(7) });
    let reply = world.pay_by_header(request(&world, payment(10_000, "0x07"))).await;
    assert!(matches!(reply, Reply::PaymentUnverified { retry_after_seconds: 7 }));
    assert!(world.chain.submitted().is_empty() && world.upstream.sent() == 0);
    assert_eq!(world.ledger_rows().await, 0);
}

#[tokio::test]
async fn an_unclear_submission_is_never_answered_with_a_402_and_never_forwarded_unpaid() {
    let world = World::new();
    world.chain.will_answer(Observation::InProgress, None);
    let first = request(&world, payment(10_000, "0x01"));
    assert!(is_under_way(&world.pay_by_header(first.clone()).await));
    world.chain.is_down(true);
    world.clock.advance(std::time::Duration::from_secs(3));
    assert!(is_under_way(&world.pay_by_header(first.clone()).await));
    world.chain.is_down(false);
    assert!(world.upstream.sent() == 0);
    // It had been made after all.
    let terms = world.terms_of(&first.payment).await;
    world.chain.shows(&first.payment.reference(), ScriptedChain::arrival(&terms));
    world.clock.advance(std::time::Duration::from_secs(3));
    delivered(world.pay_by_header(first).await);
    assert_eq!(world.chain.submitted().len(), 1);
}

#[tokio::test]
async fn a_payment_that_was_claimed_and_never_submitted_is_submitted_by_the_next_request() {
    let world = World::new();
    world.chain.will_answer(Observation::InProgress, None);
    let first = request(&world, payment(10_000, "0x01"));
    assert!(is_under_way(&world.pay_by_header(first.clone()).await));
    // Not while whoever began may still be at it.
    world.clock.advance(std::time::Duration::from_secs(3));
    assert!(is_under_way(&world.pay_by_header(first.clone()).await));
    assert_eq!(world.chain.submitted().len(), 1);
    world.clock.advance(std::time::Duration::from_secs(61));
    delivered(world.pay_by_header(first).await);
    assert_eq!(world.chain.submitted().len(), 2);
}

#[tokio::test]
async fn once_a_payment_can_never_happen_there_is_a_402_again() {
    let world = World::new();
    let never = Observation::Failed { reason: "authorization_expired".into() };
    world.chain.will_answer(Observation::InProgress, Some(never));
    let first = request(&world, payment(10_000, "0x01"));
    assert!(is_under_way(&world.pay_by_header(first.clone()).await));
    world.clock.advance(std::time::Duration::from_secs(3));
    assert_eq!(refused(world.pay_by_header(first).await), "authorization_expired");
    delivered(world.pay_by_header(request(&world, payment(10_000, "0x02"))).await);
}

#[tokio::test]
async fn the_sweeper_settles_what_its_payer_never_asks_about_again() {
    let world = World::new();
    world.chain.will_answer(Observation::InProgress, None);
    let first = request(&world, payment(10_000, "0x01"));
    assert!(is_under_way(&world.pay_by_header(first.clone()).await));
    let terms = world.terms_of(&first.payment).await;
    world.chain.shows(&first.payment.reference(), ScriptedChain::arrival(&terms));
    world.clock.advance(std::time::Duration::from_secs(60));
    world.sweeper().round().await.unwrap();
    let seen = world.seen(&first.payment).await;
    assert_eq!(seen.state, State::Settled);
    assert!(world.upstream.sent() == 0);
}

#[tokio::test]
async fn a_promised_price_holds_after_the_price_has_risen_and_for_its_listing_alone() {
    let world = World::new();
    world
        .directory
        .change_offer("first", |offer| offer.price = crochet_pricing::Price::PerCall(MicroUsd::from_micros(50_000)));
    assert_eq!(
        refused(world.pay_by_header(request(&world, payment(10_000, "0x01"))).await),
        "invalid_exact_evm_payload_authorization_value"
    );
    let promised = Promised { listing: world.listing_id("first").await, gross: MicroUsd::from_micros(10_000) };
    let elsewhere = Promised { listing: world.listing_id("second").await, ..promised };
    let of = |promised| HeaderPayment { promised: Some(promised), ..payment(10_000, "0x02") };
    refused(world.pay_by_header(request(&world, of(elsewhere))).await);
    let (record, ..) = delivered(world.pay_by_header(request(&world, of(promised))).await);
    assert_eq!(record.price.unwrap().gross.micros(), 10_000);
    world.directory.change_offer("first", |offer| offer.former_price = Some(MicroUsd::from_micros(20_000)));
    let (record, ..) = delivered(world.pay_by_header(request(&world, payment(20_000, "0x03"))).await);
    assert_eq!(record.price.unwrap().gross.micros(), 20_000);
}

#[tokio::test]
async fn nothing_is_charged_for_a_call_that_cannot_be_made() {
    let world = World::new();
    world.directory.change_offer("first", |offer| offer.is_available = false);
    let reply = world.pay_by_header(request(&world, payment(10_000, "0x01"))).await;
    assert!(matches!(reply, Reply::ListingUnavailable { record: None }));
    let free = World::free();
    assert!(matches!(free.pay_by_header(request(&free, payment(10_000, "0x01"))).await, Reply::PaymentNotTaken));
    assert!(world.chain.submitted().is_empty() && free.chain.submitted().is_empty());
}

#[tokio::test]
async fn fifty_requests_with_one_payment_submit_it_once_and_run_once() {
    let world = World::new();
    let first = request(&world, payment(10_000, "0x01"));
    let replies = futures::future::join_all((0..50).map(|_| world.pay_by_header(first.clone()))).await;
    let served = replies.iter().filter(|reply| matches!(reply, Reply::Delivered { replayed: false, .. })).count();
    assert_eq!(served, 1);
    assert!(replies.iter().all(|reply| !matches!(reply, Reply::NotPaid { .. })));
    assert_eq!((world.upstream.sent(), world.chain.submitted().len()), (1, 1));
}

#[tokio::test]
async fn one_identifier_is_one_call_whatever_payment_comes_with_it() {
    let world = World::new();
    let key = IdempotencyKey::parse("payment-identifier:0123456789abcdef").ok();
    let first = PaidRequest { idempotency_key: key, ..request(&world, payment(10_000, "0x01")) };
    let (record, ..) = delivered(world.pay_by_header(first.clone()).await);
    let second = PaidRequest { payment: payment(10_000, "0x02"), ..first.clone() };
    match world.pay_by_header(second).await {
        Reply::ResponseNoLongerAvailable { record: again, .. } => assert_eq!(again.id, record.id),
        other => panic!("paid twice: {other:?}"),
    }
    let other_body = PaidRequest { body: Bytes::from_static(b"{}"), payment: payment(10_000, "0x03"), ..first };
    assert!(matches!(world.pay_by_header(other_body).await, Reply::IdempotencyKeyReused));
    assert_eq!(world.chain.submitted().len(), 1);
}

#[tokio::test]
async fn terms_are_offered_for_what_can_be_paid_and_cost_no_row() {
    let world = World::new();
    match world.header_terms("first").await {
        HeaderTerms::Offered { ways, gross, .. } => {
            assert_eq!((gross.micros(), ways.len()), (10_000, 1));
            assert_eq!(ways[0].recipient, PAYOUT);
        }
        other => panic!("not offered: {other:?}"),
    }
    let (first, second) = (world.listing_id("first").await, world.listing_id("second").await);
    let newest_first = [first.max(second), first.min(second)].to_vec();
    assert_eq!(world.discovered().await, (newest_first, 2));
    world.directory.change_offer("first", |offer| offer.payout_wallets = PayoutWallets::default());
    assert!(matches!(world.header_terms("first").await, HeaderTerms::NotOffered));
    assert_eq!(world.discovered().await, (vec![second], 1));
    assert!(matches!(world.header_terms("nothing").await, HeaderTerms::NotFound));
    world.directory.change_offer("second", |offer| offer.is_available = false);
    assert!(matches!(world.header_terms("second").await, HeaderTerms::Unavailable));
}
