//! Terms of a successor are answered only after every call that it took the place of was asked about. Each place where
//! that could be left out is caught: these were found by the model in the gateway.

use stateright::{Checker, HasDiscoveries, Model};

use crate::properties::NO_SECOND_CHARGE;
use crate::scenario::{REPAIRED, Repairs, SUCCESSION, Scenario};

fn is_caught(scenario: Scenario) {
    let until = HasDiscoveries::AnyOf([NO_SECOND_CHARGE].into());
    let checker = scenario.real().checker().finish_when(until).spawn_bfs().join();
    let path = checker.discovery(NO_SECOND_CHARGE).unwrap();
    for (step, action) in (1..).zip(path.into_actions()) {
        println!("{step:>2}. {action:?}");
    }
}

#[test]
fn new_terms_without_a_look_at_the_call_before_are_caught() {
    let repairs = Repairs { looks_before_new_terms: false, ..REPAIRED };
    is_caught(Scenario { repairs, ..SUCCESSION });
}

#[test]
fn terms_to_who_names_the_first_of_three_calls_without_a_look_at_the_second_are_caught() {
    let repairs = Repairs { looks_at_all_before: false, ..REPAIRED };
    is_caught(Scenario { repairs, calls: 3, workers: 1, ticks: 5, ..SUCCESSION });
}

#[test]
fn terms_while_somebody_else_looks_at_the_call_before_are_caught() {
    let repairs = Repairs { waits_for_looks: false, ..REPAIRED };
    is_caught(Scenario { repairs, sweeps: true, turns: true, ..SUCCESSION });
}
