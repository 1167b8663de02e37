//! EVM and Solana wallets: their addresses, the text that they sign, and the proof that they signed it.
//!
//! **Invariant:** a proof holds for one address and one text only; of the signatures that verify equally well, the
//! malleable ones (high s, weak keys) are refused. Never use a signature's bytes as a key of uniqueness all the same:
//! a wallet can sign one text many times. No network: a wallet that is a contract cannot be verified here, and the
//! error says so.
//!
//! ```
//! use crochet_wallet::{Chain, ProofError, WalletAddress, verify_ownership};
//!
//! let address = WalletAddress::parse("0x14791697260E4c9A71f18484C9f997B308e59325")?;
//! assert_eq!(address.chain(), Chain::Evm);
//!
//! let signature = "0xddd0a7290af9526056b4e35a077b9a11b513aa0028ec6c9880948544508f3c63\
//!                  265e99e47ad31bb2cab9646c504576b3abc6939a1710afc08cbf3034d73214b81c";
//! verify_ownership(&address, "hello world", signature)?;
//! assert_eq!(verify_ownership(&address, "another text", signature), Err(ProofError::WrongSignature));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod chain;
mod evm;
mod message;
mod proof;
#[cfg(any(test, feature = "signer"))]
mod signer;
mod solana;
#[cfg(test)]
mod vectors;

pub use address::{AddressError, WalletAddress};
pub use chain::{Chain, ParseChainError};
pub use message::{EVM_MAINNET, SOLANA_MAINNET, SignInMessage};
pub use proof::{MAX_SIGNATURE_BYTES, ProofError, evm_signer, verify_ownership, verify_ownership_of_bytes};
#[cfg(any(test, feature = "signer"))]
pub use signer::{EvmSigner, InvalidKey, SolanaSigner};
