//! What is killed, when.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

/// The steps of a call that is quoted, paid, delivered and replayed: each has a point before and one after it. What they
/// are called is in `bin/crochet/src/wiring/fail_points.rs`.
const STEPS: [&str; 13] = [
    "journal.find",
    "journal.admit",
    "provider.quote",
    "mock_payments.keep_quote",
    "journal.issue",
    "mock_payments.quote",
    "mock_payments.keep_payment",
    "journal.claim_check",
    "provider.check",
    "mock_payments.payments",
    "journal.advance_after_check",
    "upstream.forward",
    "journal.close",
];

/// Steps that not every call has: a key without an id, a payment that failed, a replay.
const RARE_STEPS: [&str; 4] =
    ["journal.find_by_key", "journal.supersede", "journal.predecessors", "journal.sealed_response"];

/// At which pass the process dies, at the latest: at a step that every call has, and at a rare one.
const SOON: (u32, u32) = (3, 1);
const LATE: (u32, u32) = (8, 3);

/// One death.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kill {
    /// The gateway, by itself, when it comes to this point for the `nth` time.
    Point { name: String, nth: u32 },
    /// The gateway, so long after it is ready.
    Moment(Duration),
    /// The database, so long after the gateway is ready; the gateway has to go on without a restart.
    Database(Duration),
}

/// A campaign.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How many gateways there are on the database.
    pub(crate) gateways: usize,
    /// How many buyers call at once.
    pub(crate) buyers: usize,
    /// What everything else is drawn from.
    pub(crate) seed: u64,
    /// In this order.
    pub(crate) kills: Vec<Kill>,
    /// Whether a bar shows how far it is.
    pub(crate) is_shown: bool,
}

impl Plan {
    /// Every point once where there is one gateway, and every third where there are more, since each of them is a
    /// process that has to come up.
    pub(crate) fn short(gateways: usize) -> Self {
        let seed = 20_260_503;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut kills = points(&mut rng, SOON);
        if gateways > 1 {
            kills.truncate(kills.len() / 3);
        }
        kills.extend((0..4).map(|_| moment(&mut rng)));
        kills.push(Kill::Database(Duration::from_millis(300)));
        kills.shuffle(&mut rng);
        Self { gateways, buyers: 12, seed, kills, is_shown: false }
    }

    /// At least so many deaths of gateways: all points, as often as it takes, a random moment for every two of them,
    /// and a death of the database for every twenty.
    pub(crate) fn long(gateways: usize, kills: usize, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut drawn = Vec::new();
        while drawn.len() < kills {
            let points = points(&mut rng, LATE);
            let moments = points.len() / 2;
            drawn.extend(points);
            drawn.extend((0..moments).map(|_| moment(&mut rng)));
        }
        let databases = drawn.len() / 20;
        drawn.extend((0..databases).map(|_| Kill::Database(Duration::from_millis(rng.random_range(0..1_500)))));
        drawn.shuffle(&mut rng);
        Self { gateways, buyers: 24, seed, kills: drawn, is_shown: true }
    }
}

fn points(rng: &mut StdRng, (last, last_rare): (u32, u32)) -> Vec<Kill> {
    let often = STEPS.map(|step| (step, last));
    let rarely = RARE_STEPS.map(|step| (step, last_rare));
    let mut points = Vec::new();
    for (step, last) in often.into_iter().chain(rarely) {
        for side in ["before", "after"] {
            points.push(Kill::Point { name: format!("{step}.{side}"), nth: rng.random_range(1..=last) });
        }
    }
    points.shuffle(rng);
    points
}

fn moment(rng: &mut StdRng) -> Kill {
    Kill::Moment(Duration::from_millis(rng.random_range(0..1_200)))
}

impl Plan {
    /// How often a gateway dies because the plan says so.
    pub(crate) fn gateway_kills(&self) -> usize {
        self.kills.len()
    }

    /// How often the database dies.
    pub(crate) fn database_kills(&self) -> usize {
        self.kills.iter().filter(|kill| matches!(kill, Kill::Database(_))).count()
    }
}
