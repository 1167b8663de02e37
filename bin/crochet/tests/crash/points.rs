//! The steps at which a gateway can be made to die: what they are called is in `bin/crochet/src/wiring/fail_points.rs`.
//! Each has a point before and one after it.

/// How a process gets to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Many calls pass it.
    Often,
    /// Not every call has it.
    Rarely,
    /// Only once another process has died at this point is there a call that has it.
    After(&'static str),
    /// Only when what was left behind has come to its end: a lease, or terms.
    Later,
    /// No campaign has it, for this reason.
    Never(&'static str),
}

use Way::{After, Later, Never, Often, Rarely};

/// All of them.
pub(crate) const STEPS: [(&str, Way); 34] = [
    // A call that is quoted, paid, and delivered.
    ("journal.find", Often),
    ("journal.admit", Often),
    ("provider.quote", Often),
    ("mock_payments.keep_quote", Often),
    ("journal.issue", Often),
    ("mock_payments.quote", Often),
    ("mock_payments.keep_payment", Often),
    ("journal.claim_check", Often),
    ("provider.check", Often),
    ("mock_payments.payments", Often),
    ("journal.advance_after_check", Often),
    ("upstream.forward", Often),
    ("journal.close", Often),
    // A free call that nobody can name.
    ("journal.record_ended", Often),
    // A key without an id, and one that comes later; terms that ended, or whose payment failed; a replay.
    ("journal.find_by_key", Rarely),
    ("journal.bind_key", Rarely),
    ("journal.supersede", Rarely),
    ("journal.predecessors", Rarely),
    ("journal.sealed_response", Rarely),
    // A call that its payment came with.
    ("journal.find_by_reference", Rarely),
    ("payers.profile_of", Rarely),
    ("header_payments.verify", Rarely),
    ("header_payments.submit", Rarely),
    ("header_payments.check", Rarely),
    // What somebody has left behind: a quote, a submission, a forward.
    ("journal.retake_quote", After("journal.admit.after")),
    ("journal.retake_submission", After("header_payments.submit.before")),
    ("journal.advance", Later),
    // The sweeper.
    ("sweeps.claim_wanted", Rarely),
    ("sweeps.claim_due", Rarely),
    ("sweeps.count_check", Later),
    ("sweeps.purge", Rarely),
    // Not in the path of a call.
    ("sweeps.check_soon", Never("only the provider's webhooks have it, and the mock provider sends none")),
    ("mock_payments.settling", Never("only `crochet reconcile` has it, which reads")),
    ("header_payments.offers", Never("only reads what can be paid, and has no points")),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    use super::*;
    use crate::plan::{Kill, Plan};

    const SOURCE: &str = include_str!("../../src/wiring/fail_points.rs");

    /// Every method of every port that is wrapped, under the name of its step, and whether there are points around it.
    fn wrapped() -> Vec<(String, bool)> {
        let port = Regex::new(r"(?m)^impl (\w+) for Mortal<").unwrap();
        let method = Regex::new(r"async fn (\w+)\(").unwrap();
        let starts: Vec<_> = port.captures_iter(SOURCE).map(|found| found.get(0).unwrap().start()).collect();
        let ends = starts.iter().copied().skip(1).chain([SOURCE.len()]);
        let mut found = Vec::new();
        for (start, end) in starts.iter().copied().zip(ends) {
            let body = &SOURCE[start..end];
            let steps: Vec<_> = body.match_indices("step!(\"").map(|(at, _)| &body[at + 7..]).collect();
            let name = steps.first().and_then(|step| step.split('"').next()).expect("a port has a step");
            for method in method.captures_iter(body) {
                let call = format!("step!(\"{name}\", self.{}(", &method[1]);
                found.push((format!("{name}.{}", &method[1]), body.contains(&call)));
            }
        }
        found
    }

    #[test]
    fn every_step_of_every_wrapped_port_is_in_the_list_and_nothing_else() {
        let wrapped = wrapped();
        let in_source: BTreeSet<_> = wrapped.iter().map(|(name, _)| name.as_str()).collect();
        let listed: BTreeSet<_> = STEPS.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed, in_source);
        assert_eq!(STEPS.len(), listed.len(), "a step is listed twice");
        for (name, has_points) in &wrapped {
            let way = STEPS.iter().find(|(step, _)| step == name).unwrap().1;
            assert!(*has_points || matches!(way, Never(_)), "{name} has no points, and is to be died at");
        }
    }

    #[test]
    fn the_short_campaigns_have_every_point_once_and_each_long_one_has_every_point() {
        let every: BTreeSet<_> = STEPS
            .iter()
            .filter(|(_, way)| !matches!(way, Never(_)))
            .flat_map(|(step, _)| ["before", "after"].map(|side| format!("{step}.{side}")))
            .collect();
        let points = |plan: &Plan| -> Vec<String> {
            let name = |kill: &Kill| match kill {
                Kill::Point { name, .. } => Some(name.clone()),
                Kill::Moment(_) | Kill::Database(_) => None,
            };
            plan.kills.iter().filter_map(name).collect()
        };
        let short: Vec<_> = [1, 3].iter().flat_map(|gateways| points(&Plan::short(*gateways))).collect();
        assert_eq!(short.len(), every.len());
        assert_eq!(short.into_iter().collect::<BTreeSet<_>>(), every);
        for gateways in [1, 3] {
            assert_eq!(points(&Plan::long(gateways, 1, 7)).into_iter().collect::<BTreeSet<_>>(), every);
        }
    }
}
