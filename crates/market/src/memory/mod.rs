//! Every port in memory, for tests of what is built on them. They behave, they do not pretend: they keep the same
//! [contract](crate::contract) as PostgreSQL.

mod catalogue;
mod guard;
mod identities;
mod search;
mod words;

use std::task::Poll;

pub use catalogue::MemoryCatalogue;
pub use guard::MemoryGuard;
pub use identities::MemoryIdentities;

/// A lock whose holder panicked is a failed test already: what it guards is still read.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Lets others run first, once, as a database does while it is asked: so that tests of races are races.
async fn yield_once() {
    let mut has_yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
