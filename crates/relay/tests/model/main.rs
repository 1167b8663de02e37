//! The state machine, explored: every interleaving of retries, payments, lies, crashes and the clock within bounds, on
//! the real transitions. What is modelled, and what is not, is in `docs/reliability.md`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "this is test code, and prints what it explored")]

mod answers;
mod entries;
mod large;
mod machine;
mod model;
mod mutants;
mod mutations;
mod properties;
mod reached;
mod records;
mod scenario;
mod state;
mod steps;
mod things;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::time::{Duration, Instant};

use stateright::report::{ReportData, ReportDiscovery, Reporter};
use stateright::{Checker, HasDiscoveries, Model, Property};

use model::Relay;
use scenario::{BY_HEADER, REFERENCES, RETRIES, SUCCESSION, Scenario};

/// Says every ten seconds how far it is.
struct Progress {
    scenario: &'static str,
    said_at: Duration,
}

impl<M: Model> Reporter<M> for Progress {
    fn report_checking(&mut self, data: ReportData) {
        if !data.done && data.duration >= self.said_at + Duration::from_secs(10) {
            self.said_at = data.duration;
            println!("{:<14} {:>10} states, depth {:>2} ...", self.scenario, data.unique_states, data.max_depth);
        }
    }

    fn report_discoveries(&mut self, _: &M, _: BTreeMap<&'static str, ReportDiscovery<M>>)
    where
        M::Action: Debug + PartialEq,
        M::State: Debug + Hash + PartialEq,
    {
    }

    fn delay(&self) -> Duration {
        Duration::from_millis(100)
    }
}

/// Explores all of a scenario, in which some things have to happen.
fn explore(scenario: Scenario, reached: fn() -> Vec<Property<Relay>>) {
    let begun = Instant::now();
    let relay = Relay { reached, ..scenario.real() };
    let checker = relay.checker().threads(2).finish_when(HasDiscoveries::AnyFailures);
    let checker = checker.spawn_bfs().report(&mut Progress { scenario: scenario.name, said_at: Duration::ZERO });
    let states = checker.unique_state_count();
    let (records, transitions) = checker.model().records.met();
    println!(
        "{:<14} {:>10} states, {:>11} steps, depth {:>2}, {:>5} records, {:>6} transitions, {:>6.1} s",
        scenario.name,
        states,
        checker.state_count(),
        checker.max_depth(),
        records,
        transitions,
        begun.elapsed().as_secs_f64()
    );
    checker.assert_properties();
}

#[test]
fn a_call_holds_what_was_promised_through_retries_lies_and_crashes() {
    explore(RETRIES, reached::a_call);
}

#[test]
fn a_dead_call_and_its_successor_are_not_paid_for_twice() {
    explore(SUCCESSION, reached::succession);
}

#[test]
fn a_reference_pays_for_one_of_two_calls() {
    explore(REFERENCES, reached::references);
}

#[test]
fn a_payment_in_a_header_pays_for_one_call() {
    explore(BY_HEADER, reached::by_header);
}
