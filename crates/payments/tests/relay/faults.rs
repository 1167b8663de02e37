//! A Relay that is slow, down, overrun, or talks nonsense.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crochet_payments::testing::{Fault, KEY};
use crochet_payments::{RelayConfigError, RelayProvider};
use crochet_primitives::Clock;
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_relay::ports::PaymentProvider;
use crochet_relay::{Observation, QuoteOutcome};
use secrecy::SecretString;
use serde_json::json;

use crate::bench::{bench, bench_with, config, impatient};

fn down() -> Fault {
    Fault::Says(500, json!({ "message": "stack trace", "errorCode": "INTERNAL", "requestId": "0x01" }))
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for fault in [
        down(),
        Fault::Says(503, json!({ "message": "", "errorCode": "PRICE_FETCH_FAILED" })),
        Fault::Says(400, json!({ "message": "", "errorCode": "REQUEST_TIMED_OUT" })),
        Fault::HangsUp,
        Fault::Bytes(b"<html>"),
        Fault::Bytes(b"[1,2"),
        Fault::Bytes(b"7"),
    ] {
        let bench = bench().await;
        bench.relay.will([fault.clone(), fault.clone()]);
        assert!(matches!(bench.quote().await, QuoteOutcome::Issued(_)), "{fault:?}");
        let terms = bench.terms().await;
        bench.relay.will([fault.clone(), fault.clone()]);
        assert_eq!(bench.look(&terms).await, Observation::Waiting, "{fault:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_given_up_and_nothing_is_guessed() {
    let bench = bench().await;
    let terms = bench.terms().await;
    for fault in [down(), Fault::Bytes(b"{"), Fault::Bytes(b"{}"), Fault::Says(400, json!({ "message": "no code" }))] {
        bench.relay.will([fault.clone(), fault.clone(), fault.clone()]);
        assert_eq!(bench.look(&terms).await, Observation::Unknown, "{fault:?}");
        // What was not asked for is taken back.
        while bench.look(&terms).await != Observation::Waiting {}
    }
    bench.relay.will([down(), down(), down()]);
    assert_eq!(bench.quote().await, QuoteOutcome::Unavailable { retry_after_seconds: Some(5) });
}

#[tokio::test]
async fn a_slow_relay_is_not_waited_for_beyond_the_bound() {
    let bench = impatient().await;
    let terms = bench.terms().await;
    let slow = || Fault::Slow(Duration::from_secs(60));
    bench.relay.will([slow(), slow(), slow()]);
    let asked = tokio::time::timeout(Duration::from_secs(30), bench.look(&terms)).await;
    assert_eq!(asked, Ok(Observation::Unknown));
}

#[tokio::test]
async fn a_429_is_heeded_for_as_long_as_it_says_and_not_answered_with_more() {
    let bench = bench().await;
    bench.relay.will([Fault::TooMany(7)]);
    assert_eq!(bench.quote().await, QuoteOutcome::Unavailable { retry_after_seconds: Some(7) });
    assert_eq!(bench.quote().await, QuoteOutcome::Unavailable { retry_after_seconds: Some(7) });
    assert_eq!(bench.relay.asked().len(), 1);
    bench.clock.advance(Duration::from_secs(7));
    assert!(matches!(bench.quote().await, QuoteOutcome::Issued(_)));
}

#[tokio::test]
async fn a_flood_of_quotes_leaves_the_looks_their_own_budget() {
    let bench = bench_with(|config| config.quotes_per_minute = NonZeroU32::new(5).unwrap()).await;
    let terms = bench.terms().await;
    let QuoteOutcome::Unavailable { retry_after_seconds: Some(seconds) } = bench.quote().await else {
        panic!("the budget has no end")
    };
    assert!((1..=15).contains(&seconds), "{seconds}");
    assert_eq!(bench.relay.asked().len(), 1, "what is over the budget is not sent");
    assert_eq!(bench.look(&terms).await, Observation::Waiting);
}

#[tokio::test]
async fn the_sweeper_leaves_half_of_the_looks_to_buyers() {
    // Two at once, of which one is the sweeper's: its second one would have to wait longer than a look may take.
    let bench = bench_with(|config| config.reads_per_minute = NonZeroU32::new(10).unwrap()).await;
    let terms = bench.terms().await;
    let sweeper = bench.provider.clone().unhurried();
    assert_eq!(sweeper.check(bench.call, &terms).await, Observation::Waiting);
    let sent = bench.relay.asked().len();
    assert_eq!(sweeper.check(bench.call, &terms).await, Observation::Unknown);
    assert_eq!(bench.relay.asked().len(), sent);
    assert_eq!(bench.look(&terms).await, Observation::Waiting);
}

#[tokio::test]
async fn the_sweeper_waits_while_a_buyer_has_no_room() {
    let bench = bench_with(|config| config.reads_per_minute = NonZeroU32::new(5).unwrap()).await;
    let terms = bench.terms().await;
    assert_eq!(bench.look(&terms).await, Observation::Waiting);
    assert_eq!(bench.look(&terms).await, Observation::Unknown);
    let sent = bench.relay.asked().len();
    // It has waited for the buyer, and then there was no room for itself.
    let before = bench.clock.monotonic();
    let sweeper = bench.provider.clone().unhurried();
    assert_eq!(sweeper.check(bench.call, &terms).await, Observation::Unknown);
    assert!(bench.clock.monotonic() - before >= Duration::from_secs(5));
    assert_eq!(bench.relay.asked().len(), sent);
}

#[tokio::test]
async fn a_relay_that_is_down_is_left_alone_and_then_tried_once() {
    let bench = bench().await;
    let terms = bench.terms().await;
    bench.relay.will([down(), down(), down(), down(), down()]);
    while bench.relay.asked().len() < 6 {
        assert_eq!(bench.look(&terms).await, Observation::Unknown);
    }
    assert_eq!(bench.look(&terms).await, Observation::Unknown);
    assert!(!bench.provider.is_answering());
    let QuoteOutcome::Unavailable { retry_after_seconds: Some(1..=5) } = bench.quote().await else {
        panic!("the circuit is closed")
    };
    assert_eq!(bench.relay.asked().len(), 6, "nothing is sent while the circuit is open");
    bench.clock.advance(Duration::from_secs(5));
    assert_eq!(bench.look(&terms).await, Observation::Waiting);
    assert!(bench.provider.is_answering());
    assert!(matches!(bench.quote().await, QuoteOutcome::Issued(_)));
}

#[tokio::test]
async fn refusals_of_single_routes_do_not_open_the_circuit() {
    let bench = bench().await;
    let no_price = || Fault::Says(503, json!({ "message": "", "errorCode": "PRICE_FETCH_FAILED" }));
    bench.relay.will((0..9).map(|_| no_price()));
    for _ in 0..3 {
        assert_eq!(bench.quote().await, QuoteOutcome::Unavailable { retry_after_seconds: Some(5) });
    }
    assert_eq!(bench.relay.asked().len(), 9);
}

#[tokio::test]
async fn a_key_that_relay_refuses_is_the_operators_to_mend() {
    let bench = bench().await;
    bench.relay.will([Fault::Says(401, json!({ "message": "bad key", "errorCode": "UNAUTHORIZED" }))]);
    assert_eq!(bench.quote().await, QuoteOutcome::Unavailable { retry_after_seconds: Some(60) });
    assert_eq!(bench.relay.asked().len(), 1);
}

#[tokio::test]
async fn nothing_shows_the_key() {
    let bench = bench().await;
    assert!(!format!("{:?}", bench.provider).contains(KEY));
    let mut bad = config("https://api.relay.link");
    bad.api_key = SecretString::from(format!("{KEY}\n"));
    let error =
        RelayProvider::new(bad, Arc::new(ManualClock::default()), Arc::new(SeededEntropy::default())).unwrap_err();
    assert_eq!(error, RelayConfigError::ApiKey);
    assert!(!error.to_string().contains(KEY));
}
