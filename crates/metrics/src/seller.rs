//! Requests to sellers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::Clock;
use crochet_relay::ports::Upstream;
use crochet_relay::{Arrival, Cause, Dispatch};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::zero::at_zero;

/// A seller may take two minutes at most.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

const STATUSES: &[&str] = &["2xx", "3xx", "4xx", "5xx", "other"];
const CAUSES: &[&str] = &["timeout", "connection", "not_allowed", "protocol"];
const OUTCOMES: [(&str, &[&str]); 4] =
    [("answered", STATUSES), ("too_large", STATUSES), ("never_sent", CAUSES), ("may_have_run", CAUSES)];

/// What a request to a seller is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A buyer's call.
    Call,
    /// The owner's test of an endpoint.
    Test,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Test => "test",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Forwarded {
    purpose: &'static str,
    outcome: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    purpose: &'static str,
    outcome: &'static str,
}

/// Requests to sellers.
#[derive(Debug, Clone)]
pub struct Seller {
    forwards: Family<Forwarded, Counter>,
    durations: Family<Outcome, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

impl Seller {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let seller = Self {
            forwards: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            in_flight: Gauge::default(),
        };
        registry.register("seller_forwards", "Requests to sellers, by what came of them", seller.forwards.clone());
        let help = "How long a request to a seller took, until its answer or until it was given up";
        registry.register_with_unit("seller_forward_duration", help, Unit::Seconds, seller.durations.clone());
        let help = "Requests to sellers that are under way";
        registry.register("seller_forwards_in_flight", help, seller.in_flight.clone());
        for purpose in [Purpose::Call, Purpose::Test].map(Purpose::as_str) {
            for (outcome, reasons) in OUTCOMES {
                at_zero(&seller.durations, Outcome { purpose, outcome });
                for reason in reasons {
                    at_zero(&seller.forwards, Forwarded { purpose, outcome, reason });
                }
            }
        }
        seller
    }

    fn forwarded(&self, purpose: Purpose, arrival: &Arrival, took: Duration) {
        let (outcome, reason) = match arrival {
            Arrival::Answered { status, .. } => ("answered", class(*status)),
            Arrival::TooLarge { status, .. } => ("too_large", class(*status)),
            Arrival::NeverSent { cause, .. } => ("never_sent", name(*cause)),
            Arrival::MayHaveRun { cause, .. } => ("may_have_run", name(*cause)),
        };
        let purpose = purpose.as_str();
        self.forwards.get_or_create(&Forwarded { purpose, outcome, reason }).inc();
        self.durations.get_or_create(&Outcome { purpose, outcome }).observe(took.as_secs_f64());
    }
}

const fn class(status: u16) -> &'static str {
    match status {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "other",
    }
}

const fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::Timeout => "timeout",
        Cause::Connection => "connection",
        Cause::NotAllowed => "not_allowed",
        Cause::Protocol => "protocol",
    }
}

/// The way to sellers, counted and timed.
pub struct MeasuredUpstream {
    /// The way.
    pub inner: Arc<dyn Upstream>,
    /// Where it is counted.
    pub metrics: Seller,
    /// What the requests are for.
    pub purpose: Purpose,
    /// By which clock.
    pub clock: Arc<dyn Clock>,
}

/// A request that is under way; no longer when this is dropped.
struct UnderWay<'a>(&'a Gauge);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[async_trait]
impl Upstream for MeasuredUpstream {
    async fn forward(&self, dispatch: Dispatch) -> Arrival {
        let began = self.clock.monotonic();
        self.metrics.in_flight.inc();
        let under_way = UnderWay(&self.metrics.in_flight);
        let arrival = self.inner.forward(dispatch).await;
        drop(under_way);
        self.metrics.forwarded(self.purpose, &arrival, self.clock.monotonic().saturating_sub(began));
        arrival
    }
}
