//! The mock provider over its in-memory store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "this is test code")]

use std::sync::Arc;
use std::time::Duration;

use crochet_payments::{MAX_SETTLE_AFTER, MockPayError, MockProvider, PayReceipt, PayRequest, PaymentStatus};
use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, split};
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_primitives::{CallId, Clock, ListingId};
use crochet_relay::memory::{Fault, MemoryMockPayments};
use crochet_relay::ports::{MockOutcome, PaymentProvider};
use crochet_relay::{
    BASE, FeeStatus, Observation, OriginCurrency, Payment, QuoteAsk, QuoteOutcome, QuoteRefusal, Route, SOLANA, Terms,
};

struct Bench {
    clock: Arc<ManualClock>,
    store: Arc<MemoryMockPayments>,
    provider: MockProvider,
    call: CallId,
}

fn bench() -> Bench {
    let (clock, store) = (Arc::new(ManualClock::default()), Arc::new(MemoryMockPayments::default()));
    let entropy = Arc::new(SeededEntropy::default());
    let provider = MockProvider::new(store.clone(), clock.clone(), entropy, "https://crochet.example/".to_owned());
    let call = CallId::new(clock.now(), [1; 10]);
    Bench { clock, store, provider, call }
}

fn route(currency: OriginCurrency, chain_id: u64, chosen_by_buyer: bool) -> Route {
    let network = if chain_id == SOLANA { "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" } else { "eip155:8453" };
    Route { currency, chain_id, network, wallet: None, chosen_by_buyer }
}

impl Bench {
    fn ask(&self, micros: u64, route: Route) -> QuoteAsk {
        let split = split(MicroUsd::from_micros(micros), MARKETPLACE_FEE);
        QuoteAsk {
            call: self.call,
            listing: ListingId::new(self.clock.now(), [2; 10]),
            gross: split.gross,
            fee: split.fee,
            seller_share: split.seller_share,
            route,
            recipient: "the seller".to_owned(),
            expires_at: self.clock.now() + Duration::from_secs(900),
        }
    }

    async fn terms(&self) -> Terms {
        let ask = self.ask(10_000, route(OriginCurrency::Sol, SOLANA, true));
        match self.provider.quote(&ask).await {
            QuoteOutcome::Issued(terms) => *terms,
            other => panic!("no terms: {other:?}"),
        }
    }

    async fn pay_as(&self, outcome: MockOutcome, settle_after_ms: u64, amount: Option<u64>) -> PayReceipt {
        let request = PayRequest { outcome, settle_after_ms, amount: amount.map(MicroUsd::from_micros) };
        self.provider.pay(self.call, request).await.unwrap()
    }

    async fn pay(&self, outcome: MockOutcome) -> PayReceipt {
        self.pay_as(outcome, 0, None).await
    }

    async fn check(&self, terms: &Terms) -> Observation {
        self.provider.check(self.call, terms).await
    }
}

fn references(observation: &Observation) -> Vec<&str> {
    match observation {
        Observation::Refunded { references, .. } => references.iter().map(String::as_str).collect(),
        other => other.payments().iter().map(|payment| payment.reference.as_str()).collect(),
    }
}

#[tokio::test]
async fn terms_say_where_what_and_to_whom_to_pay() {
    let bench = bench();
    let terms = bench.terms().await;
    let id = bench.call.relay_request_id();
    let expected = Terms {
        provider: "mock".into(),
        provider_request_id: id.clone(),
        scheme: "mock".into(),
        network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp".into(),
        origin_currency: OriginCurrency::Sol,
        origin_chain_id: SOLANA,
        instructions: serde_json::json!({
            "pay_url": format!("https://crochet.example/api/v1/mock-provider/payments/{id}/pay"),
            "method": "POST",
        }),
        asset: "usdc".into(),
        recipient: "the seller".into(),
        expected_base_units: 10_000,
        fee_status: FeeStatus::Accrued,
        expires_at: bench.clock.now() + Duration::from_secs(900),
        claimed: None,
    };
    assert_eq!(terms, expected);
    assert_eq!(bench.provider.name(), "mock");
}

#[tokio::test]
async fn an_evm_route_that_the_buyer_chose_has_a_minimum() {
    let minimum = MicroUsd::from_micros(100_000);
    for (currency, chain, chosen, micros, is_refused) in [
        (OriginCurrency::Usdc, BASE, true, 99_999, true),
        (OriginCurrency::Eth, BASE, true, 1, true),
        (OriginCurrency::Usdc, BASE, true, 100_000, false),
        (OriginCurrency::Usdc, BASE, false, 1, false),
        (OriginCurrency::Sol, SOLANA, true, 1, false),
        (OriginCurrency::Usdc, SOLANA, true, 1, false),
    ] {
        let bench = bench();
        let outcome = bench.provider.quote(&bench.ask(micros, route(currency, chain, chosen))).await;
        let refusal = QuoteOutcome::Refused(QuoteRefusal::RouteMinimumNotMet { minimum });
        assert_eq!(outcome == refusal, is_refused, "{currency:?} {chain} {chosen} {micros}");
        assert_eq!(matches!(outcome, QuoteOutcome::Issued(_)), !is_refused);
    }
}

#[tokio::test]
async fn a_call_that_is_quoted_again_keeps_its_first_amount_and_recipient() {
    let bench = bench();
    let first = bench.terms().await;
    let mut again = bench.ask(20_000, route(OriginCurrency::Sol, SOLANA, true));
    again.recipient = "somebody else".into();
    assert_eq!(bench.provider.quote(&again).await, QuoteOutcome::Issued(Box::new(first)));
}

#[tokio::test]
async fn a_success_arrives_as_the_terms_ask() {
    let bench = bench();
    let terms = bench.terms().await;
    assert_eq!(bench.check(&terms).await, Observation::Waiting);
    let receipt = bench.pay(MockOutcome::Success).await;
    assert_eq!(receipt.status, PaymentStatus::Success);
    assert!(receipt.provider_reference.starts_with("mock_") && receipt.provider_reference.len() == 37);
    let payment = Payment {
        reference: receipt.provider_reference,
        provider_request_id: terms.provider_request_id.clone(),
        asset: "usdc".into(),
        recipient: "the seller".into(),
        base_units: 10_000,
        transaction: None,
    };
    assert!(terms.is_covered_by(&payment));
    assert_eq!(bench.check(&terms).await, Observation::Arrived(vec![payment]));
}

#[tokio::test]
async fn what_arrives_can_be_short() {
    let bench = bench();
    let terms = bench.terms().await;
    bench.pay_as(MockOutcome::Success, 0, Some(9_999)).await;
    let Observation::Arrived(payments) = bench.check(&terms).await else { panic!("nothing arrived") };
    assert_eq!(payments[0].base_units, 9_999);
    assert!(!terms.is_covered_by(&payments[0]));
}

#[tokio::test]
async fn an_outcome_shows_only_after_its_time() {
    for (outcome, status) in [
        (MockOutcome::Success, PaymentStatus::Success),
        (MockOutcome::Failure, PaymentStatus::Failure),
        (MockOutcome::Refund, PaymentStatus::Refund),
    ] {
        let bench = bench();
        let terms = bench.terms().await;
        let receipt = bench.pay_as(outcome, 5_000, None).await;
        assert_eq!(receipt.status, PaymentStatus::Pending);
        bench.clock.advance(Duration::from_millis(4_999));
        assert_eq!(bench.check(&terms).await, Observation::InProgress);
        bench.clock.advance(Duration::from_millis(1));
        let observation = bench.check(&terms).await;
        match status {
            PaymentStatus::Success => assert_eq!(references(&observation), [receipt.provider_reference]),
            PaymentStatus::Refund => {
                assert!(matches!(&observation, Observation::Refunded { .. }));
                assert_eq!(references(&observation), [receipt.provider_reference]);
            }
            _ => assert!(matches!(&observation, Observation::Failed { .. })),
        }
    }
}

#[tokio::test]
async fn a_pending_payment_stays_under_way_until_it_is_changed_in_place() {
    let bench = bench();
    let terms = bench.terms().await;
    let first = bench.pay(MockOutcome::Pending).await;
    assert_eq!(first.status, PaymentStatus::Pending);
    bench.clock.advance(Duration::from_secs(86_400));
    assert_eq!(bench.check(&terms).await, Observation::InProgress);
    let second = bench.pay(MockOutcome::Success).await;
    assert_eq!(second.provider_reference, first.provider_reference);
    assert_eq!(references(&bench.check(&terms).await), [first.provider_reference]);
}

#[tokio::test]
async fn a_refund_gives_back_the_payment_that_arrived() {
    let bench = bench();
    let terms = bench.terms().await;
    let paid = bench.pay(MockOutcome::Success).await;
    let refund = bench.pay(MockOutcome::Refund).await;
    assert_eq!((refund.status, &refund.provider_reference), (PaymentStatus::Refund, &paid.provider_reference));
    let observation = bench.check(&terms).await;
    assert!(matches!(observation, Observation::Refunded { .. }));
    assert_eq!(references(&observation), [paid.provider_reference]);
}

#[tokio::test]
async fn a_success_after_a_success_is_a_second_payment() {
    let bench = bench();
    let terms = bench.terms().await;
    let first = bench.pay(MockOutcome::Success).await;
    let second = bench.pay(MockOutcome::Success).await;
    assert_ne!(first.provider_reference, second.provider_reference);
    assert_eq!(references(&bench.check(&terms).await), [first.provider_reference, second.provider_reference]);
}

#[tokio::test]
async fn a_second_payment_under_way_does_not_hold_up_the_first() {
    let bench = bench();
    let terms = bench.terms().await;
    let first = bench.pay(MockOutcome::Success).await;
    bench.pay(MockOutcome::Pending).await;
    let observation = bench.check(&terms).await;
    assert_eq!(references(&observation), [first.provider_reference]);
    assert!(matches!(observation, Observation::Several { is_under_way: true, .. }));
}

#[tokio::test]
async fn a_success_after_a_final_failure_or_refund_is_a_new_payment() {
    for outcome in [MockOutcome::Failure, MockOutcome::Refund] {
        let bench = bench();
        let terms = bench.terms().await;
        let dead = bench.pay(outcome).await;
        let paid = bench.pay(MockOutcome::Success).await;
        assert_ne!(dead.provider_reference, paid.provider_reference);
        let observation = bench.check(&terms).await;
        assert_eq!(references(&observation), [paid.provider_reference]);
        let Observation::Several { refunded, .. } = observation else { continue };
        assert_eq!((outcome, refunded), (MockOutcome::Refund, vec![dead.provider_reference]));
    }
}

#[tokio::test]
async fn a_failure_can_turn_into_a_refund() {
    let bench = bench();
    let terms = bench.terms().await;
    let failed = bench.pay(MockOutcome::Failure).await;
    assert!(matches!(bench.check(&terms).await, Observation::Failed { .. }));
    let refund = bench.pay(MockOutcome::Refund).await;
    assert_eq!(references(&bench.check(&terms).await), [failed.provider_reference]);
    assert_eq!(refund.status, PaymentStatus::Refund);
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused() {
    let bench = bench();
    let success = PayRequest { outcome: MockOutcome::Success, settle_after_ms: 0, amount: None };
    let unknown = bench.provider.pay(bench.call, success).await;
    assert!(matches!(unknown, Err(MockPayError::UnknownCall)));
    bench.terms().await;
    let hour = u64::try_from(MAX_SETTLE_AFTER.as_millis()).unwrap();
    let late = |settle_after_ms| PayRequest { settle_after_ms, ..success };
    for settle_after_ms in [hour + 1, u64::MAX] {
        let answer = bench.provider.pay(bench.call, late(settle_after_ms)).await;
        assert!(matches!(answer, Err(MockPayError::SettlesTooLate)));
    }
    let huge = PayRequest { amount: Some(MicroUsd::from_micros(u64::MAX)), ..success };
    assert!(matches!(bench.provider.pay(bench.call, huge).await, Err(MockPayError::AmountTooLarge)));
    assert_eq!(bench.provider.pay(bench.call, late(hour)).await.unwrap().status, PaymentStatus::Pending);
}

#[tokio::test]
async fn a_store_that_fails_means_that_nothing_is_known() {
    let bench = bench();
    let terms = bench.terms().await;
    bench.pay(MockOutcome::Success).await;
    bench.store.faults().fail_next(2, Fault::BeforeTheEffect);
    assert_eq!(bench.check(&terms).await, Observation::Unknown);
    let ask = bench.ask(10_000, route(OriginCurrency::Sol, SOLANA, true));
    assert!(matches!(bench.provider.quote(&ask).await, QuoteOutcome::Unavailable { .. }));
    bench.store.faults().fail_next(1, Fault::BeforeTheEffect);
    let request = PayRequest { outcome: MockOutcome::Success, settle_after_ms: 0, amount: None };
    assert!(matches!(bench.provider.pay(bench.call, request).await, Err(MockPayError::Storage(_))));
    assert!(matches!(bench.check(&terms).await, Observation::Arrived(_)));
}

#[test]
fn every_status_has_the_name_of_the_api() {
    let names = [
        PaymentStatus::Waiting,
        PaymentStatus::Pending,
        PaymentStatus::Success,
        PaymentStatus::Failure,
        PaymentStatus::Refund,
    ]
    .map(PaymentStatus::as_str);
    assert_eq!(names, ["waiting", "pending", "success", "failure", "refund"]);
}
