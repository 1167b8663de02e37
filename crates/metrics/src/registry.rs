//! One process's metrics.

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::exposition::{self, Format};
use crate::http::Http;
use crate::money::Money;
use crate::pool::Pool;
use crate::process;
use crate::provider::Provider;
use crate::sample::Sample;
use crate::seller::Seller;
use crate::sweeper::Sweeper;

/// What every name of ours begins with.
const PREFIX: &str = "crochet";

/// All that is counted in this process, from zero at its start. The parts are cheap to clone; clones count together.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Requests, and gateway calls by how they ended.
    pub http: Http,
    /// Calls and their money, as they are committed.
    pub money: Money,
    /// Questions to the payment provider.
    pub provider: Provider,
    /// Requests to sellers.
    pub seller: Seller,
    /// Waits for the database.
    pub pool: Pool,
    /// The sweeper's rounds.
    pub sweeper: Sweeper,
}

impl Metrics {
    /// Everything at zero. `version` is the program's; `provider` is the payment provider's name, so that what was
    /// never asked of it shows as 0.
    #[must_use]
    pub fn new(version: &'static str, provider: &'static str) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register("build", "Which version runs; the value is always 1", Info::new([("version", version)]));
        Self {
            http: Http::register(&mut registry),
            money: Money::register(&mut registry),
            provider: Provider::register(&mut registry, provider),
            seller: Seller::register(&mut registry),
            pool: Pool::register(&mut registry),
            sweeper: Sweeper::register(&mut registry),
            registry,
        }
    }

    /// Everything that was counted, and `sample`, as one exposition. Reads `/proc` where there is one.
    #[must_use]
    pub fn encode(&self, format: Format, sample: &Sample) -> String {
        let mut sampled = Registry::with_prefix(PREFIX);
        sample.register(&mut sampled);
        let mut process = Registry::default();
        process::register(&mut process);
        let mut text = String::new();
        // Writing to a String does not fail; a value that does not fit its format is left out with what follows it.
        let _ = [&self.registry, &sampled, &process].into_iter().try_for_each(|part| encode_registry(&mut text, part));
        let _ = encode_eof(&mut text);
        match format {
            Format::OpenMetrics => text,
            Format::Text => exposition::to_text(&text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CacheSample, LookUps};

    #[test]
    fn what_never_happened_is_a_zero_and_not_missing() {
        let text = Metrics::new("1.2.3", "mock").encode(Format::Text, &Sample::default());
        for line in [
            "crochet_build_info{version=\"1.2.3\"} 1",
            "crochet_settlements_total 0",
            "crochet_settled_microdollars_total 0",
            "crochet_refunds_total 0",
            "crochet_relay_request_transitions_total{state=\"mispaid\"} 0",
            "crochet_gateway_replies_total{outcome=\"payment_required\",price=\"paid\"} 0",
            "crochet_provider_calls_total{provider=\"mock\",operation=\"quote\",outcome=\"issued\"} 0",
            "crochet_seller_forwards_total{purpose=\"call\",outcome=\"never_sent\",reason=\"timeout\"} 0",
            "crochet_http_rate_limited_total{class=\"auth\"} 0",
            "crochet_sweeper_rounds_total{outcome=\"failed\"} 0",
            "crochet_database_up 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn what_is_kept_in_memory_is_shown_only_where_something_is() {
        let metrics = Metrics::new("1", "mock");
        assert!(!metrics.encode(Format::Text, &Sample::default()).contains("crochet_cache"));
        let keys = LookUps { hits: 3, misses: 2, bypasses: 1, entries: 2 };
        let cache = CacheSample { is_believed: true, keys, ..CacheSample::default() };
        let text = metrics.encode(Format::Text, &Sample { cache: Some(cache), ..Sample::default() });
        for line in [
            "crochet_cache_believed 1",
            "crochet_cache_entries{cache=\"keys\"} 2",
            "crochet_cache_look_ups_total{cache=\"keys\",outcome=\"hit\"} 3",
            "crochet_cache_look_ups_total{cache=\"keys\",outcome=\"miss\"} 2",
            "crochet_cache_look_ups_total{cache=\"keys\",outcome=\"bypass\"} 1",
            "crochet_cache_look_ups_total{cache=\"offers\",outcome=\"hit\"} 0",
            "crochet_cache_changes_total 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn openmetrics_ends_with_its_mark_and_nothing_is_there_twice() {
        let text = Metrics::new("1", "mock").encode(Format::OpenMetrics, &Sample::default());
        assert!(text.ends_with("# EOF\n"));
        let mut types: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let all = types.len();
        types.sort_unstable();
        types.dedup();
        assert_eq!(types.len(), all);
    }
}
