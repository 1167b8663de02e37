//! What the gateway is to reach, beside what it was measured to reach.

use super::results::Results;
use super::workload::Workload;
use crate::report::Bound;

/// One figure, and what it should be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    what: &'static str,
    unit: &'static str,
    reached: f64,
    wanted: Bound,
}

impl Target {
    /// Whether it is.
    pub(crate) fn is_reached(&self) -> bool {
        self.wanted.is_kept(self.reached)
    }

    /// A line for the table.
    pub(crate) fn line(&self) -> String {
        let (bound, wanted) = self.wanted.parts();
        let verdict = if self.is_reached() { "reached" } else { "MISSED" };
        format!("{:<7} {}: {:.2}{}, {bound} {wanted}{}", verdict, self.what, self.reached, self.unit, self.unit)
    }
}

/// Those that were measured. `memory` is what the gateway holds with a thousand open connections, in megabytes.
pub(crate) fn targets(results: &Results, memory: f64) -> Vec<Target> {
    let at_least = |what, reached: Option<f64>, least| {
        reached.map(|reached| Target { what, unit: "", reached, wanted: Bound::AtLeast(least) })
    };
    let at_most = |what, unit, reached, most| Target { what, unit, reached, wanted: Bound::AtMost(most) };
    let added = results.added();
    [
        at_least("free calls / the same calls by nginx", results.ratio(Workload::Free, Workload::Nginx), 0.5),
        at_least("paid cycles / the same statements by pgbench", results.cycles_per_pgbench(), 1.0),
        added.map(|(p50, _)| at_most("added to a direct call at 25%, p50", " ms", p50, 1.0)),
        added.map(|(_, p99)| at_most("added to a direct call at 25%, p99", " ms", p99, 5.0)),
        Some(at_most("memory of the gateway with 1,000 connections", " MB", memory, 96.0)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_within_the_target_and_what_is_beyond_is_not() {
        let reached = |reached, wanted| Target { what: "x", unit: "", reached, wanted }.is_reached();
        assert!(reached(0.5, Bound::AtLeast(0.5)) && !reached(0.49, Bound::AtLeast(0.5)));
        assert!(reached(1.0, Bound::AtMost(1.0)) && !reached(1.01, Bound::AtMost(1.0)));
        assert!(!reached(f64::NAN, Bound::AtLeast(0.5)) && !reached(f64::NAN, Bound::AtMost(1.0)));
    }

    #[test]
    fn what_was_not_measured_is_no_target() {
        let only_memory = targets(&Results::default(), 90.0);
        let lines: Vec<String> = only_memory.iter().map(Target::line).collect();
        assert_eq!(lines, ["reached memory of the gateway with 1,000 connections: 90.00 MB, at most 96 MB"]);
    }
}
