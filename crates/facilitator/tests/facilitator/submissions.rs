//! A claim is committed; now the payment is submitted, once, by one facilitator.

use std::time::Duration;

use crochet_facilitator::testing::SettleFault;
use crochet_relay::Observation;

use crate::support::{Scene, seller, v1, v2};

#[tokio::test]
async fn a_payment_of_either_version_arrives() {
    for version in [v2, v1] {
        let scene = Scene::new().await;
        let payment = version(&scene.authorization());
        let terms = scene.verified(&payment).await;
        let observation = scene.submit(&payment, &terms).await;
        scene.assert_paid_once(&observation, &payment);
        assert_eq!(scene.check(&terms).await, observation);
        assert_eq!(scene.first.asked("/settle"), 1);
    }
}

#[tokio::test]
async fn what_was_settled_has_arrived_whatever_the_facilitator_answers() {
    let faults = [
        SettleFault::SettleThenStatus(502),
        SettleFault::SettleThenHangUp,
        SettleFault::SettleThenSlow(Duration::from_secs(3)),
        SettleFault::SettleThenNo("unexpected_settle_error"),
        SettleFault::Pending { status: 500, settles: true },
        SettleFault::Pending { status: 200, settles: true },
        SettleFault::Pending { status: 202, settles: true },
        SettleFault::YesWithARevertedTransaction,
    ];
    for fault in faults {
        let scene = Scene::new().await;
        let payment = scene.payment();
        let terms = scene.verified(&payment).await;
        scene.first.will_settle([fault.clone()]);
        let observation = scene.submit(&payment, &terms).await;
        scene.assert_paid_once(&observation, &payment);
        assert_eq!((scene.first.asked("/settle"), scene.second.asked("/settle")), (1, 0), "{fault:?}");
    }
}

#[tokio::test]
async fn what_was_not_settled_is_under_way_until_it_can_never_be() {
    let faults = [
        SettleFault::No("insufficient_funds"),
        SettleFault::Status(502),
        SettleFault::Status(400),
        SettleFault::BrokenJson,
        SettleFault::HangUp,
        SettleFault::YesWithoutSettling,
        SettleFault::Pending { status: 500, settles: false },
        SettleFault::Pending { status: 200, settles: false },
        SettleFault::Pending { status: 202, settles: false },
    ];
    for fault in faults {
        let scene = Scene::new().await;
        let payment = scene.payment();
        let terms = scene.verified(&payment).await;
        scene.first.will_settle([fault.clone()]);
        assert_eq!(scene.submit(&payment, &terms).await, Observation::InProgress, "{fault:?}");
        assert_eq!(scene.check(&terms).await, Observation::Waiting);
        assert_eq!((scene.first.asked("/settle"), scene.second.asked("/settle")), (1, 0), "{fault:?}");
        scene.let_it_expire();
        let failed = Observation::Failed { reason: "authorization_expired".to_owned() };
        assert_eq!(scene.check(&terms).await, failed);
        assert_eq!(scene.submit(&payment, &terms).await, failed);
        assert_eq!(scene.chain.transfers(), []);
    }
}

#[tokio::test]
async fn somebody_elses_transaction_proves_nothing() {
    let scene = Scene::new().await;
    scene.chain.submit(&scene.authorization()).1.unwrap();
    let payment = scene.payment();
    let terms = scene.verified(&payment).await;
    scene.first.will_settle([SettleFault::YesWithAnotherTransaction]);
    assert_eq!(scene.submit(&payment, &terms).await, Observation::InProgress);
    assert_eq!(scene.check(&terms).await, Observation::Waiting);
}

#[tokio::test]
async fn a_payment_that_is_submitted_again_moves_nothing_and_has_arrived() {
    for repeats in [false, true] {
        let scene = Scene::new().await;
        if repeats {
            scene.first.repeat_success();
        }
        let payment = scene.payment();
        let terms = scene.verified(&payment).await;
        let observation = scene.submit(&payment, &terms).await;
        for _ in 0..3 {
            assert_eq!(scene.submit(&payment, &terms).await, observation);
        }
        scene.assert_paid_once(&observation, &payment);
    }
}

#[tokio::test]
async fn a_payment_that_is_submitted_by_many_at_once_moves_money_once() {
    let scene = Scene::new().await;
    let payment = scene.payment();
    let terms = scene.verified(&payment).await;
    let (one, two, three, four) = tokio::join!(
        scene.submit(&payment, &terms),
        scene.submit(&payment, &terms),
        scene.submit(&payment, &terms),
        scene.submit(&payment, &terms),
    );
    for observation in [one, two, three, four] {
        scene.assert_paid_once(&observation, &payment);
    }
}

#[tokio::test]
async fn a_node_that_is_behind_is_waited_for_after_a_success() {
    let scene = Scene::new().await;
    let payment = scene.payment();
    let terms = scene.verified(&payment).await;
    scene.chain.lag(1, 9);
    let before = crochet_primitives::Clock::monotonic(scene.clock.as_ref());
    let observation = scene.submit(&payment, &terms).await;
    scene.assert_paid_once(&observation, &payment);
    let waited = crochet_primitives::Clock::monotonic(scene.clock.as_ref()) - before;
    assert_eq!(waited, Duration::from_millis(1500), "three calls a look, three looks too early");
}

#[tokio::test]
async fn a_node_that_stays_behind_leaves_it_under_way() {
    let scene = Scene::new().await;
    let payment = scene.payment();
    let terms = scene.verified(&payment).await;
    scene.chain.lag(1, 1000);
    assert_eq!(scene.submit(&payment, &terms).await, Observation::InProgress);
    assert_eq!(scene.chain.transfers().len(), 1);
    scene.chain.lag(0, 0);
    let observation = scene.check(&terms).await;
    scene.assert_paid_once(&observation, &payment);
}

#[tokio::test]
async fn while_the_chain_cannot_be_read_nothing_is_known() {
    let scene = Scene::new().await;
    let payment = scene.payment();
    let terms = scene.verified(&payment).await;
    scene.chain.go_down(true);
    assert_eq!(scene.submit(&payment, &terms).await, Observation::Unknown);
    assert_eq!(scene.chain.transfers().len(), 1, "and yet it was paid");
    scene.chain.go_down(false);
    scene.clock.advance(Duration::from_secs(60));
    let observation = scene.check(&terms).await;
    scene.assert_paid_once(&observation, &payment);
}

#[tokio::test]
async fn nobody_submits_for_a_facilitator_that_is_not_configured_any_more() {
    let scene = Scene::new().await;
    let payment = scene.payment();
    let mut terms = scene.verified(&payment).await;
    terms.instructions["facilitator"] = "https://facilitator.example".into();
    assert_eq!(scene.submit(&payment, &terms).await, Observation::InProgress);
    assert_eq!((scene.first.asked("/settle"), scene.second.asked("/settle")), (0, 0));
    assert_eq!(scene.chain.balance(&seller()), 0);
}
