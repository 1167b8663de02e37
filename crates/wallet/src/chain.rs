//! The families of chains that wallets live on.

use std::fmt;
use std::str::FromStr;

use crochet_primitives::names;
use thiserror::Error;

names! {
    /// A family of chains that share a form of address and signature.
    pub enum Chain {
        /// Ethereum and the chains like it.
        Evm => "evm",
        /// Solana.
        Solana => "solana",
    }
}

/// Text that names no chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a chain is evm or solana")]
pub struct ParseChainError;

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Chain {
    type Err = ParseChainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or(ParseChainError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_one_name_everywhere() {
        for chain in [Chain::Evm, Chain::Solana] {
            assert_eq!(chain.as_str().parse(), Ok(chain));
            assert_eq!(serde_json::to_string(&chain).unwrap(), format!("\"{chain}\""));
        }
        for json in ["\"EVM\"", "{\"evm\":null}", "0", "null"] {
            assert!(serde_json::from_str::<Chain>(json).is_err(), "{json}");
        }
        assert_eq!("EVM".parse::<Chain>(), Err(ParseChainError));
    }
}
