//! Payments on Solana: what is refused before anybody is asked, and what the chain then says.

use std::sync::Arc;
use std::time::Duration;

use crochet_facilitator::testing::{
    SettleFault, TestFacilitator, TestInstruction, TestSolana, TestSolanaPayer, TestTransaction, VerifyFault,
};
use crochet_facilitator::{
    FacilitatorConfig, FacilitatorEndpoint, FacilitatorTimes, Facilitators, PaidNetwork, VerificationLimits,
};
use crochet_pricing::MicroUsd;
use crochet_primitives::Clock;
use crochet_primitives::testing::ManualClock;
use crochet_relay::ports::{HeaderPayments, PayoutWallets};
use crochet_relay::{HeaderOffer, HeaderPayment, Observation, Terms, Verification};
use crochet_wallet::WalletAddress;
use crochet_x402::{Asset, Network};
use secrecy::SecretString;
use serde_json::Value;

use crate::support::{NoRoom, PRICE, URL, read, terms};

/// The network takes no transaction so many blocks after the one that it names, and nothing is undone after the second.
const LIFETIME: u64 = 150;
const FINALITY: u64 = 32;

struct Scene {
    chain: TestSolana,
    facilitator: TestFacilitator,
    payer: TestSolanaPayer,
    seller: WalletAddress,
    payments: Facilitators,
    clock: Arc<ManualClock>,
}

fn usdc() -> Asset {
    Asset::usdc(Network::SOLANA_DEVNET).unwrap()
}

impl Scene {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let chain = TestSolana::start(usdc()).await.unwrap();
        let facilitator = TestFacilitator::start_on_solana(&chain, 1).await.unwrap();
        let payer = TestSolanaPayer::new(7);
        let seller = TestSolanaPayer::new(5).address();
        chain.mint(&payer.address(), 1_000_000);
        chain.mint(&seller, 0);
        let config = FacilitatorConfig {
            facilitators: vec![FacilitatorEndpoint { url: facilitator.url().to_owned(), bearer_token: None }],
            networks: vec![PaidNetwork {
                asset: usdc(),
                rpc_url: SecretString::from(chain.url()),
                finality_seconds: 0,
            }],
            resource_url: URL.to_owned(),
            times: FacilitatorTimes {
                verify_attempt: Duration::from_millis(700),
                settle: Duration::from_millis(700),
                rpc_attempt: Duration::from_millis(700),
                supported: Duration::from_millis(700),
                ..FacilitatorTimes::default()
            },
            verifications: VerificationLimits::default(),
        };
        let payments = Facilitators::new(config, clock.clone()).unwrap();
        Self { chain, facilitator, payer, seller, payments, clock }
    }

    async fn offers(&self) -> Vec<HeaderOffer> {
        let wallets = PayoutWallets { evm: None, solana: Some(self.seller.canonical()) };
        self.payments.offers(MicroUsd::from_micros(PRICE), &wallets).await
    }

    async fn way(&self) -> HeaderOffer {
        self.offers().await.remove(0)
    }

    fn draft(&self, way: &HeaderOffer) -> TestTransaction {
        let fee_payer = way.fee_payer.as_ref().unwrap().parse().unwrap();
        self.payer.draft(&self.chain, &fee_payer, &self.seller, PRICE)
    }

    fn read(&self, payload: &Value) -> HeaderPayment {
        let payment = TestSolanaPayer::v2(
            &serde_json::json!({ "accepts": [{ "scheme": "exact", "network": Network::SOLANA_DEVNET.to_string() }] }),
            payload,
        );
        read(&payment, &usdc(), Some(self.clock.now()))
    }

    /// A payment of the price to the seller.
    async fn payment(&self) -> HeaderPayment {
        let way = self.way().await;
        self.read(&self.payer.sign(&self.draft(&way)))
    }

    async fn verify(&self, payment: &HeaderPayment) -> Verification {
        self.payments.verify(payment, &self.way().await).await
    }

    /// Verifies a payment that is good, and makes the terms of its call as the relay does.
    async fn verified(&self, payment: &HeaderPayment) -> Terms {
        let evidence = match self.verify(payment).await {
            Verification::Valid { evidence } => evidence,
            other => panic!("{other:?}"),
        };
        Terms { origin_chain_id: 792_703_809, recipient: self.seller.canonical(), ..terms(payment, evidence) }
    }

    fn assert_paid_once(&self, observation: &Observation, terms: &Terms) {
        let transfers = self.chain.transfers();
        assert_eq!(transfers.len(), 1, "{transfers:?}");
        assert_eq!(self.chain.balance(&self.seller), PRICE);
        let Observation::Arrived(arrived) = observation else { panic!("{observation:?}") };
        assert!(terms.is_covered_by(&arrived[0]), "{arrived:?}");
        assert_eq!(arrived[0].base_units, PRICE);
        assert_eq!(arrived[0].transaction.as_deref(), Some(transfers[0].transaction.as_str()));
    }

    /// Until a payment that was just verified can never be made.
    fn let_it_expire(&self) {
        self.chain.mine(LIFETIME + 2 * FINALITY + 2);
    }
}

fn reason(verification: Verification) -> String {
    match verification {
        Verification::Invalid { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_offer_names_the_facilitators_fee_payer_and_the_sellers_token_account() {
    let scene = Scene::new().await;
    let way = scene.way().await;
    assert_eq!((way.network.as_str(), way.base_units), (Network::SOLANA_DEVNET.to_string().as_str(), PRICE));
    assert_eq!(way.recipient, scene.seller.canonical());
    assert_eq!(way.pays_into, scene.chain.token_account(&scene.seller).canonical());
    assert_eq!(way.fee_payer, Some(TestSolanaPayer::new(1).address().canonical()));
    scene.offers().await;
    assert_eq!(scene.facilitator.asked("/supported"), 1, "it is remembered");
    let evm = PayoutWallets { evm: Some("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed".to_owned()), solana: None };
    assert_eq!(scene.payments.offers(MicroUsd::from_micros(PRICE), &evm).await, []);
}

#[tokio::test]
async fn a_signature_that_there_is_no_room_to_check_is_for_later_and_no_facilitator_is_asked() {
    let scene = Scene::new().await;
    let (payment, way) = (scene.payment().await, scene.way().await);
    let later = Verification::Unavailable { retry_after_seconds: Some(1) };
    assert_eq!(scene.payments.computing(Arc::new(NoRoom)).verify(&payment, &way).await, later);
    assert_eq!(scene.facilitator.asked("/verify"), 0);
}

#[tokio::test]
async fn nothing_is_offered_while_nobody_says_who_pays_the_fees() {
    let scene = Scene::new().await;
    scene.facilitator.will_support([VerifyFault::HangUp, VerifyFault::HangUp]);
    assert_eq!(scene.offers().await, []);
    assert_eq!(scene.offers().await, []);
    assert_eq!(scene.facilitator.asked("/supported"), 1, "it is left alone for a moment");
    scene.clock.advance(Duration::from_secs(5));
    assert_eq!(scene.offers().await, []);
    scene.clock.advance(Duration::from_secs(5));
    assert_eq!(scene.offers().await.len(), 1);
}

#[tokio::test]
async fn a_payment_moves_money_once_and_arrives_at_once() {
    let scene = Scene::new().await;
    let payment = scene.payment().await;
    let terms = scene.verified(&payment).await;
    let observation = scene.payments.submit(&payment, &terms).await;
    scene.assert_paid_once(&observation, &terms);
    scene.assert_paid_once(&scene.payments.submit(&payment, &terms).await, &terms);
    scene.assert_paid_once(&scene.payments.check(&terms).await, &terms);
    assert_eq!(scene.verify(&payment).await, Verification::Used);
    let asked = scene.facilitator.last_body("/settle");
    assert_eq!(asked["paymentRequirements"]["payTo"], scene.seller.canonical());
    assert_eq!(asked["paymentRequirements"]["extra"]["feePayer"], TestSolanaPayer::new(1).address().canonical());
}

#[tokio::test]
async fn a_legacy_transaction_is_taken_too() {
    let scene = Scene::new().await;
    let draft = TestTransaction { is_legacy: true, ..scene.draft(&scene.way().await) };
    let payment = scene.read(&scene.payer.sign(&draft));
    let terms = scene.verified(&payment).await;
    scene.assert_paid_once(&scene.payments.submit(&payment, &terms).await, &terms);
}

#[tokio::test]
async fn what_is_not_one_transfer_of_the_price_to_the_seller_is_refused_before_anybody_is_asked() {
    let scene = Scene::new().await;
    let way = scene.way().await;
    let draft = || scene.draft(&way);
    let with = |change: &dyn Fn(&mut TestTransaction)| {
        let mut draft = draft();
        change(&mut draft);
        scene.read(&scene.payer.sign(&draft))
    };
    let system = TestInstruction { program: [0; 32], accounts: vec![(draft().fee_payer, true, true)], data: vec![2] };
    let nonce = TestInstruction { program: [0; 32], accounts: Vec::new(), data: vec![4, 0, 0, 0] };
    let cases: Vec<(&str, HeaderPayment)> = vec![
        ("amount_mismatch", with(&|draft| draft.instructions[2].data[1] += 1)),
        ("recipient_mismatch", with(&|draft| draft.instructions[2].accounts[2].0 = [8; 32])),
        (
            "recipient_mismatch",
            with(&|draft| {
                let to = draft.instructions[2].accounts[2];
                draft.instructions[2].accounts[0] = to;
            }),
        ),
        ("no_transfer_instruction", with(&|draft| draft.instructions[2].data[9] = 9)),
        (
            "instructions_length",
            with(&|draft| {
                let again = draft.instructions[2].clone();
                draft.instructions.push(again);
            }),
        ),
        ("fee_payer_transferring_funds", with(&|draft| draft.instructions.push(system.clone()))),
        ("unknown_optional_instruction", with(&|draft| draft.instructions.insert(0, nonce.clone()))),
        ("compute_price_instruction_too_high", with(&|draft| draft.instructions[1].data[8] = 1)),
        ("compute_limit_instruction_too_high", with(&|draft| draft.instructions[0].data[3] = 0xff)),
        ("compute_limit_instruction", with(&|draft| draft.instructions[0].data[0] = 1)),
        ("excessive_signers", with(&|draft| draft.instructions[3].accounts.push(([3; 32], true, false)))),
        ("alt_resolution_not_available", with(&|draft| draft.has_lookup = true)),
        ("fee_payer_mismatch", with(&|draft| draft.fee_payer = [6; 32])),
        (
            "instructions_length",
            with(&|draft| {
                let memo = draft.instructions[3].clone();
                draft.instructions.extend(vec![memo; 4]);
            }),
        ),
    ];
    for (expected, payment) in cases {
        let found = match scene.payments.verify(&payment, &way).await {
            Verification::Invalid { reason } => reason,
            other => panic!("{expected}: {other:?}"),
        };
        assert!(found.ends_with(expected), "{expected}: {found}");
    }
    // Another's money, and a signature that is missing.
    let other = TestSolanaPayer::new(9);
    let unsigned = scene.read(&other.sign(&draft()));
    assert_eq!(reason(scene.payments.verify(&unsigned, &way).await), "invalid_exact_svm_payload_signature_invalid");
    let own_fee = TestTransaction { fee_payer: scene.payer.address().as_bytes().try_into().unwrap(), ..draft() };
    scene.payments.verify(&scene.read(&scene.payer.sign(&own_fee)), &way).await;
    assert_eq!(scene.facilitator.asked("/verify"), 0);
    assert_eq!(scene.chain.calls("simulateTransaction"), 0);
}

#[tokio::test]
async fn another_mint_is_another_asset() {
    let scene = Scene::new().await;
    let mut draft = scene.draft(&scene.way().await);
    draft.instructions[2].accounts[1].0 = [4; 32];
    assert_eq!(reason(scene.verify(&scene.read(&scene.payer.sign(&draft))).await), "invalid_network");
}

#[tokio::test]
async fn a_block_that_the_node_does_not_know_is_refused() {
    let scene = Scene::new().await;
    let payment = scene.payment().await;
    scene.chain.mine(LIFETIME + 1);
    let expired = "invalid_exact_svm_payload_transaction_blockhash_expired";
    assert_eq!(reason(scene.verify(&payment).await), expired);
    let draft = TestTransaction { blockhash: [1; 32], ..scene.draft(&scene.way().await) };
    assert_eq!(reason(scene.verify(&scene.read(&scene.payer.sign(&draft))).await), expired);
    assert_eq!(scene.facilitator.asked("/verify"), 0);
    // A node that is a moment behind is asked again.
    let payment = scene.payment().await;
    scene.chain.lag(1, 1);
    assert!(matches!(scene.verify(&payment).await, Verification::Valid { .. }));
}

#[tokio::test]
async fn what_a_facilitator_says_decides_nothing_once_it_was_asked_to_settle() {
    for fault in [
        SettleFault::SettleThenHangUp,
        SettleFault::SettleThenStatus(502),
        SettleFault::SettleThenNo("unexpected_settle_error"),
        SettleFault::Pending { status: 500, settles: true },
        SettleFault::YesWithARevertedTransaction,
    ] {
        let scene = Scene::new().await;
        let payment = scene.payment().await;
        let terms = scene.verified(&payment).await;
        scene.facilitator.will_settle([fault]);
        scene.assert_paid_once(&scene.payments.submit(&payment, &terms).await, &terms);
    }
    for fault in [
        SettleFault::No("insufficient_funds"),
        SettleFault::YesWithoutSettling,
        SettleFault::HangUp,
        SettleFault::BrokenJson,
    ] {
        let scene = Scene::new().await;
        let payment = scene.payment().await;
        let terms = scene.verified(&payment).await;
        scene.facilitator.will_settle([fault]);
        assert_eq!(scene.payments.submit(&payment, &terms).await, Observation::InProgress);
        assert_eq!(scene.payments.check(&terms).await, Observation::Waiting);
        scene.let_it_expire();
        let lost = Observation::Failed { reason: "blockhash_expired".to_owned() };
        assert_eq!(scene.payments.check(&terms).await, lost);
    }
}

#[tokio::test]
async fn another_payment_of_the_payer_is_not_taken_for_this_one() {
    let scene = Scene::new().await;
    let payment = scene.payment().await;
    let terms = scene.verified(&payment).await;
    let other = scene.payment().await;
    let others_terms = scene.verified(&other).await;
    scene.payments.submit(&other, &others_terms).await;
    scene.facilitator.will_settle([SettleFault::YesWithAnotherTransaction]);
    assert_eq!(scene.payments.submit(&payment, &terms).await, Observation::InProgress);
    scene.assert_paid_once(&scene.payments.check(&others_terms).await, &others_terms);
}

#[tokio::test]
async fn a_payment_is_lost_only_once_its_last_block_is_final() {
    let scene = Scene::new().await;
    let payment = scene.payment().await;
    let terms = scene.verified(&payment).await;
    // Slots without blocks make no blockhash older.
    scene.chain.skip(10 * LIFETIME);
    assert_eq!(scene.payments.check(&terms).await, Observation::Waiting);
    scene.chain.mine(LIFETIME);
    assert_eq!(scene.payments.check(&terms).await, Observation::Waiting);
    scene.chain.mine(2 * FINALITY);
    assert_eq!(scene.payments.check(&terms).await, Observation::Waiting);
    scene.chain.mine(1);
    assert_eq!(scene.payments.check(&terms).await, Observation::Failed { reason: "blockhash_expired".to_owned() });
}

#[tokio::test]
async fn a_node_that_is_behind_or_cannot_be_read_never_says_that_a_payment_is_lost() {
    let scene = Scene::new().await;
    let payment = scene.payment().await;
    let terms = scene.verified(&payment).await;
    scene.facilitator.will_settle([SettleFault::SettleThenNo("no")]);
    scene.chain.lag_in("getSignaturesForAddress", 40);
    assert_eq!(scene.payments.submit(&payment, &terms).await, Observation::Unknown);
    scene.let_it_expire();
    // What was made is not seen in time by a node behind the same URL that lags: it says that it is behind.
    scene.chain.lag_in("getSignaturesForAddress", 250);
    assert_eq!(scene.payments.check(&terms).await, Observation::Unknown);
    scene.chain.lag_in("", 0);
    scene.chain.go_down(true);
    assert_eq!(scene.payments.check(&terms).await, Observation::Unknown);
    scene.chain.go_down(false);
    scene.chain.break_answers(true);
    assert_eq!(scene.payments.check(&terms).await, Observation::Unknown);
    scene.chain.break_answers(false);
    scene.assert_paid_once(&scene.payments.check(&terms).await, &terms);
}

#[tokio::test]
async fn a_transaction_that_failed_can_never_pay() {
    let scene = Scene::new().await;
    let payment = scene.payment().await;
    let terms = scene.verified(&payment).await;
    // The payer spends its money elsewhere meanwhile.
    let fee_payer = TestSolanaPayer::new(1).address();
    let elsewhere = scene.payer.draft(&scene.chain, &fee_payer, &scene.seller, 1_000_000);
    let other = scene.read(&scene.payer.sign(&elsewhere));
    let way = HeaderOffer { base_units: 1_000_000, ..scene.way().await };
    let Verification::Valid { evidence } = scene.payments.verify(&other, &way).await else { panic!() };
    let others = Terms { instructions: evidence, provider_request_id: other.reference(), ..terms.clone() };
    scene.payments.submit(&other, &others).await;
    assert_eq!(scene.payments.submit(&payment, &terms).await, Observation::InProgress);
    // It failed in a block that could still be dropped.
    assert_eq!(scene.payments.check(&terms).await, Observation::InProgress);
    scene.chain.mine(FINALITY);
    let lost = Observation::Failed { reason: "transaction_failed".to_owned() };
    assert_eq!(scene.payments.check(&terms).await, lost);
}

#[tokio::test]
async fn a_node_of_another_chain_is_not_believed() {
    let scene = Scene::new().await;
    let payment = scene.payment().await;
    scene.chain.pretend_to_be("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d");
    assert_eq!(scene.verify(&payment).await, Verification::Unavailable { retry_after_seconds: None });
    scene.chain.go_down(true);
    assert_eq!(scene.verify(&payment).await, Verification::Unavailable { retry_after_seconds: None });
}

#[tokio::test]
async fn what_was_made_before_it_was_offered_paid_for_something_else() {
    let scene = Scene::new().await;
    let payment = scene.payment().await;
    let terms = scene.verified(&payment).await;
    let body = scene.facilitator.last_body("/verify");
    // Somebody settles it before it is verified here again.
    scene.payments.submit(&payment, &terms).await;
    assert_eq!(scene.verify(&payment).await, Verification::Used);
    let mut later = terms.clone();
    later.instructions["after_slot"] = (terms.instructions["after_slot"].as_u64().unwrap() + 5).into();
    scene.chain.mine(40);
    assert_eq!(scene.payments.check(&later).await, Observation::Waiting);
    assert_eq!(body["paymentPayload"]["x402Version"], 2);
}
