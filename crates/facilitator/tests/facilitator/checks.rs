//! What the chain says, whoever asks and whenever.

use std::time::Duration;

use crochet_primitives::timestamp_from_millis;
use crochet_relay::Observation;
use crochet_wallet::WalletAddress;
use serde_json::Value;

use crate::support::{FINALITY, PRICE, Scene, seller, terms, usdc, v2};

#[tokio::test]
async fn a_payment_that_anybody_has_submitted_has_arrived() {
    let scene = Scene::new().await;
    let authorization = scene.authorization();
    let payment = v2(&authorization);
    let terms = scene.verified(&payment).await;
    assert_eq!(scene.check(&terms).await, Observation::Waiting);
    scene.chain.submit(&authorization).1.unwrap();
    let observation = scene.check(&terms).await;
    scene.assert_paid_once(&observation, &payment);
    scene.let_it_expire();
    assert_eq!(scene.check(&terms).await, observation, "for ever");
}

#[tokio::test]
async fn a_payment_is_found_many_blocks_later() {
    let scene = Scene::new().await;
    let authorization = scene.authorization();
    let payment = v2(&authorization);
    let terms = scene.verified(&payment).await;
    scene.chain.mine_many(4500);
    scene.chain.submit(&authorization).1.unwrap();
    scene.chain.mine_many(4500);
    let observation = scene.check(&terms).await;
    scene.assert_paid_once(&observation, &payment);
    assert_eq!(scene.chain.calls("eth_getLogs"), 3, "2000 blocks a call");
}

#[tokio::test]
async fn a_search_ends() {
    let scene = Scene::new().await;
    let authorization = scene.authorization();
    let terms = scene.verified(&v2(&authorization)).await;
    scene.chain.mine_many(40_000);
    scene.chain.submit(&authorization).1.unwrap();
    assert_eq!(scene.check(&terms).await, Observation::InProgress);
    assert_eq!(scene.chain.calls("eth_getLogs"), 16);
}

#[tokio::test]
async fn an_expired_authorization_has_failed_only_once_that_is_final() {
    let scene = Scene::new().await;
    let terms = scene.verified(&scene.payment()).await;
    scene.pass(60);
    assert_eq!(scene.check(&terms).await, Observation::Waiting);
    scene.pass(FINALITY - 1);
    assert_eq!(scene.check(&terms).await, Observation::Waiting);
    // The chain's time decides, not the gateway's.
    scene.clock.advance(Duration::from_secs(3600));
    assert_eq!(scene.check(&terms).await, Observation::Waiting);
    scene.pass(1);
    assert_eq!(scene.check(&terms).await, Observation::Failed { reason: "authorization_expired".to_owned() });
}

#[tokio::test]
async fn a_canceled_authorization_has_failed_once_that_is_final() {
    let scene = Scene::new().await;
    let payment = scene.payment();
    let terms = scene.verified(&payment).await;
    scene.chain.cancel(&payment.payer, &payment.nonce);
    assert_eq!(scene.check(&terms).await, Observation::InProgress);
    scene.pass(FINALITY - 1);
    assert_eq!(scene.check(&terms).await, Observation::InProgress);
    scene.pass(1);
    assert_eq!(scene.check(&terms).await, Observation::Failed { reason: "authorization_canceled".to_owned() });
}

#[tokio::test]
async fn a_nonce_that_paid_somebody_else_has_not_paid_the_seller() {
    let scene = Scene::new().await;
    let authorization = scene.authorization();
    let terms = scene.verified(&v2(&authorization)).await;
    let mut other = authorization;
    other.to = WalletAddress::from_evm_bytes([9; 20]);
    scene.chain.submit(&scene.payer.sign(&usdc(), other)).1.unwrap();
    assert_eq!(scene.check(&terms).await, Observation::InProgress);
    scene.pass(FINALITY);
    let failed = Observation::Failed { reason: "authorization_used_otherwise".to_owned() };
    assert_eq!(scene.check(&terms).await, failed);
    assert_eq!(scene.chain.balance(&seller()), 0);
}

#[tokio::test]
async fn what_arrived_is_what_the_chain_says() {
    let scene = Scene::new().await;
    let authorization = scene.authorization();
    let terms = scene.verified(&v2(&authorization)).await;
    // The payer has signed a smaller amount with the same nonce, and was faster.
    let mut less = authorization;
    less.value = 1;
    scene.chain.submit(&scene.payer.sign(&usdc(), less)).1.unwrap();
    let observation = scene.check(&terms).await;
    let arrived = observation.payments();
    assert_eq!(arrived[0].base_units, 1);
    assert!(!terms.is_covered_by(&arrived[0]));
}

#[tokio::test]
async fn another_payers_use_of_the_same_nonce_is_another_payment() {
    let scene = Scene::new().await;
    let payment = scene.payment();
    let terms = scene.verified(&payment).await;
    let other = crochet_facilitator::testing::TestPayer::new(8).unwrap();
    scene.chain.mint(&other.address(), PRICE);
    let mut same_nonce = other.authorize(&usdc(), &seller(), PRICE, scene.after(60));
    same_nonce.nonce = payment.nonce;
    scene.chain.submit(&other.sign(&usdc(), same_nonce)).1.unwrap();
    assert_eq!(scene.check(&terms).await, Observation::Waiting);
}

#[tokio::test]
async fn a_node_that_is_behind_another_one_does_not_make_a_payment_fail() {
    let scene = Scene::new().await;
    let authorization = scene.authorization();
    let payment = v2(&authorization);
    let terms = scene.verified(&payment).await;
    scene.chain.submit(&authorization).1.unwrap();
    scene.let_it_expire();
    // One node knows that time is over, the other does not know yet that it was paid in time.
    scene.chain.lag_in("eth_call", 2);
    assert_eq!(scene.check(&terms).await, Observation::Unknown);
    scene.chain.lag_in("eth_getLogs", 2);
    assert_eq!(scene.check(&terms).await, Observation::InProgress);
    scene.chain.lag_in("eth_getTransactionReceipt", 2);
    assert_eq!(scene.check(&terms).await, Observation::InProgress);
    scene.chain.lag_in("eth_getBlockByNumber", 2);
    let observation = scene.check(&terms).await;
    scene.chain.lag_in("", 0);
    assert_eq!(observation, Observation::Waiting, "the past is told consistently");
    let observation = scene.check(&terms).await;
    scene.assert_paid_once(&observation, &payment);
}

#[tokio::test]
async fn of_several_payments_in_one_transaction_each_is_told_apart() {
    let scene = Scene::new().await;
    let other = scene.payer.authorize(&usdc(), &seller(), 77, scene.after(60));
    let authorization = scene.authorization();
    let terms = scene.verified(&v2(&authorization)).await;
    let third = scene.payer.authorize(&usdc(), &WalletAddress::from_evm_bytes([9; 20]), 5, scene.after(60));
    scene.chain.submit_together(&[&other, &authorization, &third]).1.unwrap();
    let observation = scene.check(&terms).await;
    assert_eq!(observation.payments().len(), 1);
    assert_eq!(observation.payments()[0].base_units, PRICE);
    assert!(terms.is_covered_by(&observation.payments()[0]));
}

#[tokio::test]
async fn a_transfer_that_does_not_directly_follow_the_use_is_no_proof() {
    let scene = Scene::new().await;
    scene.chain.move_money_first();
    let payment = scene.payment();
    let terms = scene.verified(&payment).await;
    assert_eq!(scene.submit(&payment, &terms).await, Observation::InProgress);
    scene.let_it_expire();
    assert_eq!(scene.check(&terms).await, Observation::InProgress, "and never a failure: money has moved");
}

#[tokio::test]
async fn what_cannot_be_looked_for_is_unknown() {
    let scene = Scene::new().await;
    let payment = scene.payment();
    let good = scene.verified(&payment).await;
    for evidence in [Value::Null, serde_json::json!({ "from_block": "1" })] {
        assert_eq!(scene.check(&terms(&payment, evidence)).await, Observation::Unknown);
    }
    let mut other = good.clone();
    other.asset = "eip155:1/erc20:0x".to_owned();
    assert_eq!(scene.check(&other).await, Observation::Unknown);
    other = good.clone();
    other.claimed = None;
    assert_eq!(scene.check(&other).await, Observation::Unknown);
    other = good;
    other.claimed.as_mut().unwrap().valid_before = timestamp_from_millis(-1000).unwrap();
    assert_eq!(scene.check(&other).await, Observation::Unknown);
}

#[tokio::test]
async fn a_payment_is_looked_for_from_the_block_after_the_one_in_which_it_was_seen_unused() {
    let scene = Scene::new().await;
    let authorization = scene.authorization();
    let payment = v2(&authorization);
    let latest = 99;
    let terms = scene.verified(&payment).await;
    assert_eq!(terms.instructions["from_block"], latest + 1);
}
