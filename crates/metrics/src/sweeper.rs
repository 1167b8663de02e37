//! The sweeper's rounds.

use std::time::Duration;

use crochet_relay::Swept;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::zero::at_zero;

/// From a round with nothing to do to fifty questions to a slow provider.
const SECONDS: [f64; 11] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// The sweeper's rounds.
#[derive(Debug, Clone)]
pub struct Sweeper {
    rounds: Family<Outcome, Counter>,
    durations: Histogram,
    looked_at: Counter,
    moved: Counter,
    purged: Counter,
}

impl Sweeper {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let sweeper = Self {
            rounds: Family::default(),
            durations: Histogram::new(SECONDS),
            looked_at: Counter::default(),
            moved: Counter::default(),
            purged: Counter::default(),
        };
        registry.register("sweeper_rounds", "Rounds of the sweeper", sweeper.rounds.clone());
        let help = "How long a round of the sweeper took";
        registry.register_with_unit("sweeper_round_duration", help, Unit::Seconds, sweeper.durations.clone());
        registry.register("sweeper_looked_at", "Calls that the sweeper looked at", sweeper.looked_at.clone());
        registry.register("sweeper_moved", "Calls that the sweeper moved to another state", sweeper.moved.clone());
        registry.register("purged_rows", "Rows deleted since they had outlived their time", sweeper.purged.clone());
        for outcome in ["done", "failed"] {
            at_zero(&sweeper.rounds, Outcome { outcome });
        }
        sweeper
    }

    /// A round is over; `None` when what is due could not be claimed.
    pub fn swept(&self, round: Option<&Swept>, took: Duration) {
        let outcome = if round.is_some() { "done" } else { "failed" };
        self.rounds.get_or_create(&Outcome { outcome }).inc();
        self.durations.observe(took.as_secs_f64());
        if let Some(round) = round {
            self.looked_at.inc_by(round.looked_at.into());
            self.moved.inc_by(round.moved.into());
        }
    }

    /// So many rows had outlived their time.
    pub fn purged(&self, rows: u64) {
        self.purged.inc_by(rows);
    }
}
