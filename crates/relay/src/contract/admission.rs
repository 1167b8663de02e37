//! How calls come in.

use crochet_primitives::PageRequest;
use crochet_signing::BodyHash;
use futures::future::join_all;

use super::World;
use super::given::{Given, LEASE, MINUTE, assert_about, delivery, key};
use crate::Closing;
use crate::forwarding::{Arrival, Cause};
use crate::ports::{Admission, HistoryQuery, Role};
use crate::record::{NewCall, State};
use crate::route::BASE;
use crate::terms::{Origin, OriginCurrency, QuoteOutcome, QuoteRefusal};
use crate::transition::after;

pub async fn a_new_paid_call_begins_as_quoting_under_a_lease(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.paid_call();
    let (seen, lease) = given.quoting(&call).await;
    assert_eq!((lease.call, lease.fence), (call.id, 1));
    assert_eq!((seen.record.state, seen.record.attempt), (State::Quoting, 0));
    assert_about(seen.record.lease_until, after(seen.now, super::policy().quote_lease));
    assert_about(Some(seen.record.created_at), seen.now);
}

pub async fn a_new_free_call_begins_with_its_first_attempt(world: &impl World) {
    let given = Given::new(world).await;
    let call = given.free_call();
    let Admission::Forward(seen, forwarding) = given.admit(&call).await else { panic!("not forwarded") };
    assert_eq!((forwarding.call(), forwarding.attempt()), (call.id, 1));
    assert_eq!(seen.record.state, State::Forwarding);
    assert_about(seen.record.lease_until, after(seen.now, LEASE));
    let attempts = given.item(call.id).await.attempts;
    assert_eq!(attempts.len(), 1);
    assert_eq!((attempts[0].attempt, attempts[0].outcome), (1, None));
}

pub async fn a_call_is_read_back_as_each_step_left_it(world: &impl World) {
    let given = Given::new(world).await;
    let call = NewCall {
        idempotency_key: key("order 42 ~!\"'\\"),
        origin: Origin { wallet_id: None, currency: Some(OriginCurrency::Eth), chain_id: Some(BASE) },
        ..given.paid_call()
    };
    let (seen, _) = given.quoting(&call).await;
    let found = given.find(call.id).await;
    assert_eq!(found, seen.record);
    assert_eq!((found.buyer, found.seller, found.listing), (call.buyer, call.seller, call.listing));
    assert_eq!((found.body_sha256, found.origin), (call.body_sha256, call.origin));
    assert_eq!((found.price, found.idempotency_key), (call.price, call.idempotency_key));

    let record = given.settled().await;
    assert_eq!(given.find(record.id).await, record);
    let forwarding = given.forward(record.id).await;
    assert_eq!(given.find(record.id).await, *forwarding.record());
    let (_, seen) = given.close(&super::given::failure(forwarding)).await;
    assert_eq!(given.find(record.id).await, seen.record);
    assert!(seen.record.last_failure.is_some());
    world.advance_clock(MINUTE).await;
    let forwarding = given.forward(record.id).await;
    let (_, seen) = given.close(&delivery(forwarding)).await;
    assert_eq!(given.find(record.id).await, seen.record);
    assert!(seen.record.delivery.is_some());
}

pub async fn a_call_that_there_is_not_is_answered_with_nothing(world: &impl World) {
    let given = Given::new(world).await;
    let (journal, id) = (world.journal(), world.new_call_id());
    assert!(journal.find(id).await.unwrap().is_none());
    assert!(journal.predecessors(id).await.unwrap().is_empty());
    assert!(journal.retake_quote(id).await.unwrap().is_none());
    assert!(journal.claim_check(id, MINUTE).await.unwrap().is_none());
    assert!(journal.advance(id, None, Some(LEASE)).await.unwrap().is_none());
    assert!(journal.supersede(id, &given.paid_call()).await.unwrap().is_none());
    assert!(journal.sealed_response(id).await.unwrap().is_none());
    let closing = Closing {
        call: id,
        buyer: given.buyer,
        attempt: 1,
        ending: crate::judge(Arrival::NeverSent { cause: Cause::Connection, latency_ms: 1 }),
        sealed: None,
    };
    assert!(journal.close(&closing).await.unwrap().is_none());
    assert!(world.books().history_item(id).await.unwrap().is_none());
    world.sweeps().count_check(id).await.unwrap();
    let by_key = journal.find_by_key(given.buyer, given.listing, &key("never").unwrap()).await;
    assert!(by_key.unwrap().is_none());
}

pub async fn the_same_call_admitted_again_is_recorded_once(world: &impl World) {
    let given = Given::new(world).await;
    let paid = given.paid_call();
    given.quoting(&paid).await;
    match given.admit(&paid).await {
        Admission::Known(seen) | Admission::Quote(seen, _) => assert_eq!(seen.record.id, paid.id),
        other => panic!("{other:?}"),
    }
    let free = given.free_call();
    given.admit(&free).await;
    let Admission::Known(seen) = given.admit(&free).await else { panic!("forwarded twice") };
    assert_eq!((seen.record.id, seen.record.attempt), (free.id, 1));
    let page = PageRequest::Numbered { page: 1, limit: 10 };
    let query = HistoryQuery { role: Some(Role::Buyer), ..HistoryQuery::of(given.buyer, page) };
    assert_eq!(world.books().history(&query).await.unwrap().items.len(), 2);
}

pub async fn a_key_used_again_answers_the_call_that_it_names(world: &impl World) {
    let given = Given::new(world).await;
    let call = |call: NewCall| NewCall { idempotency_key: key("order 1"), ..call };
    let first = call(given.paid_call());
    given.quoted_as(&first).await;
    let Admission::Known(seen) = given.admit(&call(given.paid_call())).await else { panic!("not known") };
    assert_eq!((seen.record.id, seen.record.state), (first.id, State::Quoted));
    let found = world.journal().find_by_key(given.buyer, given.listing, &key("order 1").unwrap()).await;
    let (seen, fingerprint) = found.unwrap().unwrap();
    assert_eq!((seen.record.id, fingerprint), (first.id, first.fingerprint()));
}

pub async fn a_key_used_for_another_body_or_other_origin_headers_is_refused(world: &impl World) {
    let given = Given::new(world).await;
    let first = NewCall { idempotency_key: key("order 1"), ..given.paid_call() };
    given.quoting(&first).await;
    let other_body = NewCall { id: world.new_call_id(), body_sha256: BodyHash::of(b"{\"task\":2}"), ..first.clone() };
    let other_origin = NewCall {
        id: world.new_call_id(),
        origin: Origin { currency: Some(OriginCurrency::Sol), ..Origin::default() },
        ..first.clone()
    };
    for other in [other_body, other_origin] {
        assert!(matches!(given.admit(&other).await, Admission::KeyReused));
        assert!(world.journal().find(other.id).await.unwrap().is_none());
    }
}

pub async fn a_key_belongs_to_one_buyer_and_one_listing(world: &impl World) {
    let given = Given::new(world).await;
    let other_buyer = given.another_buyer().await;
    let other_listing = world.new_listing(given.seller).await;
    let first = NewCall { idempotency_key: key("order 1"), ..given.paid_call() };
    given.quoting(&first).await;
    for (buyer, listing) in [(other_buyer.buyer, given.listing), (given.buyer, other_listing)] {
        let call = NewCall { id: world.new_call_id(), buyer, listing, ..first.clone() };
        given.quoting(&call).await;
    }
}

pub async fn of_first_calls_that_race_with_one_key_one_is_recorded(world: &impl World) {
    let given = Given::new(world).await;
    for call in [given.paid_call(), given.free_call()] {
        let text = if call.price.is_some() { "paid" } else { "free" };
        let calls: Vec<_> =
            (0..12).map(|_| NewCall { id: world.new_call_id(), idempotency_key: key(text), ..call.clone() }).collect();
        let answers = join_all(calls.iter().map(|call| given.admit(call))).await;
        let (mut recorded, mut known) = (Vec::new(), Vec::new());
        for answer in answers {
            match answer {
                Admission::Quote(seen, _) | Admission::Forward(seen, _) => recorded.push(seen.record.id),
                Admission::Known(seen) => known.push(seen.record.id),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((recorded.len(), known.len()), (1, 11), "{text}");
        assert!(known.iter().all(|id| *id == recorded[0]));
    }
}

pub async fn a_buyer_has_only_so_many_unpaid_calls_open(world: &impl World) {
    let given = Given::new(world).await;
    let limit = super::policy().max_open_quotes;
    let mut last = None;
    for number in 0..limit {
        let call = NewCall { idempotency_key: key(&format!("order {number}")), ..given.paid_call() };
        last = Some(given.quoting(&call).await.1);
    }
    let answer = given.admit(&given.paid_call()).await;
    assert!(matches!(answer, Admission::TooManyOpenQuotes { limit: said } if said == limit));

    // What is not a new quote of this buyer is not held up.
    let again = NewCall { idempotency_key: key("order 0"), ..given.paid_call() };
    assert!(matches!(given.admit(&again).await, Admission::Known(_)));
    assert!(matches!(given.admit(&given.free_call()).await, Admission::Forward(..)));
    given.another_buyer().await.quoted().await;

    let refusal = QuoteOutcome::Refused(QuoteRefusal::RouteUnavailable { detail: "none".into() });
    world.journal().issue(last.unwrap(), &refusal).await.unwrap();
    given.quoting(&given.paid_call()).await;
}

pub async fn paid_calls_do_not_count_as_open(world: &impl World) {
    let given = Given::new(world).await;
    for _ in 0..=super::policy().max_open_quotes {
        given.settled().await;
    }
    given.books_balance().await;
}
