//! One look at the database at a time, and none that is waited for without end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

/// Lets one piece of work run at a time. Work that nobody waits for any more goes on to its end, and no other begins
/// before that: a database that hangs is held by one connection, however often somebody looks.
#[derive(Debug, Default)]
pub(super) struct Alone(Arc<Mutex<()>>);

impl Alone {
    /// What `work` answers; `None` when earlier work, or then this, is not done after `patience`.
    pub(super) async fn run<T, F>(&self, patience: Duration, work: F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let turn = tokio::time::timeout(patience, Arc::clone(&self.0).lock_owned()).await.ok()?;
        let work = tokio::spawn(async move {
            let answer = work.await;
            drop(turn);
            answer
        });
        tokio::time::timeout(patience, work).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn while_work_hangs_no_other_begins_and_nobody_waits_for_long() {
        let alone = Alone::default();
        let (begun, hang) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let work = || {
            let (begun, hang) = (Arc::clone(&begun), Arc::clone(&hang));
            async move {
                begun.fetch_add(1, Ordering::Relaxed);
                hang.notified().await;
            }
        };
        let patience = Duration::from_millis(10);
        for _ in 0..3 {
            assert_eq!(alone.run(patience, work()).await, None);
        }
        assert_eq!(begun.load(Ordering::Relaxed), 1);
        hang.notify_one();
        assert_eq!(alone.run(Duration::from_secs(60), async { 7 }).await, Some(7));
    }
}
