//! Which worlds are explored.

use crate::machine::{Machine, Real};
use crate::model::Relay;
use crate::records::Records;
use crate::state::Kind;

/// The bounds of one exploration, and what may happen in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Calls that buyers begin with none before them; and how many there are, successors counted.
    pub(crate) firsts: u8,
    pub(crate) calls: u8,
    pub(crate) payments: u8,
    /// Tasks at once: retries and sweepers, in any number of each.
    pub(crate) workers: usize,
    /// How far the clock goes.
    pub(crate) ticks: u8,
    /// How often a call is forwarded.
    pub(crate) attempts: u8,
    /// How payments may be: as asked for, short, of another asset.
    pub(crate) kinds: &'static [Kind],
    /// Payments come with their calls, and a chain decides.
    pub(crate) by_header: bool,
    /// The provider's word goes backwards, names one reference for two calls, and says success of nothing.
    pub(crate) lies: bool,
    /// What has failed for good arrives after all.
    pub(crate) revives: bool,
    pub(crate) refunds: bool,
    pub(crate) sweeps: bool,
    /// Somebody else may have the turn to ask the provider.
    pub(crate) turns: bool,
    /// What the gateway did not do before the model was asked.
    pub(crate) repairs: Repairs,
}

/// Gaps that the model found in what the gateway answered, and that were closed. Before a successor's terms are shown, the
/// calls that it took the place of are asked about:
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repairs {
    /// also where its terms were just issued;
    pub(crate) looks_before_new_terms: bool,
    /// also where a retry has named an earlier one of them;
    pub(crate) looks_at_all_before: bool,
    /// and one that somebody else is asking about is waited for, with a 202.
    pub(crate) waits_for_looks: bool,
}

/// The gateway as it is.
pub(crate) const REPAIRED: Repairs =
    Repairs { looks_before_new_terms: true, looks_at_all_before: true, waits_for_looks: true };

impl Scenario {
    pub(crate) fn with(self, machine: impl Machine + 'static) -> Relay {
        Relay { scenario: self, records: Records::new(Box::new(machine)), reached: Vec::new }
    }

    pub(crate) fn real(self) -> Relay {
        self.with(Real)
    }
}

const GOOD: &[Kind] = &[Kind::Good];
pub(crate) const GOOD_AND_SHORT: &[Kind] = &[Kind::Good, Kind::Short];
pub(crate) const ALL_KINDS: &[Kind] = &[Kind::Good, Kind::Short, Kind::Foreign];

/// One call, from its first request to its delivery, with two tasks at once and a provider that lies.
pub(crate) const RETRIES: Scenario = Scenario {
    name: "retries",
    firsts: 1,
    calls: 1,
    payments: 1,
    workers: 2,
    ticks: 2,
    attempts: 2,
    kinds: GOOD,
    by_header: false,
    lies: true,
    revives: true,
    refunds: true,
    sweeps: true,
    turns: false,
    repairs: REPAIRED,
};

/// A call that dies, its successor, and a payment for either.
pub(crate) const SUCCESSION: Scenario = Scenario {
    name: "succession",
    calls: 2,
    attempts: 1,
    lies: false,
    revives: false,
    refunds: false,
    sweeps: false,
    ..RETRIES
};

/// Two calls, and one reference that the provider names for both.
pub(crate) const REFERENCES: Scenario = Scenario {
    name: "references",
    firsts: 2,
    calls: 2,
    ticks: 0,
    attempts: 1,
    revives: false,
    refunds: false,
    sweeps: false,
    ..RETRIES
};

/// Calls that came with one payment in a header, which a chain decides.
pub(crate) const BY_HEADER: Scenario =
    Scenario { name: "by header", firsts: 2, calls: 2, ticks: 4, by_header: true, kinds: GOOD_AND_SHORT, ..RETRIES };
