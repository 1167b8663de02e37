//! A provider that is slow, or never answers.
#![expect(clippy::panic, reason = "this is test code")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crochet_payments::{CHECK_LIMIT, MockProvider, QUOTE_LIMIT, TimeLimited};
use crochet_pricing::{MARKETPLACE_FEE, MicroUsd, split};
use crochet_primitives::testing::{ManualClock, SeededEntropy};
use crochet_primitives::{CallId, Clock, ListingId};
use crochet_relay::memory::MemoryMockPayments;
use crochet_relay::ports::PaymentProvider;
use crochet_relay::{Observation, OriginCurrency, QuoteAsk, QuoteOutcome, Route, SOLANA, Terms};
use tokio::time::Instant;

/// The mock provider, after a pause.
struct Slow {
    mock: MockProvider,
    pause: Duration,
}

#[async_trait]
impl PaymentProvider for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    async fn quote(&self, ask: &QuoteAsk) -> QuoteOutcome {
        tokio::time::sleep(self.pause).await;
        self.mock.quote(ask).await
    }

    async fn check(&self, call: CallId, terms: &Terms) -> Observation {
        tokio::time::sleep(self.pause).await;
        self.mock.check(call, terms).await
    }
}

fn after(pause: Duration) -> TimeLimited {
    let mock = MockProvider::new(
        Arc::new(MemoryMockPayments::default()),
        Arc::new(ManualClock::default()),
        Arc::new(SeededEntropy::default()),
        "https://crochet.example".to_owned(),
    );
    TimeLimited { inner: Arc::new(Slow { mock, pause }) }
}

fn ask() -> QuoteAsk {
    let clock = ManualClock::default();
    let split = split(MicroUsd::from_micros(10_000), MARKETPLACE_FEE);
    QuoteAsk {
        call: CallId::new(clock.now(), [1; 10]),
        listing: ListingId::new(clock.now(), [2; 10]),
        gross: split.gross,
        fee: split.fee,
        seller_share: split.seller_share,
        route: Route {
            currency: OriginCurrency::Sol,
            chain_id: SOLANA,
            network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
            wallet: None,
            chosen_by_buyer: true,
        },
        recipient: "the seller".to_owned(),
        expires_at: clock.now() + Duration::from_secs(900),
    }
}

async fn terms(provider: &TimeLimited) -> Terms {
    match provider.quote(&ask()).await {
        QuoteOutcome::Issued(terms) => *terms,
        other => panic!("no terms: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_answered_in_time_is_passed_on() {
    let provider = after(CHECK_LIMIT - Duration::from_millis(1));
    let terms = terms(&provider).await;
    assert_eq!(provider.check(ask().call, &terms).await, Observation::Waiting);
    assert_eq!(provider.name(), "slow");
}

#[tokio::test(start_paused = true)]
async fn a_quote_that_never_comes_is_unavailable() {
    let (provider, began) = (after(Duration::MAX), Instant::now());
    assert_eq!(provider.quote(&ask()).await, QuoteOutcome::Unavailable { retry_after_seconds: None });
    assert_eq!(began.elapsed(), QUOTE_LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_payment_of_which_no_word_comes_is_unknown() {
    let terms = terms(&after(Duration::ZERO)).await;
    let (provider, began) = (after(Duration::MAX), Instant::now());
    assert_eq!(provider.check(ask().call, &terms).await, Observation::Unknown);
    assert_eq!(began.elapsed(), CHECK_LIMIT);
}
