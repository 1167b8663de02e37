//! Proof that the holder of a wallet signed a text.

use thiserror::Error;

use crate::address::Repr;
use crate::{WalletAddress, evm, solana};

/// The longest signature that is looked at, in bytes of its text. Contract wallets' may be long; they are refused, but
/// with their own error.
pub const MAX_SIGNATURE_BYTES: usize = 16 * 1024;

/// Why a signature proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofError {
    /// Neither hex (EVM), nor base58 or base64 (Solana).
    #[error("the signature is not hex (EVM), or not base58 or base64 (Solana)")]
    Encoding,
    /// Another number of bytes than 65 (EVM) or 64 (Solana).
    #[error("a signature is 65 bytes (EVM) or 64 bytes (Solana)")]
    Length,
    /// The last byte of an EVM signature is none of 0, 1, 27, 28.
    #[error("the last byte of an EVM signature is 27 or 28 (or 0 or 1)")]
    RecoveryByte,
    /// The malleable twin of an EVM signature.
    #[error("the signature's s is in the upper half of the curve's order; wallets sign with the lower one")]
    HighS,
    /// Made by a smart-contract wallet (ERC-1271, ERC-6492).
    #[error(
        "this is the signature of a smart-contract wallet (ERC-1271 or ERC-6492), which takes an RPC node to verify \
         and is not supported; sign with an externally owned account"
    )]
    ContractWallet,
    /// The Solana address is no key, or one of small order, under which anybody can sign.
    #[error("the Solana address is not a key that can prove anything")]
    WeakKey,
    /// Made by another wallet or for another text.
    #[error("the signature was not made by this wallet for exactly this message")]
    WrongSignature,
}

/// Verifies that the holder of `address` signed `message`.
///
/// EVM: `personal_sign` (EIP-191); r, s and v in hex, with or without `0x`. Solana: base58 or base64 of 64 bytes, over
/// the text itself or over its off-chain wrapping (version 0 or 1).
///
/// # Errors
/// What is wrong with the signature.
pub fn verify_ownership(address: &WalletAddress, message: &str, signature: &str) -> Result<(), ProofError> {
    verify_ownership_of_bytes(address, message.as_bytes(), signature)
}

/// The same for a message that is not text.
///
/// # Errors
/// What is wrong with the signature.
pub fn verify_ownership_of_bytes(address: &WalletAddress, message: &[u8], signature: &str) -> Result<(), ProofError> {
    if signature.len() > MAX_SIGNATURE_BYTES {
        return Err(ProofError::Length);
    }
    match address.repr() {
        Repr::Evm(address) => evm::verify(address, message, signature),
        Repr::Solana(address) => solana::verify(address, message, signature),
    }
}

/// The EVM address whose key signed a hash of 32 bytes: of typed data (EIP-712), say. The signature is r, s and v (27 or
/// 28, or 0 or 1), or the 64 bytes of EIP-2098. A signature made for another hash is another address's, so the answer
/// proves something only where it is compared.
///
/// # Errors
/// What is wrong with the signature; [`ProofError::ContractWallet`] for one of more than 65 bytes.
pub fn evm_signer(hash: &[u8; 32], signature: &[u8]) -> Result<WalletAddress, ProofError> {
    evm::signer(hash, signature).map(WalletAddress::from_evm_bytes)
}
