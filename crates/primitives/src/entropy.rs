//! Randomness, as an argument.

/// Where random bytes come from.
///
/// The one production implementation is the operating system's generator; keys, nonces and ids are drawn from it.
pub trait Entropy: Send + Sync {
    /// Fills `buffer`. MUST be unpredictable, and MUST NOT return with the buffer partly filled: an implementation
    /// that cannot draw ends the process instead of handing out zeros.
    fn fill(&self, buffer: &mut [u8]);
}

/// What callers want of an [`Entropy`]: an array.
pub trait EntropyExt {
    /// `N` random bytes.
    fn bytes<const N: usize>(&self) -> [u8; N];
}

impl<E: Entropy + ?Sized> EntropyExt for E {
    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut buffer = [0; N];
        self.fill(&mut buffer);
        buffer
    }
}
