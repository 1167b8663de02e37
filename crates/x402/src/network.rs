//! Where payments are made.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

const SOLANA: &str = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp";
const SOLANA_DEVNET: &str = "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1";

/// A network: any EVM chain, Solana, or its devnet. Shown and read as CAIP-2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(Repr);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Eip155(u64),
    Solana,
    SolanaDevnet,
}

/// A text that names no network that payments can be made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a network of the eip155 or solana namespace of CAIP-2")]
pub struct UnknownNetwork;

impl Network {
    /// Base.
    pub const BASE: Self = Self(Repr::Eip155(8453));
    /// Base Sepolia, a network for tests.
    pub const BASE_SEPOLIA: Self = Self(Repr::Eip155(84532));
    /// Solana.
    pub const SOLANA: Self = Self(Repr::Solana);
    /// Solana's network for tests.
    pub const SOLANA_DEVNET: Self = Self(Repr::SolanaDevnet);

    const NAMES: [(Self, &'static str); 4] = [
        (Self::BASE, "base"),
        (Self::BASE_SEPOLIA, "base-sepolia"),
        (Self::SOLANA, "solana"),
        (Self::SOLANA_DEVNET, "solana-devnet"),
    ];

    /// The EVM chain with this number.
    #[must_use]
    pub const fn evm(chain_id: u64) -> Self {
        Self(Repr::Eip155(chain_id))
    }

    /// Reads a CAIP-2 name: `eip155:8453`. A number has one spelling, without zeros in front.
    ///
    /// # Errors
    /// When `text` names no network that this knows.
    pub fn parse(text: &str) -> Result<Self, UnknownNetwork> {
        if let Some(digits) = text.strip_prefix("eip155:") {
            let chain_id: u64 = digits.parse().map_err(|_| UnknownNetwork)?;
            return if chain_id.to_string() == digits { Ok(Self::evm(chain_id)) } else { Err(UnknownNetwork) };
        }
        match text {
            SOLANA => Ok(Self::SOLANA),
            SOLANA_DEVNET => Ok(Self::SOLANA_DEVNET),
            _ => Err(UnknownNetwork),
        }
    }

    /// The network that v1 calls by this name.
    #[must_use]
    pub fn from_v1_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(network, _)| *network)
    }

    /// What v1 calls it; `None` for a network that v1 does not know.
    #[must_use]
    pub fn v1_name(self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(network, _)| *network == self).map(|(_, name)| *name)
    }

    /// Whether a body for v1 clients may list it: one network that a client does not know fails its whole parse.
    #[must_use]
    pub fn is_safe_in_v1(self) -> bool {
        self == Self::BASE || self == Self::BASE_SEPOLIA
    }

    /// Whether it is Solana, or its network for tests.
    #[must_use]
    pub const fn is_solana(self) -> bool {
        matches!(self.0, Repr::Solana | Repr::SolanaDevnet)
    }

    /// The chain's number, where it is an EVM chain.
    #[must_use]
    pub const fn evm_chain_id(self) -> Option<u64> {
        match self.0 {
            Repr::Eip155(chain_id) => Some(chain_id),
            Repr::Solana | Repr::SolanaDevnet => None,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Repr::Eip155(chain_id) => write!(f, "eip155:{chain_id}"),
            Repr::Solana => f.write_str(SOLANA),
            Repr::SolanaDevnet => f.write_str(SOLANA_DEVNET),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({self})")
    }
}

impl FromStr for Network {
    type Err = UnknownNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn four_networks_have_a_name_in_v1_and_two_may_be_listed_there() {
        for (caip2, name, is_safe) in [
            ("eip155:8453", "base", true),
            ("eip155:84532", "base-sepolia", true),
            (SOLANA, "solana", false),
            (SOLANA_DEVNET, "solana-devnet", false),
        ] {
            let network = Network::parse(caip2).unwrap();
            assert_eq!((network.v1_name(), network.is_safe_in_v1()), (Some(name), is_safe));
            assert_eq!(Network::from_v1_name(name), Some(network));
        }
        assert_eq!(Network::evm(1).v1_name(), None);
        assert_eq!(Network::from_v1_name("eip155:8453"), None);
    }

    #[test]
    fn a_network_has_one_spelling() {
        for text in
            ["", "base", "eip155:", "eip155:08453", "eip155:+1", "EIP155:1", "eip155:99999999999999999999", "solana:x"]
        {
            assert_eq!(Network::parse(text), Err(UnknownNetwork), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_evm_chain_is_read_back(chain_id: u64) {
            let network = Network::evm(chain_id);
            prop_assert_eq!(Network::parse(&network.to_string()), Ok(network));
            prop_assert_eq!(network.evm_chain_id(), Some(chain_id));
        }
    }
}
