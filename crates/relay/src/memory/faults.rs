//! Storage that fails when a test says so.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crochet_primitives::StorageError;

use super::lock;

/// On which side of its effect an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens: the connection broke before the transaction began.
    BeforeTheEffect,
    /// It happens, and nobody is told: the acknowledgement of the COMMIT was lost.
    AfterTheEffect,
}

/// Which of the next operations fail, with [`StorageError::Unavailable`].
#[derive(Debug, Default)]
pub struct Faults {
    next: Mutex<VecDeque<Option<Fault>>>,
    came_last: AtomicBool,
}

impl Faults {
    /// Lets the next `count` operations fail, after what was already asked for.
    pub fn fail_next(&self, count: usize, fault: Fault) {
        lock(&self.next).extend(std::iter::repeat_n(Some(fault), count));
    }

    /// Lets the next `count` operations succeed, after what was already asked for.
    pub fn spare_next(&self, count: usize) {
        lock(&self.next).extend(std::iter::repeat_n(None, count));
    }

    /// Forgets what was asked for.
    pub fn clear(&self) {
        lock(&self.next).clear();
    }

    /// Whether the last operation failed.
    pub(super) fn came_last(&self) -> bool {
        self.came_last.load(Ordering::Relaxed)
    }

    /// Does `work`, or fails before or after it.
    pub(super) fn around<T>(&self, work: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
        let fault = lock(&self.next).pop_front().flatten();
        self.came_last.store(fault.is_some(), Ordering::Relaxed);
        if fault == Some(Fault::BeforeTheEffect) {
            return Err(StorageError::Unavailable("a test asked for it, before the effect".into()));
        }
        let answer = work()?;
        if fault == Some(Fault::AfterTheEffect) {
            return Err(StorageError::Unavailable("a test asked for it, after the effect".into()));
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_fails_before_or_after_its_effect_as_often_as_asked() {
        let faults = Faults::default();
        faults.fail_next(1, Fault::BeforeTheEffect);
        faults.spare_next(1);
        faults.fail_next(1, Fault::AfterTheEffect);
        let mut effects = 0;
        let mut failed = Vec::new();
        for _ in 0..4 {
            let answer = faults.around(|| {
                effects += 1;
                Ok(())
            });
            failed.push(answer.is_err());
        }
        assert_eq!((effects, failed), (3, vec![true, false, true, false]));
    }
}
