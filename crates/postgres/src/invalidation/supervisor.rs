//! Keeps somebody listening: a connection that is lost or hangs is followed by another one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::Invalidations;
use super::listener::{self, Deaf};

/// A listener that has shown no sign of life for this long is left, and another one begins. More than it takes to
/// connect, twice, and to hear itself.
pub(super) const HANGS: Duration = Duration::from_secs(8);

/// How many may hang at once: libpq waits for ever for a server that is reached and says nothing.
const MOST_THREADS: usize = 4;

/// The wait before another connection is made; twice as long each time, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What a listener shows of itself.
#[derive(Debug)]
pub(super) struct Progress {
    origin: Instant,
    last: AtomicU64,
    is_left: AtomicBool,
}

impl Progress {
    fn new() -> Self {
        Self { origin: Instant::now(), last: AtomicU64::new(0), is_left: AtomicBool::new(false) }
    }

    /// It is alive; whether it is to go on.
    pub(super) fn goes_on(&self) -> bool {
        self.last.store(self.since_origin(), Ordering::Relaxed);
        !self.is_left.load(Ordering::Relaxed)
    }

    fn since_origin(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn has_listened(&self) -> bool {
        self.last.load(Ordering::Relaxed) > 0
    }

    fn silence(&self) -> Duration {
        Duration::from_millis(self.since_origin().saturating_sub(self.last.load(Ordering::Relaxed)))
    }
}

/// Listens in the background, inside of a runtime, for as long as `told` is there.
pub(super) fn start(url: SecretString, told: &Arc<Invalidations>, hangs: Duration) {
    tokio::spawn(supervise(url, Arc::downgrade(told), hangs));
}

async fn supervise(url: SecretString, told: Weak<Invalidations>, hangs: Duration) {
    let threads = Arc::new(Semaphore::new(MOST_THREADS));
    let mut wait = FIRST_WAIT;
    while told.strong_count() > 0 {
        let Ok(thread) = Arc::clone(&threads).try_acquire_owned() else {
            tokio::time::sleep(hangs).await;
            continue;
        };
        let progress = Arc::new(Progress::new());
        let ended = begin(&url, &told, &progress, thread);
        let end = watch(ended, &progress, hangs).await;
        progress.is_left.store(true, Ordering::Relaxed);
        if matches!(end, Some(Ok(()))) {
            return;
        }
        if let Some(told) = told.upgrade() {
            told.freshness.lose();
        }
        let why = match end {
            Some(Err(deaf)) => said(&deaf),
            _ => "it hangs".to_owned(),
        };
        if progress.has_listened() {
            wait = FIRST_WAIT;
        }
        if wait == FIRST_WAIT {
            tracing::warn!(why, "nobody listens for changes: every look-up asks the database until somebody does");
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

type End = Result<(), Deaf>;

/// A listener on a thread of its own; answers what hears how it ended.
fn begin(
    url: &SecretString,
    told: &Weak<Invalidations>,
    progress: &Arc<Progress>,
    thread: OwnedSemaphorePermit,
) -> oneshot::Receiver<End> {
    let (ends, ended) = oneshot::channel();
    let (url, told, progress) = (url.clone(), Weak::clone(told), Arc::clone(progress));
    let listen = move || {
        let end = listener::run(&url, &told, &progress);
        drop(thread);
        // Nobody waits for the one that was left.
        let _ = ends.send(end);
    };
    // Where there is no thread to be had, nobody sends.
    drop(std::thread::Builder::new().name("crochet-listener".to_owned()).spawn(listen));
    ended
}

/// How it ended; `None` when it hangs, or never began.
async fn watch(mut ended: oneshot::Receiver<End>, progress: &Progress, hangs: Duration) -> Option<End> {
    loop {
        match tokio::time::timeout(hangs / 4, &mut ended).await {
            Ok(end) => return end.ok(),
            Err(_) if progress.silence() >= hangs => return None,
            Err(_) => {}
        }
    }
}

/// In one line, and without what the server said: it may repeat a row.
fn said(deaf: &Deaf) -> String {
    match deaf {
        Deaf::Lost(_) => "the connection is lost".to_owned(),
        Deaf::Connection(_) | Deaf::Unheard => deaf.to_string(),
    }
}
