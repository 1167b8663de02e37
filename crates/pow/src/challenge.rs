//! Challenges that carry their own terms.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use crochet_primitives::{Timestamp, timestamp_from_millis, truncate_to_millis};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::Difficulty;

const SEAL_DOMAIN: &[u8] = b"crochet/challenge/seal/v1\0";
const POW_DOMAIN: &[u8] = b"crochet/challenge/pow/v1\0";
const ID_DOMAIN: &[u8] = b"crochet/challenge/id/v1\0";

/// Random bytes, issued-at (milliseconds, i64), time to live (milliseconds, u32), difficulty.
const TERMS_LEN: usize = 16 + 8 + 4 + 1;
const TAG_LEN: usize = 16;
const NONCE_LEN: usize = TERMS_LEN + TAG_LEN;

/// Issues challenges and recognises its own. Every replica that shares the key recognises them.
pub struct ChallengeSealer {
    key: Zeroizing<[u8; 32]>,
    others: Vec<Zeroizing<[u8; 32]>>,
}

/// A challenge and its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedChallenge {
    /// What the caller sends back: 90 lower-case hex digits that hold all the terms.
    pub nonce: String,
    /// The work that was asked for.
    pub difficulty: Difficulty,
    /// When it was issued, in whole milliseconds.
    pub issued_at: Timestamp,
    /// The first moment at which it is void, in whole milliseconds.
    pub expires_at: Timestamp,
}

/// Why a nonce names no open challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChallengeError {
    /// Not of the form of a nonce.
    #[error("the nonce is malformed")]
    Malformed,
    /// Never issued by this sealer, or for another context.
    #[error("the nonce was not issued for this")]
    NotOurs,
    /// Issued, and over.
    #[error("the challenge has expired")]
    Expired,
}

impl ChallengeSealer {
    /// A sealer with a key of 32 secret random bytes, used for nothing else.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key: Zeroizing::new(key), others: Vec::new() }
    }

    /// The same, which recognises what was issued with one of `others`, too: while keys are rotated.
    #[must_use]
    pub fn recognising(self, others: Vec<Zeroizing<[u8; 32]>>) -> Self {
        Self { others, ..self }
    }

    /// Issues a challenge that is good for `context` alone: whatever must be the same when it comes back, such as the
    /// purpose, the wallet and the profile. `ttl` counts in whole milliseconds, at most 2³² of them (49 days).
    #[must_use]
    pub fn issue(
        &self,
        context: &[u8],
        difficulty: Difficulty,
        now: Timestamp,
        ttl: Duration,
        random: [u8; 16],
    ) -> SealedChallenge {
        let issued_at = truncate_to_millis(now);
        let ttl_millis = u32::try_from(ttl.as_millis()).unwrap_or(u32::MAX);
        let mut nonce = Vec::with_capacity(NONCE_LEN);
        nonce.extend_from_slice(&random);
        nonce.extend_from_slice(&issued_at.timestamp_millis().to_be_bytes());
        nonce.extend_from_slice(&ttl_millis.to_be_bytes());
        nonce.push(difficulty.get());
        let tag = mac(&self.key, &nonce, context).finalize().into_bytes();
        nonce.extend(tag.into_iter().take(TAG_LEN));
        SealedChallenge { nonce: hex::encode(nonce), difficulty, issued_at, expires_at: expiry(issued_at, ttl_millis) }
    }

    /// Recognises a nonce. Opening it twice succeeds twice: that a challenge is used once is for whoever stores
    /// [`SealedChallenge::id`] to see to.
    ///
    /// # Errors
    /// When `nonce` is not one that this sealer issued for `context`, or `now` is not before its expiry.
    pub fn open(&self, nonce: &str, context: &[u8], now: Timestamp) -> Result<SealedChallenge, ChallengeError> {
        // One spelling only, so that a challenge has one id and cannot be used again in capitals.
        if nonce.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(ChallengeError::Malformed);
        }
        let mut bytes = [0; NONCE_LEN];
        hex::decode_to_slice(nonce, &mut bytes).map_err(|_| ChallengeError::Malformed)?;
        let (terms, tag) = bytes.split_at(TERMS_LEN);
        let mut keys = std::iter::once(&self.key).chain(&self.others);
        if !keys.any(|key| mac(key, terms, context).verify_truncated_left(tag).is_ok()) {
            return Err(ChallengeError::NotOurs);
        }

        let (issued_at, ttl_millis, difficulty) = read_terms(terms).ok_or(ChallengeError::Malformed)?;
        let expires_at = expiry(issued_at, ttl_millis);
        if now >= expires_at {
            return Err(ChallengeError::Expired);
        }
        Ok(SealedChallenge { nonce: nonce.to_owned(), difficulty, issued_at, expires_at })
    }
}

/// Over the terms, which have one length, and the context with its length in front.
fn mac(key: &[u8; 32], terms: &[u8], context: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC pads a key that is shorter than its block")]
    let mac: Hmac<Sha256> = Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
    let context_len = u64::try_from(context.len()).unwrap_or(u64::MAX).to_be_bytes();
    mac.chain_update(SEAL_DOMAIN).chain_update(terms).chain_update(context_len).chain_update(context)
}

impl fmt::Debug for ChallengeSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengeSealer")
    }
}

impl SealedChallenge {
    /// What the work is done on: 64 lower-case hex digits.
    #[must_use]
    pub fn pow_challenge(&self) -> String {
        hex::encode(self.digest(POW_DOMAIN))
    }

    /// What to store once an attempt has named the nonce: a hash of it.
    #[must_use]
    pub fn id(&self) -> [u8; 32] {
        self.digest(ID_DOMAIN)
    }

    fn digest(&self, domain: &[u8]) -> [u8; 32] {
        Sha256::new().chain_update(domain).chain_update(&self.nonce).finalize().into()
    }
}

fn expiry(issued_at: Timestamp, ttl_millis: u32) -> Timestamp {
    issued_at.checked_add_signed(TimeDelta::milliseconds(ttl_millis.into())).unwrap_or(Timestamp::MAX_UTC)
}

fn read_terms(terms: &[u8]) -> Option<(Timestamp, u32, Difficulty)> {
    let (_random, terms) = terms.split_first_chunk::<16>()?;
    let (issued_at, terms) = terms.split_first_chunk()?;
    let (ttl_millis, terms) = terms.split_first_chunk()?;
    let difficulty = Difficulty::new(*terms.first()?)?;
    Some((timestamp_from_millis(i64::from_be_bytes(*issued_at))?, u32::from_be_bytes(*ttl_millis), difficulty))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ISSUED_AT: i64 = 1_777_809_600_123;
    const TTL: Duration = Duration::from_secs(300);

    fn at(millis: i64) -> Timestamp {
        timestamp_from_millis(millis).unwrap()
    }

    fn sealer() -> ChallengeSealer {
        ChallengeSealer::new([7; 32])
    }

    fn issued(context: &[u8]) -> SealedChallenge {
        sealer().issue(context, Difficulty::AUTH, at(ISSUED_AT), TTL, [9; 16])
    }

    #[test]
    fn a_challenge_comes_back_with_its_own_terms() {
        let challenge = issued(b"register");
        assert_eq!(challenge.expires_at, at(ISSUED_AT + 300_000));
        assert_eq!(sealer().open(&challenge.nonce, b"register", at(ISSUED_AT)), Ok(challenge));
    }

    #[test]
    fn what_is_finer_than_a_millisecond_is_not_issued() {
        let now = at(ISSUED_AT) + TimeDelta::nanoseconds(999);
        let challenge = sealer().issue(b"", Difficulty::AUTH, now, TTL, [9; 16]);
        assert_eq!(challenge.issued_at, at(ISSUED_AT));
    }

    #[test]
    fn a_challenge_is_void_from_its_expiry_on() {
        let nonce = issued(b"").nonce;
        assert!(sealer().open(&nonce, b"", at(ISSUED_AT + 299_999)).is_ok());
        assert_eq!(sealer().open(&nonce, b"", at(ISSUED_AT + 300_000)), Err(ChallengeError::Expired));
    }

    #[test]
    fn a_challenge_is_good_for_its_own_context_and_key_only() {
        let nonce = issued(b"register").nonce;
        assert_eq!(sealer().open(&nonce, b"recover", at(ISSUED_AT)), Err(ChallengeError::NotOurs));
        let other = ChallengeSealer::new([8; 32]);
        assert_eq!(other.open(&nonce, b"register", at(ISSUED_AT)), Err(ChallengeError::NotOurs));
    }

    #[test]
    fn a_challenge_of_a_former_key_is_recognised_while_that_key_is_known() {
        let nonce = issued(b"register").nonce;
        let rotated = ChallengeSealer::new([8; 32]).recognising(vec![Zeroizing::new([7; 32])]);
        assert!(rotated.open(&nonce, b"register", at(ISSUED_AT)).is_ok());
        assert_eq!(rotated.open(&nonce, b"recover", at(ISSUED_AT)), Err(ChallengeError::NotOurs));
        let new = rotated.issue(b"register", Difficulty::AUTH, at(ISSUED_AT), TTL, [9; 16]).nonce;
        assert_eq!(sealer().open(&new, b"register", at(ISSUED_AT)), Err(ChallengeError::NotOurs));
    }

    #[test]
    fn no_digit_of_a_nonce_can_be_changed() {
        let nonce = issued(b"").nonce;
        for index in 0..nonce.len() {
            let mut changed = nonce.clone();
            let digit = if nonce.as_bytes()[index] == b'0' { "1" } else { "0" };
            changed.replace_range(index..=index, digit);
            assert_eq!(sealer().open(&changed, b"", at(ISSUED_AT)), Err(ChallengeError::NotOurs), "digit {index}");
        }
    }

    #[test]
    fn a_nonce_has_one_spelling() {
        let nonce = issued(b"").nonce;
        for spelling in [nonce.to_uppercase(), format!("0x{nonce}"), format!(" {nonce}"), nonce[2..].to_owned()] {
            assert_eq!(sealer().open(&spelling, b"", at(ISSUED_AT)), Err(ChallengeError::Malformed), "{spelling}");
        }
    }

    #[test]
    fn the_nonce_its_work_and_its_id_are_three_different_texts() {
        let challenge = issued(b"");
        assert!(challenge.nonce.len() == 90 && challenge.nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(challenge.pow_challenge().len(), 64);
        assert_ne!(challenge.pow_challenge(), hex::encode(challenge.id()));
    }

    #[test]
    fn the_key_is_not_in_the_debug_output() {
        assert_eq!(format!("{:?}", sealer()), "ChallengeSealer");
    }

    #[test]
    fn a_time_to_live_beyond_all_bounds_is_cut_and_panics_nothing() {
        let far = sealer().issue(b"", Difficulty::AUTH, Timestamp::MAX_UTC, Duration::MAX, [9; 16]);
        assert_eq!(far.expires_at, Timestamp::MAX_UTC);
    }

    proptest! {
        #[test]
        fn every_challenge_is_recognised(
            key: [u8; 32], random: [u8; 16], context: Vec<u8>,
            millis in 0..4_102_444_800_000_i64, ttl in 1..=u32::MAX, zeros in 1..=16_u8,
        ) {
            let sealer = ChallengeSealer::new(key);
            let ttl = Duration::from_millis(ttl.into());
            let challenge = sealer.issue(&context, Difficulty::new(zeros).unwrap(), at(millis), ttl, random);
            prop_assert_eq!(sealer.open(&challenge.nonce, &context, at(millis)), Ok(challenge));
        }

        #[test]
        fn no_text_panics_the_opening(nonce in "\\PC*", hex in "[0-9a-f]{90}") {
            prop_assert!(sealer().open(&nonce, b"", at(0)).is_err());
            prop_assert_eq!(sealer().open(&hex, b"", at(0)), Err(ChallengeError::NotOurs));
        }
    }
}
