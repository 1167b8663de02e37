//! What is looked up at a scrape rather than counted.

mod cache;

use std::time::Duration;

use crochet_relay::{OrphanReason, State};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

pub use cache::{CacheSample, LookUps};

/// What is looked up at a scrape.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Whether the database answered when it was last asked.
    pub database_up: bool,
    /// The pool.
    pub pool: PoolSample,
    /// What is kept in memory of keys and offers; left out where nothing is.
    pub cache: Option<CacheSample>,
    /// How many gateway calls run.
    pub calls_in_flight: u64,
    /// How many may run.
    pub calls_limit: u64,
    /// What the tables hold; left out when they could not be read.
    pub work: Option<WorkSample>,
}

/// How busy the pool is.
#[derive(Debug, Clone, Default)]
pub struct PoolSample {
    /// How many may use the database at once.
    pub limit: u32,
    /// How many do.
    pub in_use: u32,
    /// How many wait for their turn.
    pub waiting: u32,
    /// How many connections are open.
    pub open: u32,
    /// How many of them nobody uses.
    pub idle: u32,
}

/// What the tables hold, over all replicas.
#[derive(Debug, Clone, Default)]
pub struct WorkSample {
    /// Calls that are not over, by state.
    pub calls: Vec<(State, u64)>,
    /// Leases that have not ended.
    pub leases_held: u64,
    /// Leases that have.
    pub leases_ended: u64,
    /// For how long the most overdue call has been due.
    pub overdue: Duration,
    /// Payments that bought nothing, by reason.
    pub orphans: Vec<(OrphanReason, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

impl Sample {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let mut gauge = |name: &str, help: &str, value: u64| {
            registry.register(name, help, ConstGauge::new(value));
        };
        let help = "Whether the database answered when it was last asked: 1 or 0";
        gauge("database_up", help, self.database_up.into());
        gauge("database_pool_limit", "How many may use the database at once", self.pool.limit.into());
        gauge("database_pool_in_use", "How many use the database", self.pool.in_use.into());
        gauge("database_pool_waiting", "How many wait for a turn at the database", self.pool.waiting.into());
        gauge("gateway_calls_in_flight", "Gateway calls that run", self.calls_in_flight);
        gauge("gateway_calls_limit", "Gateway calls that may run at once", self.calls_limit);
        let connections = states([
            ("idle", u64::from(self.pool.idle)),
            ("in_use", u64::from(self.pool.open.saturating_sub(self.pool.idle))),
        ]);
        registry.register("database_pool_connections", "Open connections to the database", connections);
        if let Some(cache) = &self.cache {
            cache.register(registry);
        }
        if let Some(work) = &self.work {
            work.register(registry);
        }
    }
}

impl WorkSample {
    fn register(&self, registry: &mut Registry) {
        let calls = states(self.calls.iter().map(|(state, number)| (state.as_str(), *number)));
        let help = "Calls that are under way, and paid ones that are not delivered; counted up to 10000 in each state";
        registry.register("relay_requests", help, calls);
        let leases = states([("held", self.leases_held), ("ended", self.leases_ended)]);
        registry.register("relay_request_leases", "Leases on quoting and on forwarding", leases);
        let help = "For how long the call that should have been swept first has been due";
        registry.register_with_unit("sweeper_lag", help, Unit::Seconds, ConstGauge::new(self.overdue.as_secs_f64()));
        let orphans = Family::<ReasonLabel, Gauge>::default();
        for (reason, number) in &self.orphans {
            let label = ReasonLabel { reason: reason.as_str() };
            orphans.get_or_create(&label).set(i64::try_from(*number).unwrap_or(i64::MAX));
        }
        registry.register("orphan_payments", "Payments that bought nothing; 100000 counted at most", orphans);
    }
}

fn states(numbers: impl IntoIterator<Item = (&'static str, u64)>) -> Family<StateLabel, Gauge> {
    let family = Family::<StateLabel, Gauge>::default();
    for (state, number) in numbers {
        family.get_or_create(&StateLabel { state }).set(i64::try_from(number).unwrap_or(i64::MAX));
    }
    family
}
