//! Choosing from where, and in what, a call is paid.

use crochet_wallet::Chain;

use crate::terms::{Origin, OriginCurrency, PayerWallet, QuoteRefusal, Route};

/// Solana's number at the payment provider.
pub const SOLANA: u64 = 792_703_809;
/// Base: the default EVM chain.
pub const BASE: u64 = 8453;

/// The chains a buyer can pay from: the provider's number, and the CAIP-2 name.
pub const CHAINS: [(u64, &str); 6] = [
    (1, "eip155:1"),
    (10, "eip155:10"),
    (137, "eip155:137"),
    (BASE, "eip155:8453"),
    (42_161, "eip155:42161"),
    (SOLANA, "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"),
];

/// The payment provider's number of a chain by its CAIP-2 name; of an EVM chain that is the chain's own.
pub(crate) fn chain_number(network: &str) -> Option<u64> {
    match network.split_once(':')? {
        ("eip155", number) => number.parse().ok(),
        ("solana", _) => Some(SOLANA),
        _ => None,
    }
}

/// Decides currency, chain and wallet.
///
/// What the buyer asks for is taken or refused, never changed. Where it is silent: SOL when it has a Solana wallet
/// that may pay (any price works there), else USDC on Base.
///
/// # Errors
/// When the wallet is not one of `wallets`, SOL is asked for without a Solana wallet, the chain is unknown, or the
/// currency does not live on it.
pub fn choose_route(origin: &Origin, wallets: &[PayerWallet]) -> Result<Route, QuoteRefusal> {
    let named = match origin.wallet_id {
        Some(id) => {
            Some(wallets.iter().find(|wallet| wallet.id == id).ok_or_else(|| QuoteRefusal::OriginWalletInvalid {
                detail: "the origin wallet is not an active wallet of this profile with the payment capability".into(),
                needs_solana_wallet: false,
            })?)
        }
        None => None,
    };
    let has_solana = wallets.iter().any(|wallet| wallet.chain == Chain::Solana);
    let home = named.map(|wallet| wallet.chain);
    let currency = origin.currency.unwrap_or(match (home, origin.chain_id) {
        (Some(Chain::Solana), _) | (None, Some(SOLANA)) => OriginCurrency::Sol,
        (Some(Chain::Evm), _) | (None, Some(_)) => OriginCurrency::Usdc,
        (None, None) if has_solana => OriginCurrency::Sol,
        (None, None) => OriginCurrency::Usdc,
    });
    let chain_id = origin.chain_id.unwrap_or(match (currency, home) {
        (OriginCurrency::Sol, _) | (OriginCurrency::Usdc, Some(Chain::Solana)) => SOLANA,
        (OriginCurrency::Usdc | OriginCurrency::Eth, _) => BASE,
    });
    let network = CHAINS.iter().find(|(id, _)| *id == chain_id).map(|(_, network)| *network).ok_or_else(|| {
        QuoteRefusal::RouteUnavailable { detail: format!("chain {chain_id} is not one that payments come from") }
    })?;
    let chain = if chain_id == SOLANA { Chain::Solana } else { Chain::Evm };
    let lives_there = match currency {
        OriginCurrency::Sol => chain == Chain::Solana,
        OriginCurrency::Eth => chain == Chain::Evm && chain_id != 137,
        OriginCurrency::Usdc => true,
    };
    if !lives_there {
        return Err(QuoteRefusal::RouteUnavailable {
            detail: format!("{} does not live on chain {chain_id}", currency.as_str()),
        });
    }
    let wallet = named.or_else(|| {
        let mut fitting = wallets.iter().filter(|wallet| wallet.chain == chain);
        let first = fitting.clone().next();
        fitting.find(|wallet| wallet.is_primary).or(first)
    });
    let wallet = wallet.cloned();
    match &wallet {
        Some(wallet) if wallet.chain != chain => {
            return Err(QuoteRefusal::OriginWalletInvalid {
                detail: format!("the origin wallet is not on chain {chain_id}"),
                needs_solana_wallet: chain == Chain::Solana && !has_solana,
            });
        }
        None if chain == Chain::Solana => {
            return Err(QuoteRefusal::OriginWalletInvalid {
                detail: "paying from Solana needs a linked Solana wallet with the payment capability".into(),
                needs_solana_wallet: true,
            });
        }
        Some(_) | None => {}
    }
    Ok(Route { currency, chain_id, network, wallet, chosen_by_buyer: origin.currency.is_some() })
}

#[cfg(test)]
mod tests {
    use crochet_primitives::{WalletId, timestamp_from_millis};

    use super::*;

    fn wallet(seed: u8, chain: Chain) -> PayerWallet {
        let id = WalletId::new(timestamp_from_millis(1).unwrap(), [seed; 10]);
        PayerWallet { id, chain, address: format!("address-{seed}"), is_primary: seed == 1 }
    }

    #[test]
    fn a_buyer_with_a_solana_wallet_pays_in_sol_by_default() {
        let wallets = [wallet(1, Chain::Evm), wallet(2, Chain::Solana)];
        let route = choose_route(&Origin::default(), &wallets).unwrap();
        assert_eq!((route.currency, route.chain_id), (OriginCurrency::Sol, SOLANA));
        assert_eq!(route.wallet.unwrap().id, wallets[1].id);
        assert!(!route.chosen_by_buyer);
    }

    #[test]
    fn a_buyer_with_an_evm_wallet_alone_pays_in_usdc_on_base_by_default() {
        let route = choose_route(&Origin::default(), &[wallet(1, Chain::Evm)]).unwrap();
        assert_eq!((route.currency, route.chain_id, route.network), (OriginCurrency::Usdc, BASE, "eip155:8453"));
    }

    #[test]
    fn sol_without_a_solana_wallet_is_refused_with_the_way_out() {
        let origin = Origin { currency: Some(OriginCurrency::Sol), ..Origin::default() };
        let refusal = choose_route(&origin, &[wallet(1, Chain::Evm)]).unwrap_err();
        assert!(matches!(refusal, QuoteRefusal::OriginWalletInvalid { needs_solana_wallet: true, .. }));
    }

    #[test]
    fn a_wallet_that_is_not_the_buyers_is_refused() {
        let origin = Origin { wallet_id: Some(wallet(9, Chain::Evm).id), ..Origin::default() };
        let refusal = choose_route(&origin, &[wallet(1, Chain::Evm)]).unwrap_err();
        assert!(matches!(refusal, QuoteRefusal::OriginWalletInvalid { needs_solana_wallet: false, .. }));
    }

    #[test]
    fn the_named_wallet_decides_where_nothing_else_does() {
        let wallets = [wallet(1, Chain::Solana), wallet(2, Chain::Evm)];
        let origin = Origin { wallet_id: Some(wallets[1].id), ..Origin::default() };
        let route = choose_route(&origin, &wallets).unwrap();
        assert_eq!((route.currency, route.wallet.unwrap().id), (OriginCurrency::Usdc, wallets[1].id));
    }

    #[test]
    fn a_currency_is_refused_on_a_chain_where_it_does_not_live() {
        for (currency, chain_id) in [(OriginCurrency::Sol, 1), (OriginCurrency::Eth, SOLANA), (OriginCurrency::Usdc, 5)]
        {
            let origin = Origin { currency: Some(currency), chain_id: Some(chain_id), ..Origin::default() };
            let refusal = choose_route(&origin, &[wallet(1, Chain::Evm), wallet(2, Chain::Solana)]).unwrap_err();
            assert!(matches!(refusal, QuoteRefusal::RouteUnavailable { .. }), "{currency:?} on {chain_id}");
        }
    }
}
