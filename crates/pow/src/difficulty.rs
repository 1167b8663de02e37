//! How much work is asked for.

use std::fmt;

/// How many hex zeros a hash must start with: 1 to 16. Each one more is sixteen times the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Difficulty(u8);

impl Difficulty {
    /// Default for signing in: 4, some 65,000 hashes.
    pub const AUTH: Self = Self(4);
    /// Default for a listing: 5, about a million hashes.
    pub const LISTING: Self = Self(5);

    /// So many hex zeros; `None` outside of 1 to 16.
    #[must_use]
    pub const fn new(zeros: u8) -> Option<Self> {
        if matches!(zeros, 1..=16) { Some(Self(zeros)) } else { None }
    }

    /// The number of hex zeros.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether `hash` starts with that many hex zeros.
    pub(crate) fn is_met_by(self, hash: &[u8; 32]) -> bool {
        // Sixteen hex digits are the first 64 bits.
        hash.first_chunk().is_some_and(|head| u64::from_be_bytes(*head).leading_zeros() >= 4 * u32::from(self.0))
    }
}

impl fmt::Display for Difficulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many attempts a solution takes on average: 16 to the power of the difficulty, or `u64::MAX` where that does not
/// fit (difficulty 16).
#[must_use]
pub fn expected_attempts(difficulty: Difficulty) -> u64 {
    16_u64.saturating_pow(u32::from(difficulty.0))
}

/// What to do, in a sentence for whoever reads the challenge.
#[must_use]
pub fn hint(difficulty: Difficulty) -> String {
    let zeros = if difficulty.0 == 1 { "zero" } else { "zeros" };
    format!("Find a nonce where SHA-256(challenge + nonce) starts with {difficulty} hex {zeros}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difficulty_lies_between_one_and_sixteen() {
        assert_eq!(Difficulty::new(0), None);
        assert_eq!(Difficulty::new(17), None);
        assert!((1..=16).all(|zeros| Difficulty::new(zeros).is_some()));
    }

    #[test]
    fn each_zero_more_is_sixteen_times_the_work() {
        assert_eq!(expected_attempts(Difficulty::new(1).unwrap()), 16);
        assert_eq!(expected_attempts(Difficulty::AUTH), 65_536);
        assert_eq!(expected_attempts(Difficulty::LISTING), 1_048_576);
        assert_eq!(expected_attempts(Difficulty::new(16).unwrap()), u64::MAX);
    }

    #[test]
    fn the_hint_names_the_number_of_zeros() {
        assert_eq!(hint(Difficulty::LISTING), "Find a nonce where SHA-256(challenge + nonce) starts with 5 hex zeros");
        assert!(hint(Difficulty::new(1).unwrap()).ends_with("1 hex zero"));
    }

    #[test]
    fn zeros_are_counted_in_hex_digits() {
        let mut hash = [0xff; 32];
        hash[0] = 0x00;
        hash[1] = 0x0f;
        let met = |zeros| Difficulty::new(zeros).unwrap().is_met_by(&hash);
        assert!(met(1) && met(2) && met(3));
        assert!(!met(4) && !met(16));
        assert!(Difficulty::new(16).unwrap().is_met_by(&[0; 32]));
    }
}
