//! Checking work, and doing it.

use std::ops::ControlFlow;

use sha2::{Digest, Sha256};

use crate::Difficulty;

/// The longest nonce that [`verify`] hashes, in bytes.
pub const MAX_POW_NONCE_BYTES: usize = 256;

/// After how many attempts [`solve`] reports its progress: some milliseconds' worth.
pub const PROGRESS_INTERVAL: u64 = 1 << 16;

/// Work that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// What to send: a decimal number.
    pub pow_nonce: String,
    /// How many hashes it took.
    pub attempts: u64,
}

/// Whether SHA-256(`challenge` ‖ `pow_nonce`) starts with as many hex zeros as `difficulty` asks for. A nonce of more
/// than [`MAX_POW_NONCE_BYTES`] is no work.
#[must_use]
pub fn verify(challenge: &str, pow_nonce: &str, difficulty: Difficulty) -> bool {
    pow_nonce.len() <= MAX_POW_NONCE_BYTES
        && difficulty.is_met_by(&Sha256::new().chain_update(challenge).chain_update(pow_nonce).finalize().into())
}

/// Tries the decimal numbers from 0 on until one is a solution.
///
/// `on_progress` is given the attempts made so far, every [`PROGRESS_INTERVAL`]. Returns `None` when it breaks.
pub fn solve(
    challenge: &str,
    difficulty: Difficulty,
    mut on_progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Option<Solution> {
    // What the challenge does to the hash is the same for every nonce.
    let challenge = Sha256::new().chain_update(challenge);
    let mut nonce = Counter::default();
    for attempts in 1..=u64::MAX {
        if difficulty.is_met_by(&challenge.clone().chain_update(nonce.as_bytes()).finalize().into()) {
            return Some(Solution { pow_nonce: nonce.to_text(), attempts });
        }
        if attempts.is_multiple_of(PROGRESS_INTERVAL) && on_progress(attempts).is_break() {
            return None;
        }
        nonce.increment();
    }
    None
}

/// A decimal number that counts in place, so that an attempt allocates and divides nothing.
struct Counter {
    /// Least significant digit last; the first `start` bytes are not in use.
    digits: [u8; 20],
    start: usize,
}

impl Default for Counter {
    fn default() -> Self {
        Self { digits: [b'0'; 20], start: 19 }
    }
}

impl Counter {
    fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }

    fn to_text(&self) -> String {
        self.as_bytes().iter().copied().map(char::from).collect()
    }

    /// Twenty digits hold every `u64`, so the carry never leaves the array.
    fn increment(&mut self) {
        for (index, digit) in self.digits.iter_mut().enumerate().rev() {
            self.start = self.start.min(index);
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn difficulty(zeros: u8) -> Difficulty {
        Difficulty::new(zeros).unwrap()
    }

    fn undisturbed(_attempts: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    // Found with another implementation: Python's hashlib, the decimal numbers from 0 on.
    #[test]
    fn the_first_solution_is_that_of_another_implementation() {
        let solution = solve("crochet", difficulty(4), undisturbed).unwrap();
        assert_eq!(solution, Solution { pow_nonce: "42043".to_owned(), attempts: 42_044 });
    }

    #[test]
    fn one_zero_too_few_is_no_work() {
        let solution = solve("crochet", difficulty(2), undisturbed).unwrap();
        assert!(verify("crochet", &solution.pow_nonce, difficulty(2)));
        assert!(!verify("crochet", &solution.pow_nonce, difficulty(8)));
        assert!(!verify("another", &solution.pow_nonce, difficulty(2)));
    }

    #[test]
    fn a_nonce_is_bounded() {
        let padded = |zeros| format!("{}{}", "0".repeat(zeros), "x");
        let found = (0..4096).map(|nonce| format!("{nonce:0256}")).find(|nonce| verify("c", nonce, difficulty(1)));
        assert_eq!(found.unwrap().len(), MAX_POW_NONCE_BYTES);
        assert!(!(256..512).any(|zeros| verify("c", &padded(zeros), difficulty(1))));
    }

    #[test]
    fn solving_stops_when_told_to() {
        let mut reported = Vec::new();
        let solution = solve("crochet", difficulty(16), |attempts| {
            reported.push(attempts);
            if reported.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(solution, None);
        assert_eq!(reported, [PROGRESS_INTERVAL, 2 * PROGRESS_INTERVAL]);
    }

    #[test]
    fn the_counter_counts_in_decimal() {
        let mut counter = Counter::default();
        for number in 0..20_000 {
            assert_eq!(counter.to_text(), number.to_string());
            counter.increment();
        }
    }

    proptest! {
        #[test]
        fn every_solution_verifies(challenge in "\\PC{0,80}") {
            let solution = solve(&challenge, difficulty(2), undisturbed).unwrap();
            prop_assert!(verify(&challenge, &solution.pow_nonce, difficulty(2)));
        }
    }
}
