//! Where long computations run, as an argument.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use thiserror::Error;

/// As much is computed as may be at once, and as much waits as may wait. What was asked was not begun, nor will it be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("as much is computed already as may be at once")]
pub struct TooMuchToCompute;

/// Where a computation runs that takes long enough to keep others waiting: a signature is checked in a tenth of a
/// millisecond, or in half of one.
///
/// Whoever asks is mostly on a thread that serves many connections. Adapters implement this by a thread of its own, and
/// bound how many run; [`InPlace`] computes where it is asked.
#[async_trait]
pub trait Computing: Send + Sync {
    /// Runs `work` once, and returns when it has ended. MUST bound how many run at once and how many wait, and MUST NOT
    /// run it after an error. Whoever stops waiting does not stop it.
    ///
    /// # Errors
    /// [`TooMuchToCompute`].
    async fn run(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), TooMuchToCompute>;
}

impl dyn Computing {
    /// What `work` computes.
    ///
    /// # Errors
    /// [`TooMuchToCompute`], also where the work came to no end.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TooMuchToCompute> {
        let result = Arc::new(Mutex::new(None));
        let place = Arc::clone(&result);
        self.run(Box::new(move || {
            let value = work();
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        }))
        .await?;
        let value = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or(TooMuchToCompute)
    }
}

/// Computes where it is asked, one thing after the other: for programs that serve nobody meanwhile, and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct InPlace;

#[async_trait]
impl Computing for InPlace {
    async fn run(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), TooMuchToCompute> {
        work();
        Ok(())
    }
}
