//! Look-ups that are under way.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{Answer, Look};

/// How many look-ups may be under way at once, in the whole process. A look-up occupies a thread of the runtime's
/// blocking pool until the operating system gives it up, long after the call that wanted it has: without a bound,
/// sellers with slow name servers could take all threads.
const MAX_LOOKUPS: usize = 64;

/// What a look-up found; nothing while it is under way.
type Found = Option<Result<Answer, io::ErrorKind>>;

/// One look-up a name, and a bounded number in all.
#[derive(Debug, Clone)]
pub(super) struct Lookups<R> {
    pub(super) inner: R,
    permits: Arc<Semaphore>,
    under_way: Arc<Mutex<HashMap<String, watch::Receiver<Found>>>>,
}

impl<R: Default> Default for Lookups<R> {
    fn default() -> Self {
        Self::over(R::default())
    }
}

impl<R> Lookups<R> {
    pub(super) fn over(inner: R) -> Self {
        Self { inner, permits: Arc::new(Semaphore::new(MAX_LOOKUPS)), under_way: Arc::default() }
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<Found>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Look + Clone + 'static> Lookups<R> {
    pub(super) async fn look(&self, name: &str) -> io::Result<Answer> {
        let joined = self.under_way().get(name).cloned();
        let mut found = match joined {
            Some(found) => found,
            None => {
                // Waited for here and not in the task: whoever gives up leaves the queue.
                let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
                self.join_or_begin(name, permit)
            }
        };
        let found = found.wait_for(Option::is_some).await.map_err(io::Error::other)?;
        match &*found {
            Some(Ok(answer)) => Ok(answer.clone()),
            Some(Err(kind)) => Err((*kind).into()),
            None => Err(io::ErrorKind::Interrupted.into()),
        }
    }

    fn join_or_begin(&self, name: &str, permit: OwnedSemaphorePermit) -> watch::Receiver<Found> {
        let mut under_way = self.under_way();
        if let Some(found) = under_way.get(name) {
            return found.clone();
        }
        let (tell, found) = watch::channel(None);
        under_way.insert(name.to_owned(), found.clone());
        let ending = Ending { lookups: self.clone(), name: name.to_owned(), _permit: permit };
        // In a task of its own, so that the permit is held for as long as the thread is.
        tokio::spawn(async move {
            let answer = ending.lookups.inner.look(&ending.name).await;
            drop(ending);
            tell.send_replace(Some(answer.map_err(|error| error.kind())));
        });
        found
    }
}

/// Makes room for the next look-up of a name, whatever became of this one.
struct Ending<R> {
    lookups: Lookups<R>,
    name: String,
    _permit: OwnedSemaphorePermit,
}

impl<R> Drop for Ending<R> {
    fn drop(&mut self) {
        self.lookups.under_way().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;

    /// Answers names that begin with `slow` only once it is told to.
    #[derive(Clone)]
    struct Scripted {
        asked: Arc<AtomicUsize>,
        go: Arc<Semaphore>,
    }

    #[async_trait]
    impl Look for Scripted {
        async fn look(&self, name: &str) -> io::Result<Answer> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if name.starts_with("slow") {
                self.go.acquire().await.unwrap().forget();
            }
            if name.ends_with("unknown") {
                Err(io::ErrorKind::NotFound.into())
            } else {
                Ok(Answer { addresses: vec![[192, 0, 2, 1].into()], lives: None })
            }
        }
    }

    fn lookups() -> Lookups<Scripted> {
        Lookups::over(Scripted { asked: Arc::default(), go: Arc::new(Semaphore::new(0)) })
    }

    async fn asked(lookups: &Lookups<Scripted>, times: usize) {
        while lookups.inner.asked.load(Ordering::SeqCst) < times {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_name_that_is_never_answered_leaves_the_others_their_places() {
        let lookups = lookups();
        let waiting: Vec<_> = (0..4 * MAX_LOOKUPS)
            .map(|_| {
                let lookups = lookups.clone();
                tokio::spawn(async move { lookups.look("slow.example").await })
            })
            .collect();
        asked(&lookups, 1).await;
        assert_eq!(lookups.look("seller.example").await.unwrap().addresses.len(), 1);
        assert_eq!(lookups.inner.asked.load(Ordering::SeqCst), 2, "one look-up a name");
        lookups.inner.go.add_permits(1);
        for one in waiting {
            assert_eq!(one.await.unwrap().unwrap().addresses.len(), 1);
        }
        assert!(lookups.under_way().is_empty());
        assert_eq!(lookups.permits.available_permits(), MAX_LOOKUPS);
    }

    #[tokio::test]
    async fn no_more_than_the_allowed_number_of_names_are_looked_up_at_once() {
        let lookups = lookups();
        let waiting: Vec<_> = (0..=MAX_LOOKUPS)
            .map(|number| {
                let lookups = lookups.clone();
                tokio::spawn(async move { lookups.look(&format!("slow-{number}.example")).await })
            })
            .collect();
        asked(&lookups, MAX_LOOKUPS).await;
        assert_eq!(lookups.permits.available_permits(), 0);
        assert_eq!(lookups.under_way().len(), MAX_LOOKUPS);
        lookups.inner.go.add_permits(MAX_LOOKUPS + 1);
        for one in waiting {
            one.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_look_up_goes_on_without_whoever_asked_and_the_next_one_is_a_new_one() {
        let lookups = lookups();
        let asking = tokio::spawn({
            let lookups = lookups.clone();
            async move { lookups.look("slow.example").await }
        });
        asked(&lookups, 1).await;
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        assert_eq!(lookups.under_way().len(), 1, "its thread is still taken");
        lookups.inner.go.add_permits(2);
        while !lookups.under_way().is_empty() {
            tokio::task::yield_now().await;
        }
        lookups.look("slow.example").await.unwrap();
        assert_eq!(lookups.inner.asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_name_that_is_not_known_is_an_error_each_time() {
        let lookups = lookups();
        for _ in 0..2 {
            assert_eq!(lookups.look("unknown").await.unwrap_err().kind(), io::ErrorKind::NotFound);
        }
        assert_eq!(lookups.inner.asked.load(Ordering::SeqCst), 2);
    }
}
