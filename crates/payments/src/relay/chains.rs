//! Which asset is which, by Relay's numbers and addresses.

use crochet_relay::{BASE, OriginCurrency, SOLANA};
use crochet_wallet::{Chain, WalletAddress};

/// What Relay calls a chain's own coin.
const EVM_NATIVE: &str = "0x0000000000000000000000000000000000000000";
const SOLANA_NATIVE: &str = "11111111111111111111111111111111";
const SOLANA_CAIP2: &str = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp";

/// Circle's own USDC on each chain; six decimals on all of them, so one base unit is one micro-dollar.
const USDC: [(u64, &str); 6] = [
    (1, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"),
    (10, "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85"),
    (137, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"),
    (BASE, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"),
    (42_161, "0xaf88d065e77c8cC2239327C5EDb3A432268e5831"),
    (SOLANA, "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
];

/// Where a seller is paid, and in what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payout {
    pub(super) chain_id: u64,
    /// As Relay is asked for it.
    pub(super) currency: &'static str,
    /// As Relay is asked for it, and as it is kept: canonical.
    pub(super) recipient: String,
    /// As it is kept.
    pub(super) asset: String,
}

/// The payout to this address: USDC on Solana, or on Base for every EVM address. `None` for what is no address.
pub(super) fn payout(address: &str) -> Option<Payout> {
    let address = WalletAddress::parse(address).ok()?;
    let chain_id = match address.chain() {
        Chain::Evm => BASE,
        Chain::Solana => SOLANA,
    };
    let currency = usdc(chain_id)?;
    Some(Payout { chain_id, currency, recipient: address.canonical(), asset: asset(chain_id, currency)? })
}

/// What Relay calls a currency on a chain; `None` where it does not live there.
pub(super) fn currency(currency: OriginCurrency, chain_id: u64) -> Option<&'static str> {
    match currency {
        OriginCurrency::Usdc => usdc(chain_id),
        OriginCurrency::Sol => (chain_id == SOLANA).then_some(SOLANA_NATIVE),
        OriginCurrency::Eth => (chain_id != SOLANA && chain_id != 137).then_some(EVM_NATIVE),
    }
}

/// One name for one asset, after CAIP-19, whatever the spelling of its address: `eip155:8453/erc20:0x8335…`,
/// `solana:5eykt…/token:EPjF…`. `None` for what is no address of that chain.
pub(super) fn asset(chain_id: u64, address: &str) -> Option<String> {
    let address = canonical(chain_id, address)?;
    Some(if chain_id == SOLANA {
        format!("{SOLANA_CAIP2}/token:{address}")
    } else {
        format!("eip155:{chain_id}/erc20:{address}")
    })
}

/// Whether this is Solana's number.
pub(super) const fn is_solana(chain_id: u64) -> bool {
    chain_id == SOLANA
}

/// The one spelling of an address on a chain; `None` for what is none of that chain.
pub(super) fn canonical(chain_id: u64, address: &str) -> Option<String> {
    // Relay's spellings of EVM addresses are not always checksummed, and what differs in case alone is the same.
    let text = if chain_id == SOLANA { address.to_owned() } else { address.to_ascii_lowercase() };
    let address = WalletAddress::parse(&text).ok()?;
    let family = if chain_id == SOLANA { Chain::Solana } else { Chain::Evm };
    (address.chain() == family).then(|| address.canonical())
}

/// The chain that a kept asset lives on.
pub(super) fn chain_of(asset: &str) -> Option<u64> {
    match asset.split_once('/')?.0 {
        SOLANA_CAIP2 => Some(SOLANA),
        network => network.strip_prefix("eip155:")?.parse().ok(),
    }
}

fn usdc(chain_id: u64) -> Option<&'static str> {
    USDC.iter().find(|(id, _)| *id == chain_id).map(|(_, address)| *address)
}

#[cfg(test)]
mod tests {
    use crochet_relay::CHAINS;

    use super::*;

    #[test]
    fn every_chain_that_payments_come_from_has_its_usdc() {
        for (chain_id, network) in CHAINS {
            let address = currency(OriginCurrency::Usdc, chain_id).unwrap();
            let asset = asset(chain_id, address).unwrap();
            assert!(asset.starts_with(&format!("{network}/")), "{asset}");
            assert_eq!(chain_of(&asset), Some(chain_id));
        }
    }

    #[test]
    fn a_seller_is_paid_in_usdc_on_the_chain_of_its_address() {
        let evm = payout("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed").unwrap();
        assert_eq!(evm.asset, "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913");
        assert_eq!(evm.recipient, "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed");
        let solana = payout("2xRiSnKRWfFwwtkBPewQ6E4QA2SK9kzypVukLh35hiS8").unwrap();
        assert_eq!((solana.chain_id, solana.currency), (SOLANA, "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"));
        assert_eq!(payout("0190a0b0-0000-7000-8000-000000000001"), None);
    }

    #[test]
    fn addresses_are_compared_within_their_chain() {
        let (lower, other) =
            ("0x833589fcd6edb6e08f4c7c32d4f71b54bda02913", "0x833589FCD6EDB6E08F4C7C32D4F71B54BDA02913");
        assert_eq!(asset(BASE, lower), asset(BASE, &other.replace("0X", "0x")));
        assert_ne!(asset(BASE, lower), asset(1, lower));
        assert_eq!(asset(SOLANA, lower), None);
        assert_eq!(canonical(BASE, SOLANA_NATIVE), None);
    }
}
