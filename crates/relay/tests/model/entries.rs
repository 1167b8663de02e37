//! Reads what a transition writes beside its record.

use std::collections::HashMap;

use crochet_pricing::MicroUsd;
use crochet_primitives::SettlementId;
use crochet_relay::transition::{Change, Write};
use crochet_relay::{Direction, EntryType, LedgerEntry, Record};

use crate::records::Outcome;
use crate::state::one;
use crate::things::payment_number;

/// Three entries, one of each kind, that add up, and of whom and what they are; of a refund the same, the other way.
pub(crate) fn read_writes(outcome: &mut Outcome, before: &Record, change: &Change) {
    let mut groups: HashMap<(SettlementId, bool), Vec<&LedgerEntry>> = HashMap::new();
    for write in &change.writes {
        match write {
            Write::Entry(entry) => {
                groups.entry((entry.settlement_id, entry.adjusts.is_some())).or_default().push(entry);
            }
            Write::Orphan(orphan) => outcome.orphans |= one(payment_number(&orphan.payment.reference)),
            Write::AttemptStarted { .. } | Write::AttemptEnded { .. } => {}
        }
    }
    for ((settlement, is_adjustment), entries) in groups {
        let payment = payment_number(&entries[0].provider_reference);
        let of = if is_adjustment { &before.settlement } else { &change.record.settlement };
        let is_known = of.as_ref().is_some_and(|of| of.id == settlement && payment_number(&of.reference) == payment);
        let is_sound = is_known && three_that_add_up(&entries, is_adjustment, change.record.price.unwrap().gross);
        outcome.books_are_wrong |= !is_sound;
        let set = if is_adjustment { &mut outcome.reversed } else { &mut outcome.booked };
        *set |= one(payment);
    }
}

fn three_that_add_up(entries: &[&LedgerEntry], is_adjustment: bool, price: MicroUsd) -> bool {
    let part = |wanted: EntryType, direction: Direction| {
        let mut fitting = entries.iter().filter(|entry| entry.adjusts.unwrap_or(entry.entry_type) == wanted);
        let found = fitting.next().filter(|entry| entry.direction == direction && fitting.next().is_none());
        found.map(|entry| entry.amount.micros())
    };
    let (gives, takes) = match is_adjustment {
        false => (Direction::Debit, Direction::Credit),
        true => (Direction::Credit, Direction::Debit),
    };
    let gross = part(EntryType::GatewayPayment, gives);
    let fee = part(EntryType::MarketplaceFee, gives);
    let share = part(EntryType::SellerCredit, takes);
    let sum = fee.zip(share).map(|(fee, share)| fee + share);
    entries.len() == 3 && gross == Some(price.micros()) && gross == sum
}
