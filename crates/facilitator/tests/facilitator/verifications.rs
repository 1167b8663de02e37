//! Before anything is submitted.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use crochet_facilitator::VerificationLimits;
use crochet_facilitator::testing::{TestPayer, VerifyFault};
use crochet_pricing::MicroUsd;
use crochet_primitives::Clock;
use crochet_relay::Verification;
use crochet_relay::ports::{HeaderPayments, PayoutWallets};
use crochet_wallet::WalletAddress;
use crochet_x402::{Asset, Network};

use crate::support::{NoRoom, PRICE, Scene, URL, seller, usdc, v1, v2, way};

fn reason(verification: Verification) -> String {
    match verification {
        Verification::Invalid { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_price_is_offered_to_sellers_on_evm_chains() {
    let scene = Scene::new().await;
    let price = MicroUsd::from_micros(10_000);
    let on_evm = |address: &str| PayoutWallets { evm: Some(address.to_owned()), solana: None };
    let offers = scene.payments.offers(price, &on_evm(&seller().to_string())).await;
    assert_eq!(offers.len(), 1);
    let offer = &offers[0];
    assert_eq!((offer.scheme, offer.network.as_str(), offer.base_units), ("exact", "eip155:84532", PRICE));
    assert_eq!(
        (offer.asset.as_str(), offer.recipient.as_str()),
        (usdc().caip19().as_str(), seller().canonical().as_str())
    );
    for address in ["2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8", "", "0x1"] {
        assert_eq!(scene.payments.offers(price, &on_evm(address)).await, [], "{address}");
    }
}

#[tokio::test]
async fn a_good_payment_of_either_version_is_valid_and_moves_nothing() {
    let scene = Scene::new().await;
    for payment in [scene.payment(), v1(&scene.authorization())] {
        scene.verified(&payment).await;
    }
    assert_eq!(scene.chain.transfers(), []);
    assert_eq!((scene.first.asked("/settle"), scene.second.asked("/verify")), (0, 0));
    assert_eq!(scene.first.asked("/supported"), 1, "what it supports is remembered");
}

#[tokio::test]
async fn a_facilitator_does_not_see_the_secret_of_a_payment() {
    let scene = Scene::new().await;
    let payment = scene.payment();
    assert!(payment.payload.to_string().contains("t1.secret.token"));
    scene.verified(&payment).await;
    assert!(!scene.first.last_body("/verify").to_string().contains("secret"));
}

#[tokio::test]
async fn a_payment_is_translated_for_a_facilitator_of_the_other_version() {
    let scene = Scene::new().await;
    scene.first.support_only(&[1]);
    scene.verified(&scene.payment()).await;
    assert_eq!(scene.first.last_body("/verify")["x402Version"], 1);
    assert_eq!(scene.first.last_body("/verify")["paymentRequirements"]["resource"], URL);
    scene.first.support_only(&[]);
    scene.second.support_only(&[2]);
    scene.clock.advance(Duration::from_secs(601));
    scene.verified(&v1(&scene.authorization())).await;
    assert_eq!(scene.second.last_body("/verify")["x402Version"], 2);
}

#[tokio::test]
async fn what_cannot_be_good_is_refused_without_asking_anybody() {
    let scene = Scene::new().await;
    let authorize = |value, seconds| v2(&scene.payer.authorize(&usdc(), &seller(), value, scene.after(seconds)));
    let value = "invalid_exact_evm_payload_authorization_value";
    assert_eq!(reason(scene.verify(&authorize(PRICE - 1, 60)).await), value);
    let before = "invalid_exact_evm_payload_authorization_valid_before";
    for seconds in [-60, 0, 5, 3601] {
        assert_eq!(reason(scene.verify(&authorize(PRICE, seconds)).await), before, "{seconds}");
    }
    let mut early = scene.authorization();
    early.valid_after = scene.after(30);
    let after = "invalid_exact_evm_payload_authorization_valid_after";
    assert_eq!(reason(scene.verify(&v2(&scene.payer.sign(&usdc(), early))).await), after);

    let mut other = scene.payment();
    other.scheme = "upto".to_owned();
    assert_eq!(reason(scene.verify(&other).await), "unsupported_scheme");
    other = scene.payment();
    other.asset = Asset::usdc(Network::BASE).unwrap().caip19();
    other.network = Network::BASE.to_string();
    assert_eq!(reason(scene.verify(&other).await), "invalid_network");
    // The number of one chain begins with that of another.
    other = scene.payment();
    other.network = Network::BASE.to_string();
    assert_eq!(reason(scene.verify(&other).await), "invalid_network");
    assert_eq!((scene.first.asked("/verify"), scene.chain.calls("eth_call")), (0, 0));
}

#[tokio::test]
async fn a_signature_that_is_not_the_payers_is_refused_without_asking_anybody() {
    let scene = Scene::new().await;
    let mut another_amount = scene.authorization();
    another_amount.value += 1;
    let mut somebody_elses = scene.authorization();
    somebody_elses.from = WalletAddress::from_evm_bytes([9; 20]);
    let mut short = scene.authorization();
    short.signature.truncate(2 + 2 * 63);
    let base = Asset::usdc(Network::BASE).unwrap();
    let of_another_chain = scene.payer.authorize(&base, &seller(), PRICE, scene.after(60));
    for forged in [another_amount, somebody_elses, short, of_another_chain] {
        for payment in [v2(&forged), v1(&forged)] {
            assert_eq!(reason(scene.verify(&payment).await), "invalid_exact_evm_payload_signature");
        }
    }
    assert_eq!((scene.chain.asked(), scene.first.asked("/supported"), scene.first.asked("/verify")), (0, 0, 0));
}

#[tokio::test]
async fn a_signature_that_there_is_no_room_to_check_is_for_later_and_nobody_is_asked() {
    let Scene { payments, chain, first, payer, clock, .. } = Scene::new().await;
    let payment = v2(&payer.authorize(&usdc(), &seller(), PRICE, clock.now() + TimeDelta::seconds(60)));
    let later = Verification::Unavailable { retry_after_seconds: Some(1) };
    assert_eq!(payments.computing(Arc::new(NoRoom)).verify(&payment, &way(&payment)).await, later);
    assert_eq!((chain.asked(), first.asked("/verify")), (0, 0));
}

#[tokio::test]
async fn a_contract_wallets_signature_is_for_the_facilitator_to_judge() {
    let scene = Scene::new().await;
    let payment = v2(&TestPayer::sign_as_contract(scene.authorization()));
    let terms = scene.verified(&payment).await;
    assert_eq!(scene.first.asked("/verify"), 1);
    let observation = scene.submit(&payment, &terms).await;
    scene.assert_paid_once(&observation, &payment);
}

#[tokio::test]
async fn what_strangers_make_us_ask_is_bounded_and_leaves_claimed_payments_alone() {
    let limits = VerificationLimits { per_minute: NonZeroU32::new(10).unwrap(), at_once: 1 };
    let scene = Scene::with(|config| config.verifications = limits).await;
    let payment = scene.payment();
    let terms = scene.verified(&payment).await;
    let forged = |count: u8| {
        let mut forged = TestPayer::sign_as_contract(scene.authorization());
        forged.signature = format!("0x{}", hex::encode(vec![count; 66]));
        v2(&forged)
    };
    assert_eq!(reason(scene.verify(&forged(0)).await), "invalid_exact_evm_payload_signature");
    let (asked, verified) = (scene.chain.asked(), scene.first.asked("/verify"));
    for count in 1..20 {
        let spent = Verification::Unavailable { retry_after_seconds: Some(8) };
        assert_eq!(scene.verify(&forged(count)).await, spent);
    }
    assert_eq!((scene.chain.asked(), scene.first.asked("/verify")), (asked, verified));
    // What costs nothing is still said.
    let late = scene.payer.authorize(&usdc(), &seller(), PRICE, scene.after(-1));
    assert_eq!(reason(scene.verify(&v2(&late)).await), "invalid_exact_evm_payload_authorization_valid_before");

    let observation = scene.submit(&payment, &terms).await;
    scene.assert_paid_once(&observation, &payment);
    assert_eq!(scene.check(&terms).await, observation);
    scene.clock.advance(Duration::from_secs(8));
    scene.verified(&scene.payment()).await;
}

#[tokio::test]
async fn slow_verifications_hold_no_more_than_their_places() {
    let limits = VerificationLimits { at_once: 2, ..VerificationLimits::default() };
    let scene = Scene::with(|config| config.verifications = limits).await;
    let payments = [scene.payment(), scene.payment(), scene.payment()];
    scene
        .first
        .will_verify([VerifyFault::Slow(Duration::from_millis(300)), VerifyFault::Slow(Duration::from_millis(300))]);
    let [one, two, three] = &payments;
    let answers = tokio::join!(scene.verify(one), scene.verify(two), scene.verify(three));
    assert!(
        matches!((&answers.0, &answers.1), (Verification::Valid { .. }, Verification::Valid { .. })),
        "{answers:?}"
    );
    assert_eq!(answers.2, Verification::Unavailable { retry_after_seconds: Some(1) });
    scene.verified(three).await;
}

#[tokio::test]
async fn what_the_facilitator_finds_wrong_is_said() {
    let scene = Scene::new().await;
    let mut forged = TestPayer::sign_as_contract(scene.authorization());
    forged.signature.replace_range(2..4, "ff");
    assert_eq!(reason(scene.verify(&v2(&forged)).await), "invalid_exact_evm_payload_signature");
    let dear = scene.payer.authorize(&usdc(), &seller(), 2_000_000, scene.after(60));
    assert_eq!(reason(scene.verify(&v2(&dear)).await), "insufficient_funds");
    assert_eq!(scene.first.asked("/verify"), 2);
    assert_eq!(scene.second.asked("/verify"), 0, "a no is not appealed against");
}

#[tokio::test]
async fn an_authorization_that_was_used_or_canceled_pays_for_nothing() {
    let scene = Scene::new().await;
    let (used, canceled) = (scene.authorization(), scene.authorization());
    scene.chain.submit(&used).1.unwrap();
    scene.chain.cancel(&canceled.from, &canceled.nonce);
    for authorization in [used, canceled] {
        assert_eq!(scene.verify(&v2(&authorization)).await, Verification::Used);
    }
    assert_eq!(scene.first.asked("/verify"), 0);
}

#[tokio::test]
async fn a_facilitator_that_gives_no_verdict_is_passed_over() {
    let faults = [
        VerifyFault::Status(502),
        VerifyFault::Status(500),
        VerifyFault::Status(429),
        VerifyFault::BrokenJson,
        VerifyFault::HangUp,
        VerifyFault::No("unexpected_verify_error"),
        VerifyFault::Slow(Duration::from_secs(5)),
    ];
    let scene = Scene::new().await;
    for (fault, count) in faults.into_iter().zip(1..) {
        scene.first.will_verify([fault.clone()]);
        let terms = scene.verified(&scene.payment()).await;
        assert_eq!(terms.instructions["facilitator"], scene.second.url(), "{fault:?}");
        assert_eq!(scene.second.asked("/verify"), count);
    }
    assert_eq!(scene.chain.transfers(), []);
}

#[tokio::test]
async fn a_facilitator_that_cannot_take_the_payment_is_passed_over() {
    let scene = Scene::new().await;
    scene.first.support_only(&[]);
    let terms = scene.verified(&scene.payment()).await;
    assert_eq!(terms.instructions["facilitator"], scene.second.url());
    assert_eq!(scene.first.asked("/verify"), 0);
}

#[tokio::test]
async fn a_facilitator_that_does_not_say_what_it_supports_is_asked_all_the_same() {
    let scene = Scene::new().await;
    scene.first.will_support([VerifyFault::Status(404)]);
    let terms = scene.verified(&scene.payment()).await;
    assert_eq!(terms.instructions["facilitator"], scene.first.url());
}

#[tokio::test]
async fn nothing_is_valid_while_nobody_can_be_asked() {
    let scene = Scene::new().await;
    scene.first.will_verify([VerifyFault::HangUp]);
    scene.second.will_verify([VerifyFault::Status(503)]);
    let unavailable = Verification::Unavailable { retry_after_seconds: None };
    assert_eq!(scene.verify(&scene.payment()).await, unavailable);
    scene.chain.go_down(true);
    assert_eq!(scene.verify(&scene.payment()).await, unavailable);
    scene.chain.go_down(false);
    scene.chain.break_answers(true);
    assert_eq!(scene.verify(&scene.payment()).await, unavailable);
    scene.chain.break_answers(false);
    scene.clock.advance(Duration::from_secs(60));
    scene.verified(&scene.payment()).await;
}

#[tokio::test]
async fn a_node_of_another_chain_is_not_believed() {
    let scene = Scene::new().await;
    scene.chain.pretend_to_be(8453);
    assert_eq!(scene.verify(&scene.payment()).await, Verification::Unavailable { retry_after_seconds: None });
    assert_eq!(scene.first.asked("/verify"), 0);
}

#[tokio::test]
async fn a_payment_of_more_than_the_price_is_taken() {
    let scene = Scene::new().await;
    let more = v2(&scene.payer.authorize(&usdc(), &seller(), PRICE + 5, scene.after(60)));
    let terms = scene.verified(&more).await;
    scene.submit(&more, &terms).await;
    assert_eq!(scene.chain.balance(&seller()), u128::from(PRICE + 5));
}

#[tokio::test]
async fn to_whom_is_what_the_payer_signed() {
    let scene = Scene::new().await;
    let other = WalletAddress::from_evm_bytes([9; 20]);
    let payment = v2(&scene.payer.authorize(&usdc(), &other, PRICE, scene.after(60)));
    assert_eq!(payment.recipient, other.canonical(), "the relay refuses it by this, whatever was `accepted`");
}
