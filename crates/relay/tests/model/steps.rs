//! What a task of the gateway does: `crates/relay/src/gateway` and `sweeper.rs`, one transaction a step. What they
//! decide between two transactions is decided here again, line for line, since it is not theirs alone to be called.

use crochet_relay::State as Stands;

use crate::model::Relay;
use crate::properties::Breach;
use crate::records::{Consumed, Op, Outcome, consume};
use crate::state::{Choice, Ends, Kind, PAYMENTS, Request, Row, Status, Told, Why, Worker, World, has, index, one};

impl Relay {
    pub(crate) fn step(&self, world: &mut World, worker: Worker, choice: Choice) -> Worker {
        match (worker, choice) {
            (Worker::Admit { body, request }, _) => self.admit(world, body, request),
            (Worker::Quote { call, fence, request }, choice) => self.issue(world, call, fence, request, choice),
            (Worker::Wait { call, why, request, .. }, Choice::NoTurn) => self.recent(world, call, why, request),
            (Worker::Wait { call, why, request, .. }, _) => self.look(world, call, why, request),
            (Worker::Look { call, why, request, overtaken, settled }, Choice::Told(told)) => {
                let brings_payment = world.calls[index(call)].is_some_and(|row| row.view.came_paid) && why == Why::Own;
                if brings_payment && told == Told::Waiting {
                    return Worker::Resubmit { call, why, request, overtaken, settled };
                }
                Worker::Apply { call, why, request, overtaken, settled, told }
            }
            (Worker::Resubmit { call, why, request, overtaken, settled }, _) => {
                match self.transact(world, call, Op::RetakeSubmission).row {
                    Some(_) => Worker::Submit { call, why, request, overtaken, settled },
                    None => Worker::Apply { call, why, request, overtaken, settled, told: Told::InProgress(0) },
                }
            }
            // Whoever submits says what the chain shows; the payment itself moves as it likes.
            (Worker::Submit { call, why, request, overtaken, settled }, Choice::Told(told)) => {
                let told = if told == Told::Waiting { Told::InProgress(0) } else { told };
                Worker::Apply { call, why, request, overtaken, settled, told }
            }
            (worker @ Worker::Apply { .. }, _) => self.record(world, worker),
            (Worker::Supersede { call, request }, _) => self.supersede(world, call, request),
            (Worker::Before { call, at, request }, _) => self.look_before(world, call, at, request),
            (Worker::Again { call, request }, choice) => self.go_on(world, call, request, choice != Choice::NoTurn),
            (Worker::Sent { call, attempt, .. }, Choice::Ends(ending, ack)) => {
                self.close(world, call, attempt, ending, ack)
            }
            (Worker::Close { call, attempt, ending }, _) => self.close(world, call, attempt, ending, true),
            (worker, _) => worker,
        }
    }

    /// `Gateway::first`.
    pub(crate) fn first(&self, world: &mut World) -> Option<Worker> {
        let call = (0..self.scenario.calls).find(|call| world.calls[index(*call)].is_none())?;
        let row = self.records.open(call, None, world.now);
        world.calls[index(call)] = Some(row);
        Some(Worker::Quote { call, fence: row.view.fence, request: self.request(world) })
    }

    /// `Journal::admit` for a call that came paid, and what `call_paid_by_header` does with the answer.
    fn admit(&self, world: &mut World, body: u8, request: Request) -> Worker {
        if let Some(owner) = world.consumed[0] {
            let is_same = world.calls[index(owner)].is_some_and(|row| row.view.body == body);
            return if is_same { self.go_on(world, owner, request, true) } else { Worker::Idle };
        }
        let Some(call) = (0..self.scenario.firsts).find(|call| world.calls[index(*call)].is_none()) else {
            return Worker::Idle;
        };
        if self.records.keeps_claims() {
            world.consumed[0] = Some(call);
        }
        world.calls[index(call)] = Some(self.records.open(call, Some(body), world.now));
        Worker::Submit { call, why: Why::Own, request, overtaken: false, settled: None }
    }

    /// `Gateway::go_on`, up to its first transaction that changes something.
    pub(crate) fn go_on(&self, world: &mut World, call: u8, request: Request, turn: bool) -> Worker {
        let Some(Row { view, .. }) = world.calls[index(call)] else { return Worker::Idle };
        let now = i8::try_from(world.now).unwrap();
        match view.stands {
            Stands::Quoting => match self.transact(world, call, Op::RetakeQuote).row {
                Some(row) => Worker::Quote { call, fence: row.view.fence, request },
                None => Worker::Idle,
            },
            Stands::QuoteRefused | Stands::Delivered => Worker::Idle,
            Stands::Forwarding if view.lease_until.is_some_and(|until| until > now) => Worker::Idle,
            Stands::SellerFailed if view.retry_from.is_some_and(|from| from > now) => Worker::Idle,
            _ => self.ask(world, call, Why::Own, request, turn),
        }
    }

    /// `Gateway::claim_turn`: asks at once, or waits where the answer decides about money.
    fn ask(&self, world: &mut World, call: u8, why: Why, request: Request, turn: bool) -> Worker {
        let stands = world.calls[index(call)].map(|row| row.view.stands);
        match (turn, stands) {
            (true, _) => self.look(world, call, why, request),
            (false, Some(Stands::Pending | Stands::Forwarding | Stands::Delivered)) => {
                self.recent(world, call, why, request)
            }
            (false, _) => Worker::Wait { call, why, request, passed: false },
        }
    }

    /// `Journal::claim_check`, granted.
    pub(crate) fn look(&self, world: &mut World, call: u8, why: Why, request: Request) -> Worker {
        for worker in &mut world.workers {
            match worker {
                Worker::Wait { call: of, passed: passes, .. } if *of == call => *passes = true,
                Worker::Look { call: of, overtaken, .. }
                | Worker::Resubmit { call: of, overtaken, .. }
                | Worker::Submit { call: of, overtaken, .. }
                | Worker::Apply { call: of, overtaken, .. }
                    if *of == call =>
                {
                    *overtaken = true;
                }
                _ => {}
            }
        }
        let settled = world.calls[index(call)].and_then(|row| row.view.standing());
        Worker::Look { call, why, request, overtaken: false, settled }
    }

    /// `Journal::advance_after_check`, and what the gateway does with its answer.
    fn record(&self, world: &mut World, worker: Worker) -> Worker {
        let Worker::Apply { call, why, request, overtaken, settled, told } = worker else { return worker };
        let confirmed = settled.is_none_or(|payment| told.arrived()[index(payment)] != Kind::None);
        let attempts = world.calls[index(call)].map_or(0, |row| row.view.attempt);
        let asks_for_terms_only = matches!(why, Why::Sweep | Why::Before(_));
        let lease = confirmed && told != Told::Unknown && !asks_for_terms_only && attempts < self.scenario.attempts;
        let outcome = self.advance(world, call, Some((told, overtaken)), lease);
        let Some(row) = outcome.row.filter(|_| why != Why::Sweep) else { return Worker::Idle };
        if outcome.granted {
            let (attempt, until) = (row.view.attempt, row.view.lease_until.unwrap());
            return Worker::Sent { call, attempt, until };
        }
        let stands = row.view.stands;
        let is_known = told != Told::Unknown;
        match why {
            Why::Before(_) if !stands.is_dead() => return Worker::Again { call, request },
            // Answered as pending.
            Why::Before(_) | Why::Own if !is_known && stands != Stands::Delivered => return Worker::Idle,
            _ => {}
        }
        // In a chain of one nobody asks who was asked.
        let asked = request.asked | if is_known && self.scenario.calls > 1 { one(call) } else { 0 };
        let request = Request { asked, ..request };
        match why {
            Why::Before(successor) => self.go_before(world, successor, call, request),
            Why::Successor if stands == Stands::Quoted && self.scenario.repairs.looks_at_all_before => {
                self.go_before(world, call, call, request)
            }
            Why::Successor if stands == Stands::Quoted => self.terms_again(world, call, request),
            Why::Successor => Worker::Again { call, request },
            _ => self.answer(world, call, request),
        }
    }

    /// `Gateway::answer`.
    fn answer(&self, world: &mut World, call: u8, request: Request) -> Worker {
        let Some(Row { view, .. }) = world.calls[index(call)] else { return Worker::Idle };
        match view.stands {
            Stands::Quoted if view.expires.is_some_and(|at| at <= i8::try_from(world.now).unwrap()) => Worker::Idle,
            Stands::Quoted => self.go_before(world, call, call, request),
            Stands::Mispaid | Stands::Expired | Stands::PaymentFailed if view.came_paid => {
                self.no_payment_can_happen(world);
                Worker::Idle
            }
            Stands::Mispaid | Stands::Expired | Stands::PaymentFailed => Worker::Supersede { call, request },
            Stands::Quoting => Worker::Again { call, request },
            _ => Worker::Idle,
        }
    }

    /// `Gateway::require_payment`, up to the next call that has to be looked at.
    fn go_before(&self, world: &mut World, call: u8, at: u8, request: Request) -> Worker {
        match world.before(at) {
            Some(_) => Worker::Before { call, at, request },
            None => self.terms_again(world, call, request),
        }
    }

    fn look_before(&self, world: &mut World, call: u8, at: u8, request: Request) -> Worker {
        let Some(before) = world.before(at) else { return self.terms_again(world, call, request) };
        let Some(Row { view, .. }) = world.calls[index(before)] else { return Worker::Idle };
        if !view.stands.is_dead() {
            return Worker::Again { call: before, request };
        }
        if view.expires.is_none() || has(request.asked, before) {
            return self.go_before(world, call, before, request);
        }
        if self.scenario.turns {
            return Worker::Wait { call: before, why: Why::Before(call), request, passed: false };
        }
        self.ask(world, before, Why::Before(call), request, true)
    }

    /// `Gateway::supersede`.
    fn supersede(&self, world: &mut World, call: u8, request: Request) -> Worker {
        let Some(Row { view, .. }) = world.calls[index(call)] else { return Worker::Idle };
        if view.superseded_by.is_some() || !view.stands.is_dead() {
            let newest = world.newest(call);
            let Some(Row { view, .. }) = world.calls[index(newest)] else { return Worker::Idle };
            let is_past = view.expires.is_some_and(|at| at <= i8::try_from(world.now).unwrap());
            if view.stands == Stands::Quoted && !is_past {
                return self.ask(world, newest, Why::Successor, request, !self.scenario.turns);
            }
            return Worker::Again { call: newest, request };
        }
        let Some(successor) = (0..self.scenario.calls).find(|call| world.calls[index(*call)].is_none()) else {
            return Worker::Idle;
        };
        let row = self.records.open(successor, None, world.now);
        world.calls[index(successor)] = Some(row);
        self.transact(world, call, Op::SupersededBy(successor));
        Worker::Quote { call: successor, fence: row.view.fence, request }
    }

    /// `Gateway::quote`.
    fn issue(&self, world: &mut World, call: u8, fence: u8, request: Request, choice: Choice) -> Worker {
        let terms = match choice {
            Choice::NoTerms => None,
            Choice::Refused => Some(false),
            _ => Some(true),
        };
        let row = self.transact(world, call, Op::Issue { fence, terms }).row;
        let is_mine = row.is_some_and(|row| row.view.stands == Stands::Quoted && row.view.fence == fence);
        if terms == Some(true) && is_mine {
            if self.scenario.repairs.looks_before_new_terms {
                return self.go_before(world, call, call, request);
            }
            return self.terms_again(world, call, request);
        }
        Worker::Idle
    }

    /// `Journal::close`; of an acknowledgement that was lost, the same again.
    fn close(&self, world: &mut World, call: u8, attempt: u8, ending: Ends, ack: bool) -> Worker {
        let outcome = self.transact(world, call, Op::Close { attempt, ending });
        if !ack {
            return Worker::Close { call, attempt, ending };
        }
        let is_200 = ending == Ends::Delivered && outcome.recorded;
        let is_recorded = outcome.row.is_some_and(|row| row.view.delivered_by == Some(attempt));
        if is_200 && !is_recorded {
            world.breach(Breach::Delivery);
        }
        Worker::Idle
    }

    /// 402: nothing that was paid before this request, for these terms or for those before them, may be live.
    fn terms_again(&self, world: &mut World, call: u8, request: Request) -> Worker {
        let chain = world.chain(call);
        let is_charged_twice = (0..self.scenario.payments).any(|payment| {
            has(request.owed, payment) && world.is_live(payment) && has(chain, world.payments[index(payment)].call)
        });
        if is_charged_twice {
            world.breach(Breach::SecondCharge);
        }
        Worker::Idle
    }

    /// 402 to who paid by a header: the payment is not what was asked for, or can never be made.
    fn no_payment_can_happen(&self, world: &mut World) {
        let it = world.payments[0];
        let may_happen = match it.status {
            Status::Absent => self.can_still_happen(world),
            Status::UnderWay => true,
            Status::Arrived => it.kind == Kind::Good,
            Status::Failed | Status::Refunded => false,
        };
        if may_happen {
            world.breach(Breach::SecondCharge);
        }
    }

    fn no_other_forward(&self, world: &mut World, call: u8) {
        let now = i8::try_from(world.now).unwrap();
        let forwards =
            |worker: &Worker| matches!(worker, Worker::Sent { call: of, until, .. } if *of == call && *until > now);
        if world.workers.iter().any(forwards) {
            world.breach(Breach::TwoForwards);
        }
    }

    /// `Journal::advance`, with or without a look.
    pub(crate) fn advance(&self, world: &mut World, call: u8, look: Option<(Told, bool)>, lease: bool) -> Outcome {
        let Some(before) = world.calls[index(call)].map(|row| row.view) else { return Outcome::default() };
        let told = look.map(|(told, overtaken)| {
            let has_terms = before.expires.is_some();
            let arrived = if has_terms { told.arrived() } else { [Kind::None; PAYMENTS] };
            let claims = consume(&mut world.consumed, call, arrived, self.records.keeps_claims());
            (told, overtaken, claims)
        });
        let outcome = self.transact(world, call, Op::Advance { told, lease });
        if let Some((told, overtaken, claims)) = told {
            learn(world, call, told, overtaken, before.standing());
            self.nothing_is_lost(world, call, told, &claims);
        }
        if outcome.granted {
            self.may_be_forwarded(world, call);
        }
        outcome
    }

    fn may_be_forwarded(&self, world: &mut World, call: u8) {
        let paid_by = world.calls[index(call)].and_then(|row| row.view.standing());
        let is_paid = paid_by.is_some_and(|payment| {
            world.booked[index(payment)] == Some(call) && has(world.covered, payment) && !has(world.reversed, payment)
        });
        if !is_paid {
            world.breach(Breach::Unpaid);
        }
        if world.delivered_by[index(call)] != 0 {
            world.breach(Breach::Delivery);
        }
        self.no_other_forward(world, call);
    }

    /// Every payment that a look shows is in the books, or among the orphans of its call.
    fn nothing_is_lost(&self, world: &mut World, call: u8, told: Told, claims: &[Option<Consumed>; PAYMENTS]) {
        for payment in (0..).take(PAYMENTS).filter(|payment| claims[index(*payment)].is_some()) {
            let is_booked = world.booked[index(payment)] == Some(call);
            let is_kept = has(world.orphans[index(call)], payment);
            if !is_booked && !is_kept && told.arrived()[index(payment)] != Kind::None {
                world.breach(Breach::Lost);
            }
        }
    }

    /// `Gateway::after_recent_check`; before a successor's terms, what the record says is taken for what is known.
    fn recent(&self, world: &mut World, call: u8, why: Why, request: Request) -> Worker {
        let Some(Row { view, .. }) = world.calls[index(call)] else { return Worker::Idle };
        match why {
            Why::Before(_) if !view.stands.is_dead() => Worker::Again { call, request },
            Why::Before(_) if self.scenario.repairs.waits_for_looks => Worker::Idle,
            Why::Before(successor) => self.go_before(world, successor, call, request),
            Why::Own | Why::Successor | Why::Sweep => Worker::Idle,
        }
    }

    /// One transaction on one call, and what it wrote beside it.
    fn transact(&self, world: &mut World, call: u8, op: Op) -> Outcome {
        let Some(row) = world.calls[index(call)] else { return Outcome::default() };
        let outcome = self.records.apply(row, world.now, op);
        let Some(next) = outcome.row else { return outcome };
        world.calls[index(call)] = Some(next);
        for payment in (0..).take(PAYMENTS) {
            if has(outcome.booked, payment) && world.booked[index(payment)].replace(call).is_some() {
                world.breach(Breach::Reference);
            }
            if has(outcome.reversed, payment) && has(world.reversed, payment) {
                world.breach(Breach::Books);
            }
        }
        world.reversed |= outcome.reversed;
        world.orphans[index(call)] |= outcome.orphans;
        if outcome.books_are_wrong {
            world.breach(Breach::Books);
        }
        if outcome.terms_changed {
            world.breach(Breach::Terms);
        }
        if outcome.is_forgotten && !matches!(next.view.stands, Stands::Delivered) {
            world.breach(Breach::Forgotten);
        }
        let first = &mut world.delivered_by[index(call)];
        if *first == 0 {
            *first = next.view.delivered_by.unwrap_or(0);
        }
        outcome
    }
}

/// What everybody may know from now on: as long as an older look's bad news is no news.
fn learn(world: &mut World, call: u8, told: Told, overtaken: bool, settled: Option<u8>) {
    let (shown, gone) = match told {
        Told::Unknown | Told::Waiting => (0, 0),
        Told::InProgress(payments) => (payments, 0),
        Told::Failed(payments) => (0, payments),
        Told::Refunded(payments) => (0, payments),
        Told::Arrived(_) => (0, 0),
        Told::Several { refunded, under_way, .. } => (under_way, refunded),
    };
    let is_of_settlement = matches!((told, settled), (Told::Refunded(of), Some(payment)) if has(of, payment));
    let is_bad_news = matches!(told, Told::Failed(_) | Told::Refunded(_)) && !is_of_settlement;
    if !(overtaken && is_bad_news) {
        world.told &= !gone;
    }
    let good = (0..).zip(told.arrived()).filter(|(_, kind)| *kind == Kind::Good);
    let good = good.fold(0, |set, (payment, _)| set | one(payment));
    let its_own = (0..).take(PAYMENTS).filter(|payment| world.payments[index(*payment)].call == call);
    let its_own = its_own.fold(0, |set, payment| set | one(payment));
    world.told |= shown | (good & its_own);
    world.covered |= good;
}
