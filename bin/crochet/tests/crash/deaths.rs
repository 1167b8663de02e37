//! Lets everything die that a plan says.

use std::fmt;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::RwLock;
use tokio::time::sleep;

use crate::database::Postgres;
use crate::gateway::{LIMIT, Place, Process};
use crate::plan::{Kill, Plan};

/// How long it is waited for that one call comes to a point which another process has prepared, and how often that is
/// tried: whoever the call belongs to may have no way to come back to it.
const PREPARED: Duration = Duration::from_secs(5);
const TRIES: u32 = 40;

/// For how long a gateway is one among others, before it is made to die again.
const AMONG_OTHERS: Duration = Duration::from_millis(700);

/// How often something was killed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Deaths {
    at_points: u32,
    at_moments: u32,
    /// To make room for a gateway that is to die somewhere else; it had calls all the same.
    for_others: u32,
    databases: u32,
}

impl AddAssign for Deaths {
    fn add_assign(&mut self, more: Self) {
        self.at_points += more.at_points;
        self.at_moments += more.at_moments;
        self.for_others += more.for_others;
        self.databases += more.databases;
    }
}

impl fmt::Display for Deaths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_points, at_moments, for_others, databases } = self;
        let gateways = at_points + at_moments + for_others;
        write!(
            f,
            "{gateways} deaths of gateways ({at_points} at named points, {at_moments} at random moments, {for_others} \
             before one that was to die at a point), {databases} of the database"
        )
    }
}

/// Everything that dies shares these.
pub(crate) struct Dying<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) places: &'a [Place],
    /// Nobody starts while it is away: a gateway that finds no database gives up.
    pub(crate) postgres: RwLock<Postgres>,
    /// How many calls were begun, by all buyers.
    pub(crate) begun: &'a AtomicU32,
}

/// One place, and what runs there.
struct Mortal<'a> {
    shared: &'a Dying<'a>,
    place: &'a Place,
    running: Option<Process>,
    deaths: Deaths,
}

impl Dying<'_> {
    /// The places side by side, each with its part of the plan; answers the gateways that run in the end.
    pub(crate) async fn all(&self, has_failed: impl Fn() -> bool) -> (Vec<Option<Process>>, Deaths) {
        let (kills, count) = (&self.plan.kills, self.places.len());
        let bar = if self.plan.is_long { ProgressBar::new(kills.len() as u64) } else { ProgressBar::hidden() };
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} killed, {eta} left  {msg}").unwrap());
        let lives = self.places.iter().enumerate().map(async |(number, place)| {
            let mut mortal = Mortal { shared: self, place, running: None, deaths: Deaths::default() };
            mortal.comes_back().await;
            for kill in kills.iter().skip(number).step_by(count) {
                // Where a buyer has given up, the rest of the deaths would show nothing more.
                if has_failed() {
                    break;
                }
                bar.set_message(format!("{kill:?}"));
                mortal.dies(kill).await;
                // Where there are others and time, it comes back among them; else it does to die again.
                if count > 1 && self.plan.is_long {
                    mortal.comes_back().await;
                    sleep(AMONG_OTHERS).await;
                }
                bar.inc(1);
            }
            mortal.comes_back().await;
            (mortal.running, mortal.deaths)
        });
        let (survivors, all): (Vec<_>, Vec<_>) = join_all(lives).await.into_iter().unzip();
        bar.finish_and_clear();
        let mut deaths = Deaths::default();
        all.into_iter().for_each(|some| deaths += some);
        (survivors, deaths)
    }
}

impl Mortal<'_> {
    /// A gateway that is up, unless it has come to its point already.
    async fn start(&self, fail_points: &str) -> Process {
        let _up = self.shared.postgres.read().await;
        let mut process = self.place.start(fail_points);
        process.until_ready_or_dead().await;
        process
    }

    /// Lets one run that is not to die by itself.
    async fn comes_back(&mut self) {
        if self.running.is_none() {
            self.running = Some(self.start("").await);
        }
    }

    async fn dies(&mut self, kill: &Kill) {
        match kill {
            Kill::Point { name, nth, after: None } => {
                let before = self.shared.begun.load(Ordering::SeqCst);
                let is_dead = self.dies_at(name, *nth, LIMIT).await;
                let during = self.shared.begun.load(Ordering::SeqCst) - before;
                assert!(is_dead, "no call came to {name}; {during} were begun");
            }
            Kill::Point { name, after: Some(before), .. } => self.dies_after(before, name).await,
            Kill::Moment(after) => self.dies_in(*after, false).await,
            Kill::Database(after) => self.dies_in(*after, true).await,
        }
    }

    /// Whether it dies when it comes to a point for the `nth` time, within `limit`.
    async fn dies_at(&mut self, point: &str, nth: u32, limit: Duration) -> bool {
        // What runs without a point makes room for what has one.
        if let Some(before) = self.running.take() {
            before.kill().await;
            self.deaths.for_others += 1;
        }
        let armed = if nth == 1 { format!("{point}=return") } else { format!("{point}={}*off->return", nth - 1) };
        let is_dead = self.start(&armed).await.dies_within(point, limit).await;
        self.deaths.at_points += u32::from(is_dead);
        self.deaths.for_others += u32::from(!is_dead);
        is_dead
    }

    async fn dies_after(&mut self, before: &str, point: &str) {
        for _ in 0..TRIES {
            if self.dies_at(before, 1, LIMIT).await && self.dies_at(point, 1, PREPARED).await {
                return;
            }
        }
        panic!("no call came to {point}, though others have died at {before}");
    }

    async fn dies_in(&mut self, after: Duration, is_with_database: bool) {
        self.comes_back().await;
        sleep(after).await;
        if is_with_database {
            self.shared.postgres.write().await.kill_and_start_again().await;
            self.deaths.databases += 1;
        }
        let Some(mut process) = self.running.take() else { return };
        process.until_ready_or_dead().await;
        process.kill().await;
        self.deaths.at_moments += 1;
    }
}
