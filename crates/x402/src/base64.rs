//! The base64 of x402's headers: the standard alphabet. Written with padding, read without it, too.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    ENGINE.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    ENGINE.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_written_and_not_asked_for() {
        assert_eq!(encode(b"{}??>"), "e30/Pz4=");
        assert_eq!(decode("e30/Pz4="), decode("e30/Pz4"));
        for text in ["e30_Pz4=", "e30/Pz4==", "e30/Pz5=", "e30/ Pz4="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
