//! What counts requests.

use async_trait::async_trait;

use crate::{Class, Standing, Subject};

/// Counts requests. The contract suite (`contract`, with the feature `testing`) says what an implementation must do.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Counts one request of `subject` against `class`; `None` when nothing is limited.
    ///
    /// A request that is refused is not charged: whoever waits as long as
    /// [`exceeded`](Standing::exceeded) says, and asks once, MUST be admitted.
    ///
    /// MUST NOT fail: an implementation that depends on something outside counts without it when it is gone. MUST NOT
    /// wait for that longer than a bound of its own, which is short beside any request. MUST be safe to drop at any
    /// moment: the request then may have been counted.
    async fn count(&self, class: Class, subject: Subject) -> Option<Standing>;
}

/// Limits nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

#[async_trait]
impl Limiter for Unlimited {
    async fn count(&self, _class: Class, _subject: Subject) -> Option<Standing> {
        None
    }
}
