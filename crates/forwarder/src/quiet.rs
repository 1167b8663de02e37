//! hyper's own log lines name the hosts that it talks to, and those are private: nothing of it reaches a log, whatever
//! level an operator asks for.

use std::future::Future;

use hyper::rt::Executor;
use tracing::Dispatch;
use tracing::instrument::{WithDispatch, WithSubscriber};

/// Runs a future without its log lines.
pub(crate) fn quietly<F: Future>(future: F) -> WithDispatch<F> {
    future.with_subscriber(Dispatch::none())
}

/// Runs connections on the current Tokio runtime, without their log lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuietExecutor;

impl<F> Executor<F> for QuietExecutor
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        tokio::spawn(quietly(future));
    }
}
