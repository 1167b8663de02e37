//! Keys that sign, for agents in Rust and for demonstrations.

use std::fmt;

use ed25519_dalek::Signer;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{WalletAddress, evm};

/// Bytes that are no secp256k1 key: zero, or not below the curve's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a secp256k1 private key")]
pub struct InvalidKey;

/// The private key of an EVM wallet. Wiped from memory when dropped; `Debug` shows the address.
pub struct EvmSigner {
    key: k256::ecdsa::SigningKey,
    address: WalletAddress,
}

/// The private key of a Solana wallet. Wiped from memory when dropped; `Debug` shows the address.
pub struct SolanaSigner {
    key: ed25519_dalek::SigningKey,
}

impl EvmSigner {
    /// The signer with this private key.
    ///
    /// # Errors
    /// [`InvalidKey`] for zero and for what is not below the curve's order: of random bytes, less than one in 2¹²⁷.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, InvalidKey> {
        let bytes = Zeroizing::new(bytes);
        let key = k256::ecdsa::SigningKey::from_slice(bytes.as_slice()).map_err(|_| InvalidKey)?;
        let address = evm::address_of(key.verifying_key()).ok_or(InvalidKey)?;
        Ok(Self { key, address: WalletAddress::from_evm_bytes(address) })
    }

    /// The wallet's address.
    #[must_use]
    pub fn address(&self) -> WalletAddress {
        self.address
    }

    /// Signs as `personal_sign` does: `0x`, then r, s and v (27 or 28) in hex. Deterministic (RFC 6979).
    #[must_use]
    pub fn sign(&self, message: &str) -> String {
        self.sign_hash(&evm::message_hash(message.as_bytes()))
    }

    /// Signs a hash as it is: of typed data (EIP-712), say. `0x`, then r, s and v (27 or 28) in hex. Deterministic.
    #[must_use]
    pub fn sign_hash(&self, hash: &[u8; 32]) -> String {
        let (signature, recovery_id) = self.key.sign_prehash_recoverable(hash);
        let v = if recovery_id.is_y_odd() { 28 } else { 27 };
        format!("0x{}{v:02x}", hex::encode(signature.to_bytes()))
    }
}

impl SolanaSigner {
    /// The signer with this 32-byte private key (the seed: the first half of what Solana's tools store).
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self { key: ed25519_dalek::SigningKey::from_bytes(&bytes) }
    }

    /// The wallet's address.
    #[must_use]
    pub fn address(&self) -> WalletAddress {
        WalletAddress::from_solana_bytes(self.key.verifying_key().to_bytes())
    }

    /// Signs the text itself; the signature in base58.
    #[must_use]
    pub fn sign(&self, message: &str) -> String {
        bs58::encode(self.key.sign(message.as_bytes()).to_bytes()).into_string()
    }
}

impl fmt::Debug for EvmSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EvmSigner({})", self.address())
    }
}

impl fmt::Debug for SolanaSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SolanaSigner({})", self.address())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ProofError, evm_signer, verify_ownership};

    const KEY: &str = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318";

    fn evm(key: &str) -> EvmSigner {
        EvmSigner::from_bytes(hex::decode(key).unwrap().try_into().unwrap()).unwrap()
    }

    #[test]
    fn an_evm_key_signs_what_other_wallets_sign() {
        let signer = evm(KEY);
        assert_eq!(signer.address().to_string(), "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23");
        assert_eq!(signer.sign("Some data"), format!("0x{}", crate::vectors::SOME_DATA));
    }

    #[test]
    fn leading_zeros_of_a_signature_are_kept() {
        let signature = evm(KEY).sign("10284");
        assert_eq!(signature, format!("0x{}", crate::vectors::LEADING_ZEROS));
    }

    #[test]
    fn zero_and_the_curves_order_are_no_keys() {
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        for key in [[0; 32], hex::decode(order).unwrap().try_into().unwrap()] {
            assert_eq!(EvmSigner::from_bytes(key).map(|signer| signer.address()), Err(InvalidKey));
        }
    }

    #[test]
    fn debug_output_shows_the_address_and_not_the_key() {
        let evm = evm(&"11".repeat(32));
        let solana = SolanaSigner::from_bytes([0x11; 32]);
        assert_eq!(
            format!("{evm:?} {solana:?}"),
            format!("EvmSigner({}) SolanaSigner({})", evm.address(), solana.address())
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn who_signed_a_hash_is_found_by_either_form_of_the_signature(
            key in proptest::array::uniform32(1_u8..), hash: [u8; 32], other: [u8; 32],
        ) {
            let evm = EvmSigner::from_bytes(key).unwrap();
            let signature = hex::decode(&evm.sign_hash(&hash)[2..]).unwrap();
            prop_assert_eq!(evm_signer(&hash, &signature), Ok(evm.address()));
            let mut compact = signature[..64].to_vec();
            compact[32] |= (signature[64] - 27) << 7;
            prop_assert_eq!(evm_signer(&hash, &compact), Ok(evm.address()));
            prop_assert!(hash == other || evm_signer(&other, &signature) != Ok(evm.address()));
            prop_assert_eq!(evm_signer(&hash, &signature[..63]), Err(ProofError::Length));
            prop_assert_eq!(evm_signer(&hash, &[signature, vec![0]].concat()), Err(ProofError::ContractWallet));
        }

        #[test]
        fn what_a_signer_signs_its_address_proves(key in proptest::array::uniform32(1_u8..), text in "\\PC{0,40}") {
            let evm = EvmSigner::from_bytes(key).unwrap();
            prop_assert_eq!(verify_ownership(&evm.address(), &text, &evm.sign(&text)), Ok(()));
            let solana = SolanaSigner::from_bytes(key);
            prop_assert_eq!(verify_ownership(&solana.address(), &text, &solana.sign(&text)), Ok(()));
            let other = text.clone() + ".";
            prop_assert!(verify_ownership(&solana.address(), &other, &solana.sign(&text)).is_err());
        }
    }
}
