//! The mock provider's memory.

use crochet_pricing::MicroUsd;
use crochet_primitives::{CallId, Timestamp, timestamp_from_millis};

use super::World;
use crate::ports::{MockOutcome, MockPayment, MockQuote};

fn quote(call: CallId) -> MockQuote {
    MockQuote { call, amount: MicroUsd::from_micros(10_000), recipient: "a seller".into() }
}

fn payment(call: CallId, reference: &str) -> MockPayment {
    MockPayment {
        reference: reference.into(),
        call,
        outcome: MockOutcome::Success,
        settles_at: at(1_777_809_600_123),
        amount: MicroUsd::from_micros(9_999),
    }
}

fn at(millis: i64) -> Timestamp {
    timestamp_from_millis(millis).unwrap()
}

pub async fn of_two_mock_quotes_for_a_call_the_first_is_kept(world: &impl World) {
    let (payments, call) = (world.mock_payments(), world.new_call_id());
    assert_eq!(payments.quote(call).await.unwrap(), None);
    assert_eq!(payments.keep_quote(&quote(call)).await.unwrap(), quote(call));
    let other = MockQuote { amount: MicroUsd::ONE_USD, recipient: "somebody else".into(), ..quote(call) };
    assert_eq!(payments.keep_quote(&other).await.unwrap(), quote(call));
    assert_eq!(payments.quote(call).await.unwrap(), Some(quote(call)));
    assert_eq!(payments.quote(world.new_call_id()).await.unwrap(), None);
}

pub async fn mock_payments_are_listed_oldest_first(world: &impl World) {
    let (payments, call, other) = (world.mock_payments(), world.new_call_id(), world.new_call_id());
    payments.keep_quote(&quote(call)).await.unwrap();
    payments.keep_quote(&quote(other)).await.unwrap();
    for reference in ["mock_z", "mock_a", "mock_m"] {
        payments.keep_payment(&payment(call, reference)).await.unwrap();
    }
    payments.keep_payment(&payment(other, "mock_other")).await.unwrap();
    let listed = payments.payments(call).await.unwrap();
    let references: Vec<_> = listed.iter().map(|payment| payment.reference.as_str()).collect();
    assert_eq!(references, ["mock_z", "mock_a", "mock_m"]);
    assert_eq!(listed[0], payment(call, "mock_z"));
}

pub async fn a_mock_payment_replaces_the_one_with_its_reference_in_its_place(world: &impl World) {
    let (payments, call) = (world.mock_payments(), world.new_call_id());
    payments.keep_quote(&quote(call)).await.unwrap();
    for reference in ["mock_1", "mock_2"] {
        payments.keep_payment(&payment(call, reference)).await.unwrap();
    }
    for outcome in [MockOutcome::Pending, MockOutcome::Failure, MockOutcome::Refund] {
        let changed = MockPayment {
            outcome,
            settles_at: at(1_777_809_700_000),
            amount: MicroUsd::ZERO,
            ..payment(call, "mock_1")
        };
        payments.keep_payment(&changed).await.unwrap();
        assert_eq!(payments.payments(call).await.unwrap(), [changed, payment(call, "mock_2")]);
    }
}
