//! A place where a test holds somebody until it lets them pass.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Poll, Waker};

use super::lock;

/// Open until it is closed. Who comes to a closed gate waits, and a test can wait for that.
#[derive(Debug)]
pub struct Gate(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    is_closed: bool,
    /// How many have come to the gate while it was closed, ever.
    arrived: usize,
    wakers: Vec<Waker>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// An open gate.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Inner { is_closed: false, arrived: 0, wakers: Vec::new() }))
    }

    /// From now on everybody waits.
    pub fn close(&self) {
        lock(&self.0).is_closed = true;
    }

    /// Everybody passes, those who wait included.
    pub fn open(&self) {
        let wakers = {
            let mut inner = lock(&self.0);
            inner.is_closed = false;
            std::mem::take(&mut inner.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns once `count` have come to the closed gate, counted from the start.
    pub async fn until_arrived(&self, count: usize) {
        poll_fn(|context| {
            let mut inner = lock(&self.0);
            if inner.arrived >= count {
                return Poll::Ready(());
            }
            inner.wakers.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Passes, at once or when the gate opens.
    pub(super) async fn pass(&self) {
        let mut has_arrived = false;
        poll_fn(|context| {
            let mut inner = lock(&self.0);
            if !inner.is_closed {
                return Poll::Ready(());
            }
            inner.wakers.push(context.waker().clone());
            if !has_arrived {
                has_arrived = true;
                inner.arrived += 1;
                let wakers = std::mem::take(&mut inner.wakers);
                drop(inner);
                wakers.into_iter().for_each(Waker::wake);
            }
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::future::join;

    use super::*;

    #[test]
    fn who_comes_to_a_closed_gate_waits_until_it_opens() {
        let gate = Gate::default();
        gate.close();
        let order = Mutex::new(Vec::new());
        block_on(join(
            async {
                gate.pass().await;
                lock(&order).push("passed");
            },
            async {
                gate.until_arrived(1).await;
                lock(&order).push("opened");
                gate.open();
            },
        ));
        assert_eq!(*lock(&order), ["opened", "passed"]);
    }
}
