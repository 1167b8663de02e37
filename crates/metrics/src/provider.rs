//! Questions to the payment provider.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::{CallId, Clock};
use crochet_relay::ports::PaymentProvider;
use crochet_relay::{Observation, QuoteAsk, QuoteOutcome, Terms};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::zero::at_zero;

/// A quote takes 20 s at most, a check 10 s.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];

const QUOTE: &str = "quote";
const CHECK: &str = "check";
const OUTCOMES: [(&str, &[&str]); 2] = [
    (QUOTE, &["issued", "refused", "unavailable"]),
    (CHECK, &["waiting", "in_progress", "arrived", "failed", "refunded", "several", "unknown"]),
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    provider: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    provider: &'static str,
    operation: &'static str,
}

/// Questions to the payment provider.
#[derive(Debug, Clone)]
pub struct Provider {
    calls: Family<Asked, Counter>,
    durations: Family<Operation, Histogram, fn() -> Histogram>,
}

impl Provider {
    pub(crate) fn register(registry: &mut Registry, provider: &'static str) -> Self {
        let this =
            Self { calls: Family::default(), durations: Family::new_with_constructor(|| Histogram::new(SECONDS)) };
        registry.register("provider_calls", "Questions to the payment provider, by its answer", this.calls.clone());
        let help = "How long the payment provider took to answer";
        registry.register_with_unit("provider_call_duration", help, Unit::Seconds, this.durations.clone());
        for (operation, outcomes) in OUTCOMES {
            at_zero(&this.durations, Operation { provider, operation });
            for outcome in outcomes {
                at_zero(&this.calls, Asked { provider, operation, outcome });
            }
        }
        this
    }

    fn asked(&self, provider: &'static str, operation: &'static str, outcome: &'static str, took: Duration) {
        self.calls.get_or_create(&Asked { provider, operation, outcome }).inc();
        self.durations.get_or_create(&Operation { provider, operation }).observe(took.as_secs_f64());
    }
}

/// A payment provider whose answers are counted and timed.
pub struct MeasuredProvider {
    /// Who answers.
    pub inner: Arc<dyn PaymentProvider>,
    /// Where it is counted.
    pub metrics: Provider,
    /// By which clock.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl PaymentProvider for MeasuredProvider {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn quote(&self, ask: &QuoteAsk) -> QuoteOutcome {
        let began = self.clock.monotonic();
        let answer = self.inner.quote(ask).await;
        let outcome = match &answer {
            QuoteOutcome::Issued(_) => "issued",
            QuoteOutcome::Refused(_) => "refused",
            QuoteOutcome::Unavailable { .. } => "unavailable",
        };
        self.metrics.asked(self.name(), QUOTE, outcome, self.clock.monotonic().saturating_sub(began));
        answer
    }

    async fn check(&self, call: CallId, terms: &Terms) -> Observation {
        let began = self.clock.monotonic();
        let answer = self.inner.check(call, terms).await;
        let outcome = match &answer {
            Observation::Waiting => "waiting",
            Observation::InProgress => "in_progress",
            Observation::Arrived(_) => "arrived",
            Observation::Failed { .. } => "failed",
            Observation::Refunded { .. } => "refunded",
            Observation::Several { .. } => "several",
            Observation::Unknown => "unknown",
        };
        self.metrics.asked(self.name(), CHECK, outcome, self.clock.monotonic().saturating_sub(began));
        answer
    }
}
