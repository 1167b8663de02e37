//! Terms of a successor are answered only after every call that it took the place of was asked about.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use crochet_primitives::testing::ManualClock;
use crochet_primitives::{CallId, Clock, Timestamp};
use crochet_relay::memory::{MemoryJournal, ScriptedChain};
use crochet_relay::ports::{Journal, MOST_PREDECESSORS};
use crochet_relay::{
    CallRequest, IdempotencyKey, Mismatch, Observation, PaidRequest, Policy, Progress, QuoteOutcome, Record, Reply,
    State,
};

use crate::support::{PAYOUT, World, delivered, required};

/// Past a quote's window and the grace after it.
const EXPIRED: Duration = Duration::from_secs(26 * 60);
/// Past the interval between two questions about one call.
const A_MOMENT: Duration = Duration::from_secs(3);

fn keyed(world: &World) -> CallRequest {
    CallRequest { idempotency_key: IdempotencyKey::parse("order-1").ok(), ..world.request() }
}

/// A call that expired, and its successor, whose terms were not to be had.
async fn unquoted_successor(world: &World) -> (Record, Record) {
    let first = required(world.call(keyed(world)).await);
    world.clock.advance(EXPIRED);
    world.provider.will_quote(QuoteOutcome::Unavailable { retry_after_seconds: None });
    let reply = world.call(world.retry(&first)).await;
    let Reply::ProviderUnavailable { record: second, .. } = reply else { panic!("{reply:?}") };
    world.clock.advance(A_MOMENT);
    (first, *second)
}

/// Calls each of which took the place of the one before, which expired; the last has terms.
async fn chain(world: &World, length: usize) -> Vec<Record> {
    let mut chain = vec![required(world.call(world.request()).await)];
    while chain.len() < length {
        world.clock.advance(EXPIRED);
        chain.push(required(world.call(world.retry(chain.last().unwrap())).await));
    }
    world.clock.advance(A_MOMENT);
    chain
}

#[tokio::test]
async fn new_terms_of_a_successor_are_not_answered_when_the_call_before_was_paid_meanwhile() {
    let world = World::new();
    let (first, second) = unquoted_successor(&world).await;
    world.pay(&first, "pay-late");
    let (paid, ..) = delivered(world.call(world.retry(&second)).await);
    assert_eq!(paid.id, first.id);
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (1, 3));
}

#[tokio::test]
async fn a_key_whose_newest_call_is_still_without_terms_leads_to_the_payment_of_the_call_before() {
    let world = World::new();
    let (first, _) = unquoted_successor(&world).await;
    world.pay(&first, "pay-late");
    let (paid, ..) = delivered(world.call(keyed(&world)).await);
    assert_eq!(paid.id, first.id);
}

#[tokio::test]
async fn new_terms_of_a_successor_are_not_answered_while_nobody_can_say_what_was_paid_before() {
    let world = World::new();
    let (first, second) = unquoted_successor(&world).await;
    world.provider.sees_from_now_on(Observation::Unknown);
    let reply = world.call(world.retry(&second)).await;
    let Reply::Accepted { record, progress: Progress::Unknown, retry_after_seconds } = reply else {
        panic!("{reply:?}")
    };
    assert_eq!((record.id, record.state, retry_after_seconds), (first.id, State::Pending, 2));
    // Its terms were issued all the same, and are answered once it is known that nothing was paid before.
    world.clock.advance(A_MOMENT);
    world.provider.sees_from_now_on(Observation::Waiting);
    assert_eq!(required(world.call(world.retry(&second)).await).id, second.id);
    assert_eq!(world.provider.asks().len(), 3);
}

/// A clock by which everybody who waits for a turn to ask about a call finds that somebody else was faster.
struct SomebodyIsFaster {
    clock: Arc<ManualClock>,
    journal: Arc<MemoryJournal>,
    call: Mutex<Option<CallId>>,
}

#[async_trait]
impl Clock for SomebodyIsFaster {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
        let call = *self.call.lock().unwrap();
        if let Some(call) = call {
            self.journal.claim_check(call, Policy::default().check_interval).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_successor_s_terms_are_not_shown_while_somebody_else_is_asking_about_the_call_before() {
    let world = World::new();
    let calls = chain(&world, 2).await;
    let interval = Policy::default().check_interval;
    let clock = Arc::new(SomebodyIsFaster {
        clock: world.clock.clone(),
        journal: world.journal.clone(),
        call: Mutex::new(Some(calls[0].id)),
    });
    world.journal.claim_check(calls[0].id, interval).await.unwrap();
    // The payment that is there may be what that somebody is going to find.
    world.provider.will_see(Observation::Waiting);
    world.pay(&calls[0], "pay-late");
    let reply = world.by_clock(clock.clone()).call(&world.retry(&calls[1])).await.unwrap();
    assert!(matches!(reply, Reply::Accepted { progress: Progress::LatePayment, .. }), "{reply:?}");
    assert_eq!(world.provider.checks(), [calls[0].id, calls[1].id]);
    // Nobody is faster any more.
    *clock.call.lock().unwrap() = None;
    world.clock.advance(A_MOMENT);
    world.provider.will_see(Observation::Waiting);
    let (paid, ..) = delivered(world.by_clock(clock).call(&world.retry(&calls[1])).await.unwrap());
    assert_eq!(paid.id, calls[0].id);
}

#[tokio::test]
async fn whoever_names_the_first_of_three_calls_is_led_to_the_payment_of_the_second() {
    let world = World::new();
    let calls = chain(&world, 3).await;
    // Nothing for the first, nothing for the third, and then the second is asked about.
    world.provider.will_see(Observation::Waiting);
    world.provider.will_see(Observation::Waiting);
    world.pay(&calls[1], "pay-late");
    let (paid, ..) = delivered(world.call(world.retry(&calls[0])).await);
    assert_eq!(paid.id, calls[1].id);
    assert_eq!((world.upstream.sent(), world.ledger_rows().await), (1, 3));
}

#[tokio::test]
async fn each_call_of_a_chain_is_asked_about_once_for_one_request() {
    let world = World::new();
    let calls = chain(&world, 4).await;
    let before = world.provider.checks().len();
    assert_eq!(required(world.call(world.retry(&calls[0])).await).id, calls[3].id);
    let asked = world.provider.checks().split_off(before);
    assert_eq!(asked, [calls[0].id, calls[3].id, calls[2].id, calls[1].id]);
    // One that expires is asked about once, too, before its successor's new terms.
    world.clock.advance(EXPIRED);
    let before = world.provider.checks().len();
    let fifth = required(world.call(world.retry(&calls[3])).await);
    assert!(calls.iter().all(|call| call.id != fifth.id));
    let asked = world.provider.checks().split_off(before);
    assert_eq!(asked, [calls[3].id, calls[2].id, calls[1].id, calls[0].id]);
}

#[tokio::test]
async fn a_chain_ends_before_there_are_more_calls_in_it_than_one_request_can_ask_about() {
    let world = World::new();
    let calls = chain(&world, MOST_PREDECESSORS + 1).await;
    let last = calls.last().unwrap();
    assert_eq!(required(world.call(world.retry(last)).await).id, last.id);
    world.clock.advance(EXPIRED);
    let reply = world.call(world.retry(last)).await;
    assert!(matches!(&reply, Reply::Mismatch { call, what: Mismatch::TooManyTerms } if *call == last.id), "{reply:?}");
    assert_eq!(world.provider.asks().len(), calls.len());
    // Each of them can still be paid late, and is delivered then.
    world.clock.advance(A_MOMENT);
    world.pay(&calls[1], "pay-late");
    assert_eq!(delivered(world.call(world.retry(&calls[1])).await).0.id, calls[1].id);
}

/// A request that names a call, and brings a new payment in a header.
fn with_a_payment(world: &World, named: &Record) -> PaidRequest {
    let payer = "0x2c7536e3605d9c16a7a3d7b1898e529396a65c23".parse().unwrap();
    let CallRequest { buyer, listing, body, .. } = world.request();
    PaidRequest {
        buyer: Some(buyer),
        vault: None,
        listing,
        body,
        relay_request: Some(named.id),
        idempotency_key: None,
        payment: ScriptedChain::payment(payer, PAYOUT, 10_000, "0x01"),
    }
}

#[tokio::test]
async fn a_new_payment_that_names_a_dead_call_is_not_taken_when_that_chain_was_paid_after_all() {
    // Each of the chain is paid, and each that is dead is named.
    for (paid, named) in [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)] {
        let world = World::new();
        let calls = chain(&world, 3).await;
        let asked_before = if paid == 2 { 0 } else { 1 };
        (0..asked_before).for_each(|_| world.provider.will_see(Observation::Waiting));
        if paid == 0 {
            world.provider.will_see(Observation::Waiting);
        }
        world.pay(&calls[paid], "pay-late");
        let (call, ..) = delivered(world.pay_by_header(with_a_payment(&world, &calls[named])).await);
        assert_eq!(call.id, calls[paid].id, "{paid} {named}");
        assert!(world.chain.submitted().is_empty());
        assert_eq!((world.upstream.sent(), world.ledger_rows().await), (1, 3));
    }
}

#[tokio::test]
async fn a_new_payment_that_names_a_dead_call_is_taken_once_nobody_has_paid_for_its_chain() {
    let world = World::new();
    let calls = chain(&world, 2).await;
    world.provider.sees_from_now_on(Observation::Unknown);
    let reply = world.pay_by_header(with_a_payment(&world, &calls[0])).await;
    assert!(matches!(reply, Reply::Accepted { progress: Progress::Unknown, .. }), "{reply:?}");
    assert!(world.chain.submitted().is_empty());
    world.clock.advance(A_MOMENT);
    world.provider.sees_from_now_on(Observation::Waiting);
    let (call, ..) = delivered(world.pay_by_header(with_a_payment(&world, &calls[0])).await);
    assert!(calls.iter().all(|before| before.id != call.id));
    assert_eq!(world.chain.submitted().len(), 1);
}
