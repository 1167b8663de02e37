//! Everything at once, in any order: money moves at most once, and nothing is said that the chain does not show.

use std::time::Duration;

use crochet_facilitator::testing::SettleFault;
use crochet_relay::Observation;
use proptest::prelude::*;

use crate::support::{FINALITY, PRICE, Scene, v2};

#[derive(Debug, Clone)]
enum Step {
    Submit(Option<SettleFault>),
    Check,
    AnybodySubmits,
    Cancel,
    Pass(u64),
    Lag(u64, u64),
    Down(bool),
    Broken(bool),
}

fn settle_fault() -> impl Strategy<Value = SettleFault> {
    prop_oneof![
        Just(SettleFault::SettleThenStatus(502)),
        Just(SettleFault::SettleThenHangUp),
        Just(SettleFault::SettleThenSlow(Duration::from_millis(1))),
        Just(SettleFault::SettleThenNo("unexpected_settle_error")),
        Just(SettleFault::No("insufficient_funds")),
        (prop_oneof![Just(200), Just(202), Just(500)], any::<bool>())
            .prop_map(|(status, settles)| SettleFault::Pending { status, settles }),
        Just(SettleFault::YesWithoutSettling),
        Just(SettleFault::YesWithAnotherTransaction),
        Just(SettleFault::YesWithARevertedTransaction),
        Just(SettleFault::Status(503)),
        Just(SettleFault::BrokenJson),
        Just(SettleFault::HangUp),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::option::of(settle_fault()).prop_map(Step::Submit),
        4 => Just(Step::Check),
        1 => Just(Step::AnybodySubmits),
        1 => Just(Step::Cancel),
        3 => prop_oneof![Just(1), Just(FINALITY), Just(60)].prop_map(Step::Pass),
        1 => (0..4_u64, 0..20_u64).prop_map(|(blocks, calls)| Step::Lag(blocks, calls)),
        1 => any::<bool>().prop_map(Step::Down),
        1 => any::<bool>().prop_map(Step::Broken),
    ]
}

async fn play(steps: Vec<Step>) {
    let scene = Scene::new().await;
    let authorization = scene.authorization();
    let payment = v2(&authorization);
    let terms = scene.verified(&payment).await;
    let mut has_failed = false;
    for step in steps {
        let observation = match step.clone() {
            Step::Submit(fault) => {
                scene.first.will_settle(fault);
                scene.submit(&payment, &terms).await
            }
            Step::Check => scene.check(&terms).await,
            Step::AnybodySubmits => {
                let _ = scene.chain.submit(&authorization);
                continue;
            }
            Step::Cancel => {
                let is_unused = scene.chain.refusal(&authorization) != Some("invalid_transaction_state");
                if is_unused && scene.chain.transfers().is_empty() {
                    scene.chain.cancel(&payment.payer, &payment.nonce);
                }
                continue;
            }
            Step::Pass(seconds) => {
                scene.pass(seconds);
                continue;
            }
            Step::Lag(blocks, calls) => {
                scene.chain.lag(blocks, calls);
                continue;
            }
            Step::Down(is_down) => {
                scene.chain.go_down(is_down);
                continue;
            }
            Step::Broken(is_broken) => {
                scene.chain.break_answers(is_broken);
                continue;
            }
        };
        let transfers = scene.chain.transfers();
        assert!(transfers.len() <= 1, "{transfers:?}");
        match observation {
            Observation::Arrived(arrived) => {
                assert!(!has_failed, "{step:?}");
                assert_eq!((transfers.len(), arrived.len(), arrived[0].base_units), (1, 1, PRICE));
            }
            Observation::Failed { .. } => {
                has_failed = true;
                assert_eq!(transfers, [], "{step:?}: a failure that was paid");
                assert!(scene.chain.refusal(&authorization).is_some(), "{step:?}: a failure that can still be paid");
            }
            Observation::Waiting | Observation::InProgress | Observation::Unknown => {}
            other => panic!("{other:?}"),
        }
    }
    // In the end the truth comes out.
    scene.chain.go_down(false);
    scene.chain.break_answers(false);
    scene.chain.lag(0, 0);
    scene.pass(3600);
    let is_paid = !scene.chain.transfers().is_empty();
    match scene.check(&terms).await {
        Observation::Arrived(_) => assert!(is_paid),
        Observation::Failed { .. } => assert!(!is_paid),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_faults_moves_money_twice_or_hides_it(steps in proptest::collection::vec(step(), 1..16)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(steps));
    }
}
