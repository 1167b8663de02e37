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

/// The breaker of one host.
pub(crate) struct Breaker {
    circuit: Mutex<Circuit>,
    clock: Arc<dyn Clock>,
    /// Who it is that does not answer, for the log.
    name: String,
}

/// The right to send one call. One that is dropped without a word counts as failed: its caller had no time left.
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
    is_told: bool,
}

impl Breaker {
    pub(crate) fn new(name: &str, clock: Arc<dyn Clock>) -> Self {
        Self { circuit: Mutex::default(), clock, name: name.to_owned() }
    }

    /// The right to send; `None` while there is none.
    pub(crate) fn permit(&self) -> Option<Permit<'_>> {
        let mut circuit = self.lock();
        let Some(open_until) = circuit.open_until else {
            return Some(Permit { breaker: self, is_probe: false, is_told: false });
        };
        if self.clock.monotonic() < open_until || circuit.is_probing {
            return None;
        }
        circuit.is_probing = true;
        Some(Permit { breaker: self, is_probe: true, is_told: false })
    }

    pub(crate) fn is_closed(&self) -> bool {
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
            tracing::warn!(who = self.name, seconds = pause.as_secs(), "does not answer and is left alone for a while");
        }
    }
}

impl Permit<'_> {
    /// It has answered, if only with a no; or it has not.
    pub(crate) fn tell(mut self, has_answered: bool) {
        self.is_told = true;
        self.breaker.tell(self.is_probe, has_answered);
    }
}

impl Drop for Permit<'_> {
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

    #[test]
    fn it_opens_after_failures_in_a_row_and_a_probe_decides() {
        let clock = Arc::new(ManualClock::default());
        let breaker = Breaker::new("a node", clock.clone());
        for _ in 1..FAILURES {
            breaker.permit().unwrap().tell(false);
        }
        breaker.permit().unwrap().tell(true);
        for _ in 0..FAILURES {
            assert!(breaker.is_closed());
            breaker.permit().unwrap().tell(false);
        }
        assert!(!breaker.is_closed() && breaker.permit().is_none());

        clock.advance(FIRST_PAUSE);
        let probe = breaker.permit().unwrap();
        assert!(breaker.permit().is_none());
        drop(probe);
        clock.advance(FIRST_PAUSE);
        assert!(breaker.permit().is_none(), "the second pause is longer");
        clock.advance(FIRST_PAUSE);
        breaker.permit().unwrap().tell(true);
        assert!(breaker.is_closed() && breaker.permit().is_some());
    }
}
