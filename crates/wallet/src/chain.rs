//! The families of chains that wallets live on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A family of chains that share a form of address and signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chain {
    /// Ethereum and the chains like it.
    Evm,
    /// Solana.
    Solana,
}

/// Text that names no chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a chain is evm or solana")]
pub struct ParseChainError;

impl Chain {
    /// `evm` or `solana`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evm => "evm",
            Self::Solana => "solana",
        }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Chain {
    type Err = ParseChainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "evm" => Ok(Self::Evm),
            "solana" => Ok(Self::Solana),
            _ => Err(ParseChainError),
        }
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
        assert_eq!("EVM".parse::<Chain>(), Err(ParseChainError));
    }
}
