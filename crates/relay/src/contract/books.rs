//! History, ledger and audit, as they are read.

use crochet_primitives::{CallId, Cursor, ListingId, Page, PageRequest, ProfileId};

use super::World;
use super::given::{Given, refunded};
use crate::ledger::{EntryType, LedgerEntry};
use crate::ports::{HistoryItem, HistoryQuery, LedgerQuery, Role};
use crate::record::State;

const fn numbered(page: u32, limit: u32) -> PageRequest {
    PageRequest::Numbered { page, limit }
}

const fn since(cursor: Cursor, limit: u32) -> PageRequest {
    PageRequest::After { cursor, limit }
}

const fn all(profile: ProfileId) -> HistoryQuery {
    HistoryQuery::of(profile, numbered(1, 100))
}

async fn history(world: &impl World, query: &HistoryQuery) -> Page<HistoryItem> {
    world.books().history(query).await.unwrap()
}

async fn ids(world: &impl World, query: &HistoryQuery) -> Vec<CallId> {
    ids_of(&history(world, query).await)
}

fn ids_of(page: &Page<HistoryItem>) -> Vec<CallId> {
    page.items.iter().map(|item| item.record.id).collect()
}

/// Seven free calls, newest first.
async fn seven_calls<W: World>(given: &Given<'_, W>) -> Vec<CallId> {
    let mut calls = Vec::new();
    for _ in 0..7 {
        let call = given.free_call();
        given.admit(&call).await;
        calls.insert(0, call.id);
    }
    calls
}

pub async fn history_has_pages_newest_first(world: &impl World) {
    let given = Given::new(world).await;
    let calls = seven_calls(&given).await;
    let mut listed = Vec::new();
    for number in 1..=3 {
        let query = HistoryQuery { page: numbered(number, 3), ..all(given.buyer) };
        let page = history(world, &query).await;
        let total = page.total.unwrap();
        assert_eq!((total.count, total.is_capped), (7, false));
        assert_eq!(page.next.is_some(), number < 3);
        listed.extend(ids_of(&page));
    }
    assert_eq!(listed, calls);
    let beyond = HistoryQuery { page: numbered(9, 3), ..all(given.buyer) };
    let page = history(world, &beyond).await;
    assert_eq!((page.items.len(), page.next, page.total.unwrap().count), (0, None, 7));
}

pub async fn a_cursor_goes_on_where_the_last_page_ended_though_new_calls_come_in(world: &impl World) {
    let given = Given::new(world).await;
    let calls = seven_calls(&given).await;
    let mut query = HistoryQuery { page: numbered(1, 3), ..all(given.buyer) };
    let mut page = history(world, &query).await;
    let mut listed = ids_of(&page);
    while let Some(cursor) = page.next {
        given.admit(&given.free_call()).await;
        query.page = since(cursor, 2);
        page = history(world, &query).await;
        assert_eq!(page.total, None);
        assert!(page.items.len() <= 2);
        listed.extend(ids_of(&page));
    }
    assert_eq!(listed, calls);
}

pub async fn a_page_that_ends_with_the_list_has_no_next(world: &impl World) {
    let given = Given::new(world).await;
    let calls = seven_calls(&given).await;
    let mut query = HistoryQuery { page: numbered(1, 7), ..all(given.buyer) };
    assert_eq!(history(world, &query).await.next, None);
    query.page = since(Cursor(calls[3].uuid()), 3);
    let page = history(world, &query).await;
    assert_eq!((ids_of(&page), page.next), (calls[4..].to_vec(), None));
}

pub async fn history_is_filtered_by_role_state_and_listing(world: &impl World) {
    let given = Given::new(world).await;
    let bought = given.quoted().await.id;
    let delivered = given.delivered().await.id;
    // The buyer sells something too.
    let customer =
        Given { world, buyer: given.seller, seller: given.buyer, listing: world.new_listing(given.buyer).await };
    let sold = customer.settled().await.id;
    let stranger = world.new_profile().await;

    let with = |role: Option<Role>, state: Option<State>, listing: Option<ListingId>| HistoryQuery {
        role,
        states: state.into_iter().collect(),
        listing,
        ..all(given.buyer)
    };
    assert_eq!(ids(world, &with(None, None, None)).await, [sold, delivered, bought]);
    assert_eq!(ids(world, &with(Some(Role::Buyer), None, None)).await, [delivered, bought]);
    assert_eq!(ids(world, &with(Some(Role::Seller), None, None)).await, [sold]);
    assert_eq!(ids(world, &with(None, Some(State::Delivered), None)).await, [delivered]);
    assert_eq!(ids(world, &with(None, None, Some(customer.listing))).await, [sold]);
    let none = with(Some(Role::Buyer), Some(State::Settled), Some(customer.listing));
    assert!(ids(world, &none).await.is_empty());
    assert!(ids(world, &all(stranger)).await.is_empty());
    let page = history(world, &with(Some(Role::Buyer), Some(State::Quoted), Some(given.listing))).await;
    assert_eq!((page.items.len(), page.total.unwrap().count), (1, 1));
}

pub async fn a_call_that_calls_its_own_listing_is_listed_once(world: &impl World) {
    let profile = world.new_profile().await;
    let given = Given { world, buyer: profile, seller: profile, listing: world.new_listing(profile).await };
    let id = given.settled().await.id;
    assert_eq!(ids(world, &all(profile)).await, [id]);
    assert_eq!(ledger(world, profile, None, numbered(1, 10)).await.items.len(), 3);
    given.books_balance().await;
}

pub async fn a_history_item_has_its_attempts_and_orphans(world: &impl World) {
    let given = Given::new(world).await;
    let record = given.delivered().await;
    given.observe(record.id, &super::given::arrived([super::given::payment(&record)])).await;
    let item = given.item(record.id).await;
    assert_eq!(item.record, given.find(record.id).await);
    assert_eq!((item.attempts.len(), item.orphans.len()), (1, 1));
    let listed = history(world, &all(given.seller)).await;
    assert_eq!(listed.items[0].record, item.record);
    assert_eq!((&listed.items[0].attempts, &listed.items[0].orphans), (&item.attempts, &item.orphans));
}

async fn ledger(
    world: &impl World,
    profile: ProfileId,
    entry_type: Option<EntryType>,
    page: PageRequest,
) -> Page<LedgerEntry> {
    let query = LedgerQuery { types: entry_type.into_iter().collect(), ..LedgerQuery::of(profile, page) };
    world.books().ledger(&query).await.unwrap()
}

pub async fn a_buyer_sees_its_payments_a_seller_its_fees_and_credits_and_both_their_adjustments(world: &impl World) {
    let given = Given::new(world).await;
    let settled = given.settled().await;
    given.observe(settled.id, &refunded(&settled)).await;
    let mut expected = [
        (given.buyer, EntryType::GatewayPayment, 1),
        (given.buyer, EntryType::MarketplaceFee, 0),
        (given.buyer, EntryType::SellerCredit, 0),
        (given.buyer, EntryType::Adjustment, 1),
        (given.seller, EntryType::GatewayPayment, 0),
        (given.seller, EntryType::MarketplaceFee, 1),
        (given.seller, EntryType::SellerCredit, 1),
        (given.seller, EntryType::Adjustment, 2),
    ];
    expected.reverse();
    for (profile, entry_type, count) in expected {
        let page = ledger(world, profile, Some(entry_type), numbered(1, 10)).await;
        assert_eq!(page.items.len(), count, "{entry_type:?}");
        assert!(page.items.iter().all(|entry| entry.profile == profile && entry.entry_type == entry_type));
    }
    assert_eq!(ledger(world, given.buyer, None, numbered(1, 10)).await.items.len(), 2);
    assert_eq!(ledger(world, given.seller, None, numbered(1, 10)).await.items.len(), 4);
}

pub async fn the_ledger_has_pages_and_cursors_newest_first(world: &impl World) {
    let given = Given::new(world).await;
    for _ in 0..4 {
        given.settled().await;
    }
    let whole = ledger(world, given.seller, None, numbered(1, 100)).await;
    assert_eq!((whole.items.len(), whole.total.unwrap().count, whole.next), (8, 8, None));
    assert!(whole.items.is_sorted_by(|a, b| a.id > b.id));

    let mut page = ledger(world, given.seller, None, numbered(1, 3)).await;
    assert_eq!(page.total.unwrap().count, 8);
    let mut listed = page.items.clone();
    while let Some(cursor) = page.next {
        page = ledger(world, given.seller, None, since(cursor, 3)).await;
        assert_eq!(page.total, None);
        listed.extend(page.items.iter().cloned());
    }
    assert_eq!(listed, whole.items);
    let second = ledger(world, given.seller, None, numbered(2, 3)).await;
    assert_eq!(second.items, whole.items[3..6]);
}

pub async fn an_audit_adds_everything_up_again(world: &impl World) {
    let given = Given::new(world).await;
    let empty = world.books().audit().await.unwrap();
    assert!(empty.balances());
    assert_eq!((empty.settlements, empty.entries, empty.orphans, empty.gross_micros), (0, 0, 0, 0));
    given.quoted().await;
    given.settled().await;
    let record = given.delivered().await;
    given.observe(record.id, &refunded(&record)).await;
    let mispaid = given.quoted().await;
    let mut short = super::given::payment(&mispaid);
    short.base_units = 1;
    given.observe(mispaid.id, &super::given::arrived([short])).await;
    let report = world.books().audit().await.unwrap();
    assert!(report.balances(), "{:?}", report.findings);
    assert_eq!((report.settlements, report.entries, report.orphans), (2, 9, 1));
    assert_eq!((report.gross_micros, report.fee_micros, report.seller_micros), (10_000, 490, 9_510));
}
