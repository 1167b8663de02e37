//! What is kept in memory between calls.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

/// What is kept in memory of keys and offers.
#[derive(Debug, Clone, Copy, Default)]
pub struct CacheSample {
    /// Whether it is believed: somebody listens for changes.
    pub is_believed: bool,
    /// How many changes were heard of.
    pub changes: u64,
    /// How many connections were listened on, one after the other.
    pub connections: u64,
    /// Look-ups of API keys.
    pub keys: LookUps,
    /// Look-ups of offers.
    pub offers: LookUps,
}

/// How look-ups went.
#[derive(Debug, Clone, Copy, Default)]
pub struct LookUps {
    /// Answered from memory.
    pub hits: u64,
    /// Not there: the database was asked.
    pub misses: u64,
    /// Not believed: the database was asked.
    pub bypasses: u64,
    /// How many entries there are.
    pub entries: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LookUpLabel {
    cache: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabel {
    cache: &'static str,
}

impl CacheSample {
    pub(super) fn register(&self, registry: &mut Registry) {
        let look_ups = Family::<LookUpLabel, Counter>::default();
        let entries = Family::<CacheLabel, Gauge>::default();
        for (cache, found) in [("keys", &self.keys), ("offers", &self.offers)] {
            for (outcome, number) in [("hit", found.hits), ("miss", found.misses), ("bypass", found.bypasses)] {
                look_ups.get_or_create(&LookUpLabel { cache, outcome }).inc_by(number);
            }
            let number = i64::try_from(found.entries).unwrap_or(i64::MAX);
            entries.get_or_create(&CacheLabel { cache }).set(number);
        }
        registry.register("cache_look_ups", "Look-ups of what is kept in memory", look_ups);
        registry.register("cache_entries", "How much is kept in memory", entries);
        let help = "Whether what is kept in memory is believed, since changes of it are heard of: 1 or 0";
        registry.register("cache_believed", help, ConstGauge::new(u64::from(self.is_believed)));
        registry.register("cache_changes", "Changes that were heard of", ConstCounter::new(self.changes));
        let help = "Connections on which changes were listened for, one after the other";
        registry.register("cache_listener_connections", help, ConstCounter::new(self.connections));
    }
}
