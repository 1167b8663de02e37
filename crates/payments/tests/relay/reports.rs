//! What Relay says of a period.

use std::sync::Arc;

use crochet_payments::testing::{Fault, Held};
use crochet_primitives::parse_timestamp;
use crochet_relay::ports::{Period, ProviderReports, Reported};
use serde_json::json;

use crate::bench::{Bench, SELLER, bench};

fn id(number: u64) -> String {
    format!("0x{number:064x}")
}

fn day() -> Period {
    Period { from: parse_timestamp("2026-05-03T00:00:00Z"), to: parse_timestamp("2026-05-04T00:00:00Z") }
}

/// A bench with one quote that is filled, and its request as Relay holds it.
async fn filled() -> (Bench, String, Held) {
    let bench = bench().await;
    let terms = bench.terms().await;
    bench.status_is("success");
    bench.arrived("951000");
    let held = bench.relay.held(&terms.provider_request_id);
    (bench, terms.provider_request_id, held)
}

async fn all(bench: &Bench, period: Period) -> Vec<Reported> {
    let reports = Arc::clone(&bench.provider).unhurried();
    let (mut found, mut page) = (Vec::new(), None);
    loop {
        let part = reports.payments(period, page.as_deref()).await.unwrap();
        found.extend(part.items);
        match part.next {
            Some(next) => page = Some(next),
            None => return found,
        }
    }
}

#[tokio::test]
async fn every_filled_request_of_ours_is_reported_over_all_pages() {
    let (bench, ours, held) = filled().await;
    for number in 1..=4 {
        bench.relay.holds(&id(number), held.clone());
    }
    let found = all(&bench, day()).await;
    assert_eq!(found.len(), 5);
    let first = found.iter().find(|reported| reported.reference == ours).unwrap();
    assert_eq!((first.base_units, first.recipient.as_deref()), (Some(951_000), Some(SELLER.to_lowercase().as_str())));
    assert!(first.asset.as_deref().unwrap().starts_with("eip155:8453/"), "{first:?}");
}

#[tokio::test]
async fn what_is_not_ours_not_filled_or_of_another_day_is_not_reported() {
    let (bench, ours, held) = filled().await;
    bench.relay.holds(&id(1), Held { referrer: json!("somebody"), ..held.clone() });
    bench.relay.holds(&id(2), Held { status: json!({ "status": "refund" }), ..held.clone() });
    bench.relay.holds(&id(3), Held { created_at: json!("2026-05-04T00:00:00.000Z"), ..held.clone() });
    bench.relay.holds("not an id", held.clone());
    let found = all(&bench, day()).await;
    assert_eq!(found.iter().map(|reported| reported.reference.as_str()).collect::<Vec<_>>(), [ours.as_str()]);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_said_to_be_so() {
    let (bench, ..) = filled().await;
    let reports = Arc::clone(&bench.provider).unhurried();
    for fault in [
        Fault::Says(400, json!({ "message": "no such parameter" })),
        Fault::Says(401, json!({ "message": "no key", "errorCode": "UNAUTHORIZED" })),
        Fault::Says(200, json!({ "requests": "none" })),
    ] {
        bench.relay.will([fault.clone()]);
        assert!(reports.payments(day(), None).await.is_err(), "{fault:?}");
    }
}
