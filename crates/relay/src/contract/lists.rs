//! Filters of history and ledger, alone and together.

use std::time::Duration;

use crochet_primitives::{CallId, Cursor, LedgerEntryId, PageRequest, ProfileId};

use super::World;
use super::given::{Given, arrived, payment, refunded};
use crate::ledger::{Direction, EntryType, LedgerEntry};
use crate::ports::{HistoryQuery, LedgerQuery, Period, Role};
use crate::record::State;

const HOUR: Duration = Duration::from_secs(3600);
const ALL: PageRequest = PageRequest::Numbered { page: 1, limit: 100 };

/// The calls of a query, page by page after cursors; the list's length is checked beside.
async fn calls(world: &impl World, query: &HistoryQuery) -> Vec<CallId> {
    let page = world.books().history(query).await.unwrap();
    assert_eq!(page.total.unwrap().count, u64::try_from(page.items.len()).unwrap());
    let whole: Vec<_> = page.items.iter().map(|item| item.record.id).collect();
    let mut walked = Vec::new();
    let mut request = PageRequest::Numbered { page: 1, limit: 2 };
    loop {
        let page = world.books().history(&HistoryQuery { page: request, ..query.clone() }).await.unwrap();
        walked.extend(page.items.iter().map(|item| item.record.id));
        let Some(cursor) = page.next else { break };
        request = PageRequest::After { cursor, limit: 2 };
    }
    assert_eq!(walked, whole);
    whole
}

/// The entries of a query, page by page after cursors; the list's length is checked beside.
async fn entries(world: &impl World, query: &LedgerQuery) -> Vec<LedgerEntry> {
    let page = world.books().ledger(query).await.unwrap();
    assert_eq!(page.total.unwrap().count, u64::try_from(page.items.len()).unwrap());
    let mut walked = Vec::new();
    let mut request = PageRequest::Numbered { page: 1, limit: 2 };
    loop {
        let page = world.books().ledger(&LedgerQuery { page: request, ..query.clone() }).await.unwrap();
        walked.extend(page.items);
        let Some(cursor) = page.next else { break };
        request = PageRequest::After { cursor, limit: 2 };
    }
    assert_eq!(walked, page.items);
    page.items
}

/// One call in each of five states, newest first.
async fn five_states<W: World>(given: &Given<'_, W>) -> [(CallId, State); 5] {
    let delivered = given.delivered().await.id;
    let quoting = given.paid_call();
    given.admit(&quoting).await;
    let settled = given.settled().await.id;
    let forwarding = given.free_call();
    given.admit(&forwarding).await;
    let quoted = given.quoted().await.id;
    [
        (quoted, State::Quoted),
        (forwarding.id, State::Forwarding),
        (settled, State::Settled),
        (quoting.id, State::Quoting),
        (delivered, State::Delivered),
    ]
}

pub async fn history_over_all_states_is_in_one_order(world: &impl World) {
    let given = Given::new(world).await;
    let expected: Vec<_> = five_states(&given).await.map(|(id, _)| id).into();
    for profile in [given.buyer, given.seller] {
        assert_eq!(calls(world, &HistoryQuery::of(profile, ALL)).await, expected);
    }
    // Both sides of one profile, in turns.
    let other =
        Given { world, buyer: given.seller, seller: given.buyer, listing: world.new_listing(given.buyer).await };
    let sold = other.quoted().await.id;
    let bought = given.settled().await.id;
    let expected: Vec<_> = [bought, sold].into_iter().chain(expected).collect();
    assert_eq!(calls(world, &HistoryQuery::of(given.buyer, ALL)).await, expected);
}

pub async fn history_is_filtered_by_one_state_or_several(world: &impl World) {
    let given = Given::new(world).await;
    let made = five_states(&given).await;
    for wanted in
        [vec![State::Settled], vec![State::Delivered, State::Quoting], vec![State::Expired], State::ALL.into()]
    {
        let expected: Vec<_> = made.iter().filter(|(_, state)| wanted.contains(state)).map(|(id, _)| *id).collect();
        for role in [None, Some(Role::Buyer)] {
            let query = HistoryQuery { states: wanted.clone(), role, ..HistoryQuery::of(given.buyer, ALL) };
            assert_eq!(calls(world, &query).await, expected, "{wanted:?}");
        }
    }
    let twice = vec![State::Quoted, State::Quoted];
    let query = HistoryQuery { states: twice, ..HistoryQuery::of(given.buyer, ALL) };
    assert_eq!(calls(world, &query).await, [made[0].0]);
}

pub async fn a_seller_finds_the_calls_of_one_buyer(world: &impl World) {
    let given = Given::new(world).await;
    let other = given.another_buyer().await;
    let mine = given.quoted().await.id;
    let theirs = other.delivered().await.id;
    let by = |profile: ProfileId, role: Option<Role>, buyer: ProfileId| HistoryQuery {
        role,
        buyer: Some(buyer),
        ..HistoryQuery::of(profile, ALL)
    };
    for role in [None, Some(Role::Seller)] {
        assert_eq!(calls(world, &by(given.seller, role, given.buyer)).await, [mine]);
        assert_eq!(calls(world, &by(given.seller, role, other.buyer)).await, [theirs]);
    }
    // A buyer finds its own by its own id, and nobody else's.
    assert_eq!(calls(world, &by(given.buyer, None, given.buyer)).await, [mine]);
    assert_eq!(calls(world, &by(given.buyer, Some(Role::Buyer), given.buyer)).await, [mine]);
    for role in [None, Some(Role::Buyer), Some(Role::Seller)] {
        assert!(calls(world, &by(given.buyer, role, other.buyer)).await.is_empty());
    }
    assert!(calls(world, &by(given.seller, Some(Role::Buyer), given.buyer)).await.is_empty());
}

pub async fn history_is_filtered_by_whether_a_call_was_superseded(world: &impl World) {
    let given = Given::new(world).await;
    let dead = given.expired().await.id;
    let other = given.expired().await.id;
    let successor = given.paid_call();
    world.journal().supersede(dead, &successor).await.unwrap().unwrap();
    let with = |superseded: bool, states: &[State]| HistoryQuery {
        superseded: Some(superseded),
        states: states.into(),
        ..HistoryQuery::of(given.buyer, ALL)
    };
    assert_eq!(calls(world, &with(true, &[])).await, [dead]);
    assert_eq!(calls(world, &with(false, &[])).await, [successor.id, other]);
    assert_eq!(calls(world, &with(true, &[State::Expired])).await, [dead]);
    assert_eq!(calls(world, &with(false, &[State::Expired])).await, [other]);
    assert!(calls(world, &with(true, &[State::Quoting])).await.is_empty());
}

/// Free calls, an hour between each, newest first: their ids are made of the moment of the store's clock.
async fn hourly<W: World>(given: &Given<'_, W>) -> Vec<(CallId, crochet_primitives::Timestamp)> {
    let first = given.free_call();
    given.admit(&first).await;
    let mut now = given.find(first.id).await.created_at;
    let mut made = Vec::new();
    for _ in 0..4 {
        given.world.advance_clock(HOUR).await;
        now += HOUR;
        let call = crate::record::NewCall { id: CallId::new(now, super::world::next().1), ..given.free_call() };
        given.admit(&call).await;
        made.insert(0, (call.id, given.find(call.id).await.created_at));
    }
    made
}

pub async fn history_is_filtered_by_when_calls_were_recorded(world: &impl World) {
    let given = Given::new(world).await;
    let made = hourly(&given).await;
    let ids: Vec<_> = made.iter().map(|(id, _)| *id).collect();
    let at = |place: usize| Some(made[place].1);
    let during = |from, to| HistoryQuery {
        listing: Some(given.listing),
        created: Period { from, to },
        ..HistoryQuery::of(given.buyer, ALL)
    };
    // From a moment on, and until before another.
    assert_eq!(calls(world, &during(at(3), at(1))).await, ids[2..]);
    assert_eq!(calls(world, &during(at(2), None)).await, ids[..3]);
    assert_eq!(calls(world, &during(at(3), at(3))).await, []);
    let just_after = at(2).map(|at| at + Duration::from_micros(1));
    assert_eq!(calls(world, &during(just_after, None)).await, ids[..2]);
    assert_eq!(calls(world, &during(at(3), just_after)).await, ids[2..]);
    let one = HistoryQuery { states: vec![State::Forwarding], ..during(at(1), at(0)) };
    assert_eq!(calls(world, &one).await, [ids[1]]);
}

pub async fn a_cursor_goes_with_any_filters(world: &impl World) {
    let given = Given::new(world).await;
    let made = five_states(&given).await;
    // A place in the order, whether or not there is a row at it.
    let cursor = Cursor(made[1].0.uuid());
    let page = PageRequest::After { cursor, limit: 10 };
    let after = async |query: HistoryQuery| -> Vec<CallId> {
        let page = world.books().history(&HistoryQuery { page, ..query }).await.unwrap();
        assert_eq!((page.next, page.total), (None, None));
        page.items.iter().map(|item| item.record.id).collect()
    };
    let all = HistoryQuery::of(given.buyer, page);
    assert_eq!(after(all.clone()).await, [made[2].0, made[3].0, made[4].0]);
    let states = vec![State::Quoted, State::Settled];
    assert_eq!(after(HistoryQuery { states, ..all.clone() }).await, [made[2].0]);
    assert_eq!(after(HistoryQuery { listing: Some(given.listing), ..all.clone() }).await.len(), 3);
    assert!(after(HistoryQuery { role: Some(Role::Seller), ..all }).await.is_empty());
}

fn of_types(profile: ProfileId, types: &[EntryType]) -> LedgerQuery {
    LedgerQuery { types: types.into(), ..LedgerQuery::of(profile, ALL) }
}

fn ids(entries: &[LedgerEntry]) -> Vec<LedgerEntryId> {
    entries.iter().map(|entry| entry.id).collect()
}

pub async fn the_ledger_is_filtered_by_types_and_direction(world: &impl World) {
    let given = Given::new(world).await;
    let record = given.settled().await;
    given.observe(record.id, &refunded(&record)).await;
    given.settled().await;
    for profile in [given.buyer, given.seller] {
        let all = entries(world, &LedgerQuery::of(profile, ALL)).await;
        for types in [&EntryType::ALL[..], &EntryType::ALL[..2], &EntryType::ALL[1..], &[EntryType::Adjustment]] {
            for direction in [None, Some(Direction::Debit), Some(Direction::Credit)] {
                let query = LedgerQuery { direction, ..of_types(profile, types) };
                let expected: Vec<_> = all.iter().filter(|entry| query.wants(entry)).cloned().collect();
                assert_eq!(ids(&entries(world, &query).await), ids(&expected), "{types:?} {direction:?}");
            }
        }
    }
    // What the filters are for: a refund gives to the buyer, and takes the credit from the seller but gives the fee.
    let count = async |profile, direction| {
        let query = LedgerQuery { direction: Some(direction), ..of_types(profile, &[EntryType::Adjustment]) };
        entries(world, &query).await.len()
    };
    assert_eq!((count(given.buyer, Direction::Credit).await, count(given.buyer, Direction::Debit).await), (1, 0));
    assert_eq!((count(given.seller, Direction::Credit).await, count(given.seller, Direction::Debit).await), (1, 1));
}

pub async fn the_ledger_is_filtered_by_listing(world: &impl World) {
    let given = Given::new(world).await;
    let other = Given { listing: world.new_listing(given.seller).await, ..given };
    given.settled().await;
    other.settled().await;
    given.settled().await;
    for (listing, settlements) in [(given.listing, 2), (other.listing, 1), (world.new_listing(given.seller).await, 0)] {
        let query = LedgerQuery { listing: Some(listing), ..LedgerQuery::of(given.seller, ALL) };
        let found = entries(world, &query).await;
        assert_eq!(found.len(), 2 * settlements);
        assert!(found.iter().all(|entry| entry.listing == listing));
        let fees = LedgerQuery { types: vec![EntryType::MarketplaceFee], ..query };
        assert_eq!(entries(world, &fees).await.len(), settlements);
    }
}

pub async fn the_ledger_is_filtered_by_call_and_by_settlement(world: &impl World) {
    let given = Given::new(world).await;
    given.settled().await;
    // Given back, and paid anew: two settlements of one call.
    let record = given.settled().await;
    let first = record.settlement.as_ref().unwrap().id;
    given.observe(record.id, &refunded(&record)).await;
    let second = given.observe(record.id, &arrived([payment(&record)])).await.settlement.unwrap().id;
    assert_ne!(first, second);
    let of_call = |profile| LedgerQuery { call: Some(record.id), ..LedgerQuery::of(profile, ALL) };
    let counts = [(given.buyer, 2, 1), (given.seller, 4, 2)];
    for (profile, of_first, of_second) in counts {
        assert_eq!(entries(world, &of_call(profile)).await.len(), of_first + of_second);
        for (settlement, expected) in [(first, of_first), (second, of_second)] {
            let query = LedgerQuery { settlement: Some(settlement), ..LedgerQuery::of(profile, ALL) };
            let found = entries(world, &query).await;
            assert_eq!(found.len(), expected);
            assert!(found.iter().all(|entry| entry.settlement_id == settlement && entry.call == record.id));
            let both = LedgerQuery { settlement: Some(settlement), ..of_call(profile) };
            assert_eq!(ids(&entries(world, &both).await), ids(&found));
        }
        let adjusted = LedgerQuery { types: vec![EntryType::Adjustment], ..of_call(profile) };
        assert_eq!(entries(world, &adjusted).await.len(), of_first / 2);
    }
    let stranger = world.new_profile().await;
    assert!(entries(world, &of_call(stranger)).await.is_empty());
    let unpaid = LedgerQuery { call: Some(given.quoted().await.id), ..LedgerQuery::of(given.buyer, ALL) };
    assert!(entries(world, &unpaid).await.is_empty());
}

pub async fn the_ledger_is_filtered_by_when_entries_were_written(world: &impl World) {
    let given = Given::new(world).await;
    let mut settlements = Vec::new();
    for _ in 0..4 {
        world.advance_clock(HOUR).await;
        settlements.insert(0, given.settled().await.settlement.unwrap().id);
    }
    let all = entries(world, &LedgerQuery::of(given.buyer, ALL)).await;
    assert_eq!(all.iter().map(|entry| entry.settlement_id).collect::<Vec<_>>(), settlements);
    let at = |place: usize| Some(all[place].created_at);
    let during = |from, to| LedgerQuery { created: Period { from, to }, ..LedgerQuery::of(given.buyer, ALL) };
    assert_eq!(ids(&entries(world, &during(at(3), at(1))).await), ids(&all[2..]));
    assert_eq!(ids(&entries(world, &during(at(2), None)).await), ids(&all[..3]));
    assert!(entries(world, &during(at(1), at(1))).await.is_empty());
    let just_after = at(2).map(|at| at + Duration::from_micros(1));
    assert_eq!(ids(&entries(world, &during(just_after, None)).await), ids(&all[..2]));
    assert_eq!(ids(&entries(world, &during(None, just_after)).await), ids(&all[2..]));
    let cursor = Cursor(all[1].id.uuid());
    let page = PageRequest::After { cursor, limit: 10 };
    let page = world.books().ledger(&LedgerQuery { page, ..during(at(3), at(0)) }).await.unwrap();
    assert_eq!((ids(&page.items), page.next), (ids(&all[2..]), None));
}
