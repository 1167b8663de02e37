//! What a law makes of its bytes.

use std::borrow::Cow;

use crochet_primitives::{Timestamp, timestamp_from_millis};
use sha2::{Digest, Sha256};

/// Text: what is not UTF-8 is replaced, so that no input is wasted.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The first lines, and the rest with all its lines in the last place; empty where there is nothing more.
pub(crate) fn lines<const N: usize>(text: &str) -> [&str; N] {
    let mut rest = text.splitn(N, '\n');
    std::array::from_fn(|_| rest.next().unwrap_or_default())
}

/// 32 bytes that change with every bit of the input: keys, randomness.
pub(crate) fn seed(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Where the clock stands: 2026-05-03T12:00:00Z.
pub(crate) fn now() -> Timestamp {
    timestamp_from_millis(1_777_809_600_000).unwrap()
}
