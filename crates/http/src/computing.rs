//! Computations beside the threads that serve connections, and no more of them than the machine has cores for.

use std::sync::Arc;

use async_trait::async_trait;
use crochet_primitives::{Computing, TooMuchToCompute};
use tokio::sync::Semaphore;

/// How much is computed at once. A signature takes half a millisecond at most, so who is last of those that wait waits for
/// as many milliseconds as half of them, by the number that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComputingLimits {
    /// How many computations run.
    pub running: usize,
    /// How many wait for one of these to end; further ones are refused.
    pub waiting: usize,
}

impl ComputingLimits {
    /// One for each core runs, and 64 wait for each.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { running: cores, waiting: cores.saturating_mul(64) }
    }
}

/// Computes on threads of its own, those that tokio keeps for what blocks. There is one for the whole server.
#[derive(Debug)]
pub struct BoundedComputing {
    /// Places of those that run.
    running: Arc<Semaphore>,
    /// Places of those that run and of those that wait.
    all: Arc<Semaphore>,
}

impl BoundedComputing {
    /// As much at once as these allow.
    #[must_use]
    pub fn new(limits: ComputingLimits) -> Self {
        let most = |places: usize| Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS)));
        Self { running: most(limits.running), all: most(limits.running.saturating_add(limits.waiting)) }
    }
}

#[async_trait]
impl Computing for BoundedComputing {
    async fn run(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), TooMuchToCompute> {
        let place = Arc::clone(&self.all).try_acquire_owned().map_err(|_| TooMuchToCompute)?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| TooMuchToCompute)?;
        // The places are given back by the thread, and not before: who stops waiting does not make room for another.
        let done = tokio::task::spawn_blocking(move || {
            work();
            drop((place, turn));
        });
        done.await.map_err(|_| TooMuchToCompute)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn as_many_run_as_there_are_places_the_next_waits_and_one_more_is_refused() {
        let computing: Arc<dyn Computing> = Arc::new(BoundedComputing::new(ComputingLimits { running: 1, waiting: 1 }));
        let (release, held) = mpsc::channel::<()>();
        let (started, running) = tokio::sync::oneshot::channel();
        let compute = |work: Box<dyn FnOnce() -> u8 + Send>| {
            let computing = Arc::clone(&computing);
            tokio::spawn(async move { computing.compute(work).await })
        };
        let first = compute(Box::new(move || {
            let _ = started.send(());
            held.recv().map_or(0, |()| 1)
        }));
        running.await.unwrap();
        let mut second = Box::pin(computing.compute(|| 2));
        assert!(futures::poll!(&mut second).is_pending());
        assert_eq!(computing.compute(|| 3).await, Err(TooMuchToCompute));
        // Who went away computes all the same, and has its place until then.
        first.abort();
        assert_eq!(computing.compute(|| 3).await, Err(TooMuchToCompute));
        release.send(()).unwrap();
        assert_eq!(second.await, Ok(2));
        assert_eq!(computing.compute(|| 4).await, Ok(4));
    }

    #[tokio::test]
    async fn it_is_computed_on_another_thread_and_one_that_panics_leaves_its_place() {
        let computing: Arc<dyn Computing> = Arc::new(BoundedComputing::new(ComputingLimits { running: 1, waiting: 0 }));
        let here = thread::current().id();
        assert_ne!(computing.compute(|| thread::current().id()).await, Ok(here));
        let panics = || -> u8 { panic!("of this test") };
        assert_eq!(computing.compute(panics).await, Err(TooMuchToCompute));
        assert_eq!(computing.compute(|| 1).await, Ok(1));
    }
}
