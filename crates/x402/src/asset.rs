//! What payments are made in.

use crochet_pricing::MicroUsd;
use crochet_wallet::{Chain, WalletAddress};
use thiserror::Error;

use crate::network::Network;

/// How many decimals a micro-dollar has.
const DECIMALS_OF_A_MICRO_DOLLAR: u8 = 6;
const MOST_DECIMALS: u8 = 36;
const LONGEST_NAME: usize = 64;

/// A token worth one dollar: one that knows EIP-3009 (`transferWithAuthorization`), on an EVM chain, or one of a token
/// program, on Solana.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    network: Network,
    address: WalletAddress,
    symbol: String,
    decimals: u8,
    eip712_name: String,
    eip712_version: String,
    token_program: Option<TokenProgram>,
}

/// The program of Solana that a token is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenProgram {
    /// The one that USDC is of.
    Token,
    /// Its successor.
    Token2022,
}

/// Why a token cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AssetError {
    /// Its network is of another family of chains.
    #[error("the asset's network has tokens of another kind")]
    Network,
    /// Its address is none of its network.
    #[error("the asset's address is not 0x and 40 hexadecimal digits, or on Solana the base58 of 32 bytes")]
    Address,
    /// More decimals than any token has.
    #[error("the asset has more than 36 decimals")]
    Decimals,
    /// Symbol, name or version are empty, longer than 64 bytes, or not of printable ASCII.
    #[error("the asset's symbol, EIP-712 name or EIP-712 version is empty, too long, or not printable ASCII")]
    Name,
}

impl Asset {
    /// A token. `eip712_name` and `eip712_version` are those of its signing domain, not those that it shows; `decimals`
    /// says how many base units a dollar has.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(
        network: Network,
        address: &str,
        symbol: &str,
        decimals: u8,
        eip712_name: &str,
        eip712_version: &str,
    ) -> Result<Self, AssetError> {
        network.evm_chain_id().ok_or(AssetError::Network)?;
        let address = WalletAddress::parse(&address.to_ascii_lowercase()).map_err(|_| AssetError::Address)?;
        if address.chain() != Chain::Evm {
            return Err(AssetError::Address);
        }
        if decimals > MOST_DECIMALS {
            return Err(AssetError::Decimals);
        }
        if ![symbol, eip712_name, eip712_version].into_iter().all(is_name) {
            return Err(AssetError::Name);
        }
        Ok(Self {
            network,
            address,
            symbol: symbol.to_owned(),
            decimals,
            eip712_name: eip712_name.to_owned(),
            eip712_version: eip712_version.to_owned(),
            token_program: None,
        })
    }

    /// A token on Solana; `mint` is its address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn on_solana(
        network: Network,
        mint: &str,
        symbol: &str,
        decimals: u8,
        program: TokenProgram,
    ) -> Result<Self, AssetError> {
        if !network.is_solana() {
            return Err(AssetError::Network);
        }
        let address = WalletAddress::parse(mint).map_err(|_| AssetError::Address)?;
        if address.chain() != Chain::Solana {
            return Err(AssetError::Address);
        }
        if decimals > MOST_DECIMALS {
            return Err(AssetError::Decimals);
        }
        if !is_name(symbol) {
            return Err(AssetError::Name);
        }
        Ok(Self {
            network,
            address,
            symbol: symbol.to_owned(),
            decimals,
            eip712_name: String::new(),
            eip712_version: String::new(),
            token_program: Some(program),
        })
    }

    /// USD Coin on Base, Solana, and their networks for tests; `None` elsewhere, where it has to be configured.
    #[must_use]
    pub fn usdc(network: Network) -> Option<Self> {
        let mint = match network {
            Network::SOLANA => Some("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
            Network::SOLANA_DEVNET => Some("4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU"),
            _ => None,
        };
        if let Some(mint) = mint {
            return Self::on_solana(network, mint, "USDC", 6, TokenProgram::Token).ok();
        }
        let (address, name) = if network == Network::BASE {
            ("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin")
        } else if network == Network::BASE_SEPOLIA {
            ("0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC")
        } else {
            return None;
        };
        Self::new(network, address, "USDC", 6, name, "2").ok()
    }

    /// Where it lives.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.network
    }

    /// The token's contract, or on Solana its mint.
    #[must_use]
    pub const fn address(&self) -> &WalletAddress {
        &self.address
    }

    /// `USDC`.
    #[must_use]
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// How many decimals a dollar of it has.
    #[must_use]
    pub const fn decimals(&self) -> u8 {
        self.decimals
    }

    /// The name of its signing domain; empty on Solana.
    #[must_use]
    pub fn eip712_name(&self) -> &str {
        &self.eip712_name
    }

    /// The version of its signing domain; empty on Solana.
    #[must_use]
    pub fn eip712_version(&self) -> &str {
        &self.eip712_version
    }

    /// The program that it is of, on Solana.
    #[must_use]
    pub const fn token_program(&self) -> Option<TokenProgram> {
        self.token_program
    }

    /// Its one name: CAIP-19, an EVM address in lower case.
    #[must_use]
    pub fn caip19(&self) -> String {
        caip19(self.network, &self.address)
    }

    /// An amount in base units; `None` where it does not fit 64 bits, or is no whole number of them.
    #[must_use]
    pub fn base_units(&self, amount: MicroUsd) -> Option<u64> {
        let difference = self.decimals.abs_diff(DECIMALS_OF_A_MICRO_DOLLAR);
        let factor = 10_u64.checked_pow(difference.into());
        if self.decimals >= DECIMALS_OF_A_MICRO_DOLLAR {
            return match factor {
                _ if amount.is_zero() => Some(0),
                Some(factor) => amount.micros().checked_mul(factor),
                None => None,
            };
        }
        let factor = factor?;
        amount.micros().is_multiple_of(factor).then(|| amount.micros() / factor)
    }
}

/// CAIP-19 of a token.
pub(crate) fn caip19(network: Network, address: &WalletAddress) -> String {
    let namespace = if network.is_solana() { "token" } else { "erc20" };
    format!("{network}/{namespace}:{}", address.canonical())
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The one of `assets` with this CAIP-19 name.
#[must_use]
pub fn find_asset<'a>(assets: &'a [Asset], caip19: &str) -> Option<&'a Asset> {
    assets.iter().find(|asset| asset.caip19() == caip19)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with_decimals(decimals: u8) -> Asset {
        let address = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
        Asset::new(Network::BASE, address, "T", decimals, "Token", "1").unwrap()
    }

    #[test]
    fn usdc_is_known_on_base_and_its_network_for_tests() {
        let (base, sepolia) = (Asset::usdc(Network::BASE).unwrap(), Asset::usdc(Network::BASE_SEPOLIA).unwrap());
        assert_eq!((base.eip712_name(), base.eip712_version(), base.decimals()), ("USD Coin", "2", 6));
        assert_eq!(sepolia.eip712_name(), "USDC");
        assert_eq!(sepolia.caip19(), "eip155:84532/erc20:0x036cbd53842c5426634e7929541ec2318f3dcf7e");
        assert_eq!(Asset::usdc(Network::evm(1)), None);
        let solana = Asset::usdc(Network::SOLANA).unwrap();
        assert_eq!((solana.decimals(), solana.token_program()), (6, Some(TokenProgram::Token)));
        assert_eq!(
            solana.caip19(),
            "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp/token:EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
        );
        assert_eq!(find_asset(&[base, sepolia.clone()], &sepolia.caip19()), Some(&sepolia));
    }

    #[test]
    fn an_amount_is_exact_or_none() {
        let cents = MicroUsd::from_micros(1_230_000);
        for (decimals, units) in [
            (0, None),
            (1, None),
            (2, Some(123)),
            (6, Some(1_230_000)),
            (18, Some(1_230_000_000_000_000_000)),
            (36, None),
        ] {
            assert_eq!(with_decimals(decimals).base_units(cents), units, "{decimals}");
        }
        assert_eq!(with_decimals(18).base_units(MicroUsd::from_micros(18_446_745)), None);
        assert_eq!(with_decimals(36).base_units(MicroUsd::from_micros(0)), Some(0));
    }

    #[test]
    fn what_is_wrong_with_an_asset_is_named() {
        let address = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
        let asset = |network, address, decimals, name| Asset::new(network, address, "T", decimals, name, "1");
        assert_eq!(asset(Network::SOLANA, address, 6, "Token"), Err(AssetError::Network));
        assert_eq!(asset(Network::BASE, "0x1", 6, "Token"), Err(AssetError::Address));
        let solana = "2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8";
        assert_eq!(asset(Network::BASE, solana, 6, "Token"), Err(AssetError::Address));
        assert_eq!(asset(Network::BASE, address, 37, "Token"), Err(AssetError::Decimals));
        assert_eq!(asset(Network::BASE, address, 6, ""), Err(AssetError::Name));
    }

    proptest! {
        #[test]
        fn base_units_are_worth_what_was_asked_for(micros: u64, decimals in 0_u8..=36) {
            if let Some(units) = with_decimals(decimals).base_units(MicroUsd::from_micros(micros)) {
                let scale = |value: u64, decimals: u8| u128::from(value).checked_mul(10_u128.pow(decimals.into()));
                if micros > 0 {
                    prop_assert_eq!(scale(units, 6), scale(micros, decimals));
                }
            }
        }
    }
}
