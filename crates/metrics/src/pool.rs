//! Waits for the database.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// A turn is had at once, or within the second that is waited for it.
const SECONDS: [f64; 11] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0];

/// Waits for the database.
#[derive(Debug, Clone)]
pub struct Pool {
    waits: Histogram,
    timeouts: Counter,
}

impl Pool {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let pool = Self { waits: Histogram::new(SECONDS), timeouts: Counter::default() };
        let help = "How long uses of the database waited for their turn";
        registry.register_with_unit("database_pool_wait", help, Unit::Seconds, pool.waits.clone());
        let help = "Uses of the database that were given up since the pool was full";
        registry.register("database_pool_timeouts", help, pool.timeouts.clone());
        pool
    }

    /// Somebody waited for so long, and had its turn or not.
    pub fn waited(&self, wait: Duration, had_its_turn: bool) {
        self.waits.observe(wait.as_secs_f64());
        if !had_its_turn {
            self.timeouts.inc();
        }
    }
}
