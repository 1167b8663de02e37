//! SIGKILL, again and again: of the gateway at every step of a paid call and at random moments, and of the database
//! under it, while buyers call, pay, and retry to the end. Then everything is counted.
//!
//! What is run is the real program with a PostgreSQL that writes its rows down. Its buyers know what they paid, its
//! seller knows what it ran, and the books have to agree with both. A campaign is drawn from a seed, which it prints;
//! processes do not run twice in the same order, so a seed repeats the plan and not each interleaving.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod buyer;
mod campaign;
mod crowd;
mod database;
mod deaths;
mod delivered;
mod free_buyer;
mod gateway;
mod header_buyer;
mod header_payments;
mod ledger;
#[path = "../support/listening.rs"]
mod listening;
mod plan;
mod points;
mod proxy;
mod readers;
mod revocations;
mod road;
mod seller;
mod verdict;

use crochet::system::SystemEntropy;
use crochet_primitives::EntropyExt;
use plan::Plan;

/// Half of the named points, some random moments, and the database once.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_every_paid_call_is_delivered_once_and_the_books_say_so() {
    campaign::run(Plan::short(1)).await;
}

/// The other half with three gateways on one database, behind a proxy and by themselves, and buyers who change the
/// gateway with every request; what one of them revokes, the others refuse.
#[tokio::test(flavor = "multi_thread")]
async fn gateways_that_die_among_others_leave_their_calls_to_them() {
    campaign::run(Plan::short(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes many minutes: just crash"]
async fn a_long_campaign() {
    #[expect(clippy::disallowed_methods, reason = "whoever starts the campaign says how long it is")]
    let asked = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let kills = usize::try_from(asked("CROCHET_CRASH_KILLS").unwrap_or(240)).unwrap();
    let seed = asked("CROCHET_CRASH_SEED").unwrap_or_else(|| u64::from_le_bytes(SystemEntropy.bytes()));
    for gateways in asked("CROCHET_CRASH_GATEWAYS").map_or(vec![1, 3], |one| vec![usize::try_from(one).unwrap()]) {
        campaign::run(Plan::long(gateways, kills.div_ceil(2), seed)).await;
    }
}
