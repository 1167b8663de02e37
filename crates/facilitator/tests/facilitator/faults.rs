//! Nodes and facilitators that fail for longer, and what is said of that.

use std::time::{Duration, Instant};

use crochet_facilitator::testing::VerifyFault;
use crochet_relay::{Observation, Verification};

use crate::support::{Scene, usdc};

#[tokio::test]
async fn a_node_that_does_not_answer_is_left_alone_and_then_tried_again() {
    let scene = Scene::new().await;
    let terms = scene.verified(&scene.payment()).await;
    assert!(scene.payments.health().is_ready());
    scene.chain.go_down(true);
    for _ in 0..4 {
        assert_eq!(scene.check(&terms).await, Observation::Unknown);
    }
    let calls = scene.chain.calls("eth_getBlockByNumber");
    assert_eq!(scene.check(&terms).await, Observation::Unknown);
    assert_eq!(scene.chain.calls("eth_getBlockByNumber"), calls, "nothing was sent");
    let health = scene.payments.health();
    assert_eq!(health.chains, [(usdc().caip19(), false)]);
    assert!(!health.is_ready());

    scene.chain.go_down(false);
    scene.clock.advance(Duration::from_secs(5));
    assert_eq!(scene.check(&terms).await, Observation::Waiting);
    assert!(scene.payments.health().is_ready());
}

#[tokio::test]
async fn a_facilitator_that_does_not_answer_is_left_alone_and_the_other_does() {
    let scene = Scene::new().await;
    scene.verified(&scene.payment()).await;
    scene.first.will_verify(vec![VerifyFault::Status(503); 5]);
    for _ in 0..6 {
        let terms = scene.verified(&scene.payment()).await;
        assert_eq!(terms.instructions["facilitator"], scene.second.url());
    }
    assert_eq!(scene.first.asked("/verify"), 6, "once well, five times badly, and not once more");
    let health = scene.payments.health();
    assert_eq!(health.facilitators, [(scene.first.url().to_owned(), false), (scene.second.url().to_owned(), true)]);
    assert!(health.is_ready(), "one is enough");
}

#[tokio::test]
async fn payments_that_a_facilitator_chokes_on_do_not_cut_it_off() {
    let scene = Scene::new().await;
    scene.first.will_verify(vec![VerifyFault::Status(500); 10]);
    for _ in 0..10 {
        scene.verified(&scene.payment()).await;
    }
    let terms = scene.verified(&scene.payment()).await;
    assert_eq!(terms.instructions["facilitator"], scene.first.url());
}

#[tokio::test]
async fn a_payment_is_submitted_by_its_facilitator_even_if_that_was_left_alone() {
    let scene = Scene::new().await;
    let payment = scene.payment();
    let terms = scene.verified(&payment).await;
    scene.first.will_verify(vec![VerifyFault::Status(503); 5]);
    for _ in 0..5 {
        scene.verified(&scene.payment()).await;
    }
    assert!(!scene.payments.health().facilitators[0].1);
    let observation = scene.submit(&payment, &terms).await;
    scene.assert_paid_once(&observation, &payment);
}

#[tokio::test]
async fn what_a_facilitator_supports_is_believed_while_it_cannot_be_asked() {
    let scene = Scene::new().await;
    scene.verified(&scene.payment()).await;
    scene.clock.advance(Duration::from_secs(601));
    scene.first.will_support([VerifyFault::HangUp]);
    let terms = scene.verified(&scene.payment()).await;
    assert_eq!(terms.instructions["facilitator"], scene.first.url());
    assert_eq!(scene.first.asked("/supported"), 2);
}

#[tokio::test]
async fn waiting_is_bounded() {
    let scene = Scene::new().await;
    scene.verified(&scene.payment()).await;
    scene.first.will_verify([VerifyFault::Slow(Duration::from_secs(60))]);
    scene.second.will_support([VerifyFault::Slow(Duration::from_secs(60))]);
    let start = Instant::now();
    assert_eq!(scene.verify(&scene.payment()).await, Verification::Unavailable { retry_after_seconds: None });
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
