//! Proof of work: what a caller without a key pays with, and challenges that cost the gateway nothing to hand out.
//!
//! **Invariant:** asking for a challenge writes nothing. A [`SealedChallenge`] carries its own terms under an HMAC, and
//! only an attempt that names its nonce has anything to store: [`SealedChallenge::id`].
//!
//! ```
//! use std::ops::ControlFlow;
//! use std::time::Duration;
//!
//! use crochet_pow::{ChallengeSealer, Difficulty, solve, verify};
//! use crochet_primitives::timestamp_from_millis;
//!
//! let now = timestamp_from_millis(1_777_809_600_000).unwrap();
//! let difficulty = Difficulty::new(2).unwrap();
//! let sealer = ChallengeSealer::new([7; 32]);
//!
//! let asked = sealer.issue(b"register 0xabc", difficulty, now, Duration::from_secs(300), [9; 16]);
//! let solution = solve(&asked.pow_challenge(), difficulty, |_attempts| ControlFlow::Continue(())).unwrap();
//!
//! let opened = sealer.open(&asked.nonce, b"register 0xabc", now)?;
//! assert!(verify(&opened.pow_challenge(), &solution.pow_nonce, opened.difficulty));
//! # Ok::<(), crochet_pow::ChallengeError>(())
//! ```

mod challenge;
mod difficulty;
mod work;

pub use challenge::{ChallengeError, ChallengeSealer, SealedChallenge};
pub use difficulty::{Difficulty, expected_attempts, hint};
pub use work::{MAX_POW_NONCE_BYTES, PROGRESS_INTERVAL, Solution, solve, verify};
