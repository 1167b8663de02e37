//! The large worlds, one test each: `just model`, and `just model succession` for one of them.

use crate::explore;
use crate::scenario::{ALL_KINDS, BY_HEADER, GOOD_AND_SHORT, REFERENCES, RETRIES, SUCCESSION, Scenario};

fn large(scenario: Scenario) {
    explore(scenario, Vec::new);
}

#[test]
#[ignore = "takes minutes and gigabytes: `just model`"]
fn retries() {
    large(Scenario { kinds: ALL_KINDS, ticks: 5, attempts: 3, turns: true, ..RETRIES });
}

#[test]
#[ignore = "takes minutes and gigabytes: `just model`"]
fn three_tasks() {
    large(Scenario { name: "three tasks", workers: 3, ..RETRIES });
}

#[test]
#[ignore = "takes minutes and gigabytes: `just model`"]
fn two_payments() {
    large(Scenario { name: "two payments", payments: 2, kinds: GOOD_AND_SHORT, ticks: 3, sweeps: false, ..RETRIES });
}

#[test]
#[ignore = "takes minutes and gigabytes: `just model`"]
fn succession() {
    large(Scenario { ticks: 4, sweeps: true, turns: true, ..SUCCESSION });
}

#[test]
#[ignore = "takes minutes and gigabytes: `just model`"]
fn succession_with_money_that_comes_back() {
    let name = "failed money";
    large(Scenario { name, ticks: 3, revives: true, refunds: true, ..SUCCESSION });
}

#[test]
#[ignore = "takes minutes and gigabytes: `just model`"]
fn chain_of_three() {
    let name = "chain of three";
    large(Scenario { name, calls: 3, workers: 1, ticks: 5, revives: true, lies: true, refunds: true, ..SUCCESSION });
}

#[test]
#[ignore = "takes minutes and gigabytes: `just model`"]
fn references() {
    large(Scenario { ticks: 1, refunds: true, ..REFERENCES });
}

#[test]
#[ignore = "takes minutes and gigabytes: `just model`"]
fn by_header() {
    large(Scenario { workers: 3, attempts: 3, ticks: 5, ..BY_HEADER });
}
