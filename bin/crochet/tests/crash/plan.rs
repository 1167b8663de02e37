//! What is killed, when.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::points::{STEPS, Way};

/// At which pass the process dies, at the latest: at a step that many calls have, and at a rare one.
const SOON: (u32, u32) = (3, 1);
const LATE: (u32, u32) = (8, 3);

/// One death.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kill {
    /// The gateway, by itself, when it comes to this point for the `nth` time; another has died at `after` before.
    Point { name: String, nth: u32, after: Option<&'static str> },
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
    /// Whether it may take its time: a bar shows how far it is, and what nobody helps with is waited for.
    pub(crate) is_long: bool,
}

impl Plan {
    /// Some of the points, which together with the other plan's are all of them once, four random moments, and the
    /// database once. What leaves something behind comes first, so that its lease ends meanwhile. Several gateways die
    /// side by side, and have three of five points.
    pub(crate) fn short(gateways: usize) -> Self {
        let seed = 20_260_503;
        let is_replicated = gateways > 1;
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut first, mut between, mut last) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (step, way, kill)) in points(&mut rng, SOON).into_iter().enumerate() {
            // Leases that end are seen by whoever is there: by the only one. Leases that are taken over want others.
            let is_for_others = match step {
                "upstream.forward" | "journal.close" => true,
                _ if way == Way::Later => false,
                _ => number % 5 < 3,
            };
            let part = match way {
                Way::After(_) => &mut first,
                Way::Later => &mut last,
                Way::Often | Way::Rarely | Way::Never(_) => &mut between,
            };
            if is_for_others == is_replicated {
                part.push(kill);
            }
        }
        between.extend((0..4).map(|_| moment(&mut rng)));
        between.push(Kill::Database(Duration::from_millis(300)));
        between.shuffle(&mut rng);
        let kills = first.into_iter().chain(between).chain(last).collect();
        Self { gateways, buyers: 16, seed, kills, is_long: false }
    }

    /// At least so many deaths of gateways: all points, as often as it takes, a random moment for every two of them,
    /// and a death of the database for every twenty.
    pub(crate) fn long(gateways: usize, kills: usize, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut drawn = Vec::new();
        while drawn.len() < kills {
            let points = points(&mut rng, LATE);
            let moments = points.len() / 2;
            drawn.extend(points.into_iter().map(|(_, _, kill)| kill));
            drawn.extend((0..moments).map(|_| moment(&mut rng)));
        }
        let databases = drawn.len() / 20;
        drawn.extend((0..databases).map(|_| Kill::Database(Duration::from_millis(rng.random_range(0..1_500)))));
        drawn.shuffle(&mut rng);
        Self { gateways, buyers: 24, seed, kills: drawn, is_long: true }
    }
}

/// Every point once, in any order, with its step.
fn points(rng: &mut StdRng, (last, last_rare): (u32, u32)) -> Vec<(&'static str, Way, Kill)> {
    let mut points = Vec::new();
    for (step, way) in STEPS {
        let (last, after) = match way {
            Way::Often => (last, None),
            Way::Rarely => (last_rare, None),
            Way::After(point) => (1, Some(point)),
            Way::Later => (1, None),
            Way::Never(_) => continue,
        };
        for side in ["before", "after"] {
            // Each process has one such round, when it starts.
            let nth = if step == "sweeps.purge" { 1 } else { rng.random_range(1..=last) };
            points.push((step, way, Kill::Point { name: format!("{step}.{side}"), nth, after }));
        }
    }
    points.shuffle(rng);
    points
}

fn moment(rng: &mut StdRng) -> Kill {
    Kill::Moment(Duration::from_millis(rng.random_range(0..1_200)))
}
