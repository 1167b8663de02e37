//! A circuit breaker: who does not answer is not asked for a while, and then by one call alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crochet_primitives::Clock;

/// After so many failures in a row.
const FAILURES: u32 = 5;
/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct Circuit {
    failures: u32,
    /// How often it has opened without a success between.
    openings: u32,
    /// Until when nothing is sent, by the monotonic clock.
    open_until: Option<Duration>,
    is_probing: bool,
}

/// The breaker of one host. Clones share it.
#[derive(Clone)]
pub(super) struct Breaker {
    circuit: Arc<Mutex<Circuit>>,
    clock: Arc<dyn Clock>,
}

/// The right to send one call. One that is dropped without a word counts as failed: its caller had no time left.
pub(super) struct Permit {
    breaker: Breaker,
    is_probe: bool,
    is_told: bool,
}

impl Breaker {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { circuit: Arc::default(), clock }
    }

    /// The right to send, or for how long there is none.
    pub(super) fn permit(&self) -> Result<Permit, Duration> {
        let mut circuit = self.lock();
        let Some(open_until) = circuit.open_until else {
            return Ok(Permit { breaker: self.clone(), is_probe: false, is_told: false });
        };
        let left = open_until.saturating_sub(self.clock.monotonic());
        if !left.is_zero() {
            return Err(left);
        }
        if circuit.is_probing {
            return Err(Duration::from_secs(1));
        }
        circuit.is_probing = true;
        Ok(Permit { breaker: self.clone(), is_probe: true, is_told: false })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().open_until.is_none()
    }

    fn lock(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, is_probe: bool, has_answered: bool) {
        let mut circuit = self.lock();
        if is_probe {
            circuit.is_probing = false;
        } else if circuit.open_until.is_some() {
            // Sent before it opened: the probe decides.
            return;
        }
        if has_answered {
            *circuit = Circuit::default();
            return;
        }
        circuit.failures = circuit.failures.saturating_add(1);
        if is_probe || circuit.failures >= FAILURES {
            let pause = FIRST_PAUSE.saturating_mul(1 << circuit.openings.min(8)).min(LONGEST_PAUSE);
            circuit.openings = circuit.openings.saturating_add(1);
            circuit.open_until = Some(self.clock.monotonic().saturating_add(pause));
            circuit.failures = 0;
            tracing::warn!(seconds = pause.as_secs(), "Relay does not answer and is left alone for a while");
        }
    }
}

impl Permit {
    /// It has answered, if only with a no.
    pub(super) fn answered(mut self) {
        self.is_told = true;
        self.breaker.tell(self.is_probe, true);
    }

    /// Nothing was sent after all.
    pub(super) fn unused(mut self) {
        self.is_told = true;
        if self.is_probe {
            self.breaker.lock().is_probing = false;
        }
    }

    /// It has not, or with a failure of its own.
    pub(super) fn failed(mut self) {
        self.is_told = true;
        self.breaker.tell(self.is_probe, false);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.is_told {
            self.breaker.tell(self.is_probe, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use crochet_primitives::testing::ManualClock;

    use super::*;

    fn broken() -> (Breaker, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        let breaker = Breaker::new(clock.clone());
        for _ in 0..FAILURES {
            breaker.permit().ok().unwrap().failed();
        }
        (breaker, clock)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let breaker = Breaker::new(Arc::new(ManualClock::default()));
        for _ in 0..3 {
            for _ in 1..FAILURES {
                breaker.permit().ok().unwrap().failed();
            }
            breaker.permit().ok().unwrap().answered();
        }
        assert!(breaker.permit().is_ok());
        assert_eq!(broken().0.permit().err(), Some(FIRST_PAUSE));
    }

    #[test]
    fn one_probe_closes_it_or_opens_it_for_longer() {
        let (breaker, clock) = broken();
        clock.advance(FIRST_PAUSE);
        let probe = breaker.permit().ok().unwrap();
        assert!(breaker.permit().is_err());
        probe.failed();
        assert_eq!(breaker.permit().err(), Some(FIRST_PAUSE * 2));
        clock.advance(FIRST_PAUSE * 2);
        breaker.permit().ok().unwrap().answered();
        assert!(breaker.permit().is_ok() && breaker.permit().is_ok());
    }

    #[test]
    fn a_probe_that_was_given_up_does_not_hold_it_open_for_ever() {
        let (breaker, clock) = broken();
        clock.advance(FIRST_PAUSE);
        drop(breaker.permit().ok().unwrap());
        assert_eq!(breaker.permit().err(), Some(FIRST_PAUSE * 2));
        clock.advance(FIRST_PAUSE * 2);
        assert!(breaker.permit().is_ok());
    }

    #[test]
    fn what_was_sent_before_it_opened_neither_closes_nor_prolongs_it() {
        let clock = Arc::new(ManualClock::default());
        let breaker = Breaker::new(clock);
        let (early, other) = (breaker.permit().ok().unwrap(), breaker.permit().ok().unwrap());
        for _ in 0..FAILURES {
            breaker.permit().ok().unwrap().failed();
        }
        early.answered();
        other.failed();
        assert_eq!(breaker.permit().err(), Some(FIRST_PAUSE));
    }
}
