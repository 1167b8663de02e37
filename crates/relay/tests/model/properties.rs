//! What must never be, by name. Most are found out in the step that breaks them; the rest are read off a state.

use stateright::Property;

use crate::model::Relay;
use crate::records::Op;
use crate::scenario::Scenario;
use crate::state::{Ends, Kind, PAYMENTS, Status, Worker, World, has, index};

/// What a step broke.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Breach {
    Unpaid,
    SecondCharge,
    TwoForwards,
    Delivery,
    Lost,
    Books,
    Reference,
    Terms,
    Forgotten,
}

pub(crate) const NO_UNPAID_FORWARD: &str = "1: no unpaid forward";
pub(crate) const NO_SECOND_CHARGE: &str = "2: no terms while a payment may have been made";
pub(crate) const TERMS_STAY: &str = "2: terms are never replaced";
pub(crate) const ONE_FORWARD: &str = "3: never two forwards under valid leases";
pub(crate) const ONE_DELIVERY: &str = "3: no lease after delivery, and the first delivery stays";
pub(crate) const NOTHING_LOST: &str = "4: what arrived is in the books or an orphan";
pub(crate) const RETRYABLE: &str = "4: a settled payment can still be delivered";
pub(crate) const LOOKED_AT: &str = "4: what is not final is looked at again";
pub(crate) const BOOKS_BALANCE: &str = "5: the books balance, and say what the calls say";
pub(crate) const ONE_USE: &str = "5: a reference pays once";

impl World {
    pub(crate) fn breach(&mut self, breach: Breach) {
        self.broken |= 1 << breach as u16;
    }

    fn holds(&self, breach: Breach) -> bool {
        self.broken & (1 << breach as u16) == 0
    }
}

/// What can be read off any state.
pub(crate) fn check(scenario: &Scenario, world: &mut World) {
    for call in 0..scenario.calls {
        let Some(view) = world.calls[index(call)].map(|row| row.view) else { continue };
        let first = world.delivered_by[index(call)];
        if first != 0 && view.delivered_by != Some(first) {
            world.breach(Breach::Delivery);
        }
        let mut standing = None;
        for payment in (0..).take(PAYMENTS) {
            let stands = world.booked[index(payment)] == Some(call) && !has(world.reversed, payment);
            if stands && standing.replace(payment).is_some() {
                world.breach(Breach::Books);
            }
        }
        if standing != view.standing() {
            world.breach(Breach::Books);
        }
    }
}

pub(crate) fn all() -> Vec<Property<Relay>> {
    vec![
        Property::always(NO_UNPAID_FORWARD, |_, world: &World| world.holds(Breach::Unpaid)),
        Property::always(NO_SECOND_CHARGE, |_, world: &World| world.holds(Breach::SecondCharge)),
        Property::always(TERMS_STAY, |_, world: &World| world.holds(Breach::Terms)),
        Property::always(ONE_FORWARD, |_, world: &World| world.holds(Breach::TwoForwards)),
        Property::always(ONE_DELIVERY, |_, world: &World| world.holds(Breach::Delivery)),
        Property::always(NOTHING_LOST, |_, world: &World| world.holds(Breach::Lost)),
        Property::always(RETRYABLE, |relay: &Relay, world: &World| relay.every_payment_can_be_used(world)),
        Property::always(LOOKED_AT, |_, world: &World| world.holds(Breach::Forgotten)),
        Property::always(BOOKS_BALANCE, |_, world: &World| world.holds(Breach::Books)),
        Property::always(ONE_USE, |_, world: &World| world.holds(Breach::Reference)),
    ]
}

impl Relay {
    /// From here, with every process dead, the lease over and the backoff too, one honest look and one seller that
    /// answers are enough: what is paid is delivered, and what has arrived is in the books or an orphan.
    ///
    /// Every process may die at every moment, so states in which one is alive need not be asked.
    fn every_payment_can_be_used(&self, world: &World) -> bool {
        if world.broken != 0 || world.workers.iter().any(|worker| *worker != Worker::Idle) {
            return true;
        }
        (0..self.scenario.calls).all(|call| self.can_be_used(world, call))
    }

    fn can_be_used(&self, world: &World, call: u8) -> bool {
        let Some(row) = world.calls[index(call)] else { return true };
        if row.view.expires.is_none() {
            return true;
        }
        let mut later = world.clone();
        later.now += 10;
        for payment in later.payments.iter_mut().filter(|payment| payment.status == Status::UnderWay) {
            payment.status = Status::Arrived;
        }
        later.calls[index(call)] = self.records.apply(row, later.now, Op::Wait).row;
        let truth = self.truth(&later, call);
        let confirmed = row.view.standing().is_none_or(|payment| truth.arrived()[index(payment)] != Kind::None);
        let outcome = self.advance(&mut later, call, Some((truth, false)), confirmed);
        let Some(after) = outcome.row.filter(|_| later.broken == 0) else { return false };
        if outcome.granted {
            let attempt = after.view.attempt;
            let closed =
                self.records.apply(after, later.now, Op::Close { attempt, ending: Ends::Delivered }).row.unwrap();
            return closed.view.delivered_by == Some(attempt);
        }
        let is_delivered = after.view.delivered_by.is_some();
        is_delivered || !confirmed || after.view.standing().is_none()
    }
}
