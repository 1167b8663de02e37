//! Solana addresses and signed messages (ed25519 over the text itself, or over its off-chain wrapping).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ed25519_dalek::{Signature, VerifyingKey};

use crate::{AddressError, ProofError};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `0xff` cannot begin a text or a transaction, so what is wrapped is never mistaken for either.
const OFFCHAIN_DOMAIN: &[u8; 16] = b"\xffsolana offchain";

pub(crate) fn parse_address(text: &str) -> Result<[u8; 32], AddressError> {
    // Before decoding, whose time grows with the square of the length.
    if !(32..=44).contains(&text.len()) {
        return Err(AddressError::Unrecognized);
    }
    let bytes = bs58::decode(text).into_vec().map_err(|_| AddressError::Unrecognized)?;
    bytes.try_into().map_err(|_| AddressError::NotThirtyTwoBytes)
}

/// The one or two readings of a signature that are 64 bytes long: some texts are both base58 and base64.
fn decode_signature(text: &str) -> Result<Vec<Signature>, ProofError> {
    if !(64..=88).contains(&text.len()) {
        return Err(ProofError::Length);
    }
    let readings = [bs58::decode(text).into_vec().ok(), BASE64.decode(text).ok()];
    if readings.iter().all(Option::is_none) {
        return Err(ProofError::Encoding);
    }
    let signatures: Vec<_> =
        readings.into_iter().flatten().filter_map(|bytes| Signature::from_slice(&bytes).ok()).collect();
    if signatures.is_empty() { Err(ProofError::Length) } else { Ok(signatures) }
}

/// What wallets that cannot sign plain text sign instead.
fn offchain_wrappings(address: &[u8; 32], message: &[u8]) -> Vec<Vec<u8>> {
    let mut wrappings = Vec::with_capacity(4);
    // Version 0: a format (0: ASCII, 1: UTF-8, 2: long UTF-8; the wallet's choice), and the length in 16 bits.
    if let Ok(length) = u16::try_from(message.len()) {
        for format in 0..=2 {
            wrappings.push([OFFCHAIN_DOMAIN.as_slice(), &[0, format], &length.to_le_bytes(), message].concat());
        }
    }
    // Version 1: the number of signers, which is one, and the signer.
    wrappings.push([OFFCHAIN_DOMAIN.as_slice(), &[1, 1], address, message].concat());
    wrappings
}

pub(crate) fn verify(address: &[u8; 32], message: &[u8], signature: &str) -> Result<(), ProofError> {
    let signatures = decode_signature(signature)?;
    let key = VerifyingKey::from_bytes(address).map_err(|_| ProofError::WeakKey)?;
    // `verify_strict` refuses these too; this only names the reason.
    if key.is_weak() {
        return Err(ProofError::WeakKey);
    }
    // Plain `verify` would accept signatures under keys of small order, which anybody can forge.
    let signed = |text: &[u8]| signatures.iter().any(|signature| key.verify_strict(text, signature).is_ok());
    if signed(message) || offchain_wrappings(address, message).iter().any(|wrapped| signed(wrapped)) {
        Ok(())
    } else {
        Err(ProofError::WrongSignature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signing_domain_is_that_of_off_chain_messages() {
        assert_eq!(hex::encode(OFFCHAIN_DOMAIN), "ff736f6c616e61206f6666636861696e");
    }

    #[test]
    fn the_wrappings_have_their_documented_layout() {
        let wrappings = offchain_wrappings(&[0xaa; 32], b"hi");
        let hex: Vec<_> = wrappings.iter().map(|wrapped| hex::encode(wrapped.get(16..).unwrap())).collect();
        let version_1 = format!("0101{}6869", "aa".repeat(32));
        assert_eq!(hex, ["000002006869", "000102006869", "000202006869", version_1.as_str()]);
    }

    #[test]
    fn a_text_too_long_for_version_0_is_wrapped_as_version_1_only() {
        assert_eq!(offchain_wrappings(&[0; 32], &[b'x'; 65_536]).len(), 1);
    }
}
