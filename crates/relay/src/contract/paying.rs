//! What arrives, what it buys, and what the books say of it.

use futures::future::join_all;

use super::World;
use super::given::{Given, LEASE, MINUTE, SECOND, arrived, assert_about, delivery, failed, failure, payment, refunded};
use crate::ledger::{Direction, EntryType, FeeStatus, OrphanReason};
use crate::ports::CheckClaim;
use crate::record::State;
use crate::terms::{Observation, Payment};

pub async fn an_exact_payment_settles_the_call_with_three_entries(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let payment = payment(&quoted);
    let advanced = given.advance(quoted.id, Some(&arrived([payment.clone()])), None).await;
    let record = advanced.seen.record;
    assert_eq!((record.state, record.payment_seen), (State::Settled, true));
    assert!(advanced.forwarding.is_none());
    let settlement = record.settlement.unwrap();
    assert_eq!(settlement.reference, payment.reference);
    assert_eq!((settlement.received_base_units, settlement.refunded), (10_000, false));
    assert_about(Some(settlement.settled_at), advanced.seen.now);

    let entries = given.entries(quoted.id).await;
    let mut parts: Vec<_> =
        entries.iter().map(|entry| (entry.entry_type, entry.direction, entry.profile, entry.amount.micros())).collect();
    parts.sort_by_key(|part| part.0);
    assert_eq!(
        parts,
        [
            (EntryType::GatewayPayment, Direction::Debit, given.buyer, 10_000),
            (EntryType::MarketplaceFee, Direction::Debit, given.seller, 490),
            (EntryType::SellerCredit, Direction::Credit, given.seller, 9_510),
        ]
    );
    for entry in &entries {
        assert_eq!((entry.settlement_id, entry.listing), (settlement.id, given.listing));
        assert_eq!((entry.currency, entry.adjusts, entry.fee_status), ("USD", None, FeeStatus::Accrued));
        assert_eq!((entry.provider.as_str(), &entry.provider_reference), ("scripted", &payment.reference));
        let collected = entry.fee_collected.map(|fee| fee.micros());
        assert_eq!(collected, (entry.entry_type == EntryType::MarketplaceFee).then_some(0));
        assert_about(Some(entry.created_at), advanced.seen.now);
    }
    given.books_balance().await;
}

pub async fn what_is_paid_too_much_settles_at_the_quoted_price(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let excess = Payment { base_units: 25_000, ..payment(&quoted) };
    let record = given.observe(quoted.id, &arrived([excess])).await;
    assert_eq!(record.settlement.unwrap().received_base_units, 25_000);
    let gross: Vec<_> = given.entries(quoted.id).await.iter().map(|entry| entry.amount.micros()).collect();
    assert_eq!(gross[0], 10_000);
    assert!(given.orphans(quoted.id).await.is_empty());
    given.books_balance().await;
}

pub async fn a_payment_that_does_not_cover_the_terms_buys_nothing(world: &impl World) {
    let given = Given::new(world).await;
    for wrong in ["amount", "asset", "recipient", "quote"] {
        let quoted = given.quoted().await;
        let mut payment = payment(&quoted);
        match wrong {
            "amount" => payment.base_units -= 1,
            "asset" => payment.asset = "doge".into(),
            "recipient" => payment.recipient = "somebody else".into(),
            _ => payment.provider_request_id = "another quote".into(),
        }
        let advanced = given.advance(quoted.id, Some(&arrived([payment.clone()])), Some(LEASE)).await;
        assert_eq!(advanced.seen.record.state, State::Mispaid, "{wrong}");
        assert!(advanced.forwarding.is_none() && advanced.seen.record.settlement.is_none(), "{wrong}");
        assert!(given.entries(quoted.id).await.is_empty(), "{wrong}");
        let orphans = given.orphans(quoted.id).await;
        assert_eq!(orphans.len(), 1);
        assert_eq!((orphans[0].reason, orphans[0].buyer), (OrphanReason::Mismatch, given.buyer));
        assert_eq!((&orphans[0].payment, orphans[0].provider.as_str()), (&payment, "scripted"));
    }
    assert_eq!(world.books().audit().await.unwrap().orphans, 4);
    given.books_balance().await;
}

pub async fn a_second_payment_is_kept_as_an_orphan(world: &impl World) {
    let given = Given::new(world).await;
    let at_once = given.quoted().await;
    let (first, second) = (payment(&at_once), payment(&at_once));
    let record = given.observe(at_once.id, &arrived([first.clone(), second.clone()])).await;
    assert_eq!(record.settlement.unwrap().reference, first.reference);
    let orphans = given.orphans(at_once.id).await;
    assert_eq!((orphans.len(), orphans[0].reason), (1, OrphanReason::SecondPayment));
    assert_eq!(orphans[0].payment.reference, second.reference);

    let later = given.delivered().await;
    let third = payment(&later);
    let record = given.observe(later.id, &arrived([third.clone()])).await;
    assert_eq!((record.state, record.settlement), (State::Delivered, later.settlement));
    assert_eq!(given.orphans(later.id).await[0].payment, third);
    assert_eq!(given.entries(later.id).await.len(), 3);
    given.books_balance().await;
}

pub async fn a_short_payment_beside_a_full_one_does_not_stop_it(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let (mut short, full) = (payment(&quoted), payment(&quoted));
    short.base_units = 1;
    let record = given.observe(quoted.id, &arrived([short, full.clone()])).await;
    assert_eq!((record.state, record.settlement.unwrap().reference), (State::Settled, full.reference));
    assert_eq!(given.orphans(quoted.id).await[0].reason, OrphanReason::Mismatch);
}

pub async fn a_reference_pays_for_one_call_only(world: &impl World) {
    let given = Given::new(world).await;
    let (first, second) = (given.settled().await, given.quoted().await);
    let mut stolen = payment(&second);
    stolen.reference = first.settlement.clone().unwrap().reference;
    let advanced = given.advance(second.id, Some(&arrived([stolen])), Some(LEASE)).await;
    assert_eq!(advanced.seen.record.state, State::Mispaid);
    assert!(advanced.forwarding.is_none());
    assert_eq!(given.orphans(second.id).await[0].reason, OrphanReason::ReferenceReused);
    assert!(given.entries(second.id).await.is_empty());
    assert_eq!(given.find(first.id).await.settlement, first.settlement);
    given.books_balance().await;
}

pub async fn of_calls_that_race_for_one_reference_one_is_paid(world: &impl World) {
    let given = Given::new(world).await;
    let (a, b) = (given.quoted().await, given.another_buyer().await.quoted().await);
    let reference = payment(&a).reference;
    let race = [&a, &b].map(|record| {
        let payment = Payment { reference: reference.clone(), ..payment(record) };
        let (given, id) = (&given, record.id);
        async move { given.observe(id, &arrived([payment])).await.state }
    });
    let mut states = join_all(race).await;
    states.sort_by_key(|state| state.as_str());
    assert_eq!(states, [State::Mispaid, State::Settled]);
    given.books_balance().await;
}

pub async fn a_payment_reported_again_changes_nothing(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let payment = payment(&quoted);
    // Twice in one report, then in three more.
    let first = given.observe(quoted.id, &arrived([payment.clone(), payment.clone()])).await;
    for _ in 0..3 {
        let record = given.observe(quoted.id, &arrived([payment.clone()])).await;
        assert_eq!((record.state, &record.settlement), (State::Settled, &first.settlement));
    }
    assert_eq!(given.entries(quoted.id).await.len(), 3);
    assert!(given.orphans(quoted.id).await.is_empty());

    let mispaid = given.quoted().await;
    let mut short = super::given::payment(&mispaid);
    short.base_units = 1;
    for _ in 0..3 {
        let record = given.observe(mispaid.id, &arrived([short.clone()])).await;
        assert_eq!(record.state, State::Mispaid);
    }
    assert_eq!(given.orphans(mispaid.id).await.len(), 1);
    given.books_balance().await;
}

pub async fn of_settlements_that_race_one_is_booked(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let observation = arrived([payment(&quoted)]);
    let records = join_all((0..12).map(|_| given.observe(quoted.id, &observation))).await;
    let first = records[0].settlement.clone();
    assert!(first.is_some());
    assert!(records.iter().all(|record| record.state == State::Settled && record.settlement == first));
    assert_eq!(given.entries(quoted.id).await.len(), 3);
    assert!(given.orphans(quoted.id).await.is_empty());
    given.books_balance().await;
}

pub async fn a_settled_call_ignores_a_status_that_goes_backwards(world: &impl World) {
    let given = Given::new(world).await;
    let settled = given.settled().await;
    for backwards in [Observation::Waiting, Observation::InProgress, failed("never mind"), Observation::Unknown] {
        let record = given.observe(settled.id, &backwards).await;
        assert_eq!((record.state, record.payment_failure), (State::Settled, None));
        assert_eq!(record.settlement, settled.settlement);
    }
    assert!(given.may_forward(settled.id).await);
}

pub async fn a_refund_before_delivery_ends_the_call_and_is_booked_back(world: &impl World) {
    let given = Given::new(world).await;
    let settled = given.settled().await;
    let advanced = given.advance(settled.id, Some(&refunded(&settled)), Some(LEASE)).await;
    assert!(advanced.forwarding.is_none());
    let record = advanced.seen.record;
    assert_eq!((record.state, record.payment_failure.as_deref()), (State::PaymentFailed, Some("given back")));
    assert!(record.settlement.unwrap().refunded);
    let entries = given.entries(settled.id).await;
    let mut adjustments: Vec<_> = entries
        .iter()
        .filter(|entry| entry.entry_type == EntryType::Adjustment)
        .map(|entry| (entry.adjusts.unwrap(), entry.direction, entry.profile, entry.amount.micros()))
        .collect();
    adjustments.sort_by_key(|adjustment| adjustment.0);
    assert_eq!(
        adjustments,
        [
            (EntryType::GatewayPayment, Direction::Credit, given.buyer, 10_000),
            (EntryType::MarketplaceFee, Direction::Credit, given.seller, 490),
            (EntryType::SellerCredit, Direction::Debit, given.seller, 9_510),
        ]
    );
    assert_eq!(entries.len(), 6);
    let id = settled.settlement.unwrap().id;
    assert!(entries.iter().all(|entry| entry.settlement_id == id));
    let report = world.books().audit().await.unwrap();
    assert_eq!((report.settlements, report.entries, report.gross_micros), (1, 6, 0));
    given.books_balance().await;
}

pub async fn a_refund_after_delivery_changes_the_books_only(world: &impl World) {
    let given = Given::new(world).await;
    let delivered = given.delivered().await;
    let record = given.observe(delivered.id, &refunded(&delivered)).await;
    assert_eq!((record.state, &record.delivery), (State::Delivered, &delivered.delivery));
    assert_eq!(given.entries(delivered.id).await.len(), 6);
    for later in [Observation::InProgress, Observation::Waiting, failed("gone"), Observation::Unknown] {
        assert_eq!(given.observe(delivered.id, &later).await.state, State::Delivered);
    }
    assert!(!given.may_forward(delivered.id).await);
    given.books_balance().await;
}

pub async fn a_refund_while_the_request_is_under_way_takes_effect_when_it_fails(world: &impl World) {
    let given = Given::new(world).await;
    let forwarding = given.forwarding().await;
    let id = forwarding.call();
    let refund = refunded(forwarding.record());
    for observation in [&refund, &Observation::InProgress] {
        assert_eq!(given.observe(id, observation).await.state, State::Forwarding);
    }
    let (_, seen) = given.close(&failure(forwarding)).await;
    assert_eq!(seen.record.state, State::PaymentFailed);

    let interrupted = given.forwarding().await;
    given.observe(interrupted.call(), &refunded(interrupted.record())).await;
    world.advance_clock(LEASE + SECOND).await;
    let record = given.advance(interrupted.call(), None, Some(LEASE)).await.seen.record;
    assert_eq!(record.state, State::PaymentFailed);

    let handled = given.forwarding().await;
    given.observe(handled.call(), &refunded(handled.record())).await;
    assert_eq!(given.close(&delivery(handled)).await.1.record.state, State::Delivered);
    given.books_balance().await;
}

pub async fn a_refund_is_booked_once_and_only_of_the_payment_that_settled(world: &impl World) {
    let given = Given::new(world).await;
    let settled = given.settled().await;
    let other = Observation::Refunded { references: vec!["another payment".into()], reason: "not ours".into() };
    assert_eq!(given.observe(settled.id, &other).await.state, State::Settled);
    assert_eq!(given.entries(settled.id).await.len(), 3);
    let refund = refunded(&settled);
    let records = join_all((0..8).map(|_| given.observe(settled.id, &refund))).await;
    assert!(records.iter().all(|record| record.state == State::PaymentFailed));
    assert_eq!(given.entries(settled.id).await.len(), 6);
    given.books_balance().await;
}

pub async fn a_call_whose_payment_was_given_back_can_be_paid_again(world: &impl World) {
    let given = Given::new(world).await;
    let settled = given.settled().await;
    let refund = refunded(&settled);
    given.observe(settled.id, &refund).await;
    world.advance_clock(MINUTE).await;
    let record = given.observe(settled.id, &arrived([payment(&settled)])).await;
    assert_eq!(record.state, State::Settled);
    assert_ne!(record.settlement, settled.settlement);
    // The old refund, told again, is not one of the new payment.
    assert_eq!(given.observe(settled.id, &refund).await.state, State::Settled);
    assert_eq!(given.entries(settled.id).await.len(), 9);
    assert!(given.may_forward(settled.id).await);
    given.books_balance().await;
}

pub async fn a_payment_that_was_given_back_does_not_settle_again(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let observation = arrived([payment(&quoted)]);
    let settled = given.observe(quoted.id, &observation).await;
    given.observe(settled.id, &refunded(&settled)).await;
    let advanced = given.advance(settled.id, Some(&observation), Some(LEASE)).await;
    assert!(advanced.forwarding.is_none());
    assert_eq!(advanced.seen.record.state, State::PaymentFailed);
    assert_eq!(given.entries(settled.id).await.len(), 6);
    given.books_balance().await;
}

pub async fn an_older_look_takes_nothing_back(world: &impl World) {
    let given = Given::new(world).await;
    let journal = world.journal();
    for bad_news in
        [Observation::Waiting, failed("too slow"), Observation::Refunded { references: vec![], reason: "x".into() }]
    {
        let quoted = given.quoted().await;
        let Some(CheckClaim::Claimed(first)) = journal.claim_check(quoted.id, SECOND).await.unwrap() else {
            panic!("the first look is granted")
        };
        world.advance_clock(MINUTE).await;
        let Some(CheckClaim::Claimed(second)) = journal.claim_check(quoted.id, SECOND).await.unwrap() else {
            panic!("a later look is granted")
        };
        let look = |asked_at, observation| journal.advance_after_check(quoted.id, asked_at, observation, None);
        let seen = look(second.now, &Observation::InProgress).await.unwrap().unwrap().seen;
        assert_eq!(seen.record.state, State::Pending);
        // What the first look saw arrives last.
        let seen = look(first.now, &bad_news).await.unwrap().unwrap().seen;
        assert_eq!(seen.record.state, State::Pending, "{bad_news:?}");
        // Good news is good news, however old.
        let good_news = arrived([payment(&quoted)]);
        let seen = journal.advance_after_check(quoted.id, first.now, &good_news, None).await.unwrap().unwrap().seen;
        assert_eq!(seen.record.state, State::Settled);
    }
    given.books_balance().await;
}

pub async fn a_payment_under_way_keeps_a_mispaid_call_alive(world: &impl World) {
    let given = Given::new(world).await;
    let quoted = given.quoted().await;
    let short = Payment { base_units: 1, reference: "short".into(), ..payment(&quoted) };
    let both = Observation::Several {
        arrived: vec![short.clone()],
        refunded: Vec::new(),
        is_under_way: true,
        reason: String::new(),
    };
    assert_eq!(given.observe(quoted.id, &both).await.state, State::Pending);
    assert_eq!(given.orphans(quoted.id).await.len(), 1);
    // Without anything under way it is dead; a payment that comes under way brings it back.
    assert_eq!(given.observe(quoted.id, &arrived([short.clone()])).await.state, State::Mispaid);
    assert_eq!(given.observe(quoted.id, &Observation::InProgress).await.state, State::Pending);
    assert_eq!(given.observe(quoted.id, &arrived([short, payment(&quoted)])).await.state, State::Settled);
    assert_eq!(given.orphans(quoted.id).await.len(), 1);
    given.books_balance().await;
}

pub async fn a_refund_beside_another_payment_is_booked(world: &impl World) {
    let given = Given::new(world).await;
    let settled = given.settled().await;
    let first = settled.settlement.clone().unwrap();
    let second = Payment { reference: "second".into(), ..payment(&settled) };
    let swapped = Observation::Several {
        arrived: vec![second],
        refunded: vec![first.reference.clone()],
        is_under_way: false,
        reason: "given back".into(),
    };
    let record = given.observe(settled.id, &swapped).await;
    // The first settlement is taken back, and the second payment settles the call anew.
    let settlement = record.settlement.unwrap();
    assert_eq!((record.state, settlement.reference.as_str(), settlement.refunded), (State::Settled, "second", false));
    assert_ne!(settlement.id, first.id);
    assert_eq!(given.entries(settled.id).await.len(), 9);
    given.books_balance().await;
}
