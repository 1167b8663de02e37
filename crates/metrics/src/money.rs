//! Calls and their money, as they are committed.

use crochet_relay::ports::Witness;
use crochet_relay::transition::{Change, Write};
use crochet_relay::{EntryType, LedgerEntry, State};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};

use crate::zero::at_zero;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct VaultLabel {
    outcome: &'static str,
}

pub(crate) const fn vault_outcome(outcome: &'static str) -> VaultLabel {
    VaultLabel { outcome }
}

/// Calls and their money, counted when the journal says that they are committed: by the same ledger entries that the
/// books hold, in the same micro-dollars.
#[derive(Debug, Clone)]
pub struct Money {
    transitions: Family<StateLabel, Counter>,
    settlements: Counter,
    settled: Counter,
    fees: Counter,
    seller_credits: Counter,
    refunds: Counter,
    refunded: Counter,
    vault: Family<VaultLabel, Counter>,
}

impl Money {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let money = Self {
            transitions: Family::default(),
            settlements: Counter::default(),
            settled: Counter::default(),
            fees: Counter::default(),
            seller_credits: Counter::default(),
            refunds: Counter::default(),
            refunded: Counter::default(),
            vault: Family::default(),
        };
        let help = "Calls that came to rest in a state, or began in it";
        registry.register("relay_request_transitions", help, money.transitions.clone());
        registry.register("settlements", "Payments that settled a call", money.settlements.clone());
        registry.register("refunds", "Settlements that the provider gave back", money.refunds.clone());
        let mut amount = |name: &str, help: &str, counter: &Counter| {
            registry.register_with_unit(name, help, Unit::Other("microdollars".to_owned()), counter.clone());
        };
        amount("settled", "What buyers paid: the gross amount of all settlements", &money.settled);
        amount("fees", "The marketplace's part of it", &money.fees);
        amount("seller_credits", "The sellers' part of it", &money.seller_credits);
        amount("refunded", "The gross amount of settlements that were given back", &money.refunded);
        let help = "Paid responses at delivery: sealed into the vault, or not kept";
        registry.register("response_vault_writes", help, money.vault.clone());
        for state in State::ALL {
            at_zero(&money.transitions, StateLabel { state: state.as_str() });
        }
        for outcome in ["sealed", "not_kept"] {
            at_zero(&money.vault, vault_outcome(outcome));
        }
        money
    }

    fn entry(&self, entry: &LedgerEntry) {
        let micros = entry.amount.micros();
        match (entry.entry_type, entry.adjusts) {
            (EntryType::GatewayPayment, _) => {
                self.settlements.inc();
                self.settled.inc_by(micros);
            }
            (EntryType::MarketplaceFee, _) => {
                self.fees.inc_by(micros);
            }
            (EntryType::SellerCredit, _) => {
                self.seller_credits.inc_by(micros);
            }
            // One of the three adjustments that take a settlement back.
            (EntryType::Adjustment, Some(EntryType::GatewayPayment)) => {
                self.refunds.inc();
                self.refunded.inc_by(micros);
            }
            (EntryType::Adjustment, _) => {}
        }
    }
}

impl Witness for Money {
    fn committed(&self, before: Option<State>, change: &Change) {
        let state = change.record.state;
        if before != Some(state) {
            self.transitions.get_or_create(&StateLabel { state: state.as_str() }).inc();
            if let Some(delivery) = &change.record.delivery
                && change.record.price.is_some()
            {
                let outcome = if delivery.vault_key_prefix.is_some() { "sealed" } else { "not_kept" };
                self.vault.get_or_create(&vault_outcome(outcome)).inc();
            }
        }
        for write in &change.writes {
            match write {
                Write::Entry(entry) => self.entry(entry),
                // Sellers are counted where they are called; orphans where they are kept, since one is noticed often.
                Write::Orphan(_) | Write::AttemptStarted { .. } | Write::AttemptEnded { .. } => {}
            }
        }
    }
}
