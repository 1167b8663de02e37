//! Each wrong machine is caught, and by the property that it breaks.

use stateright::{Checker, HasDiscoveries, Model};

use crate::machine::Machine;
use crate::mutants::{
    ClaimNotConsumed, DeliveryOverwritten, FailureIsFinal, FeeNotBooked, LatePaymentIgnored, LeaseNeverEnds,
    LeaseTakenOver, LeaseWithoutSettlement, OrphanNotKept, PendingForgotten, RefundNotBooked, RefundSettlesAgain,
    ShortPaymentSettles, StaleFailureRecorded, StaleLookBelieved, TermsWhilePending,
};
use crate::properties::{
    BOOKS_BALANCE, LOOKED_AT, NO_SECOND_CHARGE, NO_UNPAID_FORWARD, NOTHING_LOST, ONE_DELIVERY, ONE_FORWARD, ONE_USE,
    RETRYABLE,
};
use crate::scenario::{BY_HEADER, REFERENCES, RETRIES, SUCCESSION, Scenario};
use crate::state::Kind;

/// Goes on, shortest ways first, until this promise is broken.
fn is_caught(machine: impl Machine + 'static, scenario: Scenario, by: &'static str) {
    let until = HasDiscoveries::AnyOf([by].into());
    let checker = scenario.with(machine).checker().finish_when(until).spawn_bfs().join();
    let states = checker.unique_state_count();
    assert!(checker.discovery(by).is_some(), "{by}: is kept in all {states} states");
}

const WITH_SHORT: Scenario = Scenario { kinds: &[Kind::Good, Kind::Short], ..RETRIES };

#[test]
fn a_lease_without_a_settlement_is_caught() {
    is_caught(LeaseWithoutSettlement, RETRIES, NO_UNPAID_FORWARD);
}

#[test]
fn a_short_payment_that_settles_is_caught() {
    is_caught(ShortPaymentSettles, WITH_SHORT, NO_UNPAID_FORWARD);
}

#[test]
fn a_late_payment_that_is_ignored_is_caught() {
    is_caught(LatePaymentIgnored, SUCCESSION, NOTHING_LOST);
}

#[test]
fn a_refund_that_is_not_booked_is_caught() {
    is_caught(RefundNotBooked, RETRIES, BOOKS_BALANCE);
}

#[test]
fn a_fee_that_is_not_booked_is_caught() {
    is_caught(FeeNotBooked, RETRIES, BOOKS_BALANCE);
}

#[test]
fn an_orphan_that_is_not_kept_is_caught() {
    is_caught(OrphanNotKept, WITH_SHORT, NOTHING_LOST);
}

#[test]
fn a_claim_that_is_not_consumed_is_caught() {
    is_caught(ClaimNotConsumed, REFERENCES, ONE_USE);
    is_caught(ClaimNotConsumed, BY_HEADER, ONE_USE);
}

#[test]
fn terms_while_a_payment_is_pending_are_caught() {
    is_caught(TermsWhilePending, RETRIES, NO_SECOND_CHARGE);
}

#[test]
fn a_stale_look_that_is_believed_is_caught() {
    is_caught(
        StaleLookBelieved,
        Scenario { payments: 2, ticks: 0, lies: true, revives: false, ..SUCCESSION },
        NO_SECOND_CHARGE,
    );
}

#[test]
fn a_delivery_that_is_overwritten_is_caught() {
    is_caught(DeliveryOverwritten, RETRIES, ONE_DELIVERY);
}

#[test]
fn a_lease_that_is_taken_over_is_caught() {
    is_caught(LeaseTakenOver, RETRIES, ONE_FORWARD);
}

#[test]
fn a_stale_failure_that_is_recorded_is_caught() {
    is_caught(StaleFailureRecorded, Scenario { attempts: 3, lies: false, refunds: false, ..RETRIES }, ONE_FORWARD);
}

#[test]
fn a_failure_of_the_seller_that_ends_the_call_is_caught() {
    is_caught(FailureIsFinal, RETRIES, RETRYABLE);
}

#[test]
fn a_lease_that_never_ends_is_caught() {
    is_caught(LeaseNeverEnds, RETRIES, RETRYABLE);
}

#[test]
fn a_refund_that_is_forgotten_is_caught() {
    is_caught(RefundSettlesAgain, RETRIES, BOOKS_BALANCE);
}

#[test]
fn a_pending_call_that_nobody_looks_at_is_caught() {
    is_caught(PendingForgotten, RETRIES, LOOKED_AT);
}
