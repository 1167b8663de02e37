//! What the model knows at one moment: calls, money, workers, and what was promised to whom.

use crochet_relay::State as Stands;

/// How many calls, payments and workers there can be at most; a scenario may want fewer.
pub(crate) const CALLS: usize = 3;
pub(crate) const PAYMENTS: usize = 2;
pub(crate) const WORKERS: usize = 3;

/// A set of payments, or of calls, by their numbers.
pub(crate) type Set = u8;

pub(crate) const fn one(number: u8) -> Set {
    1 << number
}

pub(crate) const fn has(set: Set, number: u8) -> bool {
    set & one(number) != 0
}

pub(crate) fn index(number: u8) -> usize {
    usize::from(number)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// Ticks of the storage's clock.
    pub(crate) now: u8,
    pub(crate) calls: [Option<Row>; CALLS],
    /// The truth about money, which is not the storage's.
    pub(crate) payments: [Payment; PAYMENTS],
    /// Which call consumed the reference of each payment.
    pub(crate) consumed: [Option<u8>; PAYMENTS],
    /// Which call has the three entries of each payment.
    pub(crate) booked: [Option<u8>; PAYMENTS],
    /// Payments whose entries were taken back.
    pub(crate) reversed: Set,
    /// The payments that are kept as orphans of each call.
    pub(crate) orphans: [Set; CALLS],
    /// Payments of which a look that was recorded said that they are under way or have arrived, and none later that
    /// they are gone.
    pub(crate) told: Set,
    /// Payments that a recorded look said cover a call.
    pub(crate) covered: Set,
    /// The attempt that delivered first.
    pub(crate) delivered_by: [u8; CALLS],
    /// Kept in order: which worker is which is nobody's business.
    pub(crate) workers: [Worker; WORKERS],
    /// What must not happen, and did.
    pub(crate) broken: u16,
}

/// A record, by its number among all that were seen, and what the model reads of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) number: u16,
    pub(crate) view: View,
}

impl std::hash::Hash for Row {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) stands: Stands,
    pub(crate) attempt: u8,
    pub(crate) fence: u8,
    pub(crate) lease_until: Option<i8>,
    pub(crate) retry_from: Option<i8>,
    pub(crate) expires: Option<i8>,
    /// Which payment settled it, and whether that was given back.
    pub(crate) settlement: Option<(u8, bool)>,
    pub(crate) delivered_by: Option<u8>,
    pub(crate) superseded_by: Option<u8>,
    pub(crate) came_paid: bool,
    pub(crate) body: u8,
}

impl View {
    pub(crate) fn standing(&self) -> Option<u8> {
        self.settlement.filter(|(_, refunded)| !refunded).map(|(payment, _)| payment)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Payment {
    /// The call that it names.
    pub(crate) call: u8,
    pub(crate) kind: Kind,
    pub(crate) status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Not there.
    None,
    /// What was asked for.
    Good,
    /// Too little.
    Short,
    /// Enough, of another asset.
    Foreign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    Absent,
    UnderWay,
    Arrived,
    Failed,
    Refunded,
}

/// What a look at the provider showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Told {
    Unknown,
    Waiting,
    InProgress(Set),
    Failed(Set),
    Refunded(Set),
    Arrived([Kind; PAYMENTS]),
    Several { arrived: [Kind; PAYMENTS], refunded: Set, under_way: Set },
}

impl Told {
    pub(crate) fn arrived(self) -> [Kind; PAYMENTS] {
        match self {
            Self::Arrived(arrived) | Self::Several { arrived, .. } => arrived,
            _ => [Kind::None; PAYMENTS],
        }
    }
}

/// Why a worker looks at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Why {
    /// A buyer's request is about it.
    Own,
    /// It has taken the place of a call that a request is about.
    Successor,
    /// This call has taken its place, and its terms are to be shown.
    Before(u8),
    /// The sweeper.
    Sweep,
}

/// What a task knows of the request that it handles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Request {
    /// The payments that its buyer had made, and that the provider was showing, before it was sent.
    pub(crate) owed: Set,
    /// The calls that were asked about since.
    pub(crate) asked: Set,
}

/// Where a task of the gateway, or of the sweeper, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Worker {
    Idle,
    /// A payment in a header was verified, and is about to be claimed for a request with this body.
    Admit {
        body: u8,
        request: Request,
    },
    /// The provider is being asked for terms.
    Quote {
        call: u8,
        fence: u8,
        request: Request,
    },
    /// Somebody else asked a moment ago: waits for the next turn. `passed` when that was taken by another worker.
    Wait {
        call: u8,
        why: Why,
        request: Request,
        passed: bool,
    },
    /// Has the turn to ask. `overtaken` when a later look has begun. `settled` is what the claim of the turn read.
    Look {
        call: u8,
        why: Why,
        request: Request,
        overtaken: bool,
        settled: Option<u8>,
    },
    /// The chain shows nothing: about to take the lease to submit again.
    Resubmit {
        call: u8,
        why: Why,
        request: Request,
        overtaken: bool,
        settled: Option<u8>,
    },
    /// Submits the payment of the header.
    Submit {
        call: u8,
        why: Why,
        request: Request,
        overtaken: bool,
        settled: Option<u8>,
    },
    /// Knows what the provider said, and is about to record it.
    Apply {
        call: u8,
        why: Why,
        request: Request,
        overtaken: bool,
        settled: Option<u8>,
        told: Told,
    },
    /// About to show a successor's terms.
    Supersede {
        call: u8,
        request: Request,
    },
    /// About to show `call`'s terms: looks at the calls before `at` first.
    Before {
        call: u8,
        at: u8,
        request: Request,
    },
    /// Another round with what is now known.
    Again {
        call: u8,
        request: Request,
    },
    /// Has the right to forward; the seller may have the request, or may have answered it.
    Sent {
        call: u8,
        attempt: u8,
        until: i8,
    },
    /// Has recorded how it ended, and does not know that: about to record it again.
    Close {
        call: u8,
        attempt: u8,
        ending: Ends,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ends {
    Delivered,
    Failed,
    NobodyKnows,
    NotSent,
}

/// One step of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// The clock moves on.
    Tick,
    /// Somebody pays terms that were issued, however long ago.
    Pay { payment: u8, call: u8, kind: Kind },
    /// The provider's books: what was under way arrives, fails, is given back, or arrives after a failure.
    Move { payment: u8, to: Status },
    /// A buyer calls for the first time.
    First,
    /// A buyer brings a payment in a header.
    Bring { body: u8 },
    /// A buyer's retry; `turn` says whether it gets the turn to ask the provider at once.
    Retry { call: u8, turn: bool },
    /// The sweeper looks; `ask` says whether it gets the turn to ask the provider.
    Sweep { call: u8, ask: bool },
    /// A worker takes its next step.
    Step { worker: u8, choice: Choice },
    /// A worker's process dies.
    Crash { worker: u8 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Go,
    /// Somebody else has the turn to ask.
    NoTurn,
    /// The provider does not answer, or refuses.
    NoTerms,
    Refused,
    /// What the provider says.
    Told(Told),
    /// How the forward ended is recorded; whether the acknowledgement arrives.
    Ends(Ends, bool),
}
