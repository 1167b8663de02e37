//! What the model's small numbers stand for: moments, ids, terms, what a provider says, how a forward ends.

use std::time::Duration;

use bytes::Bytes;
use crochet_primitives::{CallId, Timestamp, timestamp_from_millis};
use crochet_relay::{
    Arrival, BASE, Cause, Claimed, Closing, FeeStatus, Observation, OriginCurrency, Payment, Record, Terms, judge,
};

use crate::state::{Ends, Kind, PAYMENTS, Set, Told, has};

/// One tick of the model's clock. The leases of a quote and of a submission, the window, its grace and the wait before a
/// free retry are one tick each.
pub(crate) const TICK: Duration = Duration::from_secs(60);
/// A lease to forward is longer than the wait before a free retry.
pub(crate) const LEASE: Duration = Duration::from_secs(120);
/// A moment before the model's first: what is over is over, however long.
pub(crate) const LONG_AGO: i8 = -8;
pub(crate) const GROSS: u64 = 10_000;

pub(crate) fn at(tick: u8) -> Timestamp {
    moment(i8::try_from(tick).unwrap())
}

pub(crate) fn moment(tick: i8) -> Timestamp {
    timestamp_from_millis(1_777_809_600_000 + i64::from(tick) * 60_000).unwrap()
}

pub(crate) fn tick(at: Timestamp) -> i8 {
    i8::try_from((at - moment(0)).num_seconds().div_euclid(60)).unwrap()
}

pub(crate) fn call_id(call: u8) -> CallId {
    CallId::new(moment(0), [call; 10])
}

pub(crate) fn call_number(id: CallId) -> u8 {
    (0..8).find(|call| call_id(*call) == id).unwrap()
}

pub(crate) fn reference(payment: u8) -> String {
    format!("payment-{payment}")
}

pub(crate) fn payment_number(reference: &str) -> u8 {
    reference.strip_prefix("payment-").unwrap().parse().unwrap()
}

pub(crate) fn terms(call: u8, expires_at: Timestamp, claimed: bool) -> Terms {
    let claimed = claimed.then(|| Claimed {
        payer: "payer".into(),
        nonce: "nonce".into(),
        valid_before: expires_at,
        secret_sha256: None,
    });
    Terms {
        provider: "model".into(),
        provider_request_id: quote_of(call, claimed.is_some()),
        scheme: "model".into(),
        network: "eip155:8453".into(),
        origin_currency: OriginCurrency::Usdc,
        origin_chain_id: BASE,
        instructions: serde_json::Value::Null,
        asset: "usdc".into(),
        recipient: "the seller".into(),
        expected_base_units: GROSS,
        fee_status: FeeStatus::AtSource,
        expires_at,
        claimed,
    }
}

pub(crate) fn quote_of(call: u8, came_paid: bool) -> String {
    if came_paid { reference(0) } else { format!("quote-{call}") }
}

/// What a provider that shows `told` would say of the quote `named`.
pub(crate) fn observation(told: Told, named: &str) -> Observation {
    let references = |set: Set| (0..8).filter(|payment| has(set, *payment)).map(reference).collect::<Vec<_>>();
    let payments = |kinds: [Kind; PAYMENTS]| {
        let there = (0_u8..).zip(kinds).filter(|(_, kind)| *kind != Kind::None);
        let payment = |(payment, kind)| Payment {
            reference: reference(payment),
            provider_request_id: named.to_owned(),
            asset: if kind == Kind::Foreign { "doge" } else { "usdc" }.into(),
            recipient: "the seller".into(),
            base_units: if kind == Kind::Short { GROSS - 1 } else { GROSS },
            transaction: None,
        };
        there.map(payment).collect::<Vec<_>>()
    };
    let reason = "the provider says so".to_owned();
    match told {
        Told::Unknown => Observation::Unknown,
        Told::Waiting => Observation::Waiting,
        Told::InProgress(_) => Observation::InProgress,
        Told::Failed(_) => Observation::Failed { reason },
        Told::Refunded(refunded) => Observation::Refunded { references: references(refunded), reason },
        Told::Arrived(arrived) => Observation::Arrived(payments(arrived)),
        Told::Several { arrived, refunded, under_way } => Observation::Several {
            arrived: payments(arrived),
            refunded: references(refunded),
            is_under_way: under_way != 0,
            reason,
        },
    }
}

pub(crate) fn closing(record: &Record, attempt: u8, ending: Ends) -> Closing {
    let arrival = match ending {
        Ends::Delivered => Arrival::Answered { status: 200, body: Bytes::from(attempt.to_string()), latency_ms: 1 },
        Ends::Failed => Arrival::Answered { status: 503, body: Bytes::new(), latency_ms: 1 },
        Ends::NobodyKnows => Arrival::MayHaveRun { cause: Cause::Timeout, latency_ms: 1 },
        Ends::NotSent => Arrival::NeverSent { cause: Cause::Timeout, latency_ms: 1 },
    };
    let (call, buyer) = (record.id, record.buyer);
    Closing { call, buyer, attempt: u32::from(attempt), ending: judge(arrival), sealed: None }
}
