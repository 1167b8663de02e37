//! Re-adding the books of the in-memory journal.

use std::collections::BTreeMap;

use crochet_primitives::SettlementId;

use super::tables::Tables;
use crate::audit::{AuditReport, Finding};
use crate::ledger::{Direction, EntryType, LedgerEntry};
use crate::record::{Record, State};

const ORIGINALS: [EntryType; 3] = [EntryType::GatewayPayment, EntryType::MarketplaceFee, EntryType::SellerCredit];

impl Tables {
    /// Re-adds every settlement, and compares each call with what the books say of it.
    pub(super) fn audit(&self) -> AuditReport {
        let mut report = AuditReport {
            entries: count(self.entries.len()),
            orphans: count(self.orphans.len()),
            unknown_payments: count(self.unknown.len()),
            calls: count(self.calls.len()),
            ..AuditReport::default()
        };
        let mut settlements: BTreeMap<SettlementId, Vec<&LedgerEntry>> = BTreeMap::new();
        for entry in self.entries.values() {
            settlements.entry(entry.settlement_id).or_default().push(entry);
        }
        report.settlements = count(settlements.len());
        for (id, entries) in &settlements {
            let (originals, adjustments): (Vec<_>, Vec<_>) =
                entries.iter().copied().partition(|entry| entry.adjusts.is_none());
            check_parts(&mut report, *id, &originals, "settlement");
            if !adjustments.is_empty() {
                check_parts(&mut report, *id, &adjustments, "adjustment");
            }
            if entries.iter().any(|entry| !self.calls.contains_key(&entry.call)) {
                report.add("entry_without_call", id.to_string());
            }
        }
        for record in self.calls.values() {
            self.check_call(&mut report, record, &settlements);
        }
        report
    }

    fn check_call(
        &self,
        report: &mut AuditReport,
        record: &Record,
        settlements: &BTreeMap<SettlementId, Vec<&LedgerEntry>>,
    ) {
        let Some(settlement) = &record.settlement else {
            let needs_one = matches!(record.state, State::Settled | State::Forwarding | State::Delivered);
            if record.price.is_some() && needs_one {
                report.add("forwarded_unpaid", record.id.to_string());
            }
            return;
        };
        let entries = settlements.get(&settlement.id).map(Vec::as_slice).unwrap_or_default();
        let gross = entries.iter().find(|entry| entry.entry_type == EntryType::GatewayPayment);
        let is_booked = gross.is_some_and(|entry| {
            entry.call == record.id
                && entry.provider_reference == settlement.reference
                && record.price.is_some_and(|price| price.gross == entry.amount)
        });
        if !is_booked {
            report.add("call_without_entries", record.id.to_string());
        }
        if entries.iter().any(|entry| entry.adjusts.is_some()) != settlement.refunded {
            report.add("refund_not_adjusted", record.id.to_string());
        }
        let provider = record.terms.as_ref().map(|terms| terms.provider.clone()).unwrap_or_default();
        let consumer = self.references.get(&(provider, settlement.reference.clone()));
        if consumer != Some(&record.id) {
            report.add("reference_not_consumed", record.id.to_string());
        }
    }
}

/// Three parts, one of each kind, which add up; an adjustment's go the other way.
fn check_parts(report: &mut AuditReport, id: SettlementId, parts: &[&LedgerEntry], what: &'static str) {
    let is_adjustment = what == "adjustment";
    let sign = if is_adjustment { -1 } else { 1 };
    let part = |wanted: EntryType| {
        let mut fitting = parts.iter().filter(|entry| entry.adjusts.unwrap_or(entry.entry_type) == wanted);
        let first = fitting.next();
        first.filter(|_| fitting.next().is_none())
    };
    let [Some(gross), Some(fee), Some(share)] = ORIGINALS.map(part) else {
        report.add("not_three_entries", format!("{what} {id} has {} entries", parts.len()));
        return;
    };
    let micros = |entry: &LedgerEntry| i128::from(entry.amount.micros());
    if micros(gross) != micros(fee) + micros(share) {
        report.add(
            "does_not_add_up",
            format!("{what} {id}: {} is not {} and {}", gross.amount, fee.amount, share.amount),
        );
    }
    let is_turned = |entry: &LedgerEntry| {
        let is_credit = entry.adjusts.unwrap_or(entry.entry_type) == EntryType::SellerCredit;
        (entry.direction == Direction::Credit) == (is_credit != is_adjustment)
    };
    if !parts.iter().all(|entry| is_turned(entry)) {
        report.add("wrong_direction", format!("{what} {id}"));
    }
    report.gross_micros += sign * micros(gross);
    report.fee_micros += sign * micros(fee);
    report.seller_micros += sign * micros(share);
}

impl AuditReport {
    fn add(&mut self, check: &'static str, detail: String) {
        self.findings.push(Finding { check, detail });
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use crochet_pricing::MicroUsd;
    use crochet_primitives::testing::SeededEntropy;
    use crochet_primitives::{CallId, EntropyExt, LedgerEntryId, ListingId, ProfileId, Timestamp};

    use super::*;
    use crate::ledger::FeeStatus;

    fn entry(entropy: &SeededEntropy, entry_type: EntryType, direction: Direction, micros: u64) -> LedgerEntry {
        let at = Timestamp::UNIX_EPOCH;
        LedgerEntry {
            id: LedgerEntryId::new(at, entropy.bytes()),
            settlement_id: SettlementId::new(at, [1; 10]),
            entry_type,
            adjusts: None,
            direction,
            profile: ProfileId::new(at, [2; 10]),
            call: CallId::new(at, [3; 10]),
            listing: ListingId::new(at, [4; 10]),
            amount: MicroUsd::from_micros(micros),
            currency: "USD",
            fee_status: FeeStatus::Accrued,
            fee_collected: None,
            provider: "mock".into(),
            provider_reference: "mock_1".into(),
            created_at: at,
        }
    }

    fn findings(entries: Vec<LedgerEntry>) -> Vec<&'static str> {
        let mut tables = Tables::default();
        tables.entries.extend(entries.into_iter().map(|entry| (entry.id, entry)));
        let report = tables.audit();
        report.findings.iter().map(|finding| finding.check).collect()
    }

    #[test]
    fn books_that_do_not_add_up_are_found() {
        let entropy = SeededEntropy::default();
        let three = |fee| {
            vec![
                entry(&entropy, EntryType::GatewayPayment, Direction::Debit, 100),
                entry(&entropy, EntryType::MarketplaceFee, Direction::Debit, fee),
                entry(&entropy, EntryType::SellerCredit, Direction::Credit, 96),
            ]
        };
        assert_eq!(findings(three(4)), ["entry_without_call"]);
        assert_eq!(findings(three(5)), ["does_not_add_up", "entry_without_call"]);
        assert_eq!(findings(three(4)[..2].to_vec()), ["not_three_entries", "entry_without_call"]);
        let mut turned = three(4);
        turned[2].direction = Direction::Debit;
        assert_eq!(findings(turned), ["wrong_direction", "entry_without_call"]);
    }
}
