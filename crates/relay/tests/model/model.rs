//! What may happen next, and what comes of it. Each step is one transaction of the storage, or one thing that happens
//! outside of it.

use stateright::{Model, Property};

use crate::properties;
use crate::records::Records;
use crate::scenario::Scenario;
use crate::state::{
    Action, CALLS, Choice, Ends, Kind, PAYMENTS, Payment, Request, Status, Told, WORKERS, Why, Worker, World, has,
    index, one,
};

pub(crate) struct Relay {
    pub(crate) scenario: Scenario,
    pub(crate) records: Records,
    /// What has to happen somewhere.
    pub(crate) reached: fn() -> Vec<Property<Self>>,
}

impl Model for Relay {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let absent = Payment { call: 0, kind: Kind::None, status: Status::Absent };
        vec![World {
            now: 0,
            calls: [None; CALLS],
            payments: [absent; PAYMENTS],
            consumed: [None; PAYMENTS],
            booked: [None; PAYMENTS],
            reversed: 0,
            orphans: [0; CALLS],
            told: 0,
            covered: 0,
            delivered_by: [0; CALLS],
            workers: [Worker::Idle; WORKERS],
            broken: 0,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.broken != 0 {
            return;
        }
        if world.now < self.scenario.ticks {
            actions.push(Action::Tick);
        }
        self.money(world, actions);
        let has_room = world.workers.iter().filter(|worker| **worker == Worker::Idle).count();
        if has_room > WORKERS - self.scenario.workers {
            self.requests(world, actions);
        }
        for (worker, at) in (0..).zip(&world.workers) {
            if *at != Worker::Idle {
                actions.push(Action::Crash { worker });
                self.choices(world, *at, |choice| actions.push(Action::Step { worker, choice }));
            }
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Tick => self.tick(&mut next),
            Action::Pay { payment, call, kind } => {
                next.payments[index(payment)] = Payment { call, kind, status: Status::UnderWay };
            }
            Action::Move { payment, to } => next.payments[index(payment)].status = to,
            Action::First => {
                let worker = self.first(&mut next)?;
                next.start(worker);
            }
            Action::Bring { body } => next.start(Worker::Admit { body, request: self.request(world) }),
            Action::Retry { call, turn } => {
                let request = self.request(world);
                let worker = self.go_on(&mut next, call, request, turn);
                next.start(worker);
            }
            Action::Sweep { call, ask: true } => {
                let worker = self.look(&mut next, call, Why::Sweep, Request::default());
                next.start(worker);
            }
            Action::Sweep { call, ask: false } => {
                self.advance(&mut next, call, None, false);
            }
            Action::Crash { worker } => next.workers[index(worker)] = Worker::Idle,
            Action::Step { worker, choice } => {
                let at = next.workers[index(worker)];
                next.workers[index(worker)] = Worker::Idle;
                let then = self.step(&mut next, at, choice);
                next.workers[index(worker)] = then;
            }
        }
        next.even_out();
        next.workers.sort_unstable();
        properties::check(&self.scenario, &mut next);
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        [properties::all(), (self.reached)()].concat()
    }
}

impl Relay {
    fn tick(&self, world: &mut World) {
        world.now += 1;
        for row in world.calls.iter_mut().flatten() {
            *row = self.records.apply(*row, world.now, crate::records::Op::Wait).row.unwrap();
        }
    }

    /// What happens to money, whatever the gateway does.
    fn money(&self, world: &World, actions: &mut Vec<Action>) {
        for payment in 0..self.scenario.payments {
            let move_to = |to| Action::Move { payment, to };
            let it = world.payments[index(payment)];
            match it.status {
                Status::Absent if self.scenario.by_header => {
                    // Anybody may submit it, from its claim to its end.
                    let call = 0;
                    if world.calls[0].is_some() && self.can_still_happen(world) {
                        actions.extend(self.kinds().map(|kind| Action::Pay { payment, call, kind }));
                    }
                }
                Status::Absent => {
                    // The second is not made before the first: which is which is nobody's business.
                    let is_next = payment == 0 || world.payments[index(payment - 1)].status != Status::Absent;
                    for call in (0..self.scenario.calls).filter(|_| is_next) {
                        let is_offered = world.calls[index(call)].is_some_and(|row| row.view.expires.is_some());
                        if is_offered {
                            actions.extend(self.kinds().map(|kind| Action::Pay { payment, call, kind }));
                        }
                    }
                }
                Status::UnderWay => {
                    actions.push(move_to(Status::Arrived));
                    if !self.scenario.by_header {
                        actions.push(move_to(Status::Failed));
                    }
                }
                Status::Arrived if self.scenario.refunds && !self.scenario.by_header => {
                    actions.push(move_to(Status::Refunded));
                }
                Status::Failed if self.scenario.revives => actions.push(move_to(Status::Arrived)),
                Status::Arrived | Status::Failed | Status::Refunded => {}
            }
        }
    }

    fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.scenario.kinds.iter().copied()
    }

    /// Whether the authorization of the header, which is good until tick 2, can still be used.
    pub(crate) fn can_still_happen(&self, world: &World) -> bool {
        world.now <= 2
    }

    /// What buyers and sweepers begin.
    fn requests(&self, world: &World, actions: &mut Vec<Action>) {
        let begun = (0..).zip(&world.calls).filter_map(|(call, row)| row.map(|row| (call, row)));
        let calls: Vec<_> = begun.collect();
        if self.scenario.by_header {
            actions.extend((0..self.scenario.firsts).map(|body| Action::Bring { body }));
        } else if calls.len() < usize::from(self.scenario.firsts) {
            actions.push(Action::First);
        }
        for (call, row) in calls {
            // Whoever pays by a header brings it again instead.
            if !row.view.came_paid {
                actions.push(Action::Retry { call, turn: true });
                if self.scenario.turns {
                    actions.push(Action::Retry { call, turn: false });
                }
            }
            if self.scenario.sweeps {
                actions.extend([true, false].map(|ask| Action::Sweep { call, ask }));
            }
        }
    }

    /// The ways in which a worker can go on.
    fn choices(&self, world: &World, worker: Worker, mut can: impl FnMut(Choice)) {
        match worker {
            Worker::Idle => {}
            Worker::Quote { fence, .. } => {
                can(Choice::Go);
                can(Choice::Refused);
                // Asked for terms again and again, a call only counts how often.
                if fence == 1 {
                    can(Choice::NoTerms);
                }
            }
            Worker::Wait { passed, .. } => {
                can(Choice::Go);
                if passed {
                    can(Choice::NoTurn);
                }
            }
            Worker::Look { call, .. } | Worker::Submit { call, .. } => {
                for told in self.what_is_told(world, call) {
                    can(Choice::Told(told));
                }
            }
            Worker::Again { .. } => {
                can(Choice::Go);
                if self.scenario.turns {
                    can(Choice::NoTurn);
                }
            }
            Worker::Sent { .. } => {
                for ending in [Ends::Delivered, Ends::Failed, Ends::NobodyKnows, Ends::NotSent] {
                    can(Choice::Ends(ending, true));
                    can(Choice::Ends(ending, false));
                }
            }
            Worker::Admit { .. }
            | Worker::Resubmit { .. }
            | Worker::Apply { .. }
            | Worker::Supersede { .. }
            | Worker::Before { .. }
            | Worker::Close { .. } => can(Choice::Go),
        }
    }

    /// The truth, that nobody can be asked, and lies.
    fn what_is_told(&self, world: &World, call: u8) -> Vec<Told> {
        let has_terms = world.calls[index(call)].is_some_and(|row| row.view.expires.is_some());
        if !has_terms {
            return vec![Told::Waiting];
        }
        let truth = self.truth(world, call);
        let mut told = vec![truth, Told::Unknown];
        if self.scenario.lies {
            told.push(Told::Waiting);
            if !self.scenario.by_header {
                told.push(Told::Arrived([Kind::None; PAYMENTS]));
                // What was paid for another call.
                for payment in 0..self.scenario.payments {
                    let it = world.payments[index(payment)];
                    if it.status == Status::Arrived && it.call != call && it.kind == Kind::Good {
                        let mut arrived = [Kind::None; PAYMENTS];
                        arrived[index(payment)] = it.kind;
                        told.push(Told::Arrived(arrived));
                    }
                }
            }
        }
        told.dedup();
        told
    }

    /// What an honest provider says of a call now.
    pub(crate) fn truth(&self, world: &World, call: u8) -> Told {
        let (mut arrived, mut some_arrived) = ([Kind::None; PAYMENTS], false);
        let (mut under_way, mut failed, mut refunded) = (0, 0, 0);
        for payment in 0..self.scenario.payments {
            let it = world.payments[index(payment)];
            match it.status {
                // A payment in a header is there for whoever claims it.
                _ if it.call != call && !self.scenario.by_header => {}
                Status::Absent => {}
                Status::UnderWay => under_way |= one(payment),
                Status::Failed => failed |= one(payment),
                Status::Refunded => refunded |= one(payment),
                Status::Arrived => (arrived[index(payment)], some_arrived) = (it.kind, true),
            }
        }
        let never = self.scenario.by_header && !self.can_still_happen(world);
        match (some_arrived, refunded, under_way, failed) {
            (false, 0, 0, 0) if never => Told::Failed(0),
            (false, 0, 0, 0) => Told::Waiting,
            (false, 0, 0, _) => Told::Failed(failed),
            (false, 0, _, _) => Told::InProgress(under_way),
            (false, _, 0, _) => Told::Refunded(refunded),
            (true, 0, 0, _) => Told::Arrived(arrived),
            (_, _, _, _) => Told::Several { arrived, refunded, under_way },
        }
    }
}

impl World {
    /// What was paid and is gone is owed no more.
    fn even_out(&mut self) {
        let live = (0..).take(PAYMENTS).filter(|payment| self.is_live(*payment));
        let live = live.fold(0, |live, payment| live | one(payment));
        for worker in &mut self.workers {
            match worker {
                Worker::Admit { request, .. }
                | Worker::Quote { request, .. }
                | Worker::Wait { request, .. }
                | Worker::Look { request, .. }
                | Worker::Resubmit { request, .. }
                | Worker::Submit { request, .. }
                | Worker::Apply { request, .. }
                | Worker::Supersede { request, .. }
                | Worker::Before { request, .. }
                | Worker::Again { request, .. } => request.owed &= live,
                Worker::Idle | Worker::Sent { .. } | Worker::Close { .. } => {}
            }
        }
    }

    /// There is room: it was looked for.
    fn start(&mut self, worker: Worker) {
        if let Some(place) = self.workers.iter_mut().find(|place| **place == Worker::Idle) {
            *place = worker;
        }
    }

    pub(crate) fn before(&self, call: u8) -> Option<u8> {
        let is_before = |row: &crate::state::Row| row.view.superseded_by == Some(call);
        (0..).zip(&self.calls).find(|(_, row)| row.as_ref().is_some_and(is_before)).map(|(before, _)| before)
    }

    /// The call, and those whose place it took.
    pub(crate) fn chain(&self, call: u8) -> u8 {
        let chain = std::iter::successors(Some(call), |call| self.before(*call));
        chain.take(CALLS).fold(0, |chain, call| chain | one(call))
    }

    pub(crate) fn newest(&self, call: u8) -> u8 {
        let after = |call: &u8| self.calls[index(*call)].and_then(|row| row.view.superseded_by);
        std::iter::successors(Some(call), after).take(CALLS).last().unwrap_or(call)
    }

    /// Whether a payment is under way, or has arrived and is what was asked for. Where the provider has named it for
    /// another call before, it is used.
    pub(crate) fn is_live(&self, payment: u8) -> bool {
        let it = self.payments[index(payment)];
        let is_used = self.consumed[index(payment)].is_some_and(|owner| owner != it.call);
        match it.status {
            _ if is_used => false,
            Status::UnderWay => true,
            Status::Arrived => it.kind == Kind::Good,
            Status::Absent | Status::Failed | Status::Refunded => false,
        }
    }
}

impl Relay {
    /// The payments that a request which is sent now may count on: their provider shows them to everybody, or has
    /// shown them before it began to lie.
    pub(crate) fn request(&self, world: &World) -> Request {
        let is_shown = |payment: &u8| !self.scenario.lies || has(world.told, *payment);
        let owed = (0..self.scenario.payments).filter(|payment| world.is_live(*payment)).filter(is_shown);
        Request { owed: owed.fold(0, |owed, payment| owed | one(payment)), asked: 0 }
    }
}
